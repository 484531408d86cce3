"""The images of the fault matrix: what others made wrong, a change of a few bytes each where that is enough."""
import hashlib
import lzma
import re
import shutil

from images import CHANGED, KERNELS, LAYERS, PROGRAM, TEXTS, TREES, Images, archive, sh

SECRET = "hunter2-and-more"
TREES["inits"] = {**TREES["system"], "sbin/exits": PROGRAM + "testinit", "sbin/crashes": PROGRAM + "testinit",
                  "sbin/foreign": PROGRAM + "testinit.arm64", "sbin/dynamic": PROGRAM + "testinit.dynamic",
                  "sbin/directory/x": ""}
TREES["proc-is-symlink"] = {**{k: v for k, v in TREES["system"].items() if k != "proc"}, "proc": "link /etc"}
TREES["proc-is-file"] = {**{k: v for k, v in TREES["system"].items() if k != "proc"}, "proc": "a file"}
LAYERS.update({"inits.squashfs": ("inits",), "proc-is-symlink.squashfs": ("proc-is-symlink",),
               "proc-is-file.squashfs": ("proc-is-file",), "user.erofs": ("user", "--type", "erofs"), "site.verity": ("site", "--verity"),
               "system-2.verity": ("system-2", "--verity")})
CHANGED["setgid.ext4"] = "set_inode_field /etc/program mode 0102755\n"
TEXTS.update(torn="version = 1\n[layer system]\nsource = SERIAL=system\n[layer us", key=f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n",
             future="version = 2\n[layer system]\nsource = SERIAL=system\n")

# Image, what it is made from, and the bytes that are written at which offset. Offsets: struct squashfs_super_block of
# fs/squashfs/squashfs_fs.h; struct erofs_super_block of fs/erofs/erofs_fs.h, at 1024; struct ext4_super_block, at 1024.
PATCHED = {
    "unknown-compressor.squashfs": ("user.squashfs", 20, "0900"),
    "future.squashfs": ("user.squashfs", 28, "0900"),
    "block-size.squashfs": ("user.squashfs", 12, "01000000"),
    "root-inode.squashfs": ("user.squashfs", 32, "ffffffff"),
    "feature.erofs": ("user.erofs", 1024 + 80, "00000080", 1024 + 8, "00000000"),  # and no checksum
    "checksum.erofs": ("user.erofs", 1024 + 4, "00000000"),
    "feature.ext4": ("old.ext4", 1024 + 0x60, "000000f0"),
    "blocks.ext4": ("old.ext4", 1024 + 4, "ffffff7f"),
    "journal.ext4": ("old.ext4", 1024 + 0xe0, "77777777"),
}


class FaultImages(Images):
    def make(self, name):
        if name in PATCHED:
            source, *patches = PATCHED[name]
            path = self.dir / name
            content = bytearray(self.get(source).read_bytes())
            for offset, data in zip(patches[::2], patches[1::2]):
                content[offset:offset + len(data) // 2] = bytes.fromhex(data)
            path.write_bytes(content)
            return self.made(path)
        if name.startswith("numbered."):
            return self.made(self.numbered(130) / f"layer-{name[len('numbered.'):]}.squashfs")
        return super().make(name)

    def with_files(self, initramfs, files):
        """The initramfs with more files, pairs of path and content."""
        def build():
            out = initramfs.with_suffix(f".{hashlib.sha256(repr(files).encode()).hexdigest()[:16]}.cpio")
            out.write_bytes(initramfs.read_bytes() + archive(files.items()))
            return out
        return self.once(("with", initramfs, repr(files)), build) if files else initramfs

    def program(self, name):
        """An init for another architecture, and one whose interpreter is nowhere."""
        if name == "testinit.arm64":
            return self.once(name, lambda: self.edit(name, lambda b: b[:18] + b"\xb7\0" + b[20:]))
        if name == "testinit.dynamic":
            return self.once(name, self.link_dynamic)
        return super().program(name)

    def edit(self, name, change):
        path = self.dir / f"{name}.program"
        shutil.copy(self.program("testinit"), path)
        path.write_bytes(change(path.read_bytes()))
        return path

    def link_dynamic(self):
        source, path = self.dir / "dynamic.c", self.dir / "dynamic.program"
        source.write_text("int main(void) { return 0; }\n")
        sh("gcc", "-o", path, source, "-Wl,--dynamic-linker=/lib/ld-nowhere.so")
        return path

    def make_old_ext4(self, path):
        """Without checksums of its metadata, so that a byte can be changed by hand."""
        sh("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", "-d", self.tree("user"), path, "16M")

    def make_old_system_ext4(self, path):
        sh("mke2fs", "-q", "-t", "ext4", "-d", self.tree("system"), path, "16M")

    def sector(self, image, path):
        """The first sector of a file in an ext4 image, for blkdebug."""
        return int(sh("debugfs", "-R", f"blocks {path}", self.get(image)).split()[0]) * self.block_size(image) // 512

    def block_size(self, image):
        text = sh("dumpe2fs", "-h", self.get(image))
        return int(next(line.split()[-1] for line in text.splitlines() if line.startswith("Block size:")))

    def fill(self, text):
        text = re.sub(r"\{sector:([^:}]+):([^}]+)\}", lambda m: str(self.sector(m[1], m[2])), text)
        return super().fill(text)

    def make_branch_flipped(self, path):
        """A bit of the hash tree, which is one block."""
        self.flip(path, "system.verity", self.data_size("system.verity") + 100)

    def make_file_flipped(self, path):
        """A bit of the data of a file."""
        self.flip(path, "ext4.verity", self.sector("ext4.verity", "/etc/only-user") * 512)

    def make_two_superblocks(self, path):
        """ext4 leaves its first 1024 bytes alone, and that is where squashfs begins. Of a disk no larger than a floppy disk
        libblkid looks for one only."""
        content = bytearray(self.get("old.ext4").read_bytes())
        content[:96] = self.get("user.squashfs").read_bytes()[:96]
        path.write_bytes(content)

    def make_release_key(self, path):
        shutil.copy(f"{self.signing_key('release')}.pub", path)

    def make_short_ext4(self, path):
        path.write_bytes(self.get("old.ext4").read_bytes()[:4 << 20])

    def make_zero(self, path):
        path.write_bytes(b"")

    def make_twin_ext4(self, path):
        shutil.copy(self.get("user.ext4"), path)

    def make_vfat_top(self, path):
        path.write_bytes(bytes(64 << 20))
        sh("mkfs.vfat", path)

    def make_cut_carrier(self, path):
        """A disk whose image file is the first half of one."""
        tree = self.dir / "cut-carrier.tree"
        tree.mkdir()
        data = self.get("system.squashfs").read_bytes()
        (tree / "system.squashfs").write_bytes(data[:len(data) // 2])
        sh("mke2fs", "-q", "-t", "ext4", "-d", tree, path, "16M")

    def make_thirty_two(self, path):
        """Thirty layers in a disk, to go above the system and below the user."""
        tree = self.dir / "thirty-two.tree"
        tree.mkdir()
        for i in range(30):
            shutil.copy(self.numbered(130) / f"layer-{i}.squashfs", tree)
        sh("mke2fs", "-q", "-t", "ext4", "-d", tree, path, "16M")

    def module(self, flavour, name):
        """The bytes of a kernel module, and where an initramfs has it."""
        release = self.kernel(flavour)[0]
        path = next((KERNELS / flavour).glob(f"lib/modules/{release}/**/{name}.ko*"))
        data = path.read_bytes()
        return f"lib/modules/{release}/{name}.ko", lzma.decompress(data) if path.suffix == ".xz" else data

    def damaged_module(self, flavour, how, name):
        """Put over the right one: the kernel unpacks the last archive last."""
        path, data = self.module(flavour, name)
        if how == "foreign":
            data = self.module("cloud" if flavour == "6.12-cloud" else "6.12-cloud", name)[1]
        elif how == "unsigned":
            data = unsigned(data)
        elif how == "torn":
            data = data[:len(data) // 2]
        elif how == "flipped":
            # In the middle of its code: only the signature tells.
            data = data[:len(data) // 3] + bytes([data[len(data) // 3] ^ 1]) + data[len(data) // 3 + 1:]
        else:
            raise ValueError(how)
        return {path: data}


def unsigned(data):
    """struct module_signature of include/linux/module_signature.h, its length last, and the magic follow the signature."""
    magic = b"~Module signature appended~\n"
    if not data.endswith(magic):
        raise ValueError("the module is not signed")
    end = len(data) - len(magic) - 12
    return data[:end - int.from_bytes(data[end + 8:end + 12], "big")]
