#!/usr/bin/env python3
"""Debian under the inits and in the ways that it is started by, on a merged root: what it finds there, asked inside."""
import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from cloud_variants import CLOUD_VARIANTS  # noqa: E402
from debian_variants import DEBIAN_VARIANTS  # noqa: E402
from guest_images import SEEDS, add_modules, system_image  # noqa: E402
from images import KERNELS, LINK, PROGRAM, ROOT, Images, Trouble, sh  # noqa: E402
from shutdown import unclean  # noqa: E402

VARIANTS = DEBIAN_VARIANTS + CLOUD_VARIANTS
WORK = ROOT / "build/tests/debian"
INIT = pathlib.Path(os.environ.get("LAYERBOOT", ROOT / "build/layerboot"))
LIMIT = 900  # other boots share the processors
MANIFEST = "version = 1\n[layer system]\nsource = SERIAL=system\n[layer user]\nsource = SERIAL=user\n"
# Without default dependencies it also starts where next to nothing is.
SERVICE = """[Unit]
Description=What the real init finds
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
[Service]
Type=simple
"""
FIRST_BOOT = """[Unit]
Description=Runs on a first boot only
ConditionFirstBoot=yes
[Service]
Type=oneshot
ExecStart=/bin/touch /run/first-boot
"""
CHOSEN = "[Unit]\nDescription=Chosen by an argument\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"
# Started by the real init in the merged root, with what ends it: the output of each question, and its status.
COMMANDS = r"""#!/bin/bash
exec </dev/null >/dev/console 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
dmesg -n 1
say() { # WHAT COMMAND
	local line status=0
	bash -c "$2" >/run/said 2>&1 || status=$?
	while IFS= read -r line || [[ $line ]]; do echo "T $1: $line"; done </run/said
	echo "T $1: status $status"
}
number=0
while IFS= read -r command; do say $((++number)) "$command"; done </usr/local/share/questions
echo "T end"
exec "$@"
"""


def write_files(directory, files, images):
    for path, text in files.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith(LINK):
            place.symlink_to(text[len(LINK):])
        elif text.startswith(PROGRAM):
            name = text[len(PROGRAM):]
            ours = (ROOT / f"tests/boot/{name}.c").exists()
            shutil.copy(images.program(name) if ours else shutil.which(name), place)
        else:
            place.write_text(text)
            if text.startswith("#!"):
                place.chmod(0o755)


def layer_files(variant):
    """Of the user layer: the questions, who asks them, and the variant's own files."""
    units = "etc/systemd/system"
    service = SERVICE + f"ExecStart=/usr/local/bin/debian-test {variant.get('end', 'systemctl --no-block poweroff')}\n"
    files = {"usr/local/bin/debian-test": COMMANDS, f"{units}/debian-test.service": service,
             f"{units}/first-boot-test.service": FIRST_BOOT, f"{units}/chosen.target": CHOSEN,
             f"{units}/sysinit.target.wants/first-boot-test.service": LINK + "../first-boot-test.service",
             "usr/local/share/questions": "".join(f"{question}\n" for question, _ in variant["asks"])}
    for target in ("multi-user", "rescue", "emergency", "chosen"):
        files[f"{units}/{target}.target.wants/debian-test.service"] = LINK + "../debian-test.service"
    return {**files, **variant.get("files", {})}


def judge(variant, status, text, first):
    """Errors, and the answers."""
    errors = [] if status == 0 else [f"run-vm ended with {status}, expected a power-off"]
    errors += [f"the console does not say: {line}" for line in variant.get("says", []) if not re.search(line, text, re.M)]
    errors += [f"the console says: {line}" for line in variant.get("silent", []) if re.search(line, text, re.M)]
    lines = re.findall(r"(?:^|\] )T (\d+): (.*)$", text, re.M)
    said = {question: "\n".join(line for n, line in lines if int(n) == number)
            for number, (question, _) in enumerate(variant["asks"], 1)}
    for question, expected in variant["asks"]:
        if not re.search(expected, said[question], re.M):
            errors.append(f"{question}: {said[question]!r}, expected {expected!r}")
    for question in variant.get("lasts", []) if first else []:
        if said[question] != first[question]:
            errors.append(f"{question}: {said[question]!r}, in the first boot it was {first[question]!r}")
    return errors, said


class Guest:
    """A variant: its disks, and its boots one after the other."""

    def __init__(self, variant, images, directory):
        self.variant, self.images, self.dir = variant, images, directory / variant["name"]
        self.flavour = variant.get("kernel", "cloud")
        self.manifest = variant.get("manifest", "")

    def system(self):
        name = self.variant.get("system", "systemd")
        return self.images.once("system " + name, lambda: system_image(name))

    def make_user_layer(self):
        variant, tree = self.variant, self.dir / "user"
        write_files(tree, layer_files(variant), self.images)
        for package in variant.get("packages", []):
            sh("dpkg", "-x", sh(ROOT / "scripts/apt-private", "download", package, self.dir).split()[-1], tree)
        if "modules" in variant:
            add_modules(tree, self.flavour, self.images.kernel(self.flavour)[0], variant["modules"])
        if variant.get("carries"):
            (tree / "boot").mkdir()
            shutil.copy(self.images.kernel(self.flavour)[1], tree / "boot/vmlinuz")
            shutil.copy(self.dir / "initramfs", tree / "boot/initramfs")
        deletes = [f"--delete={path}" for path in variant.get("deletes", [])]
        sh(ROOT / "scripts/mklayer", tree, "--base", self.system(), "--all-root", "--follow", *deletes,
           "--type", variant.get("type", "squashfs"), "-o", self.dir / "user.img")
        if "debugfs" in variant:
            sh("debugfs", "-w", "-f", "-", self.dir / "user.img", input=variant["debugfs"])

    def prepare(self):
        """Everything that the boots need."""
        self.dir.mkdir()
        (self.dir / "manifest").write_text(MANIFEST + self.manifest)
        sh(ROOT / "scripts/mkinitramfs", "--kernel", self.images.kernel(self.flavour)[0], "--modules", KERNELS / self.flavour,
           "--init", INIT, "--manifest", self.dir / "manifest", *self.variant.get("options", []), "-o", self.dir / "initramfs")
        self.make_user_layer()
        with (self.dir / "state.img").open("wb") as f:
            f.truncate(256 << 20)
        if self.variant.get("formatted"):
            sh("mke2fs", "-q", "-t", "ext4", self.dir / "state.img")
        for label in SEEDS:
            if label in self.variant.get("seed", ""):
                SEEDS[label](self.dir / "seed.img")

    def disks(self):
        disks = [f"system={self.system()}", f"user={self.dir}/user.img"]
        if "state" in self.manifest:
            disks.append(f"state={self.dir}/state.img,rw")
        seed = self.variant.get("seed", "")
        if seed.endswith("on a CD-ROM"):
            return ["--qemu-arg=-drive", f"--qemu-arg=if=none,id=seed,media=cdrom,format=raw,file={self.dir}/seed.img",
                    "--qemu-arg=-device", "--qemu-arg=ide-cd,drive=seed,bus=ide.0", *disks]
        return [*disks, f"seed={self.dir}/seed.img"] if seed else disks

    def start(self, number, append):
        """How run-vm ended, and the console."""
        words = "systemd.mask=serial-getty@ttyS0.service systemd.show_status=no systemd.firstboot=no " + append
        console = WORK / f"{self.variant['name']}-{number}.console"
        with console.open("wb") as f:
            done = subprocess.run(
                [ROOT / "scripts/run-vm", "--kernel", self.images.kernel(self.flavour)[1], "--initramfs", self.dir / "initramfs",
                 "--accel", "tcg", "--memory", "1G", "--timeout", str(LIMIT), "--append", words, *self.disks()],
                stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT, check=False)
        return done.returncode, console.read_bytes().decode(errors="replace").replace("\r", "")

    def boots(self):
        """Errors, and the last console."""
        first = None
        self.prepare()
        for number, changes in enumerate(self.variant.get("each", [{}]), 1):
            variant = {**self.variant, **changes}
            status, text = self.start(number, variant.get("append", ""))
            errors, said = judge(variant, status, text, first)
            if "state" in self.manifest:
                errors += unclean(self.dir / "state.img")
            first = first or said
            if errors:
                return [f"boot {number}: {error}" for error in errors], text.splitlines()
        return [], []

    def judge(self):
        try:
            return self.boots()
        except Trouble as trouble:
            return [str(trouble)], []
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


def show(number, name, errors, lines):
    print(f"{'not ok' if errors else 'ok'} {number} - Debian: {name}")
    for line in [*errors, *("  " + line for line in lines[-40:])] if errors else []:
        print("# " + line.replace("\n", "\n# "))
    sys.stdout.flush()
    return not errors


def main():
    p = argparse.ArgumentParser(description=__doc__, epilog="Consoles are left in build/tests/debian.")
    p.add_argument("--only", metavar="PATTERN", action="append", help="names of variants, as a shell pattern; may be repeated")
    p.add_argument("--jobs", metavar="N", type=int, default=2, help="guests at the same time (2)")
    options = p.parse_args()
    chosen = [v for v in VARIANTS if any(fnmatch.fnmatch(v["name"], o) for o in options.only or ["*"])]
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"1..{len(chosen)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="debian.", dir=ROOT / "build") as name:
        images = Images(name)
        guests = [Guest(variant, images, pathlib.Path(name)) for variant in chosen]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = pool.map(lambda guest: guest.judge(), guests)
            good = [show(n, g.variant["name"], *r) for n, (g, r) in enumerate(zip(guests, results), 1)]
    return bool(good) and all(good)


if __name__ == "__main__":
    sys.exit(not main())
