"""Boots of the fault matrix: each proves that its fault was there."""
import json
import re
import shutil
import subprocess

from boot import STATUS, Boot
from images import KERNELS
from sequences import Sequence

# What any row asks for, so that one initramfs does for all.
EVERYTHING = ["--set", "image", "--set", "verity", "--set", "fs-vfat", "--program", "/sbin/mkfs.ext4=mke2fs", "--program",
              "e2fsck"]

# --- proofs


def said(pattern):
    """The console, above all the kernel on it."""
    return ("said", pattern)


def silent(pattern):
    return ("silent", pattern)


def event(name, **data):
    """QEMU told it."""
    return ("event", name, data)


def answered(command, pattern):
    """QEMU answered so when it was asked by one of the row's acts."""
    return ("answered", command, pattern)


def host(command):
    """A command of the host, on images, initramfs and console as they were and are."""
    return ("host", command)


def bytes_at(image, offset, data):
    """DATA as od prints it."""
    return host(f'test "$(od -An -v -tx1 -j{offset} -N{len(data) // 2} {{file:{image}}} | tr -d " \\n")" = {data}')


def injected(module):
    """The damaged module is in the initramfs, and is not the right one."""
    return ("injected", module)


def lacks(module):
    return host(f"! cpio -t <{{initramfs}} 2>/dev/null | grep -q '/{module}\\.ko$'")


# --- how QEMU is told to make a disk faulty


def blkdebug(serial, image, *injections, device="virtio-blk-pci", node="bad", writable=False, also=""):
    """A disk whose requests fail as INJECTIONS say: key=value of blkdebug's inject-error, with commas."""
    words = [f"driver=raw,node-name={node},read-only={'off' if writable else 'on'}", "file.driver=blkdebug",
             f"file.image.driver=file,file.image.filename={image}"]
    words += [f"file.inject-error.{i}.{pair}" for i, injection in enumerate(injections)
              for pair in injection.split(",")]
    return ["--qemu-arg=-blockdev", "--qemu-arg=" + ",".join(words), "--qemu-arg=-device",
            f"--qemu-arg={device},drive={node},serial={serial},rerror=report,werror=report{also}"]


def throttled(serial, image, limits, node="slow", device="virtio-blk-pci", also=""):
    return ["--qemu-arg=-drive", f"--qemu-arg=if=none,id={node},format=raw,readonly=on,{limits},file={image}",
            "--qemu-arg=-device", f"--qemu-arg={device},drive={node},serial={serial}{also}"]


class Faulty(Boot):
    """A row as in cases.py, and beside it:
      fault, made   for the table: what is wrong, and how that is done
      proof         that it was; may not be empty
      acts          what QEMU's monitor is told in mid-boot, see monitor.py
      ends          what the kernel says at an end that is not the init's any more
      cut           the guest is killed from outside
      never         texts that the init never says
      module        (how, name): a damaged kernel module in the initramfs
      copies        images by the name that a copy gets in the row's directory, {dir}, for what changes them
    """

    def __init__(self, case, kernel, images, directory, kept=None):
        # The kernel's tests of its own ciphers are half of its way to the init.
        append = case.get("append", "")
        # On a busy host ten seconds are soon over: a row that is not about time has plenty of it.
        patience = "" if "layerboot.timeout=" in append else "layerboot.timeout=300 "
        case = {"limit": 3000, **case, "watched": True, "append": f"cryptomgr.notests {patience}{append}"}
        if "word" in case and not patience:
            # What the init waits for is then counted by what the guest does, however busy the host is.
            case["vm"] = ["--icount", *case.get("vm", [])]
        if "module" in case:
            case["inject"] = {**case.get("inject", {}), **images.damaged_module(kernel, *case["module"])}
        if "cut" in case:
            case["vm"] = [*case.get("vm", []), "--qemu-arg=-pidfile", "--qemu-arg={dir}/pid"]
        for name, path in (kept or {}).items():
            case["vm"] = [word.replace("{kept:" + name + "}", str(path)) for word in case.get("vm", [])]
        super().__init__(case, kernel, images, directory, kept)

    def initramfs(self):
        """One for all rows of a kernel, with their manifests put in by hand; of its own only where modules are left out."""
        if self.case.get("omit") or self.case.get("options"):
            return super().initramfs()
        inject = dict(self.case.get("inject", {}))
        if self.manifest is not None:
            inject["etc/layerboot/manifest"] = self.manifest
        return self.images.with_files(self.images.initramfs(self.kernel, None, EVERYTHING + self.lock()), inject)

    def prepare(self):
        super().prepare()
        for name, image in self.case.get("copies", {}).items():
            shutil.copy(self.images.get(image), self.dir / name)
        if "keys" in self.case:
            (self.dir / "signed.manifest").write_text(self.manifest or "")

    def place(self, text):
        for name, path in self.kept.items():
            text = text.replace("{kept:" + name + "}", str(path))
        return self.images.fill(text).replace("{dir}", str(self.dir))

    def acts(self):
        return super().acts() + [
            (text, seconds, [(name, self.place(a) if isinstance(a, str) else json.loads(self.place(json.dumps(a))))
                             for name, a in calls]) for text, seconds, calls in self.case.get("acts", [])]

    def check(self, status, lines):
        if "ends" in self.case or "cut" in self.case:
            errors = list(self.monitor.notes) + self.check_end(status, lines)
        else:
            errors = super().check(status, lines)
        return errors + self.check_never(lines) + [e for p in self.case.get("proof", []) for e in self.prove(p, lines)]

    def check_end(self, status, lines):
        """The init is gone by then: what follows is the guest's own."""
        expected = 4 if "cut" in self.case else self.case.get("status", 1)
        errors = [] if status == expected else [f"run-vm saw {STATUS.get(status, status)}, expected {STATUS[expected]}"]
        console = "\n".join(lines)
        if "error[" in console:
            errors.append("the console has an error")
        if not re.search(self.case.get("ends", ""), console):
            errors.append(f"the console does not say: {self.case['ends']}")
        return errors

    def check_never(self, lines):
        """The kernel repeats its command line, so only what the init says counts, and the report that it sends."""
        mine = [line for line in lines if "layerboot" in line and "ommand line" not in line]
        return [f"the console says: {text}" for text in self.case.get("never", []) if any(text in line for line in mine)]

    def prove(self, proof, lines):
        how, what, *rest = proof
        if how == "said" and not re.search(what, "\n".join(lines)):
            return [f"no proof of the fault: the console does not say {what}"]
        if how == "silent" and re.search(what, "\n".join(lines)):
            return [f"no proof of the fault: the console says {what}"]
        if how == "event" and not any(name == what and rest[0].items() <= data.items()
                                      for name, data in self.monitor.events):
            return [f"no proof of the fault: QEMU had no event {what} {rest[0]}, but {self.monitor.events}"]
        if how == "answered" and not any(name == what and re.search(rest[0], json.dumps(answer))
                                         for name, answer in self.monitor.answers):
            return [f"no proof of the fault: {what} did not answer {rest[0]}, but {self.monitor.answers}"]
        if how == "injected":
            path, right = self.images.module(self.kernel, what)
            damaged = next(iter(self.images.damaged_module(self.kernel, *self.case["module"]).values()))
            data = self.initramfs().read_bytes()
            # The same name twice: the kernel unpacks the second over the first.
            if damaged == right or damaged not in data or data.count(path.encode() + b"\0") != 2:
                return [f"no proof of the fault: {what} is not damaged in {self.initramfs()}"]
        if how == "host":
            release = self.images.kernel(self.kernel)[0]
            command = self.place(what.replace("{initramfs}", str(self.initramfs())).replace(
                "{modules}", str(KERNELS / self.kernel / "lib/modules" / release)))
            done = subprocess.run(["bash", "-uc", command], capture_output=True, text=True, check=False)
            if done.returncode:
                return [f"no proof of the fault: {command}: {done.stdout}{done.stderr}"]
        return []


class FaultySequence(Sequence):
    kind = Faulty
