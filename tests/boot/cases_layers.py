"""Layers that are files in a disk, directories of an image, partitions; what they may hold, and how they delete."""
from cases import ABSENT, ALL, ALONE, BOTH, MAIN, MERGED, SYSTEM, SYSTEM_LAYER, TWO, USER_LAYER, manifest

CARRIED = manifest(("all", "SERIAL=carrier", "image = layers/*.squashfs"))
PROTECTED_GLOB = manifest(("all", "SERIAL=carrier", "image = layers/*.squashfs", "protect = /etc/which"))
UNIONFS = TWO.replace("version = 1\n", "version = 1\nunion = unionfs\n")
CARRIED_HELD = {"layers": {"all.1": "system", "all.2": "site", "all.3": "user"}}


def user(*keys):
    return manifest(SYSTEM_LAYER, (*USER_LAYER, *keys))


def refused(name, image, said, *keys, word="layer-privileged", **row):
    return dict(name=name, disks=[SYSTEM, ("user", image)], manifest=user(*(keys or ["trust = untrusted"])), word=word,
                status=1, also=said, **row)


CASES_LAYERS = [
    # The other types that a layer may have; these images delete nothing.
    *[dict(name=f"type-{kind}", disks=[SYSTEM, ("user", f"user.{kind}")], files={**MERGED, "/etc/deleted": "system"},
           kernels=BOTH, also=f" {kind}, ") for kind in ("btrfs", "xfs")],
    dict(name="type-iso9660", disks=[("system", "system.iso9660"), ("user", "user.squashfs")], files=MERGED,
         kernels=BOTH, also=" iso9660, "),
    # What the commands say in a guest.
    dict(name="guest-commands", disks=[("system", "guest.squashfs"), ("user", "user.squashfs")], kernels=BOTH,
         files=MERGED, also=["T run user    vd", "T run top: tmpfs, writes are lost at power-off",
                             "T run /etc/which: top (file, 7 bytes); shadows user (file, 4 bytes), system (file, 6 bytes)",
                             "T run /etc/deleted: deleted by user; was in system (file, 6 bytes)",
                             "T run /etc/only-system: system (file, 6 bytes)",
                             "T run /proc/cmdline: not of the union: proc on /proc", "T run D /etc/deleted",
                             "T run C /etc/which", "T run A /etc/written", "T run layerboot: grow: "]),

    # Files in a disk.
    dict(name="image-glob-ext4", disks=[("carrier", "carrier.ext4")], files=ALL, kernels=BOTH, manifest=CARRIED,
         **CARRIED_HELD),
    dict(name="image-glob-vfat", replayed=True, disks=[("carrier", "carrier.vfat")], files=ALL, kernels=BOTH, manifest=CARRIED,
         **CARRIED_HELD),
    dict(name="image-glob-iso9660", replayed=True, disks=[("carrier", "carrier.iso9660")], files=ALL, manifest=CARRIED, **CARRIED_HELD),
    dict(name="image-glob-writable-disk", disks=[("carrier", "carrier.ext4", "rw")], files=ALL, manifest=CARRIED,
         **CARRIED_HELD),
    dict(name="image-single", disks=[("carrier", "carrier.ext4"), ("user", "user.squashfs")], files=MERGED,
         manifest=manifest(("system", "SERIAL=carrier", "image = /layers/1-system.squashfs"), USER_LAYER)),
    dict(name="image-with-type", replayed=True, disks=[("carrier", "carrier.vfat")], files=ALL, **CARRIED_HELD,
         manifest=manifest(("all", "SERIAL=carrier", "image = layers/*.squashfs", "type = squashfs"))),
    dict(name="image-missing", disks=[SYSTEM, ("carrier", "carrier.ext4")], word="image-missing", status=1,
         also="no file matches layers/*.none on vd",
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/*.none"))),
    dict(name="image-optional", disks=[SYSTEM, ("carrier", "carrier.ext4")], files=ALONE, layers={"system": "system"},
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = nowhere/*", "required = no"))),
    dict(name="image-of-no-type", disks=[SYSTEM, ("carrier", "carrier.ext4")], word="layer-type", status=1,
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/readme"))),
    # A symlink on the disk is followed on the disk, and nowhere else: /init is a file of the initramfs.
    dict(name="image-symlink-inside", disks=[SYSTEM, ("carrier", "carrier-links.ext4")], files=MERGED, replayed=True,
         layers={"system": "system", "user": "user"},
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/inside.img", "type = squashfs"))),
    *[dict(name=f"image-symlink-{way}", disks=[SYSTEM, ("carrier", "carrier-links.ext4")], word="layer-read", status=1,
           also=f"layers/{way}.img on vd", kernels=BOTH if way == "out" else ["cloud"],
           manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", f"image = layers/{way}.img", "type = squashfs")))
      for way in ("out", "up")],
    dict(name="loop-left-out", disks=[("carrier", "carrier.ext4")], omit=["loop"], manifest=CARRIED,
         word="module-missing", status=1),
    # Directories of one image, as layers of their own.
    dict(name="subdir", disks=[("both", "both.squashfs")], files=MERGED, kernels=BOTH,
         manifest=manifest(("system", "SERIAL=both", "subdir = roots/system"),
                           ("user", "SERIAL=both", "subdir = /roots/user"))),
    dict(name="subdir-symlink-stays-inside", disks=[("both", "both.squashfs")], files=MERGED,
         manifest=manifest(("system", "SERIAL=both", "subdir = roots/absolute"),
                           ("user", "SERIAL=both", "subdir = roots/user"))),
    dict(name="subdir-missing", disks=[("both", "both.squashfs")], word="layer-mount", status=1,
         also="No such file or directory", manifest=manifest(("system", "SERIAL=both", "subdir = roots/none"))),
    # Names of cloud volumes.
    dict(name="wwn-scsi", disks=[SYSTEM], files=MERGED, manifest=manifest(SYSTEM_LAYER, ("user", "WWN=0x5000c50015ea71ac")),
         replayed=True, layers={"system": "system", "user": "user"},
         vm=["--qemu-arg=-device", "--qemu-arg=virtio-scsi-pci,id=wide", "--qemu-arg=-drive",
                            "--qemu-arg=if=none,id=wwn,format=raw,readonly=on,file={file:user.squashfs}",
                            "--qemu-arg=-device", "--qemu-arg=scsi-hd,drive=wwn,bus=wide.0,wwn=0x5000c50015ea71ac"]),
    dict(name="wwn-nvme", disks=[SYSTEM], files=MERGED, manifest=manifest(SYSTEM_LAYER, ("user", "WWN=nvme.1b36-766f6c756d652d30313233343536373839-"
                           "51454d55204e564d65204374726c-00000001")),
         replayed=True, layers={"system": "system", "user": "user"},
         vm=["--qemu-arg=-drive", "--qemu-arg=if=none,id=eui,format=raw,readonly=on,"
                            "file={file:user.squashfs}", "--qemu-arg=-device",
                            "--qemu-arg=nvme,id=ctl,serial=volume-0123456789", "--qemu-arg=-device",
                            "--qemu-arg=nvme-ns,bus=ctl,drive=eui"]),
    dict(name="nvme-volume-serial", disks=[SYSTEM, ("vol0123456789abcdef0", "user.squashfs", "bus=nvme")], files=MERGED,
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=vol0123456789abcdef0"))),

    # As many as there are.
    dict(name="sixty-four-images", disks=[SYSTEM, ("many", "many.ext4")], files={**ALONE, "/etc/n63": "63", "/etc/n0": "0",
         "/etc/last": "63"}, kernels=BOTH, layers={"system": "system"},
         manifest=manifest(SYSTEM_LAYER, ("many", "SERIAL=many", "image = first/*"))),
    dict(name="sixty-four-partitions", disks=[SYSTEM, ("many", "many.gpt")], files={**ALONE, "/etc/n63": "63",
         "/etc/n0": "0", "/etc/last": "63"}, kernels=BOTH, layers={"system": "system"},
         manifest=manifest(SYSTEM_LAYER, *[(f"p{i}", f"PARTLABEL=part{i}") for i in range(64)])),
    dict(name="more-than-a-page", disks=[SYSTEM, ("many", "many.ext4")], word="union-unsupported", status=1,
         also="the options for 131 layers need more than the 4095 bytes that mount(2) takes",
         manifest=manifest(SYSTEM_LAYER, ("a-very-long-name-for-layers-here", "SERIAL=many", "image = all/*"))),
    dict(name="more-than-a-page-of-mount", disks=[SYSTEM, ("many", "many.ext4")], files={**ALONE, "/etc/n129": "129"},
         kernels=["6.12-cloud"], layers={"system": "system"},
         manifest=manifest(SYSTEM_LAYER, ("a-very-long-name-for-layers-here", "SERIAL=many", "image = all/*"))),

    # What an untrusted layer may not hold; and what comes of it in a trusted one.
    dict(name="untrusted-clean", disks=MAIN, files=MERGED, manifest=user("trust = untrusted"), kernels=BOTH,
         report={"layers.1.trust": "untrusted", "layers.1.entries": 6, "layers.1.entries_max": 2000000}),
    refused("untrusted-setuid", "setuid.ext4", "/etc/program: a set-user-ID program"),
    refused("untrusted-capability", "capability.ext4", "/etc/program: "),
    refused("untrusted-device", "device.ext4", "/etc/disk: "),
    refused("untrusted-redirect", "redirect.ext4", "/etc/d: the attribute trusted.overlay.redirect"),
    refused("untrusted-metacopy", "metacopy.ext4", "/etc/only-user: the attribute trusted.overlay.metacopy"),
    refused("untrusted-deep", "deep.ext4", "directories nested too deep", word="limit",
            foreseen="the layer is not walked by plan, but by layerboot check"),
    dict(name="trusted-setuid-and-device", disks=[SYSTEM, ("user", "privileged.ext4")], files=MERGED,
         stats={"/etc/program": "104755 0:0", "/etc/disk": "60666 0:0"}),
    refused("only-outside", "user.squashfs", ": ", "only = /etc/d /opt", word="layer-outside", kernels=BOTH),
    dict(name="only-inside", disks=MAIN, files=MERGED, manifest=user("only = /etc")),

    # Deletions in other notations.
    dict(name="whiteouts-wh", disks=[SYSTEM, ("user", "wh.squashfs")], kernels=BOTH, manifest=user("whiteouts = wh"),
         files={**MERGED, "/etc/.wh.deleted": ABSENT, "/etc/d/of-system": ABSENT, "/etc/d/.wh..wh..opq": ABSENT},
         layers={"system": "system", "user": "user", "user+above": ABSENT, "user+below": ABSENT},
         report={"union.lowerdirs": ["system", "user+below", "user", "user+above"]}),
    dict(name="whiteouts-xattr", disks=[SYSTEM, ("user", "xattr.ext4")], kernels=BOTH, manifest=user("whiteouts = xattr"),
         files=MERGED, layers={"system": "system", "user": "user", "user+above": ABSENT, "user+below": ABSENT}),

    # What stays as a layer has it.
    dict(name="protect", disks=MAIN, files={**MERGED, "/etc/which": "system"}, kernels=BOTH,
         manifest=manifest((*SYSTEM_LAYER, "protect = /etc/which"), USER_LAYER),
         writes=["/etc/written: written", "/etc/which: Read-only file system"],
         upper=["/run/layerboot/top/upper/etc/which: No such file or directory",
                "/run/layerboot/top/upper/etc/written: written"]),
    dict(name="protect-of-a-glob", disks=[("carrier", "carrier.ext4")], word="manifest-invalid", status=1,
         inject={"etc/layerboot/manifest": PROTECTED_GLOB}, planned=PROTECTED_GLOB),
    dict(name="protect-unreachable", disks=MAIN, word="protect-unreachable", status=1,
         manifest=manifest((*SYSTEM_LAYER, "protect = /etc/deleted"), USER_LAYER), also="protect /etc/deleted"),

    # Which kernel a layer is made for.
    dict(name="kernel-of-another", disks=MAIN, word="modules-missing", status=1,
         manifest=manifest((*SYSTEM_LAYER, "kernel = 5.10.0-1-amd64 5.10.0-2-amd64"), USER_LAYER),
         also="and the layer has the modules of 5.10.0-1-amd64 and others"),
    dict(name="kernel-this", disks=MAIN, files=MERGED,
         manifest=manifest((*SYSTEM_LAYER, "kernel = 5.10.0-1-amd64 {release}"), USER_LAYER)),
    dict(name="kernel-any-warns", disks=MAIN, files=MERGED, manifest=manifest((*SYSTEM_LAYER, "kernel = any"), USER_LAYER),
         also="layer system has no modules of kernel "),
    dict(name="identity", disks=MAIN, files=MERGED, manifest=manifest((*SYSTEM_LAYER, "identity = release-7"), USER_LAYER),
         report={"layers.0.identity": "release-7"}),

    # What a layer was made on.
    dict(name="base-below", disks=[SYSTEM, ("user", "made.squashfs")], files=MERGED, report={"warnings": []},
         manifest=manifest((*SYSTEM_LAYER, "identity = release-7"), (*USER_LAYER, "base-mismatch = error"))),
    dict(name="base-mismatch-warns", disks=[SYSTEM, ("user", "made.squashfs")], files=MERGED, kernels=BOTH,
         also='layerboot: warning[base-mismatch]: layer "user": it was made on release-7, and below it is system (sb-'),
    dict(name="base-mismatch-verified", disks=[("system", "system.verity"), ("user", "made.squashfs")], files=MERGED,
         manifest=manifest((*SYSTEM_LAYER, "{verity:system.verity}"), USER_LAYER),
         also='warning[base-mismatch]: layer "user": it was made on release-7, and below it is system ('),
    dict(name="base-mismatch-fails", disks=[SYSTEM, ("user", "made.squashfs")], word="base-mismatch", status=1,
         foreseen="what a layer was made on is read when it is mounted, and by layerboot check",
         manifest=user("base-mismatch = error"), also="mklayer --rebase"),

    # Other unions.
    dict(name="aufs-nowhere", disks=MAIN, word="union-unsupported", status=1, foreseen="what the kernel has",
         manifest="version = 1\nunion = aufs\n" + user()[len("version = 1\n"):]),
    dict(name="unionfs", disks=MAIN, files=MERGED, kernels=BOTH, rename="done", union=False, children="some",
         memory=8192, manifest=UNIONFS),
    dict(name="unionfs-left-out", disks=MAIN, word="union-unsupported", status=1, planned=UNIONFS,
         foreseen="what is in the initramfs",
         inject={"etc/layerboot/manifest": UNIONFS}, options=["--set", "union-unionfs"], also="no /sbin/unionfs"),
    dict(name="redirect-on", disks=MAIN, files=MERGED, union=False, rename="done",
         manifest="version = 1\nredirect = on\n" + user()[len("version = 1\n"):]),
]
