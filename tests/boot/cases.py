"""The boots, a row each. Images, manifests and what must come out; run.py knows how."""

SYSTEM, USER = ("system", "system.squashfs"), ("user", "user.squashfs")
MAIN = [SYSTEM, USER]


def manifest(*layers, top="type = tmpfs"):
    text = "version = 1\n"
    for name, source, *rest in layers:
        text += f"[layer {name}]\nsource = {source}\n" + "".join(line + "\n" for line in rest)
    return text + f"[top]\n{top}\n"


TWO = manifest(("system", "SERIAL=system"), ("user", "SERIAL=user"))
MERGED = {
    "/etc/which": "user", "/etc/only-system": "system", "/etc/only-user": "user",
    "/etc/deleted": "No such file or directory", "/etc/d/merged": "user",
}
ALONE = {"/etc/which": "system", "/etc/only-system": "system", "/etc/deleted": "system",
         "/etc/only-user": "No such file or directory"}

# name, disks as (serial, image[, options of run-vm]), and:
#   files    what the merged root must show       top      tmpfs (default) or none
#   word     the failure's word                   status   of run-vm: 0 power-off, 1 panic, 5 reboot
#   also     text that the console must have      never    text that it must not have
#   manifest, append, machine, kernels (default: cloud), init, args, late, omit, icount
EVERYWHERE = ["cloud", "6.12-cloud", "generic"]
BOTH = ["cloud", "6.12-cloud"]
CASES = [
    dict(name="squashfs-on-squashfs", disks=MAIN, files=MERGED, kernels=EVERYWHERE),
    dict(name="microvm", disks=MAIN, files=MERGED, machine="microvm", kernels=EVERYWHERE),
    dict(name="ext4-on-erofs", disks=[("system", "system.erofs"), ("user", "user.ext4")], files=MERGED,
         kernels=BOTH),
    dict(name="types-given", disks=[("system", "system.erofs"), ("user", "user.ext4")], files=MERGED,
         manifest=manifest(("system", "SERIAL=system", "type = erofs"), ("user", "SERIAL=user", "type = ext4"))),
    dict(name="three-layers", disks=[SYSTEM, ("site", "site.squashfs"), USER],
         files={**MERGED, "/etc/only-site": "site"}, kernels=BOTH,
         manifest=manifest(("system", "SERIAL=system"), ("site", "SERIAL=site"), ("user", "SERIAL=user"))),
    dict(name="three-layers-other-order", disks=[SYSTEM, ("site", "site.squashfs"), USER],
         files={**MERGED, "/etc/which": "site", "/etc/only-site": "site"},
         manifest=manifest(("system", "SERIAL=system"), ("user", "SERIAL=user"), ("site", "SERIAL=site"))),
    dict(name="gpt-default-manifest", disks=[("a", "system.gpt"), ("b", "user.gpt")], files=MERGED, kernels=BOTH),
    dict(name="partuuid-and-label", disks=[("a", "system.gpt"), ("b", "user.ext4")], files=MERGED,
         manifest=manifest(("system", "PARTUUID={partuuid:system.gpt}"), ("user", "LABEL=userdata"))),
    dict(name="uuid-and-path", disks=[("a", "system.squashfs"), ("b", "user.ext4")], files=MERGED,
         manifest=manifest(("system", "/dev/vda"), ("user", "UUID={uuid:user.ext4}"))),
    dict(name="nvme", disks=[(*SYSTEM, "bus=nvme"), (*USER, "bus=nvme")], files=MERGED, kernels=BOTH),
    dict(name="virtio-scsi", disks=[(*SYSTEM, "bus=scsi"), (*USER, "bus=scsi")], files=MERGED, kernels=BOTH),
    dict(name="any-order", disks=[USER, SYSTEM], files=MERGED),
    dict(name="writable-disks", disks=[("system", "system.squashfs", "rw"), ("user", "user.ext4", "rw")],
         files=MERGED, kernels=BOTH),
    dict(name="top-none", disks=MAIN, files=MERGED, top="none", kernels=BOTH,
         manifest=manifest(("system", "SERIAL=system"), ("user", "SERIAL=user"), top="type = none")),
    dict(name="top-none-one-layer", disks=[SYSTEM], files=ALONE, top="none", append="layerboot.top=none"),
    dict(name="optional-absent", disks=[SYSTEM], files=ALONE,
         also="layer user: absent, no disk with SERIAL=user", kernels=BOTH),
    dict(name="skip", disks=MAIN, files=ALONE, append="layerboot.skip=user", also="layer user: skipped"),
    dict(name="layer-from-cmdline", disks=[SYSTEM, ("s", "site.squashfs")],
         files={**ALONE, "/etc/which": "site", "/etc/only-site": "site"},
         append="layerboot.skip=user layerboot.layer=site,source=SERIAL=s"),
    dict(name="top-size", disks=MAIN, files=MERGED, append="layerboot.top=tmpfs,size=8m,nr-inodes=1k"),
    dict(name="init-and-arguments", disks=MAIN, files=MERGED, init="/sbin/other",
         append="init=/sbin/other", args=["one", "two words"]),
    dict(name="init-absolute-symlink", disks=MAIN, files=MERGED, init="/sbin/absolute",
         append="init=/sbin/absolute"),
    dict(name="debug-shows-steps", disks=MAIN, files=MERGED, append="layerboot.log=debug",
         also="union overlay on /sysroot (rw,lowerdir=user:system,"),
    dict(name="late-disk", disks=[SYSTEM], late=USER, files=MERGED, manifest=TWO,
         append="layerboot.timeout=60", kernels=BOTH),
    dict(name="dirty-ext4-accepted", disks=[SYSTEM, ("user", "dirty.ext4", "rw")], files=MERGED,
         manifest=manifest(("system", "SERIAL=system"), ("user", "SERIAL=user", "options = noload"))),

    dict(name="missing", disks=[SYSTEM], manifest=TWO, append="layerboot.timeout=1", icount=True,
         word="layer-missing", status=1, within_ms=1200, kernels=BOTH,
         also='layer "user": no disk with SERIAL=user after 1 s; seen: vda (SERIAL=system squashfs'),
    dict(name="missing-microvm-powers-off", disks=[SYSTEM], manifest=TWO, machine="microvm",
         append="console=ttyS0 layerboot.timeout=1", bare=True, vm=["--no-pvpanic"], word="layer-missing", status=0),
    dict(name="missing-microvm-tells-pvpanic", disks=[SYSTEM], manifest=TWO, machine="microvm",
         append="console=ttyS0 layerboot.timeout=1", bare=True, word="layer-missing", status=1),
    dict(name="missing-quiet", disks=[], manifest=TWO, append="quiet loglevel=1 layerboot.timeout=1",
         word="layer-missing", status=1, also="seen: no disk at all"),
    dict(name="duplicate", disks=[SYSTEM, USER, ("user", "site.squashfs")], word="layer-duplicate", status=1,
         kernels=BOTH, also="2 disks match SERIAL=user"),
    dict(name="two-layers-one-disk", disks=[SYSTEM], word="layer-duplicate", status=1,
         manifest=manifest(("system", "SERIAL=system"), ("user", "/dev/vda"))),
    dict(name="serial-collision", disks=[SYSTEM, ("exactly-twenty-bytes", "user.squashfs")],
         word="serial-collision", status=1,
         manifest=manifest(("system", "SERIAL=system"), ("a", "SERIAL=exactly-twenty-bytes-a"),
                           ("b", "SERIAL=exactly-twenty-bytes-b"))),
    dict(name="empty-disk", disks=[SYSTEM, ("user", "empty")], word="layer-type", status=1, kernels=BOTH),
    dict(name="garbage-disk", disks=[SYSTEM, ("user", "garbage")], word="layer-type", status=1),
    dict(name="garbage-with-type", disks=[SYSTEM, ("user", "garbage")], word="layer-mount", status=1,
         manifest=manifest(("system", "SERIAL=system"), ("user", "SERIAL=user", "type = squashfs")), kernels=BOTH),
    dict(name="vfat", disks=[SYSTEM, ("user", "vfat")], word="layer-type", status=1,
         also="vfat cannot be a layer"),
    dict(name="dirty-ext4", disks=[SYSTEM, ("user", "dirty.ext4", "rw")], word="layer-dirty", status=1,
         kernels=BOTH),
    dict(name="dirty-ext4-type-given", disks=[SYSTEM, ("user", "dirty.ext4", "rw")], word="layer-dirty", status=1,
         manifest=manifest(("system", "SERIAL=system"), ("user", "SERIAL=user", "type = ext4"))),
    dict(name="overlay-left-out", disks=MAIN, omit="overlay", word="module-missing", status=1, kernels=BOTH,
         also="no module fs-overlay"),
    dict(name="squashfs-left-out", disks=MAIN, omit="squashfs", word="module-missing", status=1,
         also='layer "system": the initramfs has no module fs-squashfs'),
    dict(name="no-init", disks=[("system", "bare.squashfs")], word="init-missing", status=1,
         also="/bin/init in the merged root: No such file or directory"),
    dict(name="no-directories", disks=[("system", "nodirs.squashfs")], word="root-directory", status=1,
         append="layerboot.top=none", also="mkdir /sysroot/dev"),
    dict(name="directory-is-symlink", disks=[("system", "symlinks.squashfs")], word="root-directory", status=1,
         also="mkdir /sysroot/proc mode=0755: Not a directory"),
    dict(name="init-missing", disks=MAIN, append="init=/sbin/nothing", word="init-missing", status=1, kernels=BOTH,
         also="/sbin/nothing in the merged root: No such file or directory"),
    dict(name="init-not-executable", disks=MAIN, append="init=/etc/which", word="init-missing", status=1,
         also="/etc/which in the merged root: Permission denied"),
    dict(name="init-no-program", disks=MAIN, append="init=/sbin/text", word="init-exec", status=1),
    dict(name="typo", disks=MAIN, append="layerboot.tmieout=3", word="cmdline-invalid", status=1,
         also="unknown parameter layerboot.tmieout"),
    dict(name="manifest-missing", disks=MAIN, append="layerboot.manifest=/nowhere", word="manifest-missing",
         status=1),
    dict(name="all-skipped", disks=MAIN, append="layerboot.skip=system layerboot.skip=user", word="no-layers",
         status=1),
    dict(name="top-too-small", disks=MAIN, append="layerboot.top=tmpfs,nr-inodes=1", word="top-failed", status=1),
    dict(name="policy-poweroff", disks=[], append="layerboot.on-failure=poweroff layerboot.timeout=0",
         word="layer-missing", status=0),
    dict(name="policy-reboot", disks=[], append="layerboot.on-failure=reboot layerboot.timeout=0",
         word="layer-missing", status=5),
    dict(name="policy-halt", disks=[], append="layerboot.on-failure=halt layerboot.timeout=0",
         word="layer-missing", status=3, limit=12, also="reboot: System halted"),
    dict(name="policy-panic-tells-pvpanic", disks=[], append="console=ttyS0 layerboot.timeout=0", bare=True,
         word="layer-missing", status=1, kernels=BOTH),
    dict(name="policy-auto-powers-off", disks=[], append="console=ttyS0 layerboot.timeout=0", bare=True,
         vm=["--no-pvpanic"], word="layer-missing", status=0),
]
