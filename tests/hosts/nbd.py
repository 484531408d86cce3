"""A system image served by NBD to several guests: initramfs/examples/qemu-nbd-fleet, on the loopback interface."""
import contextlib
import hashlib
import os
import re
import socket
import subprocess

from guests import EXAMPLES, ROOT, WAIT, Monitor, Process, Trouble, sh, wait_for
from sharing import checksum

SCRIPT = EXAMPLES / "qemu-nbd-fleet"
GUESTS = ("ada", "ben", "cyd")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


class Example:
    def __init__(self, shelf, directory):
        self.dir, self.port = directory, free_port()
        self.fleet = shelf.dir / "nbd"
        self.fleet.mkdir()
        for name in ("vmlinuz-1", "initramfs-1.cpio", "system-1.img"):
            os.link(shelf.dir / name, self.fleet / name)
        for guest in GUESTS:
            shelf.make_user(f"nbd/user-{guest}.img", guest)
        self.env = {**os.environ, "FLEET": str(self.fleet), "NBD": f"127.0.0.1:{self.port}",
                    "RUN_VM": str(ROOT / "scripts/run-vm")}

    def start(self, log, *words):
        return Process([SCRIPT, *words], self.dir / log, env=self.env)

    def boot(self, guest, host, log):
        return self.start(log, "boot", guest, "1", "--accel", "tcg", "--memory", "192M", "--append", f"{WAIT} host={host}")

    def cache(self, guest):
        return self.fleet / f"{guest}.cache/1.qcow2"

    def held(self, guest):
        """Bytes of the image that the cache holds. What is where is written late: nobody flushes a disk that is only read."""
        monitor = Monitor(self.fleet / f"{guest}.qmp")
        monitor("human-monitor-command", command_line='qemu-io cache "flush"')
        monitor.close()
        answer = sh("qemu-img", "map", "-U", "--output=human", self.cache(guest))
        return sum(int(line.split()[1], 16) for line in answer.splitlines()[1:] if str(self.cache(guest)) in line)

    def backing(self, guest):
        return re.search(r"backing file: (.*)", sh("qemu-img", "info", "-U", self.cache(guest)))


def several_guests(shelf, directory):
    example, errors, before = Example(shelf, directory), [], checksum(shelf.system)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(example.start("server", "serve", "1"))
        wait_for("the NBD server", lambda: listens(example.port), server.alive)
        guests = {name: stack.enter_context(example.boot(name, "beat", f"{name}.console")) for name in GUESTS}
        for name, guest in guests.items():
            guest.says(rf"T version 1, of {name}, boot 1")
            guest.says(r"T beat 1 ")
        for name in GUESTS:
            if not 0 < example.held(name) < shelf.system.stat().st_size:
                errors.append(f"{name} holds {example.held(name)} bytes of {shelf.system.stat().st_size} before the prefetch")
        errors += prefetch(example, guests["ada"], shelf, directory)
        refused = subprocess.run(["qemu-io", "-f", "raw", "-c", "write 0 512", f"nbd://127.0.0.1:{example.port}/system-1"],
                                 capture_output=True, text=True, check=False)
        if refused.returncode == 0:
            errors.append(f"a client could write: {refused.stdout}")
        for guest in guests.values():
            guest.says(r"T beat \d+ " + hashlib.md5(shelf.noise[:1 << 20]).hexdigest()[:8])
    return errors + without_server(example, shelf, before)


def prefetch(example, guest, shelf, directory):
    """While the guest runs; then it needs nobody."""
    done = subprocess.run([SCRIPT, "prefetch", "ada", "1"], env=example.env, capture_output=True, text=True, check=False)
    (directory / "prefetch").write_text(done.stdout + done.stderr)
    errors = [f"prefetch: {done.returncode}: {done.stderr}"] if done.returncode else []
    if example.backing("ada"):
        errors.append("the cache still has a backing file after the prefetch")
    last = len(guest.text())
    guest.says(r"T beat \d+ ", after=last)
    return errors


def without_server(example, shelf, before):
    errors = []
    if listens(example.port):
        raise Trouble("the server is still there")
    with example.boot("ada", "read", "alone.console") as guest:
        if guest.ends() != 0 or f"T noise {hashlib.md5(shelf.noise).hexdigest()}" not in guest.text():
            errors.append(f"the prefetched guest without the server: {guest.text()[-1000:]}")
    # That the server is needed otherwise.
    with example.boot("ben", "read", "without.console") as guest:
        if guest.ends() != 4:
            errors.append(f"a guest without prefetch booted without the server: {guest.text()[-1000:]}")
    if checksum(shelf.system) != before:
        errors.append("the served image is not the same as before")
    if sh("qemu-img", "compare", "-f", "qcow2", "-F", "raw", example.cache("ada"), shelf.system).strip() != "Images are identical.":
        errors.append("the prefetched cache is not the image")
    return errors


TESTS = [("NBD: one server, three guests, copy-on-read, prefetch", several_guests)]
