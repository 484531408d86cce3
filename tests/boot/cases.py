"""The boots, a row each. What the images hold is in images.py; boot.py knows how to start a row and judge it."""

from images import TEXTS

SYSTEM, SITE, USER = ("system", "system.squashfs"), ("site", "site.squashfs"), ("user", "user.squashfs")
MAIN = [SYSTEM, USER]


def manifest(*layers, top="type = tmpfs"):
    text = "version = 1\n"
    for name, source, *rest in layers:
        text += f"[layer {name}]\nsource = {source}\n" + "".join(line + "\n" for line in rest)
    return text + f"[top]\n{top}\n"


SYSTEM_LAYER, SITE_LAYER, USER_LAYER = ("system", "SERIAL=system"), ("site", "SERIAL=site"), ("user", "SERIAL=user")
TWO = manifest(SYSTEM_LAYER, USER_LAYER)
THREE = manifest(SYSTEM_LAYER, SITE_LAYER, USER_LAYER)
TEXTS.update(
    three=THREE, blank="", large="# comment\n" * 6554, crlf=TWO.replace("\n", "\r\n"),
    nul=b"version = 1\n[layer a]\nsource = SERIAL=x\nrequired\0= no\n", nonsense=bytes(range(128, 256)) * 16,
    duplicate="version = 1\n[layer system]\nsource = SERIAL=a\n[layer system]\nsource = SERIAL=b\n",
    unknown="version = 1\n[layer system]\nsorce = SERIAL=a\n")
SICK = TWO.replace("source", "sorce")
ABSENT, REFUSED = "No such file or directory", "Operation not permitted"
# The user wins, adds and deletes; directories are merged.
MERGED = {"/etc/which": "user", "/etc/only-system": "system", "/etc/only-user": "user", "/etc/deleted": ABSENT,
          "/etc/d/merged": "user", "/etc/d/of-system": "system"}
ALONE = {"/etc/which": "system", "/etc/only-system": "system", "/etc/only-user": ABSENT, "/etc/deleted": "system",
         "/etc/d/merged": "system", "/etc/d/of-system": "system"}
ALL = {**MERGED, "/etc/only-site": "site"}
# One byte a second: the kernel hangs in reading its partition table.
STALLED = ["--qemu-arg=-drive", "--qemu-arg=if=none,id=slow,format=raw,readonly=on,throttling.bps-total=1,"
           "file={file:user.squashfs}", "--qemu-arg=-device", "--qemu-arg=virtio-blk-pci,drive=slow,serial=slow"]
# The disks of the layers, behind what QEMU is told before.
LAYERS_BEHIND = [word for layer in ("system", "user") for word in (
    "--qemu-arg=-drive", f"--qemu-arg=if=none,id={layer},format=raw,readonly=on,file={{file:{layer}.squashfs}}",
    "--qemu-arg=-device", f"--qemu-arg=virtio-blk-pci,drive={layer},serial={layer}")]
# With serials as long as virtio-scsi takes without more ado.
FORTY = [(f"a-long-serial-no-{i:03}", "user.squashfs", "bus=scsi") for i in range(40)]
EVERYWHERE = ["cloud", "6.12-cloud", "generic"]
BOTH = ["cloud", "6.12-cloud"]

# Every row: name; disks as (serial, image, options of run-vm...)
#   kernels   default: cloud; machine: default q35; arch: the row is for this one only
#   manifest  into the initramfs, by mkinitramfs; omit: modules that it leaves out
#   inject    files that are put into the initramfs by hand; planned: the manifest among them
#   append    to the kernel's command line; args: after its --; bare: without run-vm's own console= and panic=
#   late      a disk that is attached two seconds later; vm: more options of run-vm; limit: its --timeout
#   also      what the console must say; silent: and what it must not
# A boot that must succeed:
#   files     what the merged root must show; top: tmpfs (default) or none
#   init, words, args, env   what the real init must be started with
# A boot that must fail:
#   word      in brackets; status of run-vm: 1 panic, 0 power-off, 5 reboot, 3 time limit
#   within_ms from and to, in the guest's own time
#   foreseen  why the plan cannot say it, where the word alone does not tell (twin.py)
CASES = [
    dict(name="squashfs-on-squashfs", disks=MAIN, files=MERGED, kernels=EVERYWHERE),
    dict(name="microvm", disks=MAIN, files=MERGED, machine="microvm", kernels=EVERYWHERE),
    dict(name="mmio", disks=[(*SYSTEM, "bus=mmio"), (*USER, "bus=mmio")], files=MERGED, arch="aarch64"),
    # The kernel unpacks what it was started with.
    dict(name="initramfs-lz4", disks=MAIN, files=MERGED, options=["--compress=lz4"], kernels=BOTH),
    dict(name="initramfs-zstd", disks=MAIN, files=MERGED, options=["--compress=zstd"], kernels=BOTH),
    # The generic kernel's ext4 is a module, which only asks for the checksum that it cannot mount without.
    dict(name="ext4-on-erofs", disks=[("system", "system.erofs"), ("user", "user.ext4")], files=MERGED, kernels=EVERYWHERE),
    dict(name="types-given", disks=[("system", "system.erofs"), ("user", "user.ext4")], files=MERGED,
         manifest=manifest((*SYSTEM_LAYER, "type = erofs"), (*USER_LAYER, "type = ext4"))),
    dict(name="three-layers", disks=[SYSTEM, SITE, USER], files=ALL, kernels=BOTH, manifest=THREE),
    dict(name="three-layers-other-order", disks=[SYSTEM, SITE, USER], files={**ALL, "/etc/which": "site"},
         manifest=manifest(SYSTEM_LAYER, USER_LAYER, SITE_LAYER)),

    # How disks are found, whatever their order and their bus.
    dict(name="any-order", disks=[USER, SYSTEM], files=MERGED),
    dict(name="any-order-three", disks=[USER, SITE, SYSTEM], files=ALL, manifest=THREE, kernels=BOTH),
    dict(name="gpt-default-manifest", disks=[("a", "system.gpt"), ("b", "user.gpt")], files=MERGED, kernels=BOTH),
    dict(name="gpt-other-order", disks=[("b", "user.gpt"), ("a", "system.gpt")], files=MERGED),
    dict(name="partuuid-and-label", disks=[("a", "system.gpt"), ("b", "user.ext4")], files=MERGED,
         manifest=manifest(("system", "PARTUUID={partuuid:system.gpt}"), ("user", "LABEL=userdata"))),
    dict(name="partlabel-and-uuid", disks=[("a", "user.ext4"), ("b", "system.gpt")], files=MERGED,
         manifest=manifest(("system", "PARTLABEL=layerboot-system"), ("user", "UUID={uuid:user.ext4}"))),
    # One disk a bus: only then are the kernel's names sure.
    dict(name="path", disks=[("a", "user.squashfs", "bus=scsi"), ("b", "system.squashfs")], files=MERGED,
         manifest=manifest(("system", "/dev/vda"), ("user", "/dev/sda"))),
    dict(name="serial-of-twenty-bytes", disks=[SYSTEM, ("exactly-twenty-bytes", "user.squashfs")], files=MERGED,
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=exactly-twenty-bytes-and-more"))),
    dict(name="nvme", disks=[(*SYSTEM, "bus=nvme"), (*USER, "bus=nvme")], files=MERGED, kernels=BOTH),
    dict(name="nvme-gpt", disks=[("a", "system.gpt", "bus=nvme"), ("b", "user.gpt", "bus=nvme")], files=MERGED),
    dict(name="virtio-scsi", disks=[(*SYSTEM, "bus=scsi"), (*USER, "bus=scsi")], files=MERGED, kernels=BOTH),
    dict(name="virtio-scsi-microvm", disks=[(*SYSTEM, "bus=scsi"), (*USER, "bus=scsi")], files=MERGED,
         machine="microvm"),
    # The optional user layer is on the bus that takes longest: it is not to be given up before that has settled.
    dict(name="several-buses", disks=[SYSTEM, (*USER, "bus=scsi")], files=MERGED, kernels=BOTH),
    dict(name="several-buses-three", disks=[(*USER, "bus=nvme"), SYSTEM, (*SITE, "bus=scsi")], files=ALL,
         manifest=manifest(SYSTEM_LAYER, (*SITE_LAYER, "required = no"), (*USER_LAYER, "required = no"))),
    dict(name="late-disk", disks=[SYSTEM], late=USER, files=MERGED, manifest=TWO,
         append="layerboot.timeout=60", kernels=BOTH),
    dict(name="late-optional-disk", disks=[SYSTEM], late=USER, files=MERGED,
         manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "required = no", "timeout = 60"))),
    dict(name="other-disks", disks=[SYSTEM, USER, ("other", "garbage"), ("none", "empty"), ("v", "vfat")],
         files=MERGED),

    # Images stay as they are.
    dict(name="writable-disks", disks=[("system", "system.squashfs", "rw"), ("user", "user.ext4", "rw")],
         files=MERGED, kernels=BOTH),
    dict(name="writable-gpt-nvme", disks=[("a", "system.gpt", "bus=nvme", "rw"), ("b", "user.gpt", "bus=nvme", "rw")],
         files=MERGED),
    dict(name="dirty-ext4-accepted", disks=[SYSTEM, ("user", "dirty.ext4", "rw")], files=MERGED, kernels=BOTH,
         manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "options = noload"))),
    dict(name="dirty-ext4", disks=[SYSTEM, ("user", "dirty.ext4", "rw")], word="layer-dirty", status=1, kernels=BOTH),
    dict(name="dirty-ext4-type-given", disks=[SYSTEM, ("user", "dirty.ext4", "rw")], word="layer-dirty", status=1,
         foreseen="of a disk whose type is given nothing is read before the mount",
         manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "type = ext4"))),
    dict(name="redirect-and-metacopy", disks=[SYSTEM, ("user", "evil.ext4")], kernels=BOTH, rename=REFUSED,
         files={**MERGED, "/etc/only-user": REFUSED, "/etc/d/merged": REFUSED, "/etc/d/of-system": REFUSED}),

    # The top, and what the command line changes.
    dict(name="top-none", disks=MAIN, files=MERGED, top="none", kernels=BOTH,
         manifest=manifest(SYSTEM_LAYER, USER_LAYER, top="type = none")),
    dict(name="top-none-one-layer", disks=[SYSTEM], files=ALONE, top="none", append="layerboot.top=none",
         kernels=BOTH),
    dict(name="top-size", disks=MAIN, files=MERGED, append="layerboot.top=tmpfs,size=8m,nr-inodes=1k",
         also="size=8192k,nr_inodes=1024"),
    dict(name="optional-absent", disks=[SYSTEM], files=ALONE, kernels=BOTH,
         also="layer user: absent, no disk with SERIAL=user"),
    dict(name="skip", disks=MAIN, files=ALONE, append="layerboot.skip=user", also="layer user: skipped"),
    dict(name="layer-from-cmdline", disks=[SYSTEM, ("s", "site.squashfs")],
         files={**ALONE, "/etc/which": "site", "/etc/only-site": "site"},
         append="layerboot.skip=user layerboot.layer=site,source=SERIAL=s"),
    dict(name="layer-override", disks=[("s", "system.squashfs"), USER], files=MERGED,
         append='layerboot.layer="system,source=SERIAL=s | LABEL=s,type=squashfs"'),
    dict(name="manifest-elsewhere", disks=[SYSTEM, SITE, USER], files=ALL, inject={"etc/other": THREE},
         planned=THREE, append="layerboot.manifest=/etc/other"),
    dict(name="quiet", disks=MAIN, files=MERGED, append="quiet"),
    dict(name="quiet-optional-absent", disks=[SYSTEM], files=ALONE, append="quiet"),
    # What is wrong is said all the same.
    dict(name="quiet-warns", disks=MAIN, files=MERGED, append="quiet layerboot.report=virtio:none",
         also="the report could not be sent: "),
    dict(name="debug-shows-layer-steps", disks=MAIN, files=MERGED, append="layerboot.log=debug",
         also="layer system: mount /dev/vd"),
    dict(name="debug-shows-steps", disks=MAIN, files=MERGED, append="layerboot.log=debug",
         also="union overlay on /sysroot (rw,lowerdir=user:system,"),

    # The real init.
    dict(name="init-and-arguments", disks=MAIN, files=MERGED, kernels=BOTH, append="init=/sbin/other word key=value",
         init="/sbin/other", words=["word"], args=["one", "two words", "layerboot.skip=user"], env=["key=value"]),
    dict(name="init-absolute-symlink", disks=MAIN, files=MERGED, init="/sbin/absolute", append="init=/sbin/absolute"),
    dict(name="init-missing", disks=MAIN, append="init=/sbin/nothing", word="init-missing", status=1, kernels=BOTH,
         also="/sbin/nothing in the merged root: No such file or directory"),
    dict(name="init-circular-symlink", disks=MAIN, append="init=/sbin/loop", word="init-missing", status=1,
         also="/sbin/loop in the merged root: "),
    dict(name="init-not-executable", disks=MAIN, append="init=/etc/which", word="init-missing", status=1,
         also="/etc/which in the merged root: Permission denied"),
    dict(name="init-no-program", disks=MAIN, append="init=/sbin/text", word="init-exec", status=1),
    dict(name="no-init", disks=[("system", "bare.squashfs")], word="init-missing", status=1, kernels=BOTH,
         also="/bin/init in the merged root: No such file or directory"),
    dict(name="no-directories", disks=[("system", "no-directories.squashfs")], word="root-directory", status=1,
         append="layerboot.top=none", also="mkdir /sysroot/dev"),
    *[dict(name=f"{name}-is-symlink", disks=[("system", f"{name}-symlink.squashfs")], word="root-directory", status=1,
           also=f"mkdir /sysroot/{name} mode=0755: a layer has a symlink in its place") for name in ("dev", "proc", "sys", "run")],
    dict(name="not-initramfs", disks=MAIN, append="init=/sbin/layerboot-init", word="not-initramfs", status=1),

    # Disks that are not what they should be.
    dict(name="missing", disks=[SYSTEM], manifest=TWO, append="layerboot.timeout=1", vm=["--icount"],
         word="layer-missing", status=1, within_ms=(1000, 1200), kernels=BOTH,
         also='layer "user": no disk with SERIAL=user after 1 s; seen: vda (SERIAL=system squashfs'),
    dict(name="missing-own-timeout", disks=[SYSTEM, SITE], vm=["--icount"], word="layer-missing", status=1,
         manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "timeout = 500ms")), within_ms=(500, 700),
         also=["after 500 ms; seen: vda (", "(SERIAL=system squashfs", "(SERIAL=site squashfs"]),
    dict(name="missing-quiet", disks=[], manifest=TWO, append="quiet loglevel=1 layerboot.timeout=1",
         word="layer-missing", status=1, also="seen: no disk at all"),
    # Each is named, in as many records of the kernel's log as it takes; 30 s are long enough for all to be there.
    dict(name="missing-among-forty", disks=FORTY, manifest=TWO, append="quiet loglevel=1 layerboot.timeout=30",
         word="layer-missing", status=1, also=[
             "no disk with SERIAL=system after 30 s; seen: ", *(f"(SERIAL={serial} squashfs" for serial, *_ in FORTY),
             "attach the disk, correct source, or set required = no"]),
    dict(name="duplicate", disks=[SYSTEM, USER, ("user", "site.squashfs")], word="layer-duplicate", status=1,
         kernels=BOTH, also="2 disks match SERIAL=user"),
    dict(name="duplicate-on-two-buses", disks=[SYSTEM, USER, ("user", "site.squashfs", "bus=scsi")],
         word="layer-duplicate", status=1, also="2 disks match SERIAL=user"),
    dict(name="duplicate-partition", disks=[SYSTEM, ("a", "user.gpt"), ("b", "user.gpt")], word="layer-duplicate",
         status=1, also="2 disks match"),
    dict(name="two-layers-one-disk", disks=[SYSTEM], word="layer-duplicate", status=1,
         manifest=manifest(SYSTEM_LAYER, ("user", "/dev/vda"))),
    dict(name="serial-collision", disks=[SYSTEM, ("exactly-twenty-bytes", "user.squashfs")],
         word="serial-collision", status=1,
         manifest=manifest(SYSTEM_LAYER, ("a", "SERIAL=exactly-twenty-bytes-a"),
                           ("b", "SERIAL=exactly-twenty-bytes-b"))),
    dict(name="empty-disk", disks=[SYSTEM, ("user", "empty")], word="layer-type", status=1, kernels=BOTH),
    dict(name="garbage-disk", disks=[SYSTEM, ("user", "garbage")], word="layer-type", status=1, kernels=BOTH),
    dict(name="garbage-with-type", disks=[SYSTEM, ("user", "garbage")], word="layer-mount", status=1, kernels=BOTH,
         also="(kernel: ", manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "type = squashfs"))),
    dict(name="cut-short", disks=[("system", "cut.squashfs")], word="layer-mount", status=1),
    dict(name="vfat", disks=[SYSTEM, ("user", "vfat")], word="layer-type", status=1, also="vfat cannot be a layer"),
    # A disk that never answers: nothing may wait for it for ever, neither the panic nor the power-off.
    dict(name="stalled-disk", disks=[SYSTEM], manifest=TWO, word="layer-missing", status=1,
         append="edd=off layerboot.timeout=15", vm=STALLED, also="(SERIAL=slow no answer"),
    dict(name="stalled-layer", disks=[SYSTEM], manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=slow")), status=1,
         word="layer-stalled", append="edd=off layerboot.timeout=15", vm=STALLED, kernels=BOTH, also="does not answer"),
    # Nobody asked for it: the boot goes on long before the timeout. A device that its driver waits for is never let
    # go: the guest cannot power off, and resets itself.
    dict(name="stalled-disk-of-nobody", disks=MAIN, files=MERGED, append="edd=off layerboot.timeout=1000", vm=STALLED,
         args=["reset"], env=["edd=off"], status=5, children="some", kernels=BOTH, replayed=True),
    # Its driver never gets to the disks behind it; nor is a layer that may be absent, taken to be.
    dict(name="stalled-disk-ahead", disks=[], files=MERGED, append="edd=off layerboot.timeout=1000", vm=[*STALLED, *LAYERS_BEHIND],
         args=["reset"], env=["edd=off"], status=5, children="some", kernels=BOTH, replayed=True),
    dict(name="stalled-disk-powers-off", disks=[SYSTEM], manifest=TWO, word="layer-missing", status=1,
         append="edd=off layerboot.timeout=15 layerboot.on-failure=poweroff", vm=STALLED,
         also="panicking instead"),
    dict(name="unreadable-disk", disks=[SYSTEM], word="layer-read", status=1, vm=[
        "--qemu-arg=-blockdev", "--qemu-arg=driver=raw,node-name=bad,read-only=on,file.driver=blkdebug,"
        "file.image.driver=file,file.image.filename={file:user.squashfs},"
        "file.inject-error.0.event=read_aio,file.inject-error.0.errno=5",
        "--qemu-arg=-device", "--qemu-arg=virtio-blk-pci,drive=bad,serial=user,rerror=report"]),

    # An initramfs, a manifest, a command line that are not what they should be.
    dict(name="overlay-left-out", disks=MAIN, omit=["overlay"], word="module-missing", status=1, kernels=BOTH,
         also="no module fs-overlay"),
    dict(name="squashfs-left-out", disks=MAIN, omit=["squashfs"], word="module-missing", status=1,
         also="the initramfs has no module fs-squashfs"),
    # The kernel refuses what is no module.
    dict(name="overlay-no-module", disks=MAIN, inject={"lib/modules/{release}/overlay.ko": "nothing"},
         word="module-load", status=1, also="fs-overlay: Exec format error"),
    dict(name="manifest-sick", disks=MAIN, inject={"etc/layerboot/manifest": SICK}, planned=SICK,
         word="manifest-invalid", status=1, kernels=BOTH,
         also="/etc/layerboot/manifest:3:1: unknown key; expected one of: source"),
    dict(name="typo-tells-pvpanic", disks=MAIN, append="console=ttyS0 layerboot.tmieout=3", bare=True,
         word="cmdline-invalid", status=1),
    dict(name="manifest-missing", disks=MAIN, append="layerboot.manifest=/nowhere", word="manifest-missing",
         status=1),
    dict(name="typo", disks=MAIN, append="layerboot.tmieout=3", word="cmdline-invalid", status=1, kernels=BOTH,
         also="unknown parameter layerboot.tmieout"),
    dict(name="all-skipped", disks=MAIN, append="layerboot.skip=system layerboot.skip=user", word="no-layers",
         status=1),
    # Room for upperdir and workdir, and not for what the kernel makes in there: it would mount the union read-only.
    dict(name="top-too-small-for-the-union", disks=MAIN, append="layerboot.top=tmpfs,nr-inodes=3", word="union-failed",
         status=1, kernels=BOTH, also="the kernel has mounted it read-only"),
    dict(name="top-too-small", disks=MAIN, append="layerboot.top=tmpfs,nr-inodes=1", word="top-failed", status=1),

    # What the host sees.
    dict(name="policy-poweroff", disks=[], append="layerboot.on-failure=poweroff layerboot.timeout=0",
         word="layer-missing", status=0),
    dict(name="policy-reboot", disks=[], append="layerboot.on-failure=reboot layerboot.timeout=0",
         word="layer-missing", status=5),
    dict(name="policy-halt", disks=[], append="layerboot.on-failure=halt layerboot.timeout=0",
         word="layer-missing", status=3, limit=15, also="reboot: System halted"),
    dict(name="policy-panic", disks=[], append="console=ttyS0 layerboot.on-failure=panic layerboot.timeout=0",
         bare=True, vm=["--no-pvpanic"], word="layer-missing", status=1, also="seen by its console"),
    dict(name="policy-shell", disks=[], append="layerboot.on-failure=shell layerboot.timeout=0", word="layer-missing",
         status=1, options=["--with-shell"], also=["T shell 0", 'T word "layer-missing"'],
         types=[("a shell follows", 'echo "T shell $(id -u)"; echo "T word '
                 '$(sed \'s/.*"word":\\("[a-z-]*"\\).*/\\1/\' /run/layerboot/report.json)"; exit')]),
    dict(name="policy-shell-not-asked-for", disks=[], append="layerboot.timeout=0", word="layer-missing", status=1,
         options=["--with-shell"], silent="a shell follows"),
    dict(name="policy-shell-not-built-in", disks=[], append="layerboot.on-failure=shell layerboot.timeout=0",
         word="layer-missing", status=1, also="there is no shell in this initramfs"),
    dict(name="policy-reboot-ends-by-the-host", disks=[], word="layer-missing", status=0,
         append="layerboot.on-failure=reboot,3 layerboot.failed=2 layerboot.timeout=0", also="3 failed boots in a row"),
    dict(name="report-console", disks=MAIN, files=MERGED, append="layerboot.report=console",
         also='layerboot-report: {"format":1,'),
    dict(name="report-console-of-a-failure", disks=[], append="layerboot.report=console layerboot.timeout=0",
         word="layer-missing", status=1, also='"result":"failed","failure":{"word":"layer-missing","layer":"system"'),
    dict(name="report-of-run-vm", disks=MAIN, files=MERGED, vm=["--report", "{dir}/sent.json"], kernels=BOTH,
         sent={"result": "ok"}),
    dict(name="report-of-run-vm-microvm", disks=MAIN, files=MERGED, vm=["--report", "{dir}/sent.json"],
         machine="microvm", sent={"result": "ok"}),
    dict(name="report-of-run-vm-of-a-failure", disks=[], append="layerboot.timeout=0", word="layer-missing", status=1,
         vm=["--report", "{dir}/sent.json"], sent={"result": "failed", "failure.word": "layer-missing"}, kernels=BOTH),
    dict(name="report-of-run-vm-after-the-switch", disks=MAIN, append="init=/sbin/text", word="init-exec", status=1,
         vm=["--report", "{dir}/sent.json"], sent={"result": "failed", "failure.word": "init-exec"}),
    dict(name="report-virtio-nowhere", disks=MAIN, files=MERGED, append="layerboot.report=virtio:none",
         also="the report could not be sent: "),
    dict(name="policy-typo-still-acts", disks=[], word="cmdline-invalid", status=0,
         append="layerboot.typo layerboot.on-failure=poweroff"),
    dict(name="policy-auto-tells-pvpanic", disks=[], append="console=ttyS0 layerboot.timeout=0", bare=True,
         word="layer-missing", status=1, kernels=EVERYWHERE, also="seen by pvpanic"),
    dict(name="policy-auto-tells-pvpanic-microvm", disks=[], append="console=ttyS0 layerboot.timeout=0", bare=True,
         machine="microvm", word="layer-missing", status=1, also="seen by pvpanic"),
    dict(name="policy-auto-powers-off", disks=[], append="console=ttyS0 layerboot.timeout=0", bare=True,
         vm=["--no-pvpanic"], word="layer-missing", status=0, kernels=BOTH),
    dict(name="policy-auto-powers-off-microvm", disks=[], append="console=ttyS0 layerboot.timeout=0", bare=True,
         machine="microvm", vm=["--no-pvpanic"], word="layer-missing", status=0),
]
