#!/usr/bin/env python3
"""Debian with systemd on a union that unionfs-fuse makes: to running, a write, and a real power-off."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from images import KERNELS, ROOT, Trouble, sh  # noqa: E402

DEMO = ROOT / "build/demo"
LIMIT = 600  # every path costs two switches to the daemon; other boots share the processors
MANIFEST = """version = 1
union = unionfs
[layer system]
source = SERIAL=system
[layer user]
source = SERIAL=user
"""
SERVICE = """[Unit]
Description=What the union is like
[Service]
Type=simple
ExecStart=/usr/local/bin/unionfs-test
[Install]
WantedBy=multi-user.target
"""
# Started by systemd in the merged root.
PROGRAM = r"""#!/bin/bash
exec >/dev/console 2>&1
state=$(timeout 500 systemctl is-system-running --wait)
echo "T state $state, failed: $(systemctl list-units --failed --no-legend | wc -l)"
echo "T root $(findmnt -no FSTYPE /)"
echo "T flags $(findmnt -no VFS-OPTIONS /)"
echo "T over $(cat /etc/motd)"
echo "T deleted $([ -e /etc/issue ] || [ -L /etc/issue ] && echo there || echo gone)"
echo "T listed $(ls -A /etc | grep -c '^issue$')"
echo "T opaque $(ls -A /etc/skel | paste -sd' ')"
echo kept >/etc/written && mv /etc/written /etc/renamed && rm /etc/hostname
echo "T written $(cat /etc/renamed) $(cat /run/layerboot/top/upper/etc/renamed)"
echo "T removed $([ -e /etc/hostname ] && echo there || echo gone)"
for p in /proc/[0-9]*; do
	read -rd '' name <$p/cmdline || continue
	[[ $name != @* ]] || echo "T daemon $name $(cat $p/oom_score_adj) $(readlink $p/fd/0 $p/fd/1 $p/fd/2 | paste -sd' ')"
done 2>/dev/null
su nobody -s /bin/sh -c 'echo "T nobody $(cat /etc/shadow 2>&1 | head -c 60)"'
systemctl --no-block poweroff
"""
EXPECTED = [
    r"state running, failed: 0", r"root fuse\.unionfs", r"flags rw,relatime", r"over From the user layer\.",
    r"deleted gone", r"listed 0", r"opaque own", r"written kept kept", r"removed gone",
    r"nobody cat: /etc/shadow: Permission denied",
]
# Both escape systemd's last signals by the @; without the watcher, SIGSTOP would hang the power-off.
DAEMONS = [r"daemon @unionfs -1000 (/dev/null ?){3}", r"daemon @\S+ -1000 (/dev/null ?){3}"]


def user_layer(directory):
    user = directory / "user"
    for path, text in (("etc/motd", "From the user layer.\n"), ("etc/skel/own", ""),
                       ("usr/local/bin/unionfs-test", PROGRAM), ("etc/systemd/system/unionfs-test.service", SERVICE)):
        (user / path).parent.mkdir(parents=True, exist_ok=True)
        (user / path).write_text(text)
    (user / "usr/local/bin/unionfs-test").chmod(0o755)
    wants = user / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "unionfs-test.service").symlink_to("../unionfs-test.service")
    image = directory / "user.img"
    sh(ROOT / "scripts/mklayer", user, "--base", DEMO / "system.img", "--delete", "etc/issue", "--opaque", "etc/skel",
       "--all-root", "-o", image)
    return image


def judge(status, text):
    errors = [] if status == 0 else [f"run-vm ended with {status}, expected a power-off"]
    said = re.findall(r"(?:^|\] )T (.*?)\s*$", text, re.M)
    for line in EXPECTED:
        if not any(re.fullmatch(line, s) for s in said):
            errors.append(f"the guest did not say: {line}")
    if sum(1 for s in said if s.startswith("daemon @")) != 2:
        errors.append("there are not two processes that systemd spares: the daemon and its watcher")
    errors += [f"no process is: {line}" for line in DAEMONS if not any(re.fullmatch(line, s) for s in said)]
    if "reboot: Power down" not in text:
        errors.append("the kernel did not power off")
    return errors


def boot():
    """Errors, and the console."""
    sh(ROOT / "scripts/demo")
    with tempfile.TemporaryDirectory(prefix="unionfs.", dir=ROOT / "build") as name:
        directory = pathlib.Path(name)
        (directory / "manifest").write_text(MANIFEST)
        sh(ROOT / "scripts/mkinitramfs", "--kernel-image", DEMO / "vmlinuz", "--modules", KERNELS / "cloud",
           "--init", ROOT / "build/layerboot", "--manifest", directory / "manifest", "-o", directory / "initramfs")
        done = subprocess.run(
            [ROOT / "scripts/run-vm", "--kernel", DEMO / "vmlinuz", "--initramfs", directory / "initramfs",
             "--accel", "tcg", "--memory", "1G", "--timeout", str(LIMIT),
             "--append", "systemd.mask=serial-getty@ttyS0.service",
             f"system={DEMO / 'system.img'}", f"user={user_layer(directory)}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    return judge(done.returncode, text), text.splitlines()


def unionfs(number):
    """One line of TAP; whether it is a good one."""
    try:
        errors, lines = boot()
    except Trouble as trouble:
        errors, lines = [str(trouble)], []
    print(f"{'not ok' if errors else 'ok'} {number} - Debian with systemd on unionfs runs and powers off")
    for line in [*errors, *("  " + line for line in lines[-40:])] if errors else []:
        print(f"# {line}")
    sys.stdout.flush()
    return not errors


if __name__ == "__main__":
    print("1..1")
    sys.exit(not unionfs(1))
