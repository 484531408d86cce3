"""Plain QEMU with qcow2 overlays: initramfs/examples/qemu-qcow2 through an upgrade and back."""
import os
import subprocess

from guests import EXAMPLES, ROOT, TOP, WAIT, Trouble, sh, state_disk
from sharing import checksum

SCRIPT = EXAMPLES / "qemu-qcow2"


def example(shelf, *words):
    done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "FLEET": str(shelf.dir), "RUN_VM": str(ROOT / "scripts/run-vm")})
    if done.returncode:
        raise Trouble(f"qemu-qcow2 {' '.join(words)}: {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def boot(shelf, directory, name, wanted, step):
    text = example(shelf, "boot", name, "--accel", "tcg", "--memory", "192M", "--append", WAIT)
    (directory / f"{step}.console").write_text(text)
    return [] if wanted in text else [f"{step}: the guest did not say {wanted!r}: {text[-1000:]}"]


def way_back(shelf, directory):
    # The same manifest and kernel for both versions: what matters is that each name is its own file.
    manifest = shelf.write("manifest-qcow2", TOP)
    old = shelf.dir / "fleet"
    old.mkdir()
    for version in "12":
        shelf.make_initramfs(f"fleet/initramfs-{version}.cpio", "--manifest", manifest)
        os.link(shelf.kernel, old / f"vmlinuz-{version}")
    os.link(shelf.system, old / "system-1.img")
    shelf.make_system("fleet/system-2.img", "2")
    shelf.make_user("fleet/user-web.img", "web")
    template = state_disk(old / "state.img")
    before = checksum(template), checksum(shelf.system)
    fleet = Fleet(old)
    example(fleet, "new", "web", "1")
    errors = boot(fleet, directory, "web", "T version 1, of web, boot 1", "first")
    example(fleet, "upgrade", "web", "2")
    errors += boot(fleet, directory, "web", "T version 2, of web, boot 2", "upgraded")
    example(fleet, "back", "web")
    # What was written under version 2 is gone, what was before it is there.
    errors += boot(fleet, directory, "web", "T version 1, of web, boot 2", "back")
    if (checksum(template), checksum(shelf.system)) != before:
        errors.append("a shared image is not the same as before")
    return errors + lineage(old)


def lineage(directory):
    chain = sh("qemu-img", "info", "--backing-chain", directory / "web.tops/1.qcow2")
    return [] if str(directory / "state.img") in chain else [f"the chain: {chain}"]


class Fleet:
    def __init__(self, directory):
        self.dir = directory


TESTS = [("qcow2 overlays: an upgrade and the way back", way_back)]
