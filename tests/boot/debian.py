#!/usr/bin/env python3
"""Debian under the inits and in the ways that it is started by, on a merged root: what it finds there, asked inside."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from debian_variants import VARIANTS  # noqa: E402
from images import KERNELS, LINK, PROGRAM, ROOT, Images, Trouble, sh  # noqa: E402

COUNT = len(VARIANTS)
DEMO = ROOT / "build/demo"
WORK = ROOT / "build/tests"
INIT = pathlib.Path(os.environ.get("LAYERBOOT", ROOT / "build/layerboot"))
LIMIT = 400  # other boots share the processors
MANIFEST = "version = 1\n[layer system]\nsource = SERIAL=system\n[layer user]\nsource = SERIAL=user\n"
# Without default dependencies it also starts where next to nothing is.
SERVICE = """[Unit]
Description=What the real init finds
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
[Service]
Type=simple
ExecStart=/usr/local/bin/debian-test systemctl --no-block poweroff
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
            shutil.copy(images.program(name) if name == "testinit" else shutil.which(name) or name, place)
        else:
            place.write_text(text)
            if text.startswith("#!"):
                place.chmod(0o755)


def user_layer(directory, variant, images):
    """The layer of this variant: the questions, who asks them, and the variant's own files."""
    units = "etc/systemd/system"
    files = {"usr/local/bin/debian-test": COMMANDS, f"{units}/debian-test.service": SERVICE,
             f"{units}/first-boot-test.service": FIRST_BOOT, f"{units}/chosen.target": CHOSEN,
             f"{units}/sysinit.target.wants/first-boot-test.service": LINK + "../first-boot-test.service",
             "usr/local/share/questions": "".join(f"{question}\n" for question, _ in variant["asks"])}
    for target in ("multi-user", "rescue", "emergency", "chosen"):
        files[f"{units}/{target}.target.wants/debian-test.service"] = LINK + "../debian-test.service"
    write_files(directory / "user", {**files, **variant.get("files", {})}, images)
    for package in variant.get("packages", []):
        sh("dpkg", "-x", sh(ROOT / "scripts/apt-private", "download", package, directory).split()[-1], directory / "user")
    deletes = [f"--delete={path}" for path in variant.get("deletes", [])]
    sh(ROOT / "scripts/mklayer", directory / "user", "--base", DEMO / "system.img", "--all-root", "--follow", *deletes,
       "--type", variant.get("type", "squashfs"), "-o", directory / "user.img")
    if "debugfs" in variant:
        sh("debugfs", "-w", "-f", "-", directory / "user.img", input=variant["debugfs"])


def prepare(directory, variant):
    """Everything that the boots of this variant need."""
    sh(ROOT / "scripts/demo")
    user_layer(directory, variant, Images(directory))
    (directory / "manifest").write_text(MANIFEST + variant.get("manifest", ""))
    sh(ROOT / "scripts/mkinitramfs", "--kernel-image", DEMO / "vmlinuz", "--modules", KERNELS / "cloud",
       "--init", INIT, "--manifest", directory / "manifest", "-o", directory / "initramfs")
    with (directory / "state.img").open("wb") as f:
        f.truncate(256 << 20)
    if variant.get("formatted"):
        sh("mke2fs", "-q", "-t", "ext4", directory / "state.img")


def start(directory, variant, number):
    """How run-vm ended, and the console."""
    disks = [f"system={DEMO / 'system.img'}", f"user={directory}/user.img"]
    if "state" in variant.get("manifest", ""):
        disks.append(f"state={directory}/state.img,rw")
    words = "systemd.mask=serial-getty@ttyS0.service systemd.show_status=no systemd.firstboot=no " + variant.get("append", "")
    done = subprocess.run(
        [ROOT / "scripts/run-vm", "--kernel", DEMO / "vmlinuz", "--initramfs", directory / "initramfs", "--accel", "tcg",
         "--memory", "1G", "--timeout", str(LIMIT), "--append", words, *disks],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    (WORK / f"debian-{variant['name']}-{number}.console").write_text(text)
    return done.returncode, text


def answers(text, variant):
    """What the guest said to each question."""
    said = re.findall(r"(?:^|\] )T (\d+): (.*)$", text, re.M)
    return {question: "\n".join(line for n, line in said if int(n) == number)
            for number, (question, _) in enumerate(variant["asks"], 1)}


def judge(variant, status, text, first):
    errors = [] if status == 0 else [f"run-vm ended with {status}, expected a power-off"]
    errors += [f"the console does not say: {line}" for line in variant.get("says", []) if not re.search(line, text, re.M)]
    said = answers(text, variant)
    for question, expected in variant["asks"]:
        if not re.search(expected, said[question], re.M):
            errors.append(f"{question}: {said[question]!r}, expected {expected!r}")
    for question in variant.get("lasts", []) if first else []:
        if said[question] != first[question]:
            errors.append(f"{question}: {said[question]!r}, in the first boot it was {first[question]!r}")
    return errors, said


def boots(variant):
    """Errors, and the last console."""
    first = None
    with tempfile.TemporaryDirectory(prefix="debian.", dir=ROOT / "build") as name:
        directory = pathlib.Path(name)
        prepare(directory, variant)
        for number in range(1, variant.get("boots", 1) + 1):
            changes = variant.get("again", {}) if number > 1 else {}
            status, text = start(directory, variant, number)
            errors, said = judge({**variant, **changes}, status, text, first)
            first = first or said
            if errors:
                return [f"boot {number}: {error}" for error in errors], text.splitlines()
    return [], []


def boot(number, variant):
    """One line of TAP; whether it is a good one."""
    try:
        errors, lines = boots(variant)
    except Trouble as trouble:
        errors, lines = [str(trouble)], []
    print(f"{'not ok' if errors else 'ok'} {number} - Debian: {variant['name']}")
    for line in [*errors, *("  " + line for line in lines[-40:])] if errors else []:
        print("# " + line.replace("\n", "\n# "))
    sys.stdout.flush()
    return not errors


def debian_boots(first_number, variants=None):
    """One line of TAP a variant; whether all are good ones."""
    WORK.mkdir(parents=True, exist_ok=True)
    return all([boot(number, variant) for number, variant in enumerate(variants or VARIANTS, first_number)])


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--only", metavar="NAME", action="append", choices=[v["name"] for v in VARIANTS])
    only = p.parse_args().only
    chosen = [v for v in VARIANTS if not only or v["name"] in only]
    print(f"1..{len(chosen)}")
    return debian_boots(1, chosen)


if __name__ == "__main__":
    sys.exit(not main())
