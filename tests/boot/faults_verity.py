"""The fault matrix: layers that dm-verity verifies."""
from cases import ALL, MERGED, SITE_LAYER, SYSTEM, SYSTEM_LAYER, USER_LAYER, manifest
from faulty import blkdebug, event, host, lacks, said, throttled
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
    refused("verity-tree", "a bit of the hash tree is flipped", "one byte behind the image", "layer-corrupt", "",
            [one_bit("branch.flipped", "system.verity"), BROKEN], **of_system("branch.flipped")),
    # The layer is mounted, and the init waits for another disk, when the host changes the image.
    fault("verity-changed-while-running", "an image is changed by the host while its guest runs", "dd, when it is mounted",
          [BROKEN, host("test $(cmp -l {dir}/running {file:ext4.verity} | wc -l) -gt 1")], disks=[SYSTEM],
          copies={"running": "ext4.verity"}, replayed=True, layers={"system": "system", "user": "user", "site": "site"},
          files={**ALL, "/etc/only-user": "I/O error"},
          manifest=manifest(SYSTEM_LAYER, SITE_LAYER, (*USER_LAYER, "{verity:ext4.verity}")),
          vm=["--hotplug-ports", "1", *throttled("user", "{dir}/running", "throttling.bps-total=0")],
          acts=[("): mounted filesystem", 0, [
              ("sh", "printf 'another text' | dd of={dir}/running bs=512 seek={sector:ext4.verity:/etc/only-user} conv=notrunc status=none"),
              ("blockdev-add", {"driver": "raw", "node-name": "site", "read-only": True,
                                "file": {"driver": "file", "filename": "{file:site.squashfs}"}}),
              ("device_add", {"driver": "virtio-blk-pci", "drive": "site", "serial": "site", "bus": "hp0"})])]),
    refused("verity-root-hash", "the manifest has another root hash", "16 digits of it", "layer-corrupt", "root hash",
            [host("grep -qa 'verity = 0123456789abcdef' {initramfs}"), BROKEN], disks=[SYSTEM, ("user", "user.verity")],
            manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "{wrong:user.verity}"))),
    refused("verity-short", "a verified image is shorter than the manifest says", "its last 4 KiB are missing",
            "layer-short", "", [host("test $(stat -c %s {file:short.verity}) -eq $(($(stat -c %s {file:system.verity}) - 4096))")],
            **of_system("short.verity")),
    refused("verity-swapped", "the disks of two verified layers were swapped", "each has the other's serial",
            "layer-corrupt", "root hash", [host("grep -q ' user=[^ ]*site.verity site=[^ ]*user.verity' {dir}/command"), BROKEN],
            disks=[SYSTEM, ("user", "site.verity"), ("site", "user.verity")],
            manifest=manifest(SYSTEM_LAYER, (*SITE_LAYER, "{verity:site.verity}"), USER_VERIFIED)),
    refused("verity-missing-module", "the initramfs lacks dm-verity", "mkinitramfs --omit-module", "module-missing", "verity",
            [lacks("dm-verity")], omit=["dm-verity"], **of_user("user.verity")),
    refused("verity-read-error", "a disk below dm-verity cannot be read", "blkdebug, EIO", "layer-read", "",
            [event("BLOCK_IO_ERROR", operation="read"), said("I/O error, dev vd")], disks=[SYSTEM],
            foreseen="of a disk whose type is given nothing is read before it is verified",
            manifest=manifest(SYSTEM_LAYER, USER_VERIFIED), vm=blkdebug("user", "{file:user.verity}", "event=read_aio,errno=5")),
    fault("verity-panic", "a bit is flipped, and the manifest wants a panic", "on-corruption = panic",
          [one_bit("first.flipped", "user.verity"), BROKEN], ends="Kernel panic - not syncing: dm-verity device corrupted",
          expected="the kernel panics", **of_user("first.flipped", "on-corruption = panic")),
    fault("verity-restart", "a bit is flipped, and the manifest wants a restart", "on-corruption = restart",
          [one_bit("first.flipped", "user.verity"), BROKEN], ends="restart", expected="restarts", status=5,
          **of_user("first.flipped", "on-corruption = restart")),
]
