"""One boot under QEMU: what is started, and what must come out."""
import fnmatch
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time

from report import report_errors
from images import ROOT, Trouble, checksum
from twin import BEFORE_DISKS, NOT_FORESEEN, failed_report_errors, replay_errors, steps_errors
from monitor import Monitor

STATUS = {6: "no report", 0: "power-off", 1: "panic", 3: "time limit", 4: "QEMU failed", 5: "reboot"}
ENVIRONMENT = ["HOME=/", "TERM=linux"]
# What a kernel leaves to the init that it starts itself.
LEFT = {
    "pid": ["1"],
    "fd": ["0", "1", "2"],
    "signals": ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"],
    "state": ["directory /", "umask 22", "children none", "nice 0"],
    "limit": ["/proc/sys/kernel/printk_devkmsg: ratelimit"],
}


def terminal_lines(terminal):
    """Lines until the other end is closed, which a terminal tells as an error."""
    rest = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            data = b""
        if not data:
            yield rest
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


class Boot:
    limit, patience = 120, None  # seconds; run sets them for a machine that is busy

    def __init__(self, case, kernel, images, directory, kept=None):
        """KEPT: disks that several boots write to, by the name of their image."""
        self.case, self.kernel, self.images, self.dir, self.kept = case, kernel, images, directory, kept or {}
        self.name = f"{case['name']} ({kernel}{' ' + images.arch if images.foreign else ''})"
        self.took, self.manifest, self.monitor = None, None, None
        self.late = [case["late"]] if "late" in case else []

    # --- what is started

    def cmdline(self):
        words = self.case.get("append", "")
        # Where others keep the machine busy, a driver may take as long as a disk is waited for.
        if self.patience and "timeout" not in words + (self.manifest or ""):
            words += f" layerboot.timeout={self.patience}"
        if "args" in self.case:
            words += " -- " + " ".join(f'"{a}"' if " " in a else a for a in self.case["args"])
        if self.images.arch == "aarch64":
            words = words.replace("console=ttyS0", "console=ttyAMA0")
        return words.strip()

    def initramfs(self):
        omit = self.case.get("omit", [])
        options = [f"--omit-module={name}" for name in omit] + self.case.get("options", []) + self.lock()
        # What mkinitramfs would refuse for its signature goes past it.
        past = self.case.get("past", False)
        release = self.images.kernel(self.kernel)[0]
        inject = {path.replace("{release}", release): text for path, text in self.case.get("inject", {}).items()}
        inject = {**inject, **({"etc/layerboot/manifest": self.manifest} if past else {})}
        return self.images.initramfs(self.kernel, None if past else self.manifest, options, inject.items())

    def lock(self):
        """Keys and policy, as mkinitramfs takes them."""
        options = [f"--key={self.images.signing_key(key)}.pub" for key in self.case.get("keys", [])]
        if "policy" in self.case:
            policy = self.dir / "policy"
            policy.write_text("version = 1\n" + self.case["policy"])
            options.append(f"--policy={policy}")
        return options

    def reports_failure(self):
        """Whether the host is sent a report by a boot that fails, without that being what the row is about."""
        case = self.case
        return bool(case.get("word")) and case.get("reports", True) and "layerboot.report=" not in self.cmdline() and not (
            case.get("bare") or "sent" in case or "types" in case)

    def file(self, serial, image, *options):
        """What a guest may write to is its own copy."""
        if image in self.kept:
            return self.kept[image]
        return self.dir / f"{serial}.disk" if "rw" in options else self.images.get(image)

    def command(self, sockets):
        case = self.case
        command = [ROOT / "scripts/run-vm", "--kernel", self.images.kernel(self.kernel)[1],
                   "--initramfs", self.initramfs(), "--accel", "tcg", "--memory", "256M",
                   "--timeout", case.get("limit", self.limit), "--arch", self.images.arch]
        if not self.images.foreign:
            command += ["--machine", case.get("machine", "q35")]
        command += [self.images.fill(word).replace("{dir}", str(self.dir)) for word in case.get("vm", [])]
        if case.get("bare"):
            command.append("--no-default-append")
        if self.cmdline():
            command += ["--append", self.cmdline()]
        if self.reports_failure():
            command += ["--report", self.dir / "sent.json"]
        if self.late:
            command += ["--hotplug-ports", "1"]
        if self.monitor:
            command += ["--qmp", f"{sockets}/qmp"]
        for serial, image, *options in case["disks"]:
            command.append(",".join([f"{serial}={self.file(serial, image, *options)}", *options]))
        return [str(c) for c in command]

    def prepare(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        if "manifest" in self.case:
            release = self.images.kernel(self.kernel)[0]
            self.manifest = self.images.fill(self.case["manifest"]).replace("{release}", release)
        if "sign" in self.case:
            self.manifest = self.images.sign(self.manifest, self.case["sign"])
        for old, new in self.case.get("tamper", []):
            self.manifest = self.manifest.replace(old, new)
        for disk in self.case["disks"]:
            if "rw" in disk[2:] and disk[1] not in self.kept:
                shutil.copy(self.images.get(disk[1]), self.file(*disk))

    def type(self, vm, terminal, lines):
        """Types the lines of the row on the console, each once what it waits for has been said."""
        for wait, text in self.case["types"]:
            while not any(wait in line for line in lines) and vm.poll() is None:
                time.sleep(0.05)
            os.write(terminal, text.encode() + b"\r")

    def acts(self):
        """What the monitor does: attach the late disk, two seconds after the init began."""
        if not self.late:
            return []
        serial, image = self.late[0][:2]
        return [("Run /init as init process", 2, [
            ("blockdev-add", {"driver": "raw", "node-name": "late", "read-only": True,
                              "file": {"driver": "file", "filename": str(self.images.get(image))}}),
            ("device_add", {"driver": "virtio-blk-pci", "drive": "late", "serial": serial, "bus": "hp0"})])]

    def run(self):
        """The status of run-vm and the lines of the console."""
        self.prepare()
        lines, acts = [], self.acts()
        # Not below build: the path of a socket must be short.
        with tempfile.TemporaryDirectory(prefix="layerboot-") as sockets:
            if acts or self.case.get("watched"):
                self.monitor = Monitor(f"{sockets}/qmp", acts)
            command = self.command(sockets)
            (self.dir / "command").write_text(shlex.join(command) + "\n")
            ends = pty.openpty() if "types" in self.case else None
            std = {"stdin": ends[1], "stdout": ends[1]} if ends else {"stdin": subprocess.DEVNULL,
                                                                      "stdout": subprocess.PIPE}
            with subprocess.Popen(command, stderr=subprocess.STDOUT, **std) as vm:
                if ends:
                    os.close(ends[1])
                    typist = threading.Thread(target=self.type, args=(vm, ends[0], lines))
                    typist.start()
                if self.monitor:
                    self.monitor.start(vm)
                for line in terminal_lines(ends[0]) if ends else vm.stdout:
                    lines.append(line.decode(errors="replace").rstrip("\r\n"))
                    if self.monitor:
                        self.monitor.line(lines[-1])
                if self.monitor:
                    self.monitor.stop()
                if ends:
                    typist.join()
                    os.close(ends[0])
                status = vm.wait()
        (self.dir / "console").write_text("\n".join(lines) + "\n")
        return status, lines

    # --- what must come out

    def judge(self):
        """Errors, and the console. A number that the host's load can spoil gets three tries; so does a kernel that dies of
        QEMU's emulation before there is an init, as 6.12 did once in some hundred boots; nothing else does."""
        errors, lines = [], []
        for _ in range(3):
            try:
                status, lines = self.run()
                errors = self.check(status, lines)
            except Trouble as trouble:
                return [str(trouble)], lines
            if not errors or not ("within_ms" in self.case or self.died_early(lines)):
                break
        return errors, lines

    @staticmethod
    def died_early(lines):
        console = "\n".join(lines)
        return "Kernel panic" in console and "Run /init as init process" not in console

    @staticmethod
    def said(lines, key):
        """Values of the "T key value" records of testinit."""
        pattern = re.compile(r"(?:^|\] )T " + key + r" (.*)")
        return [m[1] for line in lines if (m := pattern.search(line))]

    def check(self, status, lines):
        case, errors = self.case, list(self.monitor.notes) if self.monitor else []
        # The init splits what is too long for one record; its mark is taken out again.
        console = re.sub(r" \.\.\.\n(\[[ 0-9.]+\] )?layerboot:", "", "\n".join(lines))
        for text in [case["also"]] if isinstance(case.get("also"), str) else case.get("also", []):
            if text not in console:
                errors.append(f"the console does not say: {text}")
        if "silent" in case and case["silent"] in console:
            errors.append(f"the console says: {case['silent']}")
        expected = case.get("status", 0)
        if status != expected:
            errors.append(f"run-vm saw {STATUS.get(status, status)}, expected {STATUS[expected]}")
        for disk in case["disks"] + self.late:
            if disk[1] not in self.kept and checksum(self.file(*disk)) != self.images.sum(disk[1]):
                errors.append(f"{disk[1]}, the disk {disk[0]}, is not the same as before")
        errors += self.check_sent()
        if "word" in case:
            return errors + self.check_failure(lines, console)
        try:
            report = json.loads("".join(self.said(lines, "report")).replace("||", "").strip("|"))
        except json.JSONDecodeError as error:
            return errors + [f"the report: {error}"]
        (self.dir / "report.json").write_text(json.dumps(report, indent=1))
        return (errors + self.check_success(lines, console) + self.check_plan(lines, report) +
                self.check_steps(report) + self.check_report(report))

    def check_failure(self, lines, console):
        words = re.findall(r"layerboot: error\[([a-z0-9-]+)\]", console)
        errors = [] if words == [w for w in [self.case["word"]] if w] else [f"error words {words}, expected {self.case['word']}"]
        if any("T begin" in line for line in lines):
            errors.append("the real init was started all the same")
        if "within_ms" in self.case:
            errors += self.check_time(lines)
        if self.reports_failure():
            errors += self.check_failed_report(console)
        return errors + self.check_plan_fails()

    def check_failed_report(self, console):
        """The report came out of the guest, says what the console does, and its steps are a part of the plan."""
        path, word = self.dir / "sent.json", self.case["word"]
        if not path.exists():
            return [] if word is None else ["no report was sent"]
        path = path.rename(self.dir / "report.json")
        errors = report_errors(path)
        if errors:
            return errors
        report = json.loads(path.read_text())
        errors = failed_report_errors(report, word, console)
        # Or before the manifest: there is nothing to plan.
        if word in BEFORE_DISKS or (self.case.get("foreseen") and not report.get("manifest", {}).get("origin")):
            return errors
        early = (len(report["disks"]) < len(self.case["disks"]) or
                 any(not re.search('KNOWN="[2367]"', disk["inventory"]) for disk in report["disks"]))
        errors += replay_errors(self.replay(), word, self.case.get("foreseen"), early)
        plan = self.replay("--json")
        return errors + (steps_errors(json.loads(plan.stdout), report, False) if plan.returncode == 0 else [])

    def check_time(self, lines):
        """In the guest's own time, by the time stamps of its log."""
        stamps = [float(m[1]) for line in lines if re.search(r"Run /init as init|error\[", line)
                  and (m := re.match(r"\[ *([0-9.]+)\]", line))]
        self.took = (stamps[1] - stamps[0]) * 1000 if len(stamps) >= 2 else None
        low, high = self.case["within_ms"]
        if self.took is None or not low <= self.took <= high:
            return [f"reported after {self.took} ms, expected {low} to {high} ms"]
        return []

    def check_success(self, lines, console):
        case, errors = self.case, []

        def expect(key, wanted, got=None):
            got = self.said(lines, key) if got is None else got
            if got != wanted:
                errors.append(f"{key}: {got}, expected {wanted}")

        for key, wanted in LEFT.items():
            expect(key, [w.replace("children none", f"children {case.get('children', 'none')}") for w in wanted])
        expect("arg", [case.get("init", "/sbin/init"), *case.get("words", []), *case.get("args", [])])
        expect("env", sorted(ENVIRONMENT + case.get("env", [])), sorted(self.said(lines, "env")))
        files = dict(f.split(": ", 1) for f in self.said(lines, "file"))
        for path, text in case["files"].items():
            expect(f"file {path}", text, files.get(path, "nothing was said"))
        # The initramfs was a tmpfs of ten megabytes: nothing of it is left.
        memory = [int(m[1]) for text in self.said(lines, "memory") if (m := re.match(r"Shmem: +(\d+) kB", text))]
        limit = case.get("memory", 1024)
        expect(f"tmpfs memory below {limit} KiB", True, memory != [] and memory[0] < limit)
        read_only = case.get("top") == "none"
        wanted = "Read-only file system" if read_only else "written"
        expect("write", case.get("writes", [f"/etc/written: {wanted}", f"/etc/which: {wanted}"]))
        # It would take a redirect.
        expect("rename", [f"/etc/d: {'Read-only file system' if read_only else case.get('rename', 'Cross-device link')}"])
        stats = dict(f.split(": ", 1) for f in self.said(lines, "stat"))
        for path, text in case.get("stats", {}).items():
            expect(f"stat {path}", text, stats.get(path, "nothing was said"))
        errors += self.check_layers(lines, read_only)
        if not any("T end" in line for line in lines):
            errors.append("the real init did not come to its end")
        # With quiet nothing is said of a boot that goes well.
        tmpfs = case.get("top", "tmpfs") == "tmpfs" and "quiet" not in self.cmdline().split()
        if "quiet" in self.cmdline().split() and "also" not in case and "layerboot:" in console:
            errors.append("the console is not quiet")
        if tmpfs != ("layerboot: top: tmpfs, writes are lost at power-off" in console):
            errors.append("the console does not say what the top is")
        if "error[" in console:
            errors.append("the console has an error")
        return errors

    def check_layers(self, lines, read_only):
        """/run/layerboot: each layer with what its image holds, and the writes in the top alone."""
        errors, directory = [], "/run/layerboot/layers"
        held = self.case.get("layers")
        if held is None:
            held = {name: name for name in re.findall(rf"^{directory}/(\S+) ", self.plan("--mounts").stdout, re.M)}
        wanted = sorted(f"{directory}/{name}/etc/which: {text}" for name, text in held.items())
        said = sorted(text for text in self.said(lines, "layer") if text.split("/")[4] in held)
        if said != wanted:
            errors.append(f"layers {said}, expected {wanted}")
        if self.said(lines, "layers") != ["700"]:
            errors.append(f"mode of the layers' directory: {self.said(lines, 'layers')}")
        top = self.case.get("upper", [f"/run/layerboot/top/upper/etc/{name}: "
                                      f"{'No such file or directory' if read_only else 'written'}"
                                      for name in ("which", "written")])
        if self.said(lines, "top") != top:
            errors.append(f"top {self.said(lines, 'top')}, expected {top}")
        return errors

    def mounts(self, lines, report):
        """What mountinfo says, in the words of the plan; and the options of the union."""
        found, union = [], None
        loops = {layer["device"]: f"loop:/run/layerboot/media/{layer['disk']}/{layer['image']}"
                 for layer in report["layers"] if layer.get("device") and not layer["root_hash"]}
        loops |= {layer["device"]: f"/dev/mapper/layerboot-{layer['name']}"
                  for layer in report["layers"] if layer.get("root_hash")}
        whole = []
        for line in self.said(lines, "mount"):
            # Of a union with many layers testinit says more than one record.
            whole += [line] if re.match(r"\d+ \d+ \d+:\d+ ", line) else [whole.pop() + line]
        for line in whole:
            fields, tail = line.split(" - ")
            fields, (kind, source, options) = fields.split(), tail.split(" ", 2)
            flags = ",".join(f for f in fields[5].split(",") if f != "relatime")
            found.append(f"{fields[4]} {kind} {loops.get(source, source)} {flags}")
            if fields[4] == "/":
                union = options.split(",")
        return found, union

    def check_plan(self, lines, report):
        """The mounts of the guest are those that the plan predicted from the images, and from what the boot saw."""
        found, union = self.mounts(lines, report)
        errors = self.check_union(union or [], lines) if self.case.get("union", True) else []
        exact = self.replay("--mounts")
        if sorted(exact.stdout.splitlines()) != sorted(found):
            errors.append(f"mounts {found}, replayed {exact.stdout.splitlines()} {exact.stderr}")
        if self.kept or self.case.get("replayed"):
            return errors
        plan = self.plan("--mounts")
        if plan.returncode != 0:
            return errors + [f"plan: {plan.stderr.strip()}"]
        # Disks get their names as they come: which one a layer is, the files in it have told.
        wanted, found = (sorted(re.sub(r"\b(vd[a-z]|sd[a-z]|nvme\d+n1)", "DISK", m) for m in mounts)
                         for mounts in (plan.stdout.splitlines(), found))
        if wanted != found:
            errors.append(f"mounts {found}, the plan predicted {wanted}")
        return errors

    def replay(self, *options):
        """The plan for what the report says that the boot saw, the manifest included."""
        release, path = self.images.kernel(self.kernel)[0], self.dir / "report.json"
        command = [ROOT / "build/layerboot", "plan", *options, "--cmdline", self.cmdline(), "--kernel", release,
                   "--inventory", path, *self.lock()]
        manifest = json.loads(path.read_text()).get("manifest", {})
        if manifest.get("origin"):
            (self.dir / "manifest").write_text(manifest["text"])
            command += ["--manifest", self.dir / "manifest"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def check_steps(self, report):
        """The steps that were taken are those of the plan, in an order that fits it."""
        plan = self.replay("--json")
        if plan.returncode != 0:
            return [f"replayed plan: {plan.stderr.strip()}"]
        return steps_errors(json.loads(plan.stdout), report, True)

    @staticmethod
    def check_members(report, members):
        """Those of a report, by the way to them: layers.0.identity."""
        errors = []
        for path, wanted in members.items():
            value = report
            for key in path.split("."):
                value = value[int(key)] if isinstance(value, list) else value.get(key)
            if value != wanted:
                errors.append(f"report: {path} is {value}, expected {wanted}")
        return errors

    @staticmethod
    def check_verity(report):
        """What dm-verity costs is told: its modules, once and apart, and each layer."""
        verified = [layer["name"] for layer in report["layers"] if layer.get("root_hash")]
        wanted = ["module dm-verity"] * bool(verified) + [f"layer {name}: verify " for name in verified]
        return [f"report: not one step {start!r} that has taken its time" for start in wanted
                if len([s for s in report["steps"] if s["step"].startswith(start) and s["us"] > 0]) != 1]

    def check_report(self, report):
        return (report_errors(self.dir / "report.json") + self.check_members(report, self.case.get("report", {})) +
                self.check_verity(report))

    def check_sent(self):
        """What came to the host."""
        if "sent" not in self.case:
            return []
        path = self.dir / "sent.json"
        if not path.exists():
            return ["no report was sent"]
        return report_errors(path) + self.check_members(json.loads(path.read_text()), self.case["sent"])

    def check_union(self, options, lines):
        """The kernel shows only what differs from the defaults of its overlay module."""
        shown = dict(o.split("=", 1) for o in options if "=" in o)
        defaults = {m[1]: {"Y": "on", "N": "off"}.get(m[2]) for text in self.said(lines, "default")
                    if (m := re.fullmatch(r".*/(\w+): (\w)", text))}
        found = {"redirect_dir": shown.get("redirect_dir"), "xino": shown.get("xino", defaults.get("xino_auto")),
                 **{key: shown.get(key, defaults.get(key)) for key in ("metacopy", "index")}}
        wanted = {"redirect_dir": "nofollow", "xino": "off", "metacopy": "off", "index": "off"}
        return [] if found == wanted else [f"the union has {found}, expected {wanted}; shown: {options}"]

    # --- what the plan foresees

    def plan(self, *options):
        command = [ROOT / "build/layerboot", "plan", *options, *self.lock(), "--cmdline", self.cmdline()]
        text = self.case.get("planned", self.manifest)
        if text is not None:
            (self.dir / "manifest").write_text(self.images.fill(text))
            command += ["--manifest", self.dir / "manifest"]
        disks = self.case["disks"] + self.late
        buses = [next((o[4:] for o in d[2:] if o.startswith("bus=")), "virtio").replace("mmio", "virtio") for d in disks]
        if len(set(buses)) > 1:
            (self.dir / "inventory").write_text(inventory(disks, buses))
            command += ["--inventory", self.dir / "inventory"]
        else:
            command += ["--bus", *(buses[:1] or ["virtio"]), *(f"{d[0]}={self.kept.get(d[1]) or self.images.get(d[1])}" for d in disks)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def check_plan_fails(self):
        word = self.case["word"]
        if word is None:
            return []
        reason = self.case.get("foreseen") or NOT_FORESEEN.get(word)
        plan = self.plan("--kernel", self.images.kernel(self.kernel)[0])
        foreseen = plan.returncode == 1 and f"error[{word}]" in plan.stderr
        if foreseen and "foreseen" in self.case:
            return [f"the plan foresees {word}, against the row: {self.case['foreseen']}"]
        return [] if foreseen or reason else [
            f"the plan should foresee {word}: {plan.returncode}, {plan.stderr.strip()}"]


def inventory(disks, buses):
    """As a boot would report it: each bus names its own disks."""
    lines, count = [], {}
    for (serial, image, *_), bus in zip(disks, buses):
        number = count[bus] = count.get(bus, -1) + 1
        name = {"virtio": f"vd{'abcdefgh'[number]}", "scsi": f"sd{'abcdefgh'[number]}", "nvme": f"nvme{number}n1"}[bus]
        lines.append(f'NAME="{name}" TRAN="{bus}" SERIAL="{serial}" FSTYPE="{image.rpartition(".")[2]}" '
                     'SIZE="65536" KNOWN="7"\n')
    return "".join(lines)


def select(cases, kind, patterns, kernel, images, directory):
    return [kind(case, k, images, directory / k / case["name"])
            for case in cases for k in case.get("kernels", ["cloud"])
            if any(fnmatch.fnmatch(case["name"], p) for p in patterns) and kernel in (None, k) and
            case.get("arch", images.arch) == images.arch and not (images.foreign and "machine" in case)]
