"""The initramfs tools of Debian, each run in a Debian of its own, which mmdebstrap makes and forgets: nothing of them
is installed on this machine."""
import hashlib
import pathlib
import platform
import shlex
import subprocess

from common import ROOT, Trouble, run

# What each tool is told. RELEASE is the kernel, OUT the file to make. Everything else is the package's default.
ROOTS = {
    "initramfs-tools": {
        "packages": "initramfs-tools busybox zstd e2fsprogs",
        "make": {"stock": "mkinitramfs -o OUT RELEASE"},
    },
    "overlayroot": {
        "packages": "initramfs-tools busybox zstd e2fsprogs overlayroot",
        "make": {"overlayroot": "mkinitramfs -o OUT RELEASE"},
    },
    "live-boot": {
        "packages": "initramfs-tools busybox zstd live-boot live-boot-initramfs-tools",
        # in place of boot=live, so that the command line is the same for all
        "make": {"live-boot": "echo BOOT=live >/etc/initramfs-tools/conf.d/boot; mkinitramfs -o OUT RELEASE"},
    },
    "dracut": {
        "packages": "dracut-core systemd systemd-sysv udev zstd e2fsprogs",
        "make": {
            # Its disk is read-only, which e2fsck refuses and dracut takes for a damaged one: no fsck, which helps it.
            "dracut": "dracut --force --nofscks --add overlay-root --omit 'systemd systemd-initrd dracut-systemd' "
                      "--kver RELEASE OUT",
            "dracut-systemd": "dracut --force --nofscks --add 'overlay-root systemd dracut-systemd' --kver RELEASE OUT",
        },
    },
    "tiny-initramfs": {
        "packages": "tiny-initramfs-core cpio kmod xz-utils",
        # it cannot load compressed modules
        "make": {"tiny-initramfs": "find /lib/modules/RELEASE/ -name 'virtio*.ko.xz' -exec xz -d {} +; depmod RELEASE; "
                                   "mktirfs -o OUT -m no -M no --include-modules=virtio_blk RELEASE"},
    },
}


def hooks(recipe, kernel, out, names):
    """What mmdebstrap does with the new root, in order."""
    yield 'mkdir -p "$1/usr/lib/modules" "$1/boot" "$1/out"'
    yield f"copy-in {shlex.quote(str(kernel.modules))} /usr/lib/modules"
    yield f"copy-in {shlex.quote(str(kernel.config))} /boot"
    for name in names:
        command = recipe["make"][name].replace("RELEASE", kernel.release).replace("OUT", f"/out/{name}")
        yield f"chroot \"$1\" sh -euc {shlex.quote(command)} >&2"
    for name in names:
        yield f"download /out/{name} {shlex.quote(str(out / name))}.new"


def build(kernel, out, wanted):
    """The files OUT/NAME of those WANTED that are not there yet, or were made by another recipe or kernel."""
    for tool, recipe in ROOTS.items():
        key = hashlib.sha256(f"{recipe} {kernel.release}".encode()).hexdigest()
        names = [name for name in recipe["make"] if name in wanted]
        record = {name: out / f"{name}.recipe" for name in names}
        if all((out / name).exists() and record[name].exists() and record[name].read_text() == key for name in names):
            continue
        print(f"bench-boot: {tool} is made from Debian's packages, one minute or two", flush=True)
        sources = out / f"{tool}.list"
        sources.write_text(run(ROOT / "scripts/apt-private", "sources"))
        suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=null",
                   '--aptopt=APT::Install-Recommends "false"', f"--include={','.join(recipe['packages'].split())}",
                   *(f"--customize-hook={hook}" for hook in hooks(recipe, kernel, out, names)),
                   suite, "-", str(sources)]
        log = out / f"{tool}.log"
        with open(log, "w", encoding="utf-8") as f:
            done = subprocess.run(command, stdout=f, stderr=f, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Trouble(f"{tool} could not be made, mmdebstrap ended with {done.returncode}; the reason stands in {log}")
        for name in names:
            pathlib.Path(f"{out / name}.new").replace(out / name)
            record[name].write_text(key)
