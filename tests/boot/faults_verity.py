"""The fault matrix: layers that dm-verity verifies."""
from cases import MERGED, SYSTEM, SYSTEM_LAYER, USER_LAYER, manifest
from faulty import host, said
from faults_disks import fault, refused

USER_VERIFIED = (*USER_LAYER, "{verity:user.verity}")
SYSTEM_VERIFIED = (*SYSTEM_LAYER, "{verity:system.verity}")
BROKEN = said(r"device-mapper: verity: .*(data|metadata) block \d+ is corrupted|verity.*corrupted")


def of_system(image):
    return dict(disks=[("system", image)], manifest=manifest(SYSTEM_VERIFIED))


def of_user(image, *keys):
    return dict(disks=[SYSTEM, ("user", image)], manifest=manifest(SYSTEM_LAYER, (*USER_VERIFIED, *keys)))


def one_bit(image, of):
    return host(f"test $(cmp -l {{file:{image}}} {{file:{of}}} | wc -l) -eq 1")


VERITY = [
    refused("verity-first-block", "a bit of the first block of a verified image is flipped", "one byte of the image",
            "layer-corrupt", "root hash", [one_bit("first.flipped", "user.verity"), BROKEN], **of_user("first.flipped")),
    refused("verity-mount", "a bit of a block that the mount reads is flipped", "one byte of the image", "layer-corrupt",
            "", [one_bit("last.flipped", "system.verity"), BROKEN], **of_system("last.flipped")),
    fault("verity-data", "a bit of a file's data is flipped", "one byte of the image", [one_bit("file.flipped", "ext4.verity"), BROKEN],
          disks=[SYSTEM, ("user", "file.flipped")], files={**MERGED, "/etc/only-user": "I/O error"},
          manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "{verity:ext4.verity}"))),
    refused("verity-root-hash", "the manifest has another root hash", "16 digits of it", "layer-corrupt", "root hash",
            [host("grep -qa 'verity = 0123456789abcdef' {initramfs}"), BROKEN], disks=[SYSTEM, ("user", "user.verity")],
            manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "{wrong:user.verity}"))),
    refused("verity-short", "a verified image is shorter than the manifest says", "its last 4 KiB are missing",
            "layer-short", "", [host("test $(stat -c %s {file:short.verity}) -eq $(($(stat -c %s {file:system.verity}) - 4096))")],
            **of_system("short.verity")),
]
