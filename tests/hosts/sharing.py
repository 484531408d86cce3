"""Four guests on one image, and a writer that QEMU's lock refuses."""
import contextlib
import hashlib

from guests import Monitor, Process, Shelf, Trouble  # noqa: F401


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def four_guests(shelf, directory):
    """Four at once, each with its own user layer over the same system; then a fifth asks to write to it."""
    errors, before = [], checksum(shelf.system)
    owners = ["ada", "ben", "cyd", "dan"]
    with contextlib.ExitStack() as stack:
        guests = []
        for owner in owners:
            user = shelf.make_user(f"user-{owner}.img", owner)
            guests.append(stack.enter_context(Process(
                shelf.run_vm(f"system={shelf.system}", f"user={user}", host="beat"), directory / f"{owner}.console")))
        for owner, guest in zip(owners, guests):
            guest.says(rf"T version 1, of {owner}, boot 1")
            guest.says(r"T beat 2 ")
        if not all(guest.alive() for guest in guests):
            errors.append("not all four run at the same time")
        errors += refused(shelf, directory)
        for owner, guest in zip(owners, guests):
            last = len(guest.text())
            guest.says(r"T beat \d+ [0-9a-f]{8}", after=last)
        sums = {line.split()[3] for guest in guests for line in guest.text().splitlines() if "T beat " in line}
        if sums != {hashlib.md5(shelf.noise[:1 << 20]).hexdigest()[:8]}:
            errors.append(f"the guests read {sums} of the shared image")
    if checksum(shelf.system) != before:
        errors.append("the shared image is not the same as before")
    return errors + accepted(shelf, directory)


def writer(shelf, log):
    guest = Process(shelf.run_vm(f"system={shelf.system},rw"), log)
    with guest:
        return guest.ends(), guest.text()


def refused(shelf, directory):
    status, text = writer(shelf, directory / "writer.console")
    if status == 4 and 'Failed to get "write" lock' in text:
        return []
    return [f"a writer beside four readers: status {status}: {text[-500:]}"]


def accepted(shelf, directory):
    """That the refusal can fail: alone, the same writer starts."""
    status, text = writer(shelf, directory / "alone.console")
    return [] if status == 0 and "T version 1" in text else [f"a writer alone: status {status}: {text[-500:]}"]


TESTS = [("four guests share one image, and a writer beside them is refused", four_guests)]
