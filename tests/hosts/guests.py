"""What the tests of hosts share: a small guest that talks on its console, and QEMU processes that are watched."""
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/boot"))
from images import KERNELS, Trouble, sh  # noqa: E402,F401

EXAMPLES = ROOT / "initramfs/examples"
# So long may what a guest is waited for take, on a machine that has much else to do.
PATIENCE = 1200
# A top that lasts.
TOP = """version = 1
[layer system]
source = SERIAL=system
type = squashfs
[layer user]
source = SERIAL=user
type = squashfs
[top]
type = disk
source = SERIAL=state
fsck = no
"""
# Of the guest, for its disks.
WAIT = "layerboot.timeout=15min"
DIRECTORIES = ("dev", "proc", "sys", "run", "tmp", "bin", "sbin", "etc")
# It tells what it is made of and writes into its top. host=off powers off; host=beat counts, and reads 1 MiB of the
# system's layer past the page cache at each count; so does host=read with all of it, once, and then powers off.
INIT = """#!/bin/sh
PATH=/bin
echo boot >>/etc/boots
echo "T version $(cat /etc/version), of $(cat /etc/owner), boot $(wc -l </etc/boots)"
case $(sed -n 's/.*host=\\([a-z]*\\).*/\\1/p' /proc/cmdline) in
beat)
	i=0 order=
	# Orders come on the second serial line, if there is one. It stays open: what comes while it is closed is lost.
	if (: </dev/ttyS1) 2>/dev/null; then exec 3</dev/ttyS1; else exec 3</dev/null; fi
	echo 4 >/proc/sys/vm/drop_caches # no word of it in the log
	while :; do
		i=$((i + 1))
		echo 1 >/proc/sys/vm/drop_caches
		echo "T beat $i $(dd if=/etc/noise bs=1M skip=$((i % 4)) count=1 2>/dev/null | md5sum | cut -c1-8) boots $(wc -l </etc/boots)"
		read -r -t 1 order <&3 || sleep 1
		[ "$order" != off ] || break
	done
	;;
read) echo "T noise $(md5sum </etc/noise | cut -c1-32)" ;;
esac
exec /run/initramfs/shutdown poweroff
"""


class Shelf:
    """The files of a fleet in one directory: vmlinuz-1, initramfs-1.cpio, system-1.img, user-NAME.img ..."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.release = sh(ROOT / "scripts/get-kernel", "cloud", "--out", KERNELS / "cloud").strip().splitlines()[-1]
        self.kernel = self.dir / "vmlinuz-1"
        shutil.copy(KERNELS / "cloud/boot" / f"vmlinuz-{self.release}", self.kernel)
        self.initramfs = self.make_initramfs("initramfs-1.cpio")
        self.noise = os.urandom(1 << 20) * 4
        self.system = self.make_system("system-1.img", "1")

    def make_initramfs(self, name, *options):
        out = self.dir / name
        sh(ROOT / "scripts/mkinitramfs", "--kernel", self.release, "--modules", KERNELS / "cloud", "-o", out, *options)
        return out

    def write(self, name, text):
        (self.dir / name).write_text(text)
        return self.dir / name

    def make_system(self, name, version, *options):
        tree = self.dir / f"{name}.tree"
        for directory in DIRECTORIES:
            (tree / directory).mkdir(parents=True)
        busybox = shutil.which("busybox", path="/bin:/usr/bin")
        shutil.copy(busybox, tree / "bin/busybox")
        for applet in ("sh", "cat", "wc", "sed", "dd", "md5sum", "cut", "sleep"):
            (tree / "bin" / applet).symlink_to("busybox")
        (tree / "sbin/init").write_text(INIT)
        (tree / "sbin/init").chmod(0o755)
        (tree / "etc/version").write_text(version)
        (tree / "etc/owner").write_text("nobody")
        (tree / "etc/noise").write_bytes(self.noise)
        return self.layer(tree, name, *options)

    def make_user(self, name, owner, *options):
        tree = self.dir / f"{name}.tree"
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/owner").write_text(owner)
        return self.layer(tree, name, *options)

    def layer(self, tree, name, *options):
        sh(ROOT / "scripts/mklayer", tree, "--all-root", *options, "-o", self.dir / name)
        shutil.rmtree(tree)
        return self.dir / name

    def run_vm(self, *arguments, host="off"):
        """The command of a guest with run-vm."""
        return [str(a) for a in (ROOT / "scripts/run-vm", "--kernel", self.kernel, "--initramfs", self.initramfs, "--accel",
                                 "tcg", "--memory", "192M", "--append", f"{WAIT} host={host}", *arguments)]

    def qemu(self, *arguments, host="off"):
        """The command of QEMU for it, as run-vm prints it."""
        return shlex.split(sh(*self.run_vm("--dry-run", *arguments, host=host)).replace("\\\n", " "))


def state_disk(path):
    with path.open("wb") as f:
        f.truncate(48 << 20)
    sh("mkfs.ext4", "-q", path)
    return path


def wait_for(what, reached, alive=lambda: True):
    """Until REACHED() gives something; Trouble if that takes too long, or ALIVE() says that it cannot come any more."""
    end = time.monotonic() + PATIENCE
    while not (result := reached()):
        if not alive():
            if result := reached():
                break
            raise Trouble(f"{what}: the process has ended before that")
        if time.monotonic() > end:
            raise Trouble(f"{what}: not within {PATIENCE} s")
        time.sleep(0.1)
    return result


class Process:
    """A program that runs beside the test, its output in a file. Ended by its own id when the test is over."""

    def __init__(self, command, log, **options):
        self.log = pathlib.Path(log)
        self.name = pathlib.Path(str(command[0])).name
        with self.log.open("wb") as f:
            # In a group of its own: run-vm's QEMU goes with run-vm.
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=f,
                                            stderr=subprocess.STDOUT, start_new_session=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def says(self, pattern, after=0):
        """The match of PATTERN, waited for, behind the first AFTER bytes of the output."""
        try:
            return wait_for(f"{self.name} says {pattern!r}", lambda: re.search(pattern, self.text()[after:]), self.alive)
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{self.text()[-3000:]}") from None

    def ends(self):
        wait_for(f"{self.name} ends", lambda: not self.alive())
        return self.process.returncode


class Monitor:
    """QEMU's own monitor (QMP) on a Unix socket."""

    def __init__(self, path, alive=lambda: True):
        wait_for(f"the monitor {path}", lambda: os.path.exists(path), alive)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        request = {"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        self.file.write(json.dumps(request) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline() or '{"error": {"desc": "the connection was closed"}}')
            if "error" in answer:
                raise Trouble(f"QMP {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def close(self):
        self.file.close()
        self.socket.close()
