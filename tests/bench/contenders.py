"""Who takes part in bench-boot: what each needs, and how its initramfs and disks are made."""
import shlex

import foreign
from common import BENCH, ROOT, archive, compile_static, run

VIRTIO = ["virtio_pci", "virtio_blk"]
# The same for all. Each takes the words that it knows: root= all but the floor, layerboot and live-boot, which find
# their disks otherwise; overlayroot= and rootovl are overlayroot's and dracut's.
CMDLINE = "quiet root=/dev/vda overlayroot=tmpfs rootovl rdinit=/bench-start"


def disks_of(kind, number):
    return " ".join(f"{name}.{kind}" for name in ["system", "user", "c", "d"][:number])


# name: number of images; whether they become one writable root; their files; how it is made; what it is; extra: it takes
# part only if it is named.
TABLE = {
    "floor": dict(layers=2, union=True, disks="system.squashfs user.squashfs", make="floor",
                  what="raw system calls, everything hard-coded"),
    "layerboot": dict(layers=2, union=True, disks="system.squashfs user.squashfs", make="layerboot",
                      what="the manifest names the types"),
    "layerboot-small": dict(layers=2, union=True, disks="system.squashfs user.squashfs", make="layerboot",
                            options="--omit-set scsi", what="the same, mkinitramfs --omit-set scsi"),
    "layerboot-1": dict(layers=1, union=True, disks="system.squashfs", make="layerboot", what="one image only"),
    "layerboot-4": dict(layers=4, union=True, disks="system.squashfs user.squashfs c.squashfs d.squashfs",
                        make="layerboot", what="four images"),
    "layerboot-ext4": dict(layers=2, union=True, disks="system.ext4 user.ext4", make="layerboot",
                           what="ext4 images"),
    "layerboot-ext4-nvme": dict(layers=2, union=True, disks="system.ext4 user.ext4", bus="nvme", make="layerboot",
                                what="ext4 images on NVMe"),
    "busybox": dict(layers=2, union=True, disks="system.squashfs user.squashfs", make="busybox",
                    what="shell script, everything hard-coded"),
    "tiny-initramfs": dict(layers=1, union=False, disks="system.ext4", make="foreign", what="one image, no union"),
    "stock": dict(layers=1, union=False, disks="system.ext4", make="foreign",
                  what="Debian's initramfs-tools, one image, no union"),
    "overlayroot": dict(layers=1, union=True, disks="system.ext4", make="foreign", what="initramfs-tools with overlayroot"),
    "live-boot": dict(layers=2, union=True, disks="live.ext4", make="foreign", what="two squashfs files on one disk"),
    "dracut": dict(layers=1, union=True, disks="system.ext4", make="foreign", what="overlay-root, without systemd"),
    "dracut-systemd": dict(layers=1, union=True, disks="system.ext4", make="foreign", what="overlay-root, with systemd"),
    # What the priority gains, and what a further disk costs, of each type.
    "floor-nice": dict(layers=2, union=True, disks="system.squashfs user.squashfs", make="floor", extra=True,
                       flags="-DFLOOR_NICE", what="the floor with layerboot's nice -20"),
    "floor-4": dict(layers=4, union=True, disks=disks_of("squashfs", 4), make="floor", extra=True, what="four images"),
    **{f"{who}{number}-{kind}": dict(layers=int(number[1:] or 2), union=True, disks=disks_of(kind, int(number[1:] or 2)),
                                     make=who, extra=True, what=f"{'four ' if number else ''}{kind} images")
       for kind in ("ext4", "erofs") for who in ("floor", "layerboot") for number in ("", "-4")
       if (who, number, kind) != ("layerboot", "", "ext4")},
}
# Those that take part unless others are named.
USUAL = [name for name, row in TABLE.items() if not row.get("extra")]


class Contender:
    def __init__(self, name, kernel, directory):
        row = TABLE[name]
        self.name, self.kernel, self.dir, self.make = name, kernel, directory, row["make"]
        self.layers, self.union, self.what = row["layers"], row["union"], row["what"]
        self.bus, self.images = row.get("bus", "virtio"), row["disks"].split()
        self.options, self.flags = row.get("options", "").split(), row.get("flags", "").split()
        self.initramfs = directory / f"{name}.initramfs"

    def serials(self):
        return [image.split(".")[0] for image in self.images]

    def type(self):
        return self.images[0].split(".")[1]

    def disks(self):
        """As scripts/run-vm takes them."""
        return [f"{serial}={self.dir / 'images' / image},bus={self.bus}"
                for serial, image in zip(self.serials(), self.images)]

    def build(self):
        wrapper = archive([("bench-start", 0o100755, compile_static("start.c", self.dir / "start"))])
        self.own = getattr(self, f"make_{self.make}")()
        self.initramfs.write_bytes(self.own + bytes(-len(self.own) % 4) + wrapper)

    def modules(self):
        """What the floor and busybox load, in layerboot's order."""
        buses = VIRTIO if self.bus == "virtio" else ["nvme"]
        return self.kernel.chain([*buses, "overlay", self.type()])

    def module_files(self):
        return [(f"{m}.ko", 0o100644, self.kernel.content(m)) for m in self.modules()]

    def make_floor(self):
        config = self.dir / "floor-config.h"
        layers = ", ".join(f'{{ "/dev/vd{"abcd"[i]}", "{self.type()}", "{name}" }}'
                           for i, name in enumerate(self.serials()))
        config.write_text(f"#define FLOOR_MODULES {', '.join(f'{chr(34)}/{m}.ko{chr(34)}' for m in self.modules())}\n"
                          f"#define FLOOR_LAYERS {layers}\n"
                          f'#define FLOOR_LOWERDIR "{":".join(reversed(self.serials()))}"\n')
        init = compile_static("floor.c", self.dir / "floor", "-nostdlib", "-ffreestanding", "-fno-stack-protector",
                              f"-I{self.dir}", *self.flags)
        return archive([("dev", 0o40755, b""), ("init", 0o100755, init), *self.module_files()])

    def make_busybox(self):
        layers = "".join(f"mkdir /run/layers/{name}\n"
                         f"mount -t {self.type()} -o ro,nosuid,nodev,noexec /dev/vd{'abcd'[i]} /run/layers/{name}\n"
                         for i, name in enumerate(self.serials()))
        script = (BENCH / "busybox-init").read_text()
        script = script.replace("LAYERS\n", layers)
        script = script.replace("LOWERDIR", ":".join(reversed(self.serials())))
        busybox = run("which", "busybox").strip()
        with open(busybox, "rb") as f:
            program = f.read()
        links = [(f"bin/{applet}", 0o120777, b"sh") for applet in ("mount", "mkdir", "insmod", "switch_root")]
        return archive([("dev", 0o40755, b""), ("bin", 0o40755, b""), ("bin/sh", 0o100755, program), *links,
                        ("init", 0o100755, script.encode()), *self.module_files(),
                        ("modules", 0o100644, "".join(f"/{m}.ko\n" for m in self.modules()).encode())])

    def make_layerboot(self):
        manifest = self.dir / f"{self.name}.manifest"
        manifest.write_text("version = 1\n" + "".join(f"[layer {name}]\nsource = SERIAL={name}\ntype = {self.type()}\n"
                                                      for name in self.serials()))
        out = self.dir / f"{self.name}.own"
        run(ROOT / "scripts/mkinitramfs", "--kernel", self.kernel.release, "--modules", self.kernel.modules,
            "--manifest", manifest, "-o", out, *self.options)
        return out.read_bytes()

    def make_foreign(self):
        foreign.build(self.kernel, self.dir, {self.name})
        return (self.dir / self.name).read_bytes()


SKELETON = "dev proc sys run tmp mnt sbin bin lib usr/bin usr/lib etc var/lib root home bench".split()
OS_RELEASE = 'ID=bench\nNAME="layerboot bench"\nVERSION_ID=1\n'  # systemctl switch-root asks for one


def build_images(directory, names):
    """The images with these names, below DIRECTORY: the real init and what a root needs, and small layers on top."""
    out = directory / "images"
    out.mkdir(exist_ok=True)
    for name in sorted({"system.squashfs", "user.squashfs", *names} if "live.ext4" in names else names):
        tree = directory / "trees" / name
        run("rm", "-rf", tree)
        write_tree(name.split(".")[0], tree, out)
    for name in sorted(names, key=lambda n: n == "live.ext4"):  # which is made of others
        make_image(name, directory / "trees" / name, out)


def write_tree(name, tree, out):
    if name == "live":
        (tree / "live").mkdir(parents=True)
        (tree / "live/filesystem.module").write_text("system.squashfs\nuser.squashfs\n")
        return
    (tree / "bench").mkdir(parents=True)
    (tree / "bench" / name).write_text(f"{name}\n")
    if name == "system":
        for path in SKELETON:
            (tree / path).mkdir(parents=True, exist_ok=True)
        (tree / "etc/os-release").write_text(OS_RELEASE)
        (tree / "usr/lib/os-release").write_text(OS_RELEASE)
        (tree / "etc/fstab").write_text("")
        (tree / "bench-command").write_text("/bench/look\n")
        compile_static("realinit.c", tree / "sbin/init")
        compile_static("look.c", tree / "bench/look")


def make_image(name, tree, out):
    kind = name.split(".")[1]
    if name == "live.ext4":
        for layer in ("system.squashfs", "user.squashfs"):
            if not (out / layer).exists():
                make_image(layer, tree.parent / layer, out)
            run("cp", out / layer, tree / "live")
    run(ROOT / "scripts/mklayer", tree, "--type", kind, "--owner", "root", "-o", out / name)


def quoted(words):
    return " ".join(shlex.quote(str(word)) for word in words)
