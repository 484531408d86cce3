"""The fault matrix: disks, manifests and file systems. What a row is made of stands in faulty.py and cases.py."""
from cases import (ALL, ALONE, LAYERS_BEHIND, MAIN, MERGED, SITE, SYSTEM, SYSTEM_LAYER, THREE, TWO, USER, USER_LAYER,
                   manifest)
from fault_images import PATCHED
from faulty import answered, blkdebug, bytes_at, event, host, said, throttled

USER_FILE = "{file:user.squashfs}"
READ_ERROR = [event("BLOCK_IO_ERROR", operation="read", action="report"), said(r"I/O error, dev (vd|sd)")]
SHORT = "layerboot.timeout=2"


def user(*keys):
    return manifest(SYSTEM_LAYER, (*USER_LAYER, *keys))


def fault(name, what, made, proof, disks=MAIN, **row):
    return dict(name=name, fault=what, made=made, proof=proof, disks=disks, **row)


def refused(name, what, made, word, also, proof, disks=MAIN, **row):
    return fault(name, what, made, proof, disks=disks, word=word, also=also, status=1, **row)


def patched(name, what, word, also, keys=(), **row):
    """The user's image is one of PATCHED."""
    offset, data = PATCHED[name][1:3]
    return refused(name.replace(".", "-"), what, f"bytes at {offset}: {data}", word, also,
                   [bytes_at(name, offset, data)], disks=[SYSTEM, ("user", name)], manifest=user(*keys), **row)


def stalled(name, what, limits, serial, disks=(SYSTEM,), behind=(), **row):
    """One byte a second, after a burst of that many bytes."""
    return fault(name, what, f"throttling {limits}", [answered("query-block", '"bps": 1[,}]')], disks=list(disks),
                 vm=[*throttled(serial, USER_FILE, limits), *behind],
                 acts=[("Run /init as init process", 1, [("query-block", {})])], **row)


def unplugged(name, what, **row):
    """The user's disk goes when its layer is mounted, while the init still waits for the site's, which comes then."""
    mounted = "): mounted filesystem"
    return fault(name, what, "device_del, then device_add of the last disk", [event("DEVICE_DELETED", device="gone")],
                 disks=[SYSTEM], vm=["--hotplug-ports", "2", *throttled("user", "{file:user.ext4}", "throttling.bps-total=0",
                                                                       node="gone-drive", also=",id=gone,bus=hp0")],
                 # The kernel says it during the mount, whose helper has then to look at the layer still.
                 acts=[(mounted, 3, [("device_del", {"id": "gone"}), ("event", "DEVICE_DELETED")]),
                       (mounted, 0, [
                           ("blockdev-add", {"driver": "raw", "node-name": "site", "read-only": True,
                                             "file": {"driver": "file", "filename": "{file:site.squashfs}"}}),
                           ("device_add", {"driver": "virtio-blk-pci", "drive": "site", "serial": "site", "bus": "hp1"})])],
                 **row)


MANIFEST_AT = "layerboot.manifest=SERIAL=text"


def sick(name, what, image, said_, proof):
    return refused("manifest-" + name, what, f"a raw disk with {image}", "manifest-invalid", f"SERIAL=text{said_}",
                   [host(proof.replace("IMAGE", "{file:" + image + "}"))], disks=[*MAIN, ("text", image)],
                   append=MANIFEST_AT)


DISKS = [
    refused("disk-missing", "a required disk is not there", "not attached", "layer-missing",
            'layer "user": no disk with SERIAL=user after 2 s; seen: vda (SERIAL=system',
            [host("! grep -q ' user=' {dir}/command")], disks=[SYSTEM], manifest=TWO, append=SHORT),
    fault("disk-missing-optional", "an optional disk is not there", "not attached",
          [host("! grep -q ' user=' {dir}/command")], disks=[SYSTEM], files=ALONE,
          also="layer user: absent, no disk with SERIAL=user"),
    refused("disks-none", "there is no disk at all", "none attached", "layer-missing", "seen: no disk at all",
            [host("! grep -qE ' (user|system)=' {dir}/command")], disks=[], append=SHORT),
    fault("disk-late", "a required disk comes 2 s after the init", "device_add",
          [answered("device_add", "{}"), said(r"Run /init[\s\S]*\[vd[a-z]\][\s\S]*\[vd[a-z]\]")], disks=[SYSTEM],
          late=USER, files=MERGED, manifest=TWO, append="layerboot.timeout=60"),
    fault("disk-slow", "a disk gives 64 KB a second", "throttling.bps-total=65536",
          [answered("query-block", '"bps": 65536[,}]')], disks=[SYSTEM], files=MERGED, replayed=True, manifest=TWO,
          layers={"system": "system", "user": "user"}, append="layerboot.timeout=100",
          vm=throttled("user", USER_FILE, "throttling.bps-total=65536"),
          acts=[("Run /init as init process", 0, [("query-block", {})])]),
    refused("disk-duplicate", "two disks have the serial that a layer asks for", "attached twice", "layer-duplicate",
            "2 disks match SERIAL=user", [host("grep -q ' user=.* user=' {dir}/command")],
            disks=[SYSTEM, USER, ("user", "site.squashfs")]),
    refused("disk-duplicate-label", "a copy of the user's disk is there, too", "attached twice, other serials",
            "layer-duplicate", "2 disks match LABEL=userdata",
            [host("cmp {file:user.ext4} {file:twin.ext4} && grep -q 'twin.ext4' {dir}/command")],
            disks=[SYSTEM, ("a", "user.ext4"), ("b", "twin.ext4")],
            manifest=manifest(SYSTEM_LAYER, ("user", "LABEL=userdata"))),
    refused("disk-for-two-layers", "one disk is the source of two layers", "both serials in the manifest",
            "layer-duplicate", "one disk", [host("grep -c 'SERIAL=system' {dir}/manifest | grep -qx 2")],
            disks=[SYSTEM], manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=system"))),
    refused("serial-cut", "two serials are the same in the 20 bytes that virtio keeps", "longer serials in the manifest",
            "serial-collision", "exactly-twenty-bytes", [host("grep -c 'SERIAL=exactly-twenty-bytes-' {dir}/manifest | grep -qx 2")],
            disks=[SYSTEM, ("exactly-twenty-bytes", "user.squashfs")],
            manifest=manifest(SYSTEM_LAYER, ("a", "SERIAL=exactly-twenty-bytes-a"), ("b", "SERIAL=exactly-twenty-bytes-b"))),
    fault("disks-reordered", "the disks come in another order", "attached upper layers first",
          [host("grep -q ' user=.* site=.* system=' {dir}/command")], disks=[USER, SITE, SYSTEM], files=ALL,
          manifest=THREE),
    refused("read-error", "every read of a disk fails", "blkdebug, EIO", "layer-read", "I/O error",
            READ_ERROR, disks=[SYSTEM], vm=blkdebug("user", USER_FILE, "event=read_aio,errno=5")),
    refused("read-error-scsi", "every read of a SCSI disk fails", "blkdebug, EIO", "layer-read", "sda",
            [event("BLOCK_IO_ERROR", operation="read"), said("critical medium error|Sense Key|I/O error, dev sda")],
            disks=[SYSTEM], vm=["--qemu-arg=-device", "--qemu-arg=virtio-scsi-pci,id=bus",
                                *blkdebug("user", USER_FILE, "event=read_aio,errno=5", device="scsi-hd,bus=bus.0")]),
    refused("read-error-at-the-mount", "every read fails of a disk that is not probed", "blkdebug, EIO; type given",
            "layer-mount", "as squashfs: I/O error", READ_ERROR, disks=[SYSTEM],
            manifest=user("type = squashfs"), vm=blkdebug("user", USER_FILE, "event=read_aio,errno=5")),
    fault("read-error-once", "a read of a disk fails once", "blkdebug, EIO, once", READ_ERROR, disks=[SYSTEM],
          files=MERGED, replayed=True, manifest=TWO, layers={"system": "system", "user": "user"},
          vm=blkdebug("user", USER_FILE, "event=read_aio,errno=5,once=on,sector=2")),
    stalled("host-stall", "a disk never answers", "throttling.bps-total=1", "user", word="layer-stalled", status=1,
            manifest=TWO, append="edd=off layerboot.timeout=5", also='layer "user"'),
    stalled("host-stall-later", "a disk stops answering after its first 8 KiB",
            "throttling.bps-total=1,throttling.bps-total-max=8192", "user", word="layer-stalled", status=1,
            manifest=user("type = squashfs"), append="edd=off layerboot.timeout=5", also='layer "user": /dev/vd'),
    stalled("host-stall-of-another", "a disk that no layer is on never answers", "throttling.bps-total=1", "other",
            files=ALONE, manifest=manifest(SYSTEM_LAYER), replayed=True, layers={"system": "system"}, append="edd=off layerboot.timeout=20",
            # A device that its driver waits for is never let go: the guest cannot power off, and resets itself.
            args=["reset"], env=["edd=off"], children="some", status=5),
    stalled("host-stall-ahead", "a disk that no layer is on never answers, and their disks are behind it on the bus",
            "throttling.bps-total=1", "other", disks=(), behind=LAYERS_BEHIND, files=MERGED, replayed=True,
            layers={"system": "system", "user": "user"}, append="edd=off layerboot.timeout=100", args=["reset"],
            env=["edd=off"], children="some", status=5),
    refused("truncated", "a copy of an image was broken off", "its first 12 KiB", "layer-mount", "as squashfs: ",
            [host("test $(stat -c %s {file:cut.squashfs}) -eq 12288 -a "
                  "$(od -An -td8 -j40 -N8 {file:cut.squashfs}) -gt 12288")],
            disks=[("system", "cut.squashfs")]),
    refused("truncated-ext4", "an ext4 image is shorter than its superblock says", "its first 4 of 16 MiB",
            "layer-mount", "bad geometry: block count 16384 exceeds size of device",
            [host("test $(stat -c %s {file:short.ext4}) -eq $((4 << 20))")], disks=[SYSTEM, ("user", "short.ext4")]),
    refused("truncated-image-file", "an image file in a disk is shorter than its superblock says", "its first half",
            "layer-mount", "system.squashfs", [host("debugfs -R 'stat system.squashfs' {file:cut-carrier} 2>/dev/null | grep -q Size")],
            disks=[("carrier", "cut-carrier")],
            manifest=manifest(("system", "SERIAL=carrier", "image = system.squashfs"))),
    unplugged("unplugged", "a disk is unplugged when it was seen already", word="layer-missing", status=1,
              manifest=THREE, also='layer "user"', append="layerboot.timeout=30 layerboot.log=debug"),
    fault("sectors-4k", "a disk has sectors of 4 KiB", "logical_block_size=4096",
          [said(r"\[vd[a-z]\] \d+ 4096-byte logical blocks")], disks=[SYSTEM], files=MERGED, replayed=True, manifest=TWO,
          layers={"system": "system", "user": "user"},
          vm=throttled("user", USER_FILE, "throttling.bps-total=0", also=",logical_block_size=4096,physical_block_size=4096")),
    refused("sectors-4k-gpt", "a GPT made for sectors of 512 bytes is on a disk with 4 KiB", "logical_block_size=4096",
            "layer-missing", "PARTLABEL=layerboot-system", [said(r"\[vd[a-z]\] \d+ 4096-byte logical blocks")], disks=[],
            append=SHORT, manifest=manifest(("system", "PARTLABEL=layerboot-system")),
            vm=throttled("a", "{file:system.gpt}", "throttling.bps-total=0",
                         also=",logical_block_size=4096,physical_block_size=4096")),
    refused("empty", "a disk is blank", "1 MiB of zeros", "layer-type", "",
            [host("cmp -n 1048576 {file:empty} /dev/zero")], disks=[SYSTEM, ("user", "empty")]),
    refused("size-zero", "a disk has no bytes", "an empty file", "layer-type", "0 B",
            [said(r"\[vd[a-z]\] 0 512-byte logical blocks"), host("test ! -s {file:zero}")],
            disks=[SYSTEM, ("user", "zero")]),
    fault("disks-forty", "there are 40 disks", "38 layers between system and user",
          [said(r"\[vdan\]")], disks=[*MAIN, *((f"n{i}", f"numbered.{i}") for i in range(38))], replayed=True,
          files={**MERGED, "/etc/n0": "0", "/etc/last": "37"}, layers={"system": "system", "user": "user"},
          manifest=manifest(SYSTEM_LAYER, *((f"n{i}", f"SERIAL=n{i}") for i in range(38)), USER_LAYER)),
]

MANIFESTS = [
    refused("manifest-not-there", "the manifest's file is not in the initramfs", "layerboot.manifest=/nowhere",
            "manifest-missing", "/nowhere: No such file", [host("! cpio -t <{initramfs} 2>/dev/null | grep -q nowhere")],
            append="layerboot.manifest=/nowhere"),
    refused("manifest-disk-missing", "the manifest's disk is not there", "not attached", "manifest-missing",
            "no disk with SERIAL=text after 2 s", [host("! grep -q ' text=' {dir}/command")],
            append=MANIFEST_AT + " " + SHORT),
    refused("manifest-unreadable", "the manifest's disk cannot be read", "blkdebug, EIO", "layer-read",
            "I/O error", READ_ERROR, append=MANIFEST_AT,
            vm=blkdebug("text", "{file:three.raw}", "event=read_aio,errno=5")),
    refused("manifest-twice", "two disks are the manifest's", "attached twice", "layer-duplicate",
            "2 disks match SERIAL=text", [host("grep -q ' text=.* text=' {dir}/command")], append=MANIFEST_AT,
            disks=[*MAIN, ("text", "three.raw"), ("text", "three.raw")]),
    sick("torn", "the manifest was broken off while it was written", "torn.raw", ":4:", "grep -qa 'layer us$' <(tr '\\0' '\\n' <IMAGE)"),
    sick("unknown-key", "a key is misspelt", "unknown.raw", ":3:1: unknown key; expected one of: source", "grep -qa sorce IMAGE"),
    sick("future", "the manifest is of a later format", "future.raw", ":1:", "grep -qa '^version = 2' IMAGE"),
    sick("nul", "a NUL byte is in the text", "nul.raw", ":4:9: expected text, found a NUL byte",
         "head -c 60 IMAGE | grep -qaP 'required\\x00'"),
    sick("crlf", "an editor of another system wrote it", "crlf.raw", ":1:12: expected lines that end with LF alone",
         "grep -qaP '\\r$' IMAGE"),
    sick("huge", "a gibibyte of comment", "gibibyte.raw", ": larger than 64 KiB", "test $(stat -c %s IMAGE) -eq $((1 << 30))"),
    sick("noise", "the manifest's disk holds something else", "nonsense.raw", ":1:", "! LC_ALL=C grep -qa version IMAGE"),
]

FILE_SYSTEMS = [
    patched("unknown-compressor.squashfs", "the kernel does not know the compressor", "layer-mount", "kernel: "),
    patched("future.squashfs", "a squashfs of version 9", "layer-mount", "kernel: ", ["type = squashfs"]),
    patched("block-size.squashfs", "a block size of 1", "layer-mount", "as squashfs: ", ["type = squashfs"]),
    patched("root-inode.squashfs", "the root directory's inode is not there", "layer-mount", "as squashfs: "),
    patched("feature.erofs", "an erofs with a feature of the future", "layer-mount", "feature 80000000"),
    patched("checksum.erofs", "the checksum of an erofs is wrong", "layer-mount", "as erofs: a checksum is wrong (kernel: "),
    patched("feature.ext4", "an ext4 with features of the future", "layer-mount", "as ext4: "),
    patched("blocks.ext4", "an ext4 of 8 TiB on a disk of 16 MiB", "layer-mount", "exceeds size of device"),
    patched("journal.ext4", "the journal's inode is not there", "layer-mount", "as ext4: "),
    refused("wrong-type", "the manifest names another type than the image has", "type = erofs", "layer-mount",
            "as erofs: ", [bytes_at("user.squashfs", 0, "68737173")], manifest=user("type = erofs")),
    refused("wrong-type-unknown", "the manifest names a type that no layer can have", "type = vfat", "manifest-invalid",
            ":6:8: type: expected", [host("grep -qa 'type = vfat' {initramfs}")],
            inject={"etc/layerboot/manifest": user("type = vfat")}, planned=user("type = vfat")),
    refused("two-superblocks", "a disk has two superblocks", "the first 96 bytes of a squashfs on an ext4",
            "layer-type", "carries more than one file system", [bytes_at("two-superblocks", 0, "68737173"), bytes_at("two-superblocks", 1080, "53ef")],
            disks=[SYSTEM, ("user", "two-superblocks")]),
    refused("dirty-journal", "an ext4 was not cleanly unmounted, and its disk is writable", "a transaction by debugfs",
            "layer-dirty", "not cleanly unmounted",
            [host("dumpe2fs -h {file:dirty.ext4} 2>/dev/null | grep -q needs_recovery && cmp {file:dirty.ext4} {dir}/user.disk")],
            disks=[SYSTEM, ("user", "dirty.ext4", "rw")]),
    fault("dirty-journal-accepted", "the same, and the manifest accepts it", "options = noload",
          [host("dumpe2fs -h {file:dirty.ext4} 2>/dev/null | grep -q needs_recovery && cmp {file:dirty.ext4} {dir}/user.disk")],
          disks=[SYSTEM, ("user", "dirty.ext4", "rw")], files=MERGED, manifest=user("options = noload")),
    refused("image-is-no-image", "the image file is a text", "image = layers/readme", "layer-type", "layers/readme",
            [host("debugfs -R 'cat layers/readme' {file:carrier.ext4} 2>/dev/null | grep -q 'no image'")],
            disks=[SYSTEM, ("carrier", "carrier.ext4")], manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/readme"))),
    refused("image-not-there", "no file of the disk matches", "image = layers/*.none", "image-missing",
            "no file matches layers/*.none on vd", [host("! debugfs -R 'ls layers' {file:carrier.ext4} 2>/dev/null | grep -q none")],
            disks=[SYSTEM, ("carrier", "carrier.ext4")],
            manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/*.none"))),
    refused("image-on-unreadable", "the disk with the image files cannot be read", "blkdebug, EIO; probed",
            "layer-read", "I/O error", READ_ERROR, disks=[SYSTEM],
            vm=blkdebug("carrier", "{file:carrier.ext4}", "event=read_aio,errno=5"),
            manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/10-user.squashfs"))),
]
