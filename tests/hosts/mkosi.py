"""initramfs/examples/mkosi: mkosi understands it, and its script embeds an initramfs that boots. No image is built: that
takes minutes of a distribution's packages and nothing of layerboot."""
import os
import re
import shutil
import subprocess

from guests import EXAMPLES, KERNELS, ROOT, Process, Trouble

RECIPE = EXAMPLES / "mkosi"


def understood(_shelf, _directory):
    if not shutil.which("mkosi"):
        raise Trouble("there is no mkosi; run scripts/setup")
    # It speaks on the standard error.
    text = subprocess.run(["mkosi", "summary"], cwd=RECIPE, capture_output=True, text=True, check=True).stderr
    return [f"mkosi does not say: {said}" for said in (
        r"Output Format: plain_squashfs", r"Distribution: debian", rf"Finalize Script: {re.escape(str(RECIPE))}/mkosi.finalize",
        "linux-image-cloud-amd64", r"Read-only: yes") if not re.search(said, text)]


def finalize(shelf, root, out, verb="final"):
    """As mkosi calls it: the tree in $BUILDROOT, the place of the image in $OUTPUTDIR."""
    return subprocess.run([RECIPE / "mkosi.finalize", verb], capture_output=True, text=True, check=False, env={
        **os.environ, "BUILDROOT": str(root), "OUTPUTDIR": str(out), "CMDLINE": "panic=-1",
        "MKINITRAMFS": str(ROOT / "scripts/mkinitramfs")})


def embedded(shelf, directory):
    root, out = shelf.dir / "buildroot", shelf.dir / "mkosi"
    (root / "boot").mkdir(parents=True)
    (root / "usr/lib/modules").mkdir(parents=True)
    out.mkdir()
    (root / "lib").symlink_to("usr/lib")
    (root / "usr/lib/modules" / shelf.release).symlink_to(KERNELS / "cloud/lib/modules" / shelf.release)
    without = finalize(shelf, root, out)
    errors = [] if without.returncode and "one kernel" in without.stderr else ["an image without a kernel is accepted"]
    shutil.copy(shelf.kernel, root / "boot" / f"vmlinuz-{shelf.release}")
    if finalize(shelf, root, out, "build").returncode or list(out.iterdir()):
        errors.append("it does something to the image that only builds")
    done = finalize(shelf, root, out)
    if done.returncode:
        return [*errors, f"mkosi.finalize: {done.stderr}"]
    inside = root / "boot" / f"initrd.img-{shelf.release}"
    if inside.read_bytes() != (out / "system.initramfs.cpio").read_bytes():
        errors.append("the initramfs in the image is not the one beside it")
    if b"panic=-1" not in (out / "system.efi").read_bytes():
        errors.append("the unified kernel image has no command line")
    command = shelf.run_vm("--kernel", out / "system.vmlinuz", "--initramfs", inside, f"system={shelf.system}")
    with Process(command, directory / "console") as guest:
        if guest.ends() != 0 or "T version 1, of nobody, boot 1" not in guest.text():
            errors.append(f"what is embedded does not boot: {guest.text()[-1000:]}")
    return errors


TESTS = [("mkosi understands the recipe", understood), ("mkosi: what is embedded boots", embedded)]
