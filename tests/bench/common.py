"""What the benchmarks share."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "tests/bench"


class Trouble(Exception):
    """Ends the script with a message."""


def run(*command, **options):
    """The output of a command that must end well."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(command[:3])} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def archive(files):
    """A newc archive of (path, mode, bytes), directories first; the kernel unpacks several that follow each other."""
    out = b""
    for path, mode, data in [*files, ("TRAILER!!!", 0, b"")]:
        name = path.encode() + b"\0"
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out + bytes(-len(out) % 512)


def compile_static(source, out, *options):
    """A static program of tests/bench."""
    run("musl-gcc", "-D_GNU_SOURCE", "-Os", "-s", "-static", "-no-pie", "-Wall", "-Wextra", "-Werror", *options,
        BENCH / source, "-o", out)
    return out.read_bytes()


class Kernel:
    """A kernel that scripts/get-kernel has unpacked: where its modules are, and what they depend on."""

    def __init__(self, flavour):
        directory = ROOT / "build/kernels" / flavour
        self.flavour = flavour
        self.release = run(ROOT / "scripts/get-kernel", flavour, "--out", directory).strip()
        self.image = directory / f"boot/vmlinuz-{self.release}"
        self.config = directory / f"boot/config-{self.release}"
        self.modules = directory / f"lib/modules/{self.release}"
        self.files, self.needs = {}, {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, needs = line.split(":")
            self.files[self.name(path)] = path
            self.needs[self.name(path)] = [self.name(n) for n in needs.split()]

    @staticmethod
    def name(path):
        """As the kernel calls it."""
        return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")

    def chain(self, wanted):
        """The modules of those wanted that are not built in, each after what it depends on."""
        done = []
        for name in wanted:
            for each in [*reversed(self.needs.get(name, [])), name]:
                if each in self.files and each not in done:
                    done.append(each)
        return done

    def content(self, name):
        """A module as the kernel checks it: not compressed, signature and all."""
        path = self.modules / self.files[name]
        data = path.read_bytes()
        if path.suffix == ".xz":
            data = subprocess.run(["xz", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
        return data
