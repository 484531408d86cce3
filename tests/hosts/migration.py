"""A running guest moves between two QEMU processes: memory goes over, the images stay where they are."""
import contextlib
import re
import socket
import subprocess

from guests import TOP, Monitor, Process, Trouble, sh, state_disk, wait_for


def start(shelf, directory, name, disks, *more):
    """The second serial line is where the guest takes its orders."""
    sockets = shelf.dir / name
    sockets.mkdir()
    extra = [f"--qemu-arg={word}" for word in ("-serial", f"unix:{sockets}/orders,server=on,wait=off", *more)]
    command = shelf.run_vm("--qmp", sockets / "qmp", *extra, *disks, host="beat")
    return Process(command, directory / f"{name}.console"), sockets


def beats(text):
    return [int(n) for n in re.findall(r"T beat (\d+) ", text)]


def migrate(source, uri):
    """Until all of it is there; what was sent."""
    source("migrate", uri=uri)

    def over():
        info = source("query-migrate")
        if info.get("status") == "failed":
            raise Trouble(f"the migration failed: {info}")
        return info if info.get("status") == "completed" else None

    return wait_for("the migration", over)


def migration(shelf, directory):
    shelf.initramfs_top = shelf.make_initramfs("initramfs-top.cpio", "--manifest", shelf.write("manifest-top", TOP))
    user, state = shelf.make_user("user-moving.img", "moving"), state_disk(shelf.dir / "state-moving.img")
    disks = ["--initramfs", shelf.initramfs_top, f"system={shelf.system}", f"user={user}", f"state={state},rw"]
    incoming = f"unix:{shelf.dir}/incoming"
    with contextlib.ExitStack() as stack:
        here, sockets = start(shelf, directory, "source", disks)
        stack.enter_context(here)
        here.says(r"T version 1, of moving, boot 1")
        here.says(r"T beat 3 ")
        there, others = start(shelf, directory, "destination", disks, "-incoming", incoming)
        stack.enter_context(there)
        source, destination = Monitor(sockets / "qmp", here.alive), Monitor(others / "qmp", there.alive)
        wait_for("the destination waits", lambda: destination("query-status")["status"] == "inmigrate")
        sent = migrate(source, incoming)
        wait_for("the destination runs", lambda: destination("query-status")["status"] == "running")
        errors = check_moved(source, sent)
        first = beats(there.says(r"(?s)T beat (\d+) .*T beat (\d+) .*T beat").group(0))
        last = beats(here.text())[-1]
        if first[0] not in (last, last + 1):
            errors.append(f"the count went from {last} to {first[0]}")
        source("quit")
        here.ends()
        order(others / "orders", "off")
        if there.ends() != 0:
            errors.append(f"the guest did not power off: {there.text()[-500:]}")
    return errors + check_after(shelf, directory, disks, state, here, there)


def check_moved(source, sent):
    errors = [] if source("query-status")["status"] == "postmigrate" else ["the source still runs"]
    # Of a disk nothing is said where none is moved; the guest has 192 MiB.
    if "disk" in sent or not 0 < sent["ram"]["transferred"] < 192 << 20:
        errors.append(f"what was sent: {sent}")
    return errors


def check_after(shelf, directory, disks, state, here, there):
    errors = []
    for guest in (here, there):
        if len(re.findall(r"T version", guest.text())) != (guest is here):
            errors.append(f"{guest.log.name}: the guest booted")
        if "error[" in guest.text() or " boots 2" in guest.text():
            errors.append(f"{guest.log.name} has an error")
    if "Filesystem state:         clean" not in sh("dumpe2fs", "-h", state):
        errors.append("the top is not clean after the power-off on the other side")
    if subprocess.run(["e2fsck", "-fn", state], capture_output=True, check=False).returncode:
        errors.append("the top is damaged")
    # What was written before and after is there in the next boot.
    with Process(shelf.run_vm(*disks), directory / "next.console") as guest:
        if guest.ends() != 0 or "T version 1, of moving, boot 2" not in guest.text():
            errors.append(f"the next boot: {guest.text()[-500:]}")
    return errors


def order(path, word):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(word.encode() + b"\n")


TESTS = [("a running guest is migrated, its images stay", migration)]
