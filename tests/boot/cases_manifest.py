"""Where the manifest comes from, and what is said of a sick one."""
from cases import ALL, BOTH, MAIN, MERGED, SITE, SYSTEM, THREE, TWO, USER

THREE_DISKS = [SYSTEM, SITE, USER]
FW_CFG = ["--qemu-arg=-fw_cfg", "--qemu-arg=name=opt/org.layerboot/manifest,file={file:three.manifest}"]


def sick(name, image, said, **row):
    return dict(name=f"sick-{name}", disks=[*MAIN, ("text", image)], append="layerboot.manifest=SERIAL=text",
                word="manifest-invalid", status=1, also=f"SERIAL=text{said}", **row)


def three(name, origin, **row):
    """The manifest with three layers; the built-in one would make two of them."""
    return dict(name=f"manifest-{name}", planned=THREE, files=ALL, report={"manifest.origin": origin}, **row)


CASES_MANIFEST = [
    three("in-initramfs", "/etc/layerboot/manifest", disks=THREE_DISKS, manifest=THREE),
    three("fw-cfg", "fw_cfg:opt/org.layerboot/manifest", disks=THREE_DISKS, options=["--fw-cfg"], vm=FW_CFG,
          inject={"etc/layerboot/manifest": TWO}, kernels=BOTH),
    three("fw-cfg-named", "fw_cfg:opt/site", disks=THREE_DISKS, options=["--fw-cfg"],
          append="layerboot.manifest=fw_cfg:opt/site",
          vm=["--qemu-arg=-fw_cfg", "--qemu-arg=name=opt/site,file={file:three.manifest}"]),
    # The initramfs was not built to look there.
    dict(name="manifest-fw-cfg-not-looked-at", disks=THREE_DISKS, vm=FW_CFG, files=MERGED, manifest=TWO,
         report={"manifest.origin": "/etc/layerboot/manifest"}),
    three("raw-disk", "SERIAL=text", disks=[*THREE_DISKS, ("text", "three.raw")], append="layerboot.manifest=SERIAL=text",
          kernels=BOTH),
    three("file-on-vfat", "LABEL=config-2:/layerboot/manifest", disks=[*THREE_DISKS, ("config", "config.vfat")],
          append="layerboot.manifest=LABEL=config-2:/layerboot/manifest", options=["--set", "fs-vfat"], kernels=BOTH),
    three("file-on-iso9660", "LABEL=config-2:/layerboot/manifest", disks=[*THREE_DISKS, ("config", "config.iso9660")],
          append="layerboot.manifest=LABEL=config-2:/layerboot/manifest"),
    three("wins-over-initramfs", "SERIAL=text", disks=[*THREE_DISKS, ("text", "three.raw")],
          inject={"etc/layerboot/manifest": TWO}, append="layerboot.manifest=SERIAL=text"),
    three("late-disk", "SERIAL=text", disks=THREE_DISKS, late=("text", "three.raw"),
          append="layerboot.manifest=SERIAL=text layerboot.timeout=60"),
    dict(name="manifest-disk-missing", disks=MAIN, append="layerboot.manifest=SERIAL=text layerboot.timeout=1",
         word="manifest-missing", status=1, also="no disk with SERIAL=text after 1 s; seen: vda ("),
    dict(name="manifest-file-missing", disks=[*MAIN, ("config", "config.vfat")], options=["--set", "fs-vfat"],
         append="layerboot.manifest=LABEL=config-2:/layerboot/none", word="manifest-missing", status=1,
         also="No such file or directory"),
    dict(name="manifest-fw-cfg-missing", disks=MAIN, options=["--fw-cfg"], append="layerboot.manifest=fw_cfg:opt/none",
         word="manifest-missing", status=1, also="fw_cfg:opt/none: No such file or directory"),
    dict(name="manifest-two-disks", disks=[*MAIN, ("text", "three.raw"), ("text", "three.raw")],
         append="layerboot.manifest=SERIAL=text", word="layer-duplicate", status=1,
         also="2 disks match SERIAL=text"),

    sick("too-large", "large.raw", ": larger than 64 KiB, which is the limit"),
    sick("nul", "nul.raw", ":4:9: expected text, found a NUL byte"),
    sick("crlf", "crlf.raw", ":1:12: expected lines that end with LF alone, not CR LF"),
    sick("nonsense", "nonsense.raw", ":1:"),
    sick("duplicate-name", "duplicate.raw", ":4:8: a second [layer system]"),
    sick("unknown-key", "unknown.raw", ":3:1: unknown key; expected one of: source"),
    sick("gibibyte", "gibibyte.raw", ": larger than 64 KiB, which is the limit"),
    sick("empty", "blank.raw", ":1:1: expected"),
]
