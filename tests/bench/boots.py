"""One boot of a contender, and what its real init says about it."""
import json
import os
import platform
import re
import statistics
import subprocess

from common import ROOT, Trouble, run
from contenders import BENCH, CMDLINE

TIME_LIMIT = 1800  # seconds, of this machine: with an instruction count a guest is slow


class Record(dict):
    """What the real init has printed, by name; names that come more than once are lists."""
    MANY = ("mount", "module", "failed", "report")

    def __init__(self, console):
        super().__init__({name: [] for name in self.MANY})
        for line in re.findall(r"^bench: (.*?)\r*$", console, re.M):
            name, _, value = line.partition(" ")
            if name.rstrip(":") in self.MANY:
                self[name.rstrip(":")].append(value)
            else:
                self[name] = value
        self.whole = "end" in self and (
            times := re.search(r"bench start_ns=(\d+) init_ns=(\d+)", console))
        if self.whole:
            self.began, self.ready = int(times[1]), int(times[2])

    def report(self):
        """The report of a boot of layerboot, or None."""
        return json.loads("".join(self["report"])) if self["report"] else None

    def number(self, name):
        return int(self[name])


def boot(contender, how):
    """HOW: options of run-vm that choose the clock."""
    command = [ROOT / "scripts/run-vm", "--kernel", contender.kernel.image, "--initramfs", contender.initramfs,
               "--no-pvpanic", "--timeout", TIME_LIMIT, *how, "--append", CMDLINE, *contender.disks()]
    console = contender.dir / f"{contender.name}.console"
    with open(console, "wb") as f:
        done = subprocess.run([str(word) for word in command], stdout=f, stderr=f, stdin=subprocess.DEVNULL, check=False)
    record = Record(console.read_text(errors="replace"))
    if done.returncode != 0 or not record.whole or record["failed"]:
        why = "; ".join(record["failed"]) or f"run-vm ended with {done.returncode}"
        raise Trouble(f"{contender.name} on {contender.kernel.flavour}: {why}; its console: {console}")
    check(contender, record, console)
    return record


def check(contender, record, console):
    """Who is measured must have done its work."""
    layers = {"live-boot": 2}.get(contender.name, min(contender.layers, 2))
    root = next(line.split() for line in record["mount"] if line.split()[4] == "/")
    overlay = root[root.index("-") + 1] == "overlay"
    if record.number("layers") != layers or overlay != contender.union or (overlay and record["writable"] != "1"):
        raise Trouble(f"{contender.name} on {contender.kernel.flavour} did not make its root: "
                      f"{record['layers']} layers, root {' '.join(root)}; its console: {console}")


def build_plugin(directory):
    run("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", directory / "count.so",
        BENCH / "count.c")


def counted_boot(contender, cpu):
    """A boot by instruction count on QEMU's model CPU; the plugin says what was executed."""
    plugin, counts = contender.dir / "count.so", contender.dir / f"{contender.name}.counts"
    counts.unlink(missing_ok=True)
    arguments = ["-cpu", cpu, "-plugin", f"{plugin},output={counts}"]
    record = boot(contender, ["--icount", "--accel", "tcg", *(word for a in arguments for word in ("--qemu-arg", a))])
    if not counts.exists():
        raise Trouble(f"{contender.name}: QEMU's plugin tests/bench/count.c has left no count")
    record.instructions, record.calls, record.loading = map(int, counts.read_text().split())
    if not record.instructions:
        raise Trouble(f"{contender.name}: a mark of tests/bench/count.c was not passed")
    return record


def machine(cpu):
    """What the guests ran on."""
    qemu = run("qemu-system-x86_64", "--version").split("\n")[0].removeprefix("QEMU emulator version ").split()[0]
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return f"QEMU {qemu} (-cpu {cpu}) on {os.cpu_count()} CPUs of {' '.join(model.split())}"


class Result:
    """The runs of one contender."""

    def __init__(self, contender):
        self.contender, self.records, self.wall = contender, [], []

    def add(self, record):
        self.records.append(record)

    def add_wall(self, record):
        self.wall.append(record)

    def module_names(self):
        return [line.split()[0] for line in self.records[-1]["module"]]

    def row(self, date, cpu):
        """As tests/bench/boot_table.py has it."""
        c, r, w = self.contender, self.records, self.wall
        row = {"date": date, "machine": machine(cpu), "kernel": c.kernel.flavour, "release": c.kernel.release,
               "contender": c.name, "layers": c.layers, "union": "yes" if c.union else "no", "runs": len(r),
               "initramfs_bytes": len(c.own), "syscalls": round(statistics.median([record.calls for record in r])),
               "modules": len(self.module_names()),
               "module_bytes": sum(len(c.kernel.content(m)) for m in self.module_names())}
        numbers = {"init_ms": [(record.ready - record.began) / 1e6 for record in r],
                   "init_minstr": [record.instructions / 1e6 for record in r],
                   "boot_ms": [record.ready / 1e6 for record in r],
                   "boot_minstr": [(record.began + record.instructions) / 1e6 for record in r],
                   "kvm_init_ms": [(record.ready - record.began) / 1e6 for record in w],
                   "kvm_boot_ms": [record.ready / 1e6 for record in w],
                   "loading_minstr": [record.loading / 1e6 for record in r if record.loading]}  # the floor's
        numbers["work_ms"], numbers["chain_ms"] = zip(*(chain(report) for report in map(Record.report, r)
                                                        if report)) if r[0]["report"] else ((), ())
        for name, values in numbers.items():
            row[name] = round(statistics.median(values), 3) if values else None
            row[f"{name}_min"] = round(min(values), 3) if values else None
            row[f"{name}_max"] = round(max(values), 3) if values else None
        return row


def chain(report):
    """The work of layerboot's steps, and of it the longest chain of steps that need each other, in milliseconds: what
    would be left with processors enough. Steps that overlap on the one CPU have shared it, so each gets its share. The
    modules of devices (their names are aliases of a bus, such as pci:...) need each other in the order in which they were
    loaded; those of file systems and of the union need none, and none of the others. All other steps follow each other."""
    steps = [(step["step"], step["start_us"], step["start_us"] + step["us"]) for step in report["steps"]]
    edges = sorted({at for _, start, end in steps for at in (start, end)})
    work = [0.0] * len(steps)
    for begin, end in zip(edges, edges[1:]):
        active = [i for i, (_, start, stop) in enumerate(steps) if start <= begin and end <= stop]
        for i in active:
            work[i] += (end - begin) / len(active)
    devices, others, rest = 0.0, [0.0], 0.0
    for (text, _, _), cost in zip(steps, work):
        if not text.startswith("module "):
            rest += cost
        elif ":" in text:
            devices += cost
        else:
            others.append(cost)
    return sum(work) / 1000, (rest + max(devices, *others)) / 1000


KVM = ["--accel", "kvm"]


def kvm_works(kernel):
    """Whether run-vm takes KVM of its own choice. It remembers what a trial showed, and makes one if it has to."""
    command = [ROOT / "scripts/run-vm", "--kernel", kernel.image, "--accel", "auto", "--timeout", "1", "--quiet"]
    for way in (["--dry-run"], [], ["--dry-run"]):
        done = subprocess.run([*map(str, command), *way], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        if way and "was not tried yet" not in done.stderr:
            return done.stderr.startswith("run-vm: kvm")
    return False
