"""What the boots are made of: small trees, images of them, initramfs. Each is made when it is first asked for."""
import concurrent.futures
import hashlib
import json
import pathlib
import platform
import re
import shutil
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KERNELS = ROOT / "build/kernels"

DIRECTORY, LINK, PROGRAM = "directory", "link ", "program "
ROOT_DIRECTORIES = {name: DIRECTORY for name in ("dev", "proc", "sys", "run", "tmp")}
# Path and text of a file; or what else stands there.
TREES = {
    "system": {**ROOT_DIRECTORIES, "etc/which": "system", "etc/only-system": "system", "etc/deleted": "system",
               "etc/d/merged": "system", "etc/d/of-system": "system", "sbin/text": "this is no program\n",
               "sbin/init": PROGRAM + "testinit", "sbin/other": PROGRAM + "testinit",
               "sbin/layerboot-init": PROGRAM + "layerboot", "sbin/absolute": LINK + "/sbin/other",
               "sbin/loop": LINK + "/sbin/loop"},
    "site": {"etc/which": "site", "etc/only-site": "site"},
    "user": {"etc/which": "user", "etc/only-user": "user", "etc/d/merged": "user"},
    "bare": {**ROOT_DIRECTORIES, "etc/which": "bare"},
    "no-directories": {"sbin/init": PROGRAM + "testinit"},
}
# A directory that the kernel's own file systems go to leads elsewhere.
TREES |= {f"{name}-symlink": {**ROOT_DIRECTORIES, "etc/which": "symlink", "sbin/init": PROGRAM + "testinit", name: LINK + "etc"}
          for name in ("dev", "proc", "sys", "run")}
# Notations of deletions that overlay has to be helped with.
TREES["wh"] = {**TREES["user"], "etc/.wh.deleted": "", "etc/d/.wh..wh..opq": ""}
TREES["xattr"] = {**TREES["user"], "etc/deleted": ""}
# With the commands of a guest.
COMMANDS = ("status", "which /etc/which /etc/deleted /etc/only-system /proc/cmdline", "which /etc/nowhere", "diff user",
            "diff", "grow")
TREES["guest"] = {**TREES["system"], "sbin/layerboot": PROGRAM + "layerboot",
                  "etc/commands": "".join(f"/sbin/layerboot {command}\n" for command in COMMANDS)}
# The next version of the system.
TREES["system-2"] = {**TREES["system"], "etc/which": "system 2", "etc/only-system": "system 2", "etc/new-in-2": "2"}
# A layer that says what it was made on.
TREES["made"] = {**TREES["user"], "usr/lib/layerboot/layers/user": "version = 1\nbase = release-7 system.img\n"}
# Two roots in one image.
TREES["both"] = {**{f"roots/system/{path}": text for path, text in TREES["system"].items()},
                 **{f"roots/user/{path}": text for path, text in TREES["user"].items()},
                 "roots/absolute": LINK + "/roots/system"}
for asked in ("system", "system-2", "wh"):
    TREES[asked]["etc/ask"] = "".join(f"{path}\n" for path in (
        "/etc/n0", "/etc/n63", "/etc/n129", "/etc/last", "/etc/program", "/etc/disk", "/etc/.wh.deleted",
        "/etc/d/.wh..wh..opq", "/etc/written", "/etc/data/kept", "/etc/new-in-2"))
# The texts of manifests that are on disks; cases.py adds to them.
TEXTS = {}
USER_DELETES = ("--delete", "etc/deleted")
# The tree, and how mklayer makes a layer of it.
LAYERS = {
    "system.squashfs": ("system",),
    "system.erofs": ("system", "--type", "erofs"),
    "system.gpt": ("system", "--gpt", "--name", "system"),
    "site.squashfs": ("site",),
    "user.squashfs": ("user", *USER_DELETES),
    "user.ext4": ("user", *USER_DELETES, "--type", "ext4", "--label", "userdata"),
    "user.gpt": ("user", *USER_DELETES, "--gpt", "--name", "user"),
    "made.squashfs": ("made", *USER_DELETES),
    "bare.squashfs": ("bare",),
    "no-directories.squashfs": ("no-directories",),
    **{f"{name}-symlink.squashfs": (f"{name}-symlink",) for name in ("dev", "proc", "sys", "run")},
    "system-2.squashfs": ("system-2",),
    "guest.squashfs": ("guest",),
    "wh.squashfs": ("wh",),
    "system.verity": ("system", "--verity"),
    "user.verity": ("user", *USER_DELETES, "--verity"),
    "erofs.verity": ("user", *USER_DELETES, "--verity", "--type", "erofs"),
    "ext4.verity": ("user", *USER_DELETES, "--verity", "--type", "ext4"),
    "gpt.verity": ("user", *USER_DELETES, "--verity", "--gpt", "--name", "user"),
    "both.squashfs": ("both", "--delete", "roots/user/etc/deleted"),
}
# What debugfs changes of user.ext4.
CHANGED = {
    "setuid.ext4": "set_inode_field /etc/program mode 0104755\n",
    "capability.ext4": "ea_set -f {capability} /etc/program security.capability\n",
    "device.ext4": "cd /etc\nmknod disk b 1 0\nset_inode_field /etc/disk mode 060666\n",
    "redirect.ext4": 'ea_set /etc/d trusted.overlay.redirect "/etc"\n',
    "metacopy.ext4": 'ea_set /etc/only-user trusted.overlay.metacopy ""\n',
}
CHANGED["privileged.ext4"] = CHANGED["setuid.ext4"] + CHANGED["capability.ext4"] + CHANGED["device.ext4"]
# struct vfs_cap_data, revision 2: cap_net_raw, permitted and effective.
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


class Trouble(Exception):
    """What a test needs could not be made."""


def sh(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def archive(files):
    """A newc archive of pairs of path and content; the kernel unpacks several that follow each other."""
    members = [(str(parent), 0o40755, b"") for path, _ in files
               for parent in reversed(pathlib.PurePath(path).parents) if parent.name]
    members += [(path, 0o100644, text if isinstance(text, bytes) else text.encode()) for path, text in files]
    out = b""
    for path, mode, data in members + ([("TRAILER!!!", 0, b"")] if files else []):
        name = path.encode() + b"\0"
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out


class Once:
    """Makes each thing once; who asks for it meanwhile waits, and an error is everybody's."""

    def __init__(self):
        self.lock, self.things = threading.Lock(), {}

    def __call__(self, key, make):
        with self.lock:
            first = key not in self.things
            thing = self.things.setdefault(key, concurrent.futures.Future())
        if first:
            try:
                thing.set_result(make())
            except BaseException as error:
                thing.set_exception(error)
        return thing.result()


class Images:
    def __init__(self, directory, arch=None):
        """ARCH: of the guests, as uname -m names it; default: that of this machine."""
        self.dir, self.once, self.signing = pathlib.Path(directory), Once(), threading.Lock()
        self.arch = arch or platform.machine()
        self.foreign = self.arch != platform.machine()
        self.build = ROOT / "build" / self.arch if self.foreign else ROOT / "build"

    def get(self, name):
        """The image of this name."""
        return self.once(name, lambda: self.make(name))[0]

    def sum(self, name):
        """Its checksum when it was made."""
        return self.once(name, lambda: self.make(name))[1]

    def make(self, name):
        path = self.dir / name
        kind = name.rpartition(".")[2]
        if name.startswith("plain."):
            self.make_plain(path, kind)
        elif name.startswith("blank.raw-"):
            with path.open("wb") as f:
                f.truncate(int(name[len("blank.raw-"):-1]) << 20)
        elif name in CHANGED:
            self.change_ext4(path, CHANGED[name])
        elif kind in ("raw", "manifest") and name != "signed.raw":
            self.write_text(path, name.removesuffix("." + kind), kind == "raw")
        elif name.startswith(("carrier.", "carrier-verity.", "carrier-links.", "config.")):
            self.carry(path, *name.split("."))
        elif name in LAYERS:
            tree, *options = LAYERS[name]
            said = sh(ROOT / "scripts/mklayer", self.tree(tree), "--all-root", *options, "-o", path)
            (self.dir / (name + ".keys")).write_text("".join(said.splitlines(True)[1:]))
        else:
            getattr(self, "make_" + re.sub("[.-]", "_", name))(path)
        return self.made(path)

    @staticmethod
    def made(path):
        return path, checksum(path)

    def make_dirty_ext4(self, path):
        """A transaction in the journal that was never replayed; a replay would change /etc/which."""
        sh("mke2fs", "-q", "-t", "ext4", "-d", self.tree("user"), path, "16M")
        block = self.dir / "block"
        block.write_bytes(b"replayed".ljust(4096, b"\0"))
        number = sh("debugfs", "-R", "blocks /etc/which", path).strip()
        sh("debugfs", "-w", "-f", "-", path,
           input=f"cd etc\nmknod deleted c 0 0\njo\njw -b {number} {block}\njc\n")
        features = sh("dumpe2fs", "-h", path)
        if "needs_recovery" not in features:
            raise Trouble(f"{path} is not dirty: {features}")

    def signing_key(self, name):
        """The path of both halves without their endings."""
        def build():
            sh(ROOT / "scripts/sign-manifest", "--generate", self.dir / name)
            return self.dir / name
        return self.once("key " + name, build)

    def sign(self, text, key):
        plain, signed = self.dir / "plain.manifest", self.dir / "signed.manifest"
        with self.signing:
            plain.write_text(text)
            sh("signify-openbsd", "-S", "-e", "-s", f"{self.signing_key(key)}.sec", "-m", plain, "-x", signed)
            return signed.read_text()

    def make_signed_text(self, path):
        path.write_text(self.sign(self.fill(TEXTS["signed"]), "release"))

    def make_signed_raw(self, path):
        data = self.sign(self.fill(TEXTS["signed"]), "release").encode()
        path.write_bytes(data + bytes(-len(data) % 4096 or 4096))

    def keys(self, name):
        """What mklayer --verity said for the manifest."""
        self.get(name)
        return (self.dir / (name + ".keys")).read_text().rstrip("\n")

    def data_size(self, name):
        return int(re.search(r"verity-data-size = (\d+)", self.keys(name))[1])

    def make_user_data(self, path):
        path.write_bytes(self.get("user.verity").read_bytes()[:self.data_size("user.verity")])

    def make_user_tree(self, path):
        path.write_bytes(self.get("user.verity").read_bytes()[self.data_size("user.verity"):])

    def flip(self, path, of, at):
        """One bit is another one; AT < 0 counts from the end of the data."""
        data = bytearray(self.get(of).read_bytes())
        data[at if at >= 0 else self.data_size(of) + at] ^= 1
        path.write_bytes(data)

    def make_other_verity(self, path):
        """Other values than mklayer's, and a superblock before the tree that says others again."""
        data, salt, gap = self.get("system.squashfs").read_bytes(), "a1b2c3", 8192
        path.write_bytes(data + bytes(-len(data) % 1024))
        size = path.stat().st_size
        offset = (size + gap) // 4096 * 4096
        said = sh(shutil.which("veritysetup", path="/usr/sbin:/sbin:/usr/bin"), "format", "--hash=sha512", f"--salt={salt}", "--data-block-size=1024",
                  "--hash-block-size=4096", f"--data-blocks={size // 1024}", f"--hash-offset={offset}", path, path)
        root = re.search(r"Root hash:\s*(\S+)", said)[1]
        with path.open("r+b") as f:
            f.seek(offset)
            superblock = f.read(512)
            if superblock[:6] != b"verity" or b"sha512" not in superblock:
                raise Trouble("no superblock where it should be")
            f.seek(offset)
            f.write(superblock.replace(b"sha512", b"sha256").replace(bytes.fromhex(salt), b"\0\0\0"))
        values = {"type": "squashfs", "verity": root, "verity-data-size": size, "verity-hash-offset": offset + 4096,
                  "verity-block-size": 1024, "verity-hash-block-size": 4096, "verity-salt": salt, "verity-algorithm": "sha512"}
        (self.dir / "other.verity.keys").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))

    def make_first_flipped(self, path):
        self.flip(path, "user.verity", 0)

    def make_last_flipped(self, path):
        """Where squashfs keeps its tables."""
        self.flip(path, "system.verity", -4000)

    def make_tree_flipped(self, path):
        """The end of the file is the lowest level of the tree."""
        self.flip(path, "system.verity", self.data_size("system.verity") + 4096)

    def make_short_verity(self, path):
        path.write_bytes(self.get("system.verity").read_bytes()[:-4096])

    def change_ext4(self, path, commands):
        shutil.copy(self.get("user.ext4"), path)
        capability, program = self.dir / "capability", self.dir / "plain-program"
        capability.write_bytes(CAPABILITY)
        program.write_text("no program\n")
        sh("debugfs", "-w", "-f", "-", path,
           input=f"cd /etc\nwrite {program} program\n" + commands.format(capability=capability))

    @staticmethod
    def write_text(path, name, raw):
        """A disk that holds a text, filled up with NUL; or the text alone."""
        if name == "gibibyte":
            with path.open("wb") as f:
                f.write(b"# a comment that does not end\n" * 4096)
                f.truncate(1 << 30)
            return
        data = TEXTS[name] if isinstance(TEXTS[name], bytes) else TEXTS[name].encode()
        path.write_bytes(data + (bytes(-len(data) % 4096 or 4096) if raw else b""))

    def carry(self, path, what, kind):
        """A disk with files on it: images of layers, or a manifest as on a config drive."""
        tree = self.dir / f"{what}.{kind}.tree"
        if what == "carrier-verity":
            (tree / "layers").mkdir(parents=True)
            shutil.copy(self.get("user.verity"), tree / "layers/user.img")
        elif what == "carrier-links":
            (tree / "layers").mkdir(parents=True)
            shutil.copy(self.get("user.squashfs"), tree / "user.img")
            # From the root of the disk on, wherever that is mounted; and what is only outside.
            for link, to in (("inside", "/user.img"), ("out", "/init"), ("up", "../../../../../init")):
                (tree / f"layers/{link}.img").symlink_to(to)
        elif what == "carrier":
            (tree / "layers").mkdir(parents=True)
            for name in ("1-system", "2-site", "10-user"):
                shutil.copy(self.get(name.split("-")[1] + ".squashfs"), tree / f"layers/{name}.squashfs")
            (tree / "layers/readme").write_text("no image")
        else:
            (tree / "layerboot").mkdir(parents=True)
            (tree / "layerboot/manifest").write_text(TEXTS["three"])
        label = what if what.startswith("carrier") else "config-2"
        if kind == "ext4":
            sh("mke2fs", "-q", "-t", "ext4", "-L", label, "-d", tree, path, "32M")
        elif kind == "iso9660":
            sh("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", label, "-o", path, tree)
        else:
            path.write_bytes(bytes(16 << 20))
            sh("mkfs.vfat", "-n", label, path)
            sh("mcopy", "-s", "-i", path, *sorted(tree.iterdir()), "::")

    def numbered(self, count):
        """Images that each hold their number."""
        def build():
            out = self.dir / "numbered"
            for i in range(count):
                tree = out / f"tree-{i}/etc"
                tree.mkdir(parents=True)
                (tree / f"n{i}").write_text(str(i))
                (tree / "last").write_text(str(i))
                sh("mksquashfs", tree.parent, out / f"layer-{i}.squashfs", "-quiet", "-no-progress", "-all-root")
            return out
        return self.once("numbered", build)

    def make_system_iso9660(self, path):
        sh("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", path, self.tree("system"))

    def make_user_btrfs(self, path):
        sh("mkfs.btrfs", "-q", "--rootdir", self.tree("user"), "--byte-count", "128M", path)

    def make_user_xfs(self, path):
        """mkfs.xfs takes files from a prototype: a line each."""
        prototype = self.dir / "xfs.prototype"
        lines = ["/dev/null", "0 0", "d--755 0 0", "etc d--755 0 0"]
        files = [f"{name} ---644 0 0 {self.tree('user')}/etc/{name}" for name in ("which", "only-user")]
        inner = ["d d--755 0 0", f"merged ---644 0 0 {self.tree('user')}/etc/d/merged", "$"]
        prototype.write_text("\n".join([*lines, *files, *inner, "$", "$"]) + "\n")
        with path.open("wb") as f:
            f.truncate(320 << 20)
        sh("mkfs.xfs", "-q", "-p", prototype, path)

    @staticmethod
    def make_deep_ext4(path):
        sh("truncate", "-s", "8M", path)
        sh("mke2fs", "-q", "-t", "ext4", path)
        sh("debugfs", "-w", "-f", "-", path, input="".join(f"mkdir {'/a' * depth}\n" for depth in range(1, 260)))

    @staticmethod
    def make_plain(path, kind):
        """An empty file system for what is to last."""
        with path.open("wb") as f:
            f.truncate((400 if kind == "xfs" else 64) << 20)
        sh(f"mkfs.{kind}", "-q", path)

    def make_many_ext4(self, path):
        tree, numbered = self.dir / "many.tree", self.numbered(130)
        for directory, count in (("first", 64), ("all", 130)):
            (tree / directory).mkdir(parents=True)
            for i in range(count):
                shutil.copy(numbered / f"layer-{i}.squashfs", tree / directory)
        sh("mke2fs", "-q", "-t", "ext4", "-d", tree, path, "32M")

    def make_many_gpt(self, path):
        numbered, size = self.numbered(130), 1 << 20
        table = "label: gpt\n" + "".join(f"start={2048 + i * 2048}, size=2048, name=part{i}\n" for i in range(64))
        with path.open("wb") as f:
            f.truncate(66 * size + (1 << 20))
            for i in range(64):
                f.seek((1 + i) * size)
                f.write((numbered / f"layer-{i}.squashfs").read_bytes())
        sh("sfdisk", "--quiet", path, input=table)

    def make_xattr_ext4(self, path):
        """Deletes as kernels from 6.8 on understand it."""
        sh(ROOT / "scripts/mklayer", self.tree("xattr"), "--all-root", "--type", "ext4", "-o", path)
        sh("debugfs", "-w", "-f", "-", path, input='ea_set /etc/deleted trusted.overlay.whiteout "y"\n'
           'ea_set /etc trusted.overlay.opaque "x"\n')

    def make_evil_ext4(self, path):
        """A user's image whose attributes name what the user may not read of the system."""
        shutil.copy(self.get("user.ext4"), path)
        sh("debugfs", "-w", "-f", "-", path, input='ea_set /etc/d trusted.overlay.redirect "/etc"\n'
           'ea_set /etc/only-user trusted.overlay.metacopy ""\n'
           'ea_set /etc/only-user trusted.overlay.redirect "/etc/only-system"\n')

    def make_cut_squashfs(self, path):
        """As a copy that was broken off: the beginning is right."""
        path.write_bytes(self.get("system.squashfs").read_bytes()[:12288])

    @staticmethod
    def make_empty(path):
        path.write_bytes(bytes(1 << 20))

    @staticmethod
    def make_garbage(path):
        path.write_bytes(b"".join(hashlib.sha512(b"%d" % i).digest() for i in range(1 << 14)))

    @staticmethod
    def make_vfat(path):
        path.write_bytes(bytes(4 << 20))
        sh("mkfs.vfat", path)

    def tree(self, name):
        return self.once("tree " + name, lambda: self.make_tree(name))

    def make_tree(self, name):
        for path, text in TREES[name].items():
            place = self.dir / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if text == DIRECTORY:
                place.mkdir()
            elif text.startswith(LINK):
                place.symlink_to(text[len(LINK):])
            elif text.startswith(PROGRAM):
                shutil.copy(self.program(text[len(PROGRAM):]), place)
            else:
                place.write_text(text)
            if path == "sbin/text":
                place.chmod(0o755)
        return self.dir / name

    def program(self, name):
        return self.build / "layerboot" if name == "layerboot" else self.once(name, lambda: self.compile(name))

    def compile(self, name):
        program = self.dir / f"{name}.program"
        sh(self.build / "deps/cc" if self.foreign else "musl-gcc", "-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror",
           "-D_GNU_SOURCE", ROOT / f"tests/boot/{name}.c", "-o", program)
        return program

    def static_e2fsck(self):
        """For another architecture than this machine's: Debian's own, unpacked."""
        debian, out = {"aarch64": "arm64", "x86_64": "amd64"}[self.arch], self.dir / "e2fsck-static"
        deb = sh(ROOT / "scripts/apt-private", "--arch", debian, "download", "e2fsck-static", self.dir).strip()
        sh("dpkg-deb", "-x", deb, out)
        return out / "sbin/e2fsck.static"

    def modules(self, flavour):
        return KERNELS / (f"{flavour}-{self.arch}" if self.foreign else flavour)

    def kernel(self, flavour):
        """Its release and its image."""
        def fetch():
            out = self.modules(flavour)
            release = sh(ROOT / "scripts/get-kernel", "--arch", self.arch, flavour, "--out", out).strip().splitlines()[-1]
            return release, out / "boot" / f"vmlinuz-{release}"
        return self.once("kernel " + flavour, fetch)

    def initramfs(self, flavour, manifest=None, options=(), inject=()):
        """INJECT: files that mkinitramfs would not put in, as pairs of path and text."""
        key = flavour, manifest, tuple(options), tuple(inject)

        def build():
            out = self.dir / f"initramfs-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.cpio"
            command = [ROOT / "scripts/mkinitramfs", "--kernel", self.kernel(flavour)[0],
                       "--modules", self.modules(flavour), "--init", self.build / "layerboot", "-o", out, *options]
            if manifest is not None:
                text = out.with_suffix(".manifest")
                text.write_text(manifest)
                command += ["--manifest", text]
            if self.foreign and "type = disk" in (manifest or ""):
                command += ["--program", f"/sbin/e2fsck={self.once('e2fsck', self.static_e2fsck)}"]
            sh(*command)
            with out.open("ab") as f:
                f.write(archive(inject))
            return out
        return self.once(key, build)

    def fill(self, text):
        """What only the images tell: {uuid:IMAGE}, {partuuid:IMAGE}, {file:IMAGE}, {verity:IMAGE} and, for a tree at the beginning of a disk,
        {tree:IMAGE}."""
        told = {"uuid": self.uuid, "partuuid": self.partuuid, "file": self.get, "verity": self.keys,
                "tree": lambda name: re.sub("verity-hash-offset.*\n", "", self.keys(name) + "\n").strip(),
                "wrong": lambda name: re.sub("verity = .{16}", "verity = 0123456789abcdef", self.keys(name))}
        return re.sub(r"\{(uuid|partuuid|file|verity|tree|wrong):([^}]+)\}", lambda m: str(told[m[1]](m[2])), text)

    def uuid(self, name):
        return sh("blkid", "-p", "-o", "value", "-s", "UUID", self.get(name)).strip()

    def partuuid(self, name):
        return json.loads(sh("sfdisk", "-J", self.get(name)))["partitiontable"]["partitions"][0]["uuid"]
