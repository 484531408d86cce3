#!/usr/bin/env python3
"""The end of a guest: a persistent top is clean on the host after it, and nothing holds up the power-off."""
import argparse
import concurrent.futures
import fnmatch
import json
import lzma
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from images import KERNELS, ROOT, Trouble, sh  # noqa: E402

DEMO = ROOT / "build/demo"
WORK = ROOT / "build/tests/shutdown"
MANIFEST = """version = 1
{union}[layer system]
source = SERIAL=system
{more}[top]
type = disk
source = SERIAL=state
"""
USER_LAYER = "[layer user]\nsource = SERIAL=user\n"
# A verified file on a disk, and a verified disk below it: device mapper over loop, and by itself.
VERIFIED = """version = 1
[layer whole]
source = SERIAL=system
{keys}[layer system]
source = SERIAL=carrier
image = system.img
{keys}[top]
type = disk
source = SERIAL=state
"""
LAST = r"layerboot: shutdown: \d+ mounts undone in \d+ ms; "
END = "exec /run/initramfs/shutdown "
# Of the device mapper, and loop devices that are in use.
DEVICES = "devices() { (cd /sys/block && ls -d dm-* loop*/loop 2>/dev/null | tr '\\n' ' '); }\n"
# What each init of the tiny root does as PID 1, after BEGIN.
BEGIN = """#!/bin/sh
PATH=/bin
echo boot >>/etc/boots
echo "T boots $(wc -l </etc/boots)"
"""
# busybox takes its applet from behind the last slash; argv[0] begins with '@': who ends all processes spares it.
SPARED = "mkdir /@ && ln -s /bin/busybox /@/sleep && cd / && @/sleep 1000 "
LOOP = """insmod /lib/loop.ko
dd if=/dev/zero of=/disk bs=1M count=4 2>/dev/null
mke2fs -F /disk >/dev/null
mkdir /data
"""
# busybox init runs the line in place of itself on SIGQUIT, after it has ended all processes. poweroff, halt and reboot send
# other signals, after which it makes the system call itself: with this line, the verb and the signal take their place.
INITTAB = """::sysinit:/bin/sh /etc/rc
::restart:/run/initramfs/shutdown $(cat /run/shutdown-verb)
"""
RC = BEGIN + """(sleep 1000 >/etc/held) &
sed 's/.*verb=\\([a-z]*\\).*/\\1/' /proc/cmdline >/run/shutdown-verb
kill -QUIT 1
"""
# What Debian's /etc/init.d/umountroot does, and after it the one line more that a top on a disk needs.
SYSVINIT = """sync
mount -n -o remount,ro -t dummytype dummydev / 2>/dev/null || mount -n -o remount,ro dummydev / 2>/dev/null ||
	mount -n -o remount,ro / && echo "T root read-only"
{}poweroff -f
"""
INITS = {
    "end": 'verb=$(sed "s/.*verb=\\([a-z]*\\).*/\\1/" /proc/cmdline)\n' + END + "$verb --log-level 6 --timeout 90s\n",
    "verbless": END + "\n",
    "refused": "grep -c . /proc/self/mountinfo >/run/before\n/run/initramfs/shutdown poweroff && echo T accepted\n"
               '[ "$(grep -c . /proc/self/mountinfo)" = "$(cat /run/before)" ] && echo "T as before"\n' + END + "poweroff\n",
    # Mounts in the way of others, a process, a loop device that does not go by itself, names with blanks.
    "busy": LOOP + "losetup /dev/loop0 /disk\nmount -t ext2 /dev/loop0 /data && mkdir /data/inner\n"
            "mount -t tmpfs none /data/inner && mkdir /data/inner/x\n"
            "mkdir '/a b' && mount -t tmpfs 'c d' '/a b' && mkdir '/a b/etc' && mount --bind /etc '/a b/etc'\n"
            "mount --bind /etc '/a b'\n(cd /data/inner/x && exec sleep 1000 >/etc/held) &\nsleep 1\n" + END + "poweroff\n",
    # The file system on /data has its file in the root: both stay in use.
    "stuck": LOOP + "losetup /dev/loop0 /disk\nmount -t ext2 /dev/loop0 /data\n" + SPARED + ">/data/held &\nsleep 1\n" +
             END + "poweroff\n",
    # Of device mapper, over a loop device, over a file in the root: one holds the other.
    "maps": LOOP + "insmod /lib/dm-mod.ko\nlosetup /dev/loop0 /disk\n"
            "echo '0 8192 linear /dev/loop0 0' | dmsetup create --noudevsync layerboot-data\n"
            "dmsetup mknodes && mount -t ext2 /dev/dm-0 /data && echo T mapped && cd /data\n" + END + "poweroff\n",
    # Out of the root and into memory; then nothing has the layers open any more.
    "gone": DEVICES + """echo "T before: $(devices)"
mkdir /run/new && mount -t tmpfs none /run/new && cd /run/new && mkdir bin dev proc sys old media
cp /bin/busybox bin && /bin/busybox --list | while read -r name; do [ $name = busybox ] || ln -s busybox bin/$name; done
cat >gone <<'END'
""" + DEVICES + """while read -r _ _ _ _ at _; do
	case $at in /old*) echo "$at" ;; esac
done </proc/self/mountinfo | sort -r | while read -r at; do umount "$at" || echo "T $at is not unmounted"; done
for i in $(seq 100); do
	[ -n "$(devices)" ] || break
	usleep 100000
done
echo "T after: $(devices)"
umount /media && echo "T nothing holds the file"
poweroff -f
END
mount --move /run/layerboot/media/vd? media && mount --move /dev dev && mount --move /proc proc && mount --move /sys sys && pivot_root . old &&
	exec chroot . /bin/sh /gone <dev/console >dev/console 2>&1
""",
    "stuck-root": SPARED + ">/etc/held &\nsleep 1\n" + END + "poweroff\n",
    "slow": "echo T throttle\nsleep 2\ndd if=/dev/zero of=/blob bs=1M count=24 2>/dev/null\n"
            "echo T unwritten $(sed -n 's/^Dirty: *//p' /proc/meminfo)\n" + END + "poweroff\n",
    "stalled": "dd if=/dev/zero of=/blob bs=1M count=24 2>/dev/null\necho T throttle\nsleep 2\n" + END + "poweroff\n",
    "sysvinit": SYSVINIT.format('mount -o remount,ro /run/layerboot/top && echo "T top read-only"\n'),
    "sysvinit-without": SYSVINIT.format(""),
}
PASSED = [LAST + "powering off", "reboot: Power down"]
HALTED = 143  # of run-vm that is ended from outside: the guest stays as it is
STUCK = r"layerboot: error\[shutdown-stuck\]: "
BY_FORCE = r"every disk that is in use was made read-only by force"
# init: /sbin/NAME; status: of run-vm; says and silent: what the console must and must not say; throttle: bytes a second.
CASES = [
    dict(name="poweroff", init="end", append="verb=poweroff", says=PASSED, boots=3, kernels=["cloud", "6.12-cloud"]),
    dict(name="reboot", init="end", append="verb=reboot", status=5, says=[LAST + "rebooting"]),
    dict(name="halt", init="end", append="verb=halt", status=HALTED, says=[LAST + "halting", "reboot: System halted"]),
    dict(name="exit", init="end", append="verb=exit", says=PASSED),
    dict(name="kexec-not-loaded", init="end", append="verb=kexec", status=5,
         says=["starting the kernel that kexec has loaded: Invalid argument"]),
    dict(name="unknown-verb", init="end", append="verb=sleep", says=['"sleep" is none of', *PASSED]),
    dict(name="no-verb", init="verbless", says=['"" is none of', *PASSED]),
    dict(name="quiet", init="end", append="quiet verb=poweroff", says=["reboot: Power down"], silent=[r"layerboot:"]),
    dict(name="refused-but-to-pid-1", init="refused",
         says=[r"error\[not-pid1\]", "T as before", *PASSED], silent=["T accepted"], errors=1),
    dict(name="busy", init="busy", says=["shutdown: 1 processes killed", *PASSED], kernels=["cloud", "6.12-cloud"]),
    dict(name="maps", init="maps", says=["T mapped", *PASSED], kernels=["cloud", "6.12-cloud"]),
    dict(name="verity", init="end", append="verb=poweroff", verified=True, says=PASSED, boots=2,
         silent=["devices in use"], kernels=["cloud", "6.12-cloud"]),
    # Nobody gives them up: they close with their last user.
    dict(name="verity-gone", init="gone", verified=True, says=["T before: dm-0 dm-1 loop0/loop *$", "T after: *$", "T nothing holds the file"],
         silent=["is not unmounted"], kernels=["cloud", "6.12-cloud"]),
    dict(name="stuck", init="stuck", errors=2, within=25, kernels=["cloud", "6.12-cloud"],
         says=[STUCK + r"/data \(ext2 /dev/loop0\) cannot be unmounted: Resource busy", STUCK + r"/ \(overlay overlayroot\)",
               BY_FORCE, r"loop devices in use: loop0 \(.*/disk\)", *PASSED]),
    dict(name="stuck-root", init="stuck-root", errors=1, within=25,
         says=[STUCK + r"/ \(overlay overlayroot\) cannot be unmounted: Resource busy", BY_FORCE, *PASSED]),
    # Half a minute is no reason to give up while the disk takes what is written; one that takes nothing is.
    dict(name="slow-disk", init="slow", throttle=1 << 20, says=["T unwritten [0-9]{5}", *PASSED]),
    dict(name="stalled-disk", init="stalled", throttle=1, errors=1, within=60, clean=False,
         says=["a disk does not take what is to be written", STUCK + r".*its device does not answer"]),
    dict(name="busybox-poweroff", init="init", append="verb=poweroff", says=PASSED, boots=2, kernels=["cloud", "6.12-cloud"]),
    dict(name="busybox-reboot", init="init", append="verb=reboot", status=5, says=[LAST + "rebooting"]),
    dict(name="sysvinit", init="sysvinit", says=["T root read-only", "T top read-only"], boots=2,
         kernels=["cloud", "6.12-cloud"]),
    # That the check can fail.
    dict(name="sysvinit-without-the-line", init="sysvinit-without", clean=False, says=["T root read-only"]),
    dict(name="unionfs", init="end", append="verb=poweroff", union="union = unionfs\n", says=PASSED, boots=2),
    dict(name="debian", debian=True, append="verb=poweroff", says=PASSED, boots=2),
    dict(name="debian-reboot", debian=True, append="verb=reboot", status=5, says=[LAST + "rebooting"]),
    dict(name="debian-stuck", debian=True, append="verb=poweroff stuck", errors=1,
         says=[STUCK + r"/ \(overlay overlayroot\) cannot be unmounted: Resource busy", BY_FORCE, *PASSED]),
]
# Started by systemd in the merged root of the demonstration's Debian.
PROGRAM = r"""#!/bin/bash
exec >/dev/console 2>&1
state=$(timeout 500 systemctl is-system-running --wait)
echo boot >>/var/lib/boots
echo "T boots $(wc -l </var/lib/boots)"
echo "T state $state"
dd if=/dev/urandom of=/var/lib/blob bs=1M count=4 status=none
if grep -qw stuck /proc/cmdline; then (exec -a @sleep sleep 1000 >/var/lib/held) & fi
sleep 1
systemctl --no-block "$(sed 's/.*verb=\([a-z]*\).*/\1/' /proc/cmdline)"
"""
SERVICE = """[Unit]
Description=What is written before the end
[Service]
Type=simple
KillMode=none
ExecStart=/usr/local/bin/shutdown-test
[Install]
WantedBy=multi-user.target
"""


class Images:
    """Made before the first boot."""

    def __init__(self, directory):
        self.dir, self.keys = directory, {}

    def make(self, debian, tiny):
        if tiny:
            self.busybox = self.get_busybox()
        for kernel in tiny:
            self.tiny(kernel)
        if debian:
            sh(ROOT / "scripts/demo")
            self.debian()

    def get_busybox(self):
        """Debian's own, without installing it: it would take the place of another busybox."""
        out = self.dir / "busybox"
        sh("dpkg", "-x", sh(ROOT / "scripts/apt-private", "download", "busybox-static", self.dir).strip(), out)
        return out / "bin/busybox"

    @staticmethod
    def release(kernel):
        return sh(ROOT / "scripts/get-kernel", kernel, "--out", KERNELS / kernel).strip().splitlines()[-1]

    def tiny(self, kernel):
        tree = self.dir / f"tiny-{kernel}"
        for name in ("dev", "proc", "sys", "run", "tmp", "bin", "sbin", "etc", "lib"):
            (tree / name).mkdir(parents=True)
        shutil.copy(self.busybox, tree / "bin/busybox")
        for applet in sh(self.busybox, "--list").split():
            if applet != "busybox":
                (tree / "bin" / applet).symlink_to("busybox")
        (tree / "sbin/init").symlink_to("../bin/busybox")
        (tree / "etc/inittab").write_text(INITTAB)
        (tree / "etc/rc").write_text(RC)
        for name, text in INITS.items():
            (tree / "sbin" / name).write_text(BEGIN + text)
            (tree / "sbin" / name).chmod(0o755)
        for module in ("block/loop.ko", "md/dm-mod.ko"):
            drivers = KERNELS / kernel / "lib/modules" / self.release(kernel) / "kernel/drivers"
            source = next(drivers.glob(module + "*"))
            data = source.read_bytes()
            (tree / "lib" / os.path.basename(module)).write_bytes(lzma.decompress(data) if source.suffix == ".xz" else data)
        # With the libraries of this machine, wherever they are.
        shutil.copy(shutil.which("dmsetup", path="/usr/sbin:/sbin"), tree / "bin/dmsetup")
        for library in re.findall(r"(/\S+) \(0x", sh("ldd", tree / "bin/dmsetup")):
            (tree / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, tree / library[1:])
        sh(ROOT / "scripts/mklayer", tree, "--all-root", "-o", self.dir / f"tiny-{kernel}.img")
        self.verified(tree, kernel)

    def verified(self, tree, kernel):
        """The same with a hash tree, what a manifest says of it, and a disk that holds it as a file."""
        image, files = self.dir / f"verified-{kernel}.img", self.dir / f"files-{kernel}"
        said = sh(ROOT / "scripts/mklayer", tree, "--all-root", "--verity", "-o", image)
        self.keys[kernel] = "".join(f"{line}\n" for line in said.splitlines() if re.match("type|verity", line))
        files.mkdir()
        os.link(image, files / "system.img")
        carrier = self.dir / f"carrier-{kernel}.ext4"
        with carrier.open("wb") as f:
            f.truncate(image.stat().st_size + (8 << 20))
        sh("mkfs.ext4", "-q", "-d", files, carrier)

    def debian(self):
        user = self.dir / "user"
        for path, text in (("usr/local/bin/shutdown-test", PROGRAM),
                           ("etc/systemd/system/shutdown-test.service", SERVICE)):
            (user / path).parent.mkdir(parents=True)
            (user / path).write_text(text)
        (user / "usr/local/bin/shutdown-test").chmod(0o755)
        wants = user / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir()
        (wants / "shutdown-test.service").symlink_to("../shutdown-test.service")
        sh(ROOT / "scripts/mklayer", user, "--base", DEMO / "system.img", "--all-root", "-o", self.dir / "user.img")

    def initramfs(self, name, kernel, manifest):
        text, out = self.dir / f"{name}.manifest", self.dir / f"{name}.cpio"
        text.write_text(manifest)
        sh(ROOT / "scripts/mkinitramfs", "--kernel", self.release(kernel), "--modules", KERNELS / kernel, "--init",
           ROOT / "build/layerboot", "--manifest", text, "-o", out)
        return out


def state_disk(path):
    with path.open("wb") as f:
        f.truncate(64 << 20)
    sh("mkfs.ext4", "-q", path)


def unclean(path):
    """What is wrong with the file system of the top; nothing is repaired."""
    head = sh("dumpe2fs", "-h", path)
    errors = [] if re.search(r"^Filesystem state: +clean$", head, re.M) else ["the top's state is not clean"]
    if "needs_recovery" in head:
        errors.append("the top's journal needs recovery")
    done = subprocess.run(["e2fsck", "-fn", path], capture_output=True, text=True, check=False)
    return errors + ([f"e2fsck: {done.stdout}"] if done.returncode else [])


class End:
    """One row of CASES with one kernel: boots on the same disk, looked at after each."""

    def __init__(self, case, kernel, images):
        self.case, self.kernel, self.images = case, kernel, images
        self.name = f"{case['name']} ({kernel})"
        self.dir = WORK / f"{case['name']}-{kernel}"
        self.state = self.dir / "state.disk"
        self.clean = 0  # boots that were right

    def command(self, sockets):
        case, vm = self.case, self.case.get("debian")
        manifest = MANIFEST.format(union=case.get("union", ""), more=USER_LAYER if vm else "")
        system = DEMO / "system.img" if vm else self.images.dir / f"tiny-{self.kernel}.img"
        if case.get("verified"):
            manifest = VERIFIED.format(keys=self.images.keys[self.kernel])
            system = self.images.dir / f"verified-{self.kernel}.img"
        command = [ROOT / "scripts/run-vm", "--kernel", KERNELS / self.kernel / f"boot/vmlinuz-{self.images.release(self.kernel)}",
                   "--initramfs", self.images.initramfs(f"{case['name']}-{self.kernel}", self.kernel, manifest),
                   "--accel", "tcg", "--memory", "512M", "--timeout", case.get("limit", 900),
                   # Where others keep the machine busy, a driver may take long.
                   "--append", f"layerboot.timeout=2min {case.get('append', '')}"]
        command += ["--append", "systemd.mask=serial-getty@ttyS0.service", f"user={self.images.dir / 'user.img'}"] if vm else \
                   ["--append", f"init=/sbin/{case['init']}"]
        if case.get("verified"):
            command.append(f"carrier={self.images.dir / f'carrier-{self.kernel}.ext4'}")
        if "throttle" not in case:
            return [*command, f"system={system}", f"state={self.state},rw"]
        return [*command, "--qmp", f"{sockets}/qmp", "--qemu-arg=-drive", "--qemu-arg=if=none,id=slow,format=raw,"
                f"throttling.bps-total=1000000000,file={self.state}", "--qemu-arg=-device",
                "--qemu-arg=virtio-blk-pci,drive=slow,serial=state", f"system={system}"]

    def throttle(self, path):
        rates = {name: 0 for name in ("bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr")}
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            with s.makefile("rw") as f:
                f.readline()
                for name, arguments in (("qmp_capabilities", {}), (
                        "block_set_io_throttle", {"device": "slow", "bps": self.case["throttle"], **rates})):
                    f.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
                    f.flush()
                    f.readline()

    def run(self, number):
        """The status of run-vm, the lines of the console, and the seconds from the end's first line to that of run-vm."""
        lines, begun = [], None
        # Not below build: the path of a socket must be short.
        with tempfile.TemporaryDirectory(prefix="layerboot-") as sockets, \
                subprocess.Popen([str(c) for c in self.command(sockets)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as vm:
            for line in vm.stdout:
                lines.append(line.decode(errors="replace").rstrip("\r\n"))
                if "T boots" in lines[-1]:
                    begun = time.monotonic()
                if "reboot: System halted" in lines[-1]:
                    vm.terminate()
                if "T throttle" in lines[-1]:
                    self.throttle(f"{sockets}/qmp")
            status = vm.wait()
        (self.dir / f"console-{number}").write_text("\n".join(lines) + "\n")
        return status, lines, time.monotonic() - begun if begun else 0

    def check(self, number, status, lines, took):
        case, text = self.case, "\n".join(lines)
        errors = [f"the console does not say: {said}" for said in [rf"T boots {number}\b", *case.get("says", [])]
                  if not re.search(said, text, re.M)]
        errors += [f"the console says: {said}" for said in case.get("silent", []) if re.search(said, text)]
        if status != case.get("status", 0):
            errors.append(f"run-vm ended with {status}")
        if len(re.findall(r"layerboot: error\[", text)) != case.get("errors", 0):
            errors.append("the console has other errors")
        if took > case.get("within", 1000):
            errors.append(f"it took {took:.0f} s")
        problems = unclean(self.state)
        if case.get("clean", True):
            return errors + problems
        return errors if problems else [*errors, "the top is clean all the same"]

    def judge(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        lines = []
        try:
            state_disk(self.state)
            for number in range(1, self.case.get("boots", 1) + 1):
                status, lines, took = self.run(number)
                errors = self.check(number, status, lines, took)
                if errors:
                    return [f"boot {number}: {e}" for e in errors], lines
                self.clean += 1
        except Trouble as trouble:
            return [str(trouble)], lines
        finally:
            self.state.unlink(missing_ok=True)
        return [], lines


def show(number, name, errors, lines):
    print(f"{'not ok' if errors else 'ok'} {number} - shutdown {name}")
    for line in [*errors, *("  " + line for line in lines[-40:])] if errors else []:
        print(f"# {line}")
    sys.stdout.flush()
    return not errors


def main():
    p = argparse.ArgumentParser(description=__doc__, epilog="Consoles are left in build/tests/shutdown.")
    p.add_argument("--only", metavar="PATTERN", action="append", help="names of cases, as a shell pattern; may be repeated")
    p.add_argument("--jobs", metavar="N", type=int, default=2, help="boots at the same time (2)")
    p.add_argument("--cycles", metavar="N", type=int, help="only Debian, N times, on as many disks as there are jobs")
    options = p.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="images.", dir=WORK) as directory:
        images = Images(pathlib.Path(directory))
        cases = [c for c in CASES if any(fnmatch.fnmatch(c["name"], o) for o in options.only or ["*"])]
        if options.cycles:
            shares = [len(range(i, options.cycles, options.jobs)) for i in range(options.jobs)]
            cases = [{**c, "name": f"cycles-{i}", "boots": share} for c in CASES if c["name"] == "debian"
                     for i, share in enumerate(shares, 1) if share]
        ends = [End(c, k, images) for c in cases for k in c.get("kernels", ["cloud"])]
        images.make(any("debian" in e.case for e in ends), sorted({e.kernel for e in ends if "debian" not in e.case}))
        print(f"1..{len(ends)}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = pool.map(lambda e: e.judge(), ends)
            good = [show(n, e.name, *r) for n, (e, r) in enumerate(zip(ends, results), 1)]
    if options.cycles:
        clean = sum(e.clean for e in ends)
        print(f"# {clean} cycles clean, {options.cycles - clean} not")
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
