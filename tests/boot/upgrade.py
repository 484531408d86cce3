#!/usr/bin/env python3
"""Debian with a persistent top: packages come into the top, then the system image is replaced by its next version."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from images import KERNELS, ROOT, Trouble, checksum, sh  # noqa: E402

DEMO = ROOT / "build/demo"
WORK = ROOT / "build/tests"
LIMIT = 400  # other boots share the processors
MANIFEST = """version = 1
[layer system]
source = SERIAL=system
[layer user]
source = SERIAL=user
[top]
type = disk
source = SERIAL=state
format = ext4
"""
# Each package has a program of its name, which says its version, and these files.
PACKAGES = {
    ("base-tool", "1.0"): {"etc/base-tool.conf": "version = 1.0\n", "usr/share/base-tool/sample": "1.0\n",
                           "usr/share/base-tool/undated": "1.0\n"},
    ("base-tool", "2.0"): {"etc/base-tool.conf": "version = 2.0\n", "usr/share/base-tool/sample": "2.0\n",
                           "usr/share/base-tool/undated": "2.0\n", "usr/share/base-tool/new": "new in 2.0\n"},
    ("gone-tool", "1.0"): {"usr/share/gone-tool/sample": "1.0\n"},
    ("user-tool", "1.0"): {},
    ("both-tool", "1.0"): {},
    ("both-tool", "2.0"): {"usr/share/both-tool/new": "new in 2.0\n"},
    ("same-tool", "1.0"): {},
}
# The top gets these under version 1.
OWN_PACKAGES = ("user-tool-1.0.deb", "both-tool-1.0.deb", "same-tool-1.0.deb")
# One tree becomes version 1, then version 2: what both have keeps its times and its owners.
MAKE_SYSTEMS = r"""
cd "$1"
on_root() { dpkg --root="$PWD/root" --log=/dev/null --force-confnew "$@"; }
unsquashfs -q -n -d root "$2"
on_root --install base-tool-1.0.deb gone-tool-1.0.deb
"$3" root --owner keep -o system-1.img
on_root --install base-tool-2.0.deb both-tool-2.0.deb same-tool-1.0.deb
on_root --purge gone-tool
"$3" root --owner keep -o system-2.img
"""
SERVICE = """[Unit]
Description=What an upgrade leaves
[Service]
Type=simple
ExecStart=/usr/local/bin/upgrade-test
[Install]
WantedBy=multi-user.target
"""
# Started by systemd in the merged root, under each version once.
PROGRAM = r"""#!/bin/bash
exec >/dev/console 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root
say() { # WHAT COMMAND...: its output, a line each, and its status
	local what=$1 line status=0
	shift
	"$@" >/run/said 2>&1 || status=$?
	while IFS= read -r line; do echo "T $what: $line"; done </run/said
	echo "T $what: status $status"
}
use() {
	echo 'of the user' >/etc/mine
	echo changed >/etc/hostname
	echo 'colour = green' | tee -a /etc/base-tool.conf /usr/share/base-tool/undated /usr/share/gone-tool/sample
	rm /usr/share/base-tool/sample /etc/issue.net
	say install dpkg --install /opt/packages/*.deb
}
look() {
	say mine cat /etc/mine /etc/hostname /etc/base-tool.conf /usr/share/gone-tool/sample
	say new cat /usr/share/base-tool/new /usr/share/both-tool/new
	say deleted ls /usr/share/base-tool/sample /etc/issue.net
	for tool in base-tool gone-tool user-tool both-tool same-tool; do
		say runs $tool
		say dpkg dpkg-query -W -f '${Package} ${Version} ${Status}\n' $tool
	done
	say audit dpkg --audit
	say apt apt-get check
	sed -n 's/.*"changed_on_both_sides":\[\([^]]*\)\].*/\1/p' /run/layerboot/report.json | tr , '\n' | tr -d '"' >/run/changed
	say changed cat /run/changed
	say status layerboot status
}
state=$(timeout 300 systemctl is-system-running --wait)
echo "T state $state, failed: $(systemctl list-units --failed --no-legend | wc -l)"
echo "T root $(findmnt -no FSTYPE /)"
if grep -q upgrade=1 /proc/cmdline; then use; else look; fi
systemctl --no-block poweroff
"""


def write(directory, files):
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def make_package(directory, name, version, files):
    tree = directory / f"{name}-{version}"
    depends = ["Depends: base-tool (>= 1.0)"] if name == "user-tool" else []
    control = [f"Package: {name}", f"Version: {version}", "Architecture: all", "Maintainer: Nobody <nobody@example.org>",
               *depends, f"Description: says {version}", ""]
    conffiles = "".join(f"/{path}\n" for path in files if path.startswith("etc/"))
    write(tree, {"DEBIAN/control": "\n".join(control), "DEBIAN/conffiles": conffiles,
                 f"usr/bin/{name}": f"#!/bin/sh\necho {name} {version}\n", **files})
    (tree / f"usr/bin/{name}").chmod(0o755)
    # A day a version, but for what has the same time in all.
    for path in files.keys() | {f"usr/bin/{name}"}:
        day = 0 if path.endswith("undated") else float(version)
        os.utime(tree / path, (day * 86400, day * 86400))
    sh("dpkg-deb", "--root-owner-group", "--build", tree, f"{tree}.deb")


def make_user(directory):
    user = directory / "user"
    write(user, {"usr/local/bin/upgrade-test": PROGRAM, "etc/systemd/system/upgrade-test.service": SERVICE})
    (user / "usr/local/bin/upgrade-test").chmod(0o755)
    shutil.copy(ROOT / "build/layerboot", user / "usr/local/bin/layerboot")
    wants = user / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "upgrade-test.service").symlink_to("../upgrade-test.service")
    (user / "opt/packages").mkdir(parents=True)
    for name in OWN_PACKAGES:
        shutil.copy(directory / name, user / "opt/packages")
    sh(ROOT / "scripts/mklayer", user, "--base", DEMO / "system.img", "--all-root", "-o", directory / "user.img")


def make(directory):
    sh(ROOT / "scripts/demo")
    for (name, version), files in PACKAGES.items():
        make_package(directory, name, version, files)
    make_user(directory)
    sh("fakeroot", "--", "bash", "-euc", MAKE_SYSTEMS, "bash", directory, DEMO / "system.img", ROOT / "scripts/mklayer")
    with (directory / "state.img").open("wb") as f:
        f.truncate(512 << 20)
    (directory / "manifest").write_text(MANIFEST)
    sh(ROOT / "scripts/mkinitramfs", "--kernel-image", DEMO / "vmlinuz", "--modules", KERNELS / "cloud",
       "--init", ROOT / "build/layerboot", "--manifest", directory / "manifest", "-o", directory / "initramfs")


EXPECTED = {
    1: ["state running, failed: 0", "root overlay", "install: status 0"],
    2: ["state running, failed: 0", "root overlay",
        # All that the user did is there, and what is new in version 2.
        *(f"mine: {line}" for line in ("of the user", "changed", "version = 1.0", "colour = green", "status 0")),
        "new: new in 2.0", "new: status 0", "deleted: status 2",
        "runs: base-tool 2.0", "runs: user-tool 1.0", "runs: both-tool 1.0", "runs: same-tool 1.0",
        # The database of packages is the top's, which knows of version 1 only; nor is its own list of gone-tool there.
        *(f"dpkg: {name}-tool 1.0 install ok installed" for name in ("base", "gone", "user", "both", "same")),
        "apt: status 0", "audit: status 0", "changed: status 0", "status: status 0",
        "status: warning: changed in the top and in the layers since, the top wins: /var/lib/dpkg/status"],
}
# What a package lacks, and the packages that lack it.
AUDIT = [
    "The following packages are missing the list control file in the", "database, they need to be reinstalled:",
    " gone-tool            says 1.0", "",
    "The following packages are missing the md5sums control file in the", "database, they need to be reinstalled:",
    " gone-tool            says 1.0", "",
]
INFO = "/var/lib/dpkg/info/"
DATABASES = [INFO + "both-tool.list", INFO + "both-tool.md5sums", "/var/lib/dpkg/status", "/var/lib/dpkg/status-old"]
FILES = ["/etc/base-tool.conf", "/usr/bin/both-tool", "/usr/share/base-tool/sample", "/usr/share/gone-tool/sample"]
# The boot goes by sizes and times: dpkg wrote the same at another time ...
BOOT_ONLY = [INFO + "same-tool.list", INFO + "same-tool.md5sums"]
# ... and something else of the same size has the same time.
CHECK_ONLY = ["/usr/share/base-tool/undated"]


def in_order(paths):
    """As they are to be told."""
    return sorted(paths, key=lambda path: (not path.startswith("/var/lib/dpkg/"), path))


def boot(directory, number):
    """Errors, and what the guest said."""
    done = subprocess.run(
        [ROOT / "scripts/run-vm", "--kernel", DEMO / "vmlinuz", "--initramfs", directory / "initramfs",
         "--accel", "tcg", "--memory", "1G", "--timeout", str(LIMIT),
         "--append", f"upgrade={number} systemd.mask=serial-getty@ttyS0.service",
         f"system={directory}/system-{number}.img", f"user={directory}/user.img", f"state={directory}/state.img,rw"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    (WORK / f"upgrade-{number}.console").write_text(text)
    errors = [] if done.returncode == 0 else [f"run-vm ended with {done.returncode}, expected a power-off"]
    said = re.findall(r"(?:^|\] )T (.*)$", text, re.M)
    errors += [f"the guest did not say: {line}" for line in EXPECTED[number] if line not in said]
    return [f"version {number}: {error}" for error in errors], said


def differs(what, found, expected):
    return [] if found == expected else [f"{what}: {found}, expected {expected}"]


def of(what, said):
    """The lines that a command said, without its status."""
    return [line[len(what) + 2:] for line in said if line.startswith(f"{what}: ")][:-1]


def foretell(directory, new):
    """What check --upgrade tells before the other version is booted; and its exit status."""
    done = subprocess.run([ROOT / "build/layerboot", "check", "--upgrade", "--json", "system-1.img", new, "state.img"],
                          cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Trouble(f"check --upgrade: {done.stderr}")
    return done.returncode, json.loads(done.stdout)["paths"]


def check_state(directory):
    """The disk of the top, once its journal is replayed in a copy. Free counts are no error: ext4 keeps them lazily."""
    copy = directory / "copy.img"
    sh("cp", "--sparse=always", directory / "state.img", copy)
    replayed = subprocess.run(["e2fsck", "-y", "-E", "journal_only", copy], capture_output=True, text=True, check=False)
    done = subprocess.run(["e2fsck", "-fn", copy], capture_output=True, text=True, check=False)
    said = replayed.stdout + done.stdout
    return [] if done.returncode == 0 else [f"e2fsck ended with {done.returncode}: {said}"]


def judge(directory):
    images = [directory / f"{name}.img" for name in ("system-1", "system-2", "user")]
    sums = [checksum(image) for image in images]
    errors, said = boot(directory, 1)
    if errors:
        return errors, said
    errors += check_state(directory)
    errors += differs("check --upgrade with the same version", foretell(directory, "system-1.img"), (0, []))
    status, foretold = foretell(directory, "system-2.img")
    paths = [entry["path"] for entry in foretold]
    errors += differs("check --upgrade", (status, paths), (1, in_order(DATABASES + FILES + CHECK_ONLY)))
    errors += differs("its databases", [entry["path"] for entry in foretold if entry["database"]], in_order(DATABASES))
    more, said = boot(directory, 2)
    errors += more + check_state(directory)
    errors += differs("the boot report", of("changed", said), in_order(DATABASES + FILES + BOOT_ONLY))
    errors += differs("dpkg --audit", of("audit", said), AUDIT)
    errors += differs("apt-get check", [line for line in of("apt", said) if not line.endswith("...")], [])
    errors += differs("checksums of the images", [checksum(image) for image in images], sums)
    return errors, said


def upgrade(number):
    """One line of TAP; whether it is a good one."""
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="upgrade.", dir=ROOT / "build") as name:
            make(pathlib.Path(name))
            errors, lines = judge(pathlib.Path(name))
    except Trouble as trouble:
        errors, lines = [str(trouble)], []
    print(f"{'not ok' if errors else 'ok'} {number} - Debian keeps what a user did when its system image is upgraded")
    for line in [*errors, *("  " + line for line in lines[-40:])] if errors else []:
        print("# " + line.replace("\n", "\n# "))
    sys.stdout.flush()
    return not errors


if __name__ == "__main__":
    print("1..1")
    sys.exit(not upgrade(1))
