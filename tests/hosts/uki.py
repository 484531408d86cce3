"""mkinitramfs --uki: the firmware of a machine starts kernel, initramfs and command line out of one file."""
import pathlib
import shutil
import subprocess

from guests import KERNELS, ROOT, WAIT, Process, sh

FIRMWARE = pathlib.Path("/usr/share/OVMF")


def system_partition(shelf, uki):
    """A disk with an EFI system partition of type ef00 that holds the image where firmware looks for it."""
    disk, part = shelf.dir / "esp.disk", shelf.dir / "esp.vfat"
    with part.open("wb") as f:
        f.truncate(64 << 20)
    sh("mkfs.vfat", "-F", "32", part)
    sh("mmd", "-i", part, "::EFI", "::EFI/BOOT")
    sh("mcopy", "-i", part, uki, "::EFI/BOOT/BOOTX64.EFI")
    with disk.open("wb") as f:
        f.truncate(66 << 20)
        f.seek(1 << 20)
        with part.open("rb") as source:
            shutil.copyfileobj(source, f)
    sh("sfdisk", "--quiet", disk, input="label: gpt\nstart=2048, size=131072, type=U\n")
    return disk


def make(shelf, name):
    out = shelf.dir / name
    shelf.make_initramfs(f"{name}.cpio", "--kernel-image", shelf.kernel, "--uki", out, "--cmdline",
                         f"console=ttyS0 panic=-1 no_timer_check {WAIT} host=off")
    return out


def boot(shelf, directory, disk, user):
    """QEMU starts no kernel here: the firmware does."""
    variables = shelf.dir / "OVMF_VARS.fd"
    shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", variables)
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-accel", "tcg",
             "-cpu", "max", "-m", "512M", "-serial", "stdio", "-device", "pvpanic-pci", "-action",
             "reboot=shutdown,panic=exit-failure",
             "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.fd",
             "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
    for name, file in (("esp", disk), ("system", shelf.system), ("user", user)):
        words += ["-blockdev", f"driver=raw,node-name={name},read-only=on,file.driver=file,file.filename={file}",
                  "-device", f"virtio-blk-pci,drive={name},serial={name}"]
    with Process(words, directory / "console") as guest:
        return guest.ends(), guest.text()


def unified(shelf, directory):
    uki, again = make(shelf, "system-1.efi"), make(shelf, "again.efi")
    errors = [] if uki.read_bytes() == again.read_bytes() else ["the same input gives other bytes"]
    user = shelf.make_user("user-uki.img", "uki")
    status, text = boot(shelf, directory, system_partition(shelf, uki), user)
    if status != 0 or "T version 1, of uki, boot 1" not in text:
        errors.append(f"QEMU ended with {status}: {text[-3000:]}")
    if "EFI stub" not in text and "efi: EFI v" not in text:
        errors.append("the kernel was not started by EFI")
    return errors + refusals(shelf)


def refusals(shelf):
    """What is missing is named."""
    errors = []
    for words, said in ((["--kernel", shelf.release, "--uki", "x"], "--kernel-image"),
                        (["--kernel-image", shelf.kernel, "--cmdline", "x", "-o", "x"], "--uki"),
                        (["--kernel-image", shelf.kernel, "--uki-stub", "/nowhere", "--uki", shelf.dir / "x"], "systemd-boot-efi")):
        done = subprocess.run([str(w) for w in (ROOT / "scripts/mkinitramfs", "--modules", KERNELS / "cloud", *words)], text=True,
                              capture_output=True, check=False)
        if done.returncode not in (1, 2) or said not in done.stderr:
            errors.append(f"mkinitramfs {words}: {done.returncode}: {done.stderr}")
    return errors


TESTS = [("a unified kernel image is booted by OVMF", unified)]
