"""A top and binds that last, over several boots; and what follows when the system below is replaced."""
from cases import ALONE, BOTH, MERGED, SYSTEM, USER, manifest

SYSTEM_2 = ("system", "system-2.squashfs")
SYSTEM_LAYER, USER_LAYER = ("system", "SERIAL=system"), ("user", "SERIAL=user")
STATE = ("state", "state", "rw")
TOP_OF = "type = disk\nsource = SERIAL=state\n"
WRITTEN = ["/etc/written: written", "/etc/which: written"]
FRESH = {**MERGED, "/etc/written": "No such file or directory"}
# What the first boot wrote; testinit reads before it writes.
AGAIN = {**MERGED, "/etc/which": "written", "/etc/written": "written"}
# The system alone, and its second version.
WRITTEN_TEXTS = {"/etc/which": "written", "/etc/written": "written"}
FIRST = {**ALONE, "/etc/written": "No such file or directory", "/etc/new-in-2": "No such file or directory"}
FIRST_OF_2 = {**FIRST, "/etc/which": "system 2", "/etc/only-system": "system 2", "/etc/new-in-2": "2"}
SECOND = {**FIRST_OF_2, **WRITTEN_TEXTS}
UPPER = {"upper": ["/run/layerboot/top/upper/etc/which: written", "/run/layerboot/top/upper/etc/written: written"]}


def top(*lines):
    return manifest(SYSTEM_LAYER, USER_LAYER, top=TOP_OF + "\n".join(lines))


def boot(files, system=SYSTEM, lines=(), **row):
    return dict(disks=[system, USER, STATE], files=files, top="disk", manifest=top(*lines), **row)


def alone(files, system=SYSTEM, lines=(), **row):
    return dict(disks=[system, STATE], files=files, top="disk", layers={"system": "system 2" if system is SYSTEM_2 else "system"},
                manifest=manifest(SYSTEM_LAYER, top=TOP_OF + "\n".join(lines)), **row)


def refused(word, said, system=SYSTEM, lines=(), **row):
    return dict(disks=[system, USER, STATE], manifest=top(*lines), word=word, status=1, also=said, **row)


CLEAN = "dumpe2fs -h {state} 2>/dev/null | grep -q 'Filesystem state: *clean' && e2fsck -fn {state}"
FILL = ("d=$(mktemp -d) && mount -o loop {state} $d && "
        "(dd if=/dev/zero of=$d/fill bs=64k 2>/dev/null; dd if=/dev/zero of=$d/fill2 bs=1k 2>/dev/null; true) && "
        "umount $d && rmdir $d")
CHANGED = {"changed_on_both_sides": ["/etc/which"]}

SEQUENCES = [
    dict(name="top-ext4", kept={"state": "plain.ext4"}, kernels=BOTH, all=UPPER,
         boots=[boot(FRESH, report={"top.lasts": True}, also="writes last"), boot(AGAIN), boot(AGAIN)]),
    dict(name="top-xfs", kept={"state": "plain.xfs"}, all=UPPER, boots=[boot(FRESH), boot(AGAIN)]),
    dict(name="top-subdir", kept={"state": "plain.ext4"}, boots=[
        boot(FRESH, lines=["subdir = tops/one"], upper=[f"/run/layerboot/top/upper/etc/{n}: No such file or directory"
                                                        for n in ("which", "written")]),
        boot(AGAIN, lines=["subdir = tops/one"], upper=[f"/run/layerboot/top/upper/etc/{n}: No such file or directory"
                                                        for n in ("which", "written")]),
        boot(FRESH, lines=["subdir = tops/two"], upper=[f"/run/layerboot/top/upper/etc/{n}: No such file or directory"
                                                        for n in ("which", "written")])]),
    dict(name="top-formatted-ext4", kept={"state": "blank.raw-64m"}, kernels=BOTH, all=UPPER,
         boots=[boot(FRESH, lines=["format = ext4"]), boot(AGAIN, lines=["format = ext4"])],
         after=["blkid -p -o value -s LABEL {state} | grep -qx layerboot"]),
    dict(name="top-formatted-xfs", kept={"state": "blank.raw-400m"}, all=UPPER,
         boots=[boot(FRESH, lines=["format = xfs"]), boot(AGAIN, lines=["format = xfs"])]),
    # Power was cut while it was formatted: the init's own mark, and whatever mkfs had written by then.
    dict(name="top-torn-format", kept={"state": "blank.raw-64m"}, all=UPPER, boots=[
        boot(FRESH, lines=["format = ext4"], before=[
            "printf 'layerboot: this disk was being formatted\\n' | dd of={state} bs=1 seek=$((63 << 20)) conv=notrunc "
            "status=none; head -c 300000 /dev/urandom | dd of={state} bs=4096 seek=300 conv=notrunc status=none"]),
        boot(AGAIN, lines=["format = ext4"])]),
    dict(name="top-torn-by-others", kept={"state": "blank.raw-64m"}, boots=[
        refused("volume-foreign", "the disk is not blank", lines=["format = ext4"], before=[
            "head -c 300000 /dev/urandom | dd of={state} bs=4096 seek=20 conv=notrunc status=none"])]),
    dict(name="top-blank-without-format", kept={"state": "blank.raw-64m"}, boots=[
        refused("volume-foreign", "holds no file system of ext4, xfs, btrfs, and format is not given")]),
    dict(name="top-foreign", kept={"state": "garbage"}, boots=[
        refused("volume-foreign", "the disk is not blank", lines=["format = ext4"])]),
    dict(name="top-on-layers-disk", kept={"state": "plain.ext4"}, boots=[
        dict(disks=[SYSTEM, USER, STATE], word="layer-duplicate", status=1,
             manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=state"), top=TOP_OF))]),
    dict(name="top-missing", kept={}, boots=[
        dict(disks=[SYSTEM, USER], manifest=top(), word="top-missing", status=1, append="layerboot.timeout=1")]),
    # A disk that somebody else has filled.
    dict(name="top-not-ours", kept={"state": "plain.ext4"}, boots=[
        refused("top-failed", "not made by layerboot",
                before=["d=$(mktemp -d) && mkdir -p $d/upper/etc && touch $d/upper/etc/x && "
                        "mke2fs -q -F -t ext4 -d $d {state} && rm -r $d"])]),
    dict(name="top-unclean-is-repaired", kept={"state": "plain.ext4"}, all=UPPER, boots=[
        boot(FRESH), boot(AGAIN, before=["debugfs -w -R 'set_super_value state 0' {state}"])]),
    dict(name="top-damaged", kept={"state": "plain.ext4"}, boots=[
        refused("volume-damaged", "it could not be repaired",
                before=["debugfs -w -R 'set_super_value state 2' {state}; "
                        "debugfs -w -R 'set_inode_field <2> mode 0' {state}"])]),
    dict(name="top-full-boots", kept={"state": "plain.ext4"}, boots=[
        boot(FRESH, **UPPER),
        boot(AGAIN, **UPPER, before=[FILL])]),
    dict(name="top-grows", kept={"state": "plain.ext4"}, kernels=BOTH, all=UPPER, boots=[
        boot(FRESH, lines=["grow = yes"]), boot(AGAIN, lines=["grow = yes"], before=["truncate -s 128M {state}"])],
         after=["test $(dumpe2fs -h {state} 2>/dev/null | awk '/^Block count/ {{print $3}}') -gt 30000"]),

    # The system image is replaced.
    dict(name="upgrade-keep", kept={"state": "plain.ext4"}, kernels=BOTH, all=UPPER, boots=[
        alone(FIRST), alone(SECOND, SYSTEM_2, report=CHANGED, also="top: /etc/which was changed here and in the layers below"), alone(SECOND, SYSTEM_2, report={"changed_on_both_sides": []})]),
    dict(name="upgrade-refuse", kept={"state": "plain.ext4"}, boots=[
        alone(FIRST, lines=["on-system-change = refuse"], **UPPER),
        dict(disks=[SYSTEM_2, STATE], manifest=manifest(SYSTEM_LAYER, top=TOP_OF + "on-system-change = refuse"),
             word="top-changed", status=1, also='the top was made on "layer system sb-'),
        alone({**FIRST, **WRITTEN_TEXTS}, lines=["on-system-change = refuse"], **UPPER)]),
    dict(name="upgrade-park", kept={"state": "plain.ext4"}, all=UPPER, boots=[
        alone(FIRST, lines=["on-system-change = park"]),
        alone(FIRST_OF_2, SYSTEM_2, lines=["on-system-change = park"], also="the old one is kept as parked/1")],
         after=["test \"$(debugfs -R 'cat /parked/1/upper/etc/which' {state} 2>/dev/null)\" = written"]),
    dict(name="upgrade-reset", kept={"state": "plain.ext4"}, all=UPPER, boots=[
        alone(FIRST, lines=["on-system-change = reset"]),
        alone(FIRST_OF_2, SYSTEM_2, lines=["on-system-change = reset"])]),
    dict(name="factory-reset", kept={"state": "plain.ext4"}, all=UPPER, boots=[
        boot(FRESH), boot(AGAIN), boot(FRESH, append="layerboot.top=reset"), boot(AGAIN),
        boot(FRESH, append="layerboot.top=park"), boot(AGAIN)]),
    dict(name="rescue-boot", kept={"state": "plain.ext4"}, all=UPPER, boots=[
        boot(FRESH), {**boot(FRESH, append="layerboot.top=tmpfs"), "top": "tmpfs"}, boot(AGAIN)]),

    dict(name="reboots-are-counted", kept={"state": "plain.ext4"}, boots=[
        dict(disks=[SYSTEM, USER, STATE], manifest=top(), word="init-missing", status=5,
             append="layerboot.on-failure=reboot,3 init=/nothing"),
        # Its disk is mounted before it is known that a layer is missing.
        dict(disks=[SYSTEM, STATE], manifest=top(), word="layer-missing", status=5,
             append="layerboot.on-failure=reboot,3"),
        *[dict(disks=[SYSTEM, USER, STATE], manifest=top(), word="init-missing", status=0,
               append="layerboot.on-failure=reboot,3 init=/nothing", also="failed boots in a row: no more reboots")] * 2,
        boot(FRESH, append="layerboot.on-failure=reboot,3", **UPPER),
        dict(disks=[SYSTEM, USER, STATE], manifest=top(), word="init-missing", status=5,
             append="layerboot.on-failure=reboot,3 init=/nothing")]),

    dict(name="reboot-that-cannot-be-counted", kept={"state": "plain.ext4"}, boots=[
        boot(FRESH, **UPPER),
        dict(disks=[SYSTEM, USER, STATE], manifest=top(), word="init-missing", status=0, before=[FILL],
             append="layerboot.on-failure=reboot init=/nothing", also="No space left on device: no reboot")]),

    # Past the union.
    dict(name="bind", kept={"state": "plain.ext4"}, kernels=BOTH, boots=[
        dict(disks=[SYSTEM, USER, STATE], files=files, writes=WRITTEN, rename="Resource busy",
             manifest=manifest(SYSTEM_LAYER, USER_LAYER) +
             "[bind data]\nsource = SERIAL=state\nsubdir = data\npaths = /etc/which /etc/d /etc/data\n",
             upper=["/run/layerboot/top/upper/etc/which: No such file or directory",
                    "/run/layerboot/top/upper/etc/written: written"])
        for files in (FRESH, {**MERGED, "/etc/which": "written"})],
         after=["test \"$(debugfs -R 'cat /data/etc/d/merged' {state} 2>/dev/null)\" = user"]),
    dict(name="bind-missing", kept={}, boots=[
        dict(disks=[SYSTEM, USER], word="bind-missing", status=1, append="layerboot.timeout=1",
             manifest=manifest(SYSTEM_LAYER, USER_LAYER) + "[bind data]\nsource = SERIAL=state\npaths = /etc/d\n")]),
    # One of them says which file system to make.
    dict(name="bind-and-top-on-one-blank-disk", kept={"state": "blank.raw-64m"}, boots=[
        dict(disks=[SYSTEM, USER, STATE], files=files, top="disk", rename="Resource busy",
             manifest=top("subdir = top") + "\n[bind d]\nsource = SERIAL=state\nsubdir = binds\npaths = /etc/d\n"
             "format = ext4\n",
             upper=[f"/run/layerboot/top/upper/etc/{n}: No such file or directory" for n in ("which", "written")])
        for files in (FRESH, AGAIN)],
         after=["blkid -p -o value -s LABEL {state} | grep -qx layerboot"]),
    dict(name="bind-and-top-in-two-formats", kept={"state": "blank.raw-64m"}, boots=[
        dict(disks=[SYSTEM, USER, STATE], word="volume-foreign", status=1, also="format = xfs, and top or another on the same disk",
             manifest=top("format = ext4", "subdir = top") + "\n[bind d]\nsource = SERIAL=state\nsubdir = binds\n"
             "paths = /etc/d\nformat = xfs\n")]),
    dict(name="bind-and-top-on-one-disk", kept={"state": "plain.ext4"}, boots=[
        dict(disks=[SYSTEM, USER, STATE], files=files, top="disk", rename="Resource busy",
             manifest=top("subdir = top") + "\n[bind d]\nsource = SERIAL=state\nsubdir = binds\npaths = /etc/d\n",
             upper=[f"/run/layerboot/top/upper/etc/{n}: No such file or directory" for n in ("which", "written")])
        for files in (FRESH, AGAIN)]),
]
