"""The fault matrix: the writable top, and what a user's image or a manifest must not get away with."""
from cases import MAIN, SYSTEM, SYSTEM_LAYER, USER, USER_LAYER, manifest
from cases_top import AGAIN, FRESH, STATE, SYSTEM_2, TOP_OF, UPPER, boot, top
from faulty import host, said
from faults_disks import SHORT, refused, user

DISKS_AND_STATE = [SYSTEM, USER, STATE]
FILL = ("d=$(mktemp -d) && mount -o loop {state} $d && (dd if=/dev/zero of=$d/fill bs=64k 2>/dev/null; "
        "dd if=/dev/zero of=$d/fill2 bs=1k 2>/dev/null; true) && umount $d && rmdir $d")
FULL = host("dumpe2fs -h {kept:state} 2>/dev/null | awk '/^Free blocks/ { exit $3 > 3000 }'")


def series(name, what, made, kept, *boots, after=(), **row):
    """Boots that follow each other; the last is what is expected of the fault."""
    return dict(name=name, fault=what, made=made, kept=kept, boots=list(boots), after=list(after), **row)


def no(word, also, proof, lines=(), **row):
    return dict(disks=DISKS_AND_STATE, manifest=top(*lines), word=word, status=1, also=also, proof=proof, **row)


TOP = [
    refused("top-missing", "the disk of the top is not there", "not attached", "top-missing", "no disk with SERIAL=state",
            [host("! grep -q ' state=' {dir}/command")], manifest=top(), append=SHORT),
    refused("top-no-room", "the tmpfs of the top has no room for a directory", "nr-inodes=1", "top-failed",
            "No space left on device", [said("ommand line: .*nr-inodes=1")], append="layerboot.top=tmpfs,nr-inodes=1"),
    series("top-full", "a top that is in use is full", "dd", {"state": "plain.ext4"}, boot(FRESH, **UPPER),
           boot(AGAIN, **UPPER, proof=[FULL], before=[FILL])),
    series("top-of-another-set", "the top was made on other layers", "another system; on-system-change = refuse",
           {"state": "plain.ext4"},
           dict(disks=[SYSTEM, STATE], files={**FRESH, "/etc/which": "system", "/etc/only-user": "No such file or directory",
                                              "/etc/deleted": "system", "/etc/d/merged": "system"}, top="disk",
                manifest=manifest(SYSTEM_LAYER, top=TOP_OF + "on-system-change = refuse"), **UPPER),
           dict(disks=[SYSTEM_2, STATE], manifest=manifest(SYSTEM_LAYER, top=TOP_OF + "on-system-change = refuse"),
                word="top-changed", status=1, also='the top was made on "layer system sb-',
                proof=[host("debugfs -R 'cat /stamp' {kept:state} 2>/dev/null | grep -q system && "
                            "! cmp -s {file:system.squashfs} {file:system-2.squashfs}")])),
    series("top-of-somebody", "the disk has files where a top would be", "mke2fs -d", {"state": "plain.ext4"},
           no("top-failed", "not made by layerboot", [host("debugfs -R 'ls /upper/etc' {kept:state} 2>/dev/null | grep -q x")],
              before=["d=$(mktemp -d) && mkdir -p $d/upper/etc && touch $d/upper/etc/x && "
                      "mke2fs -q -F -t ext4 -d $d {state} && rm -r $d"])),
    series("top-foreign", "the disk holds data of no known kind", "noise", {"state": "garbage"},
           no("volume-foreign", "the disk is not blank", [host("! blkid -p {kept:state}")], ["format = ext4"])),
    series("top-blank", "the top's disk is blank, and nobody said how to format it", "zeros", {"state": "blank.raw-64m"},
           no("volume-foreign", "format is not given", [host("cmp -n 67108864 {kept:state} /dev/zero")])),
    series("top-damaged", "the root directory of the top is none", "debugfs", {"state": "plain.ext4"},
           no("volume-damaged", "it could not be repaired",
              [host("debugfs -R 'stat <2>' {kept:state} 2>/dev/null | grep -q 'Mode: *0000'")],
              before=["debugfs -w -R 'set_super_value state 2' {state}; debugfs -w -R 'set_inode_field <2> mode 0' {state}"])),
    series("top-torn-format", "power was cut while the top was formatted", "the init's mark, and noise",
           {"state": "blank.raw-64m"},
           boot(FRESH, lines=["format = ext4"], **UPPER, proof=[host("blkid -p -o value -s LABEL {kept:state} | grep -qx layerboot")],
                before=["printf 'layerboot: this disk was being formatted\\n' | dd of={state} bs=1 seek=$((63 << 20)) "
                        "conv=notrunc status=none; head -c 300000 /dev/urandom | dd of={state} bs=4096 seek=300 "
                        "conv=notrunc status=none", "! blkid -p {state}"])),
    series("top-on-layers-disk", "the top's disk is a layer's, too", "both serials in the manifest", {"state": "plain.ext4"},
           dict(disks=DISKS_AND_STATE, word="layer-duplicate", status=1, also="",
                proof=[host("test $(grep -ao 'source = SERIAL=state' {initramfs} | wc -l) -eq 2")],
                manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=state"), top=TOP_OF))),
    refused("bind-missing", "the disk of a [bind] is not there", "not attached", "bind-missing", "no disk with SERIAL=state",
            [host("! grep -q ' state=' {dir}/command")], append=SHORT,
            manifest=manifest(SYSTEM_LAYER, USER_LAYER) + "[bind data]\nsource = SERIAL=state\npaths = /etc/d\n"),
]


def privileged(name, what, image, also, command, pattern):
    return refused("untrusted-" + name, what, "debugfs; trust = untrusted", "layer-privileged", also,
                   [host(f"debugfs -R '{command}' {{file:{image}}} 2>/dev/null | grep -qE '{pattern}'")],
                   disks=[SYSTEM, ("user", image)], manifest=user("trust = untrusted"))


SECURITY = [
    privileged("setuid", "an untrusted layer has a set-user-ID program", "setuid.ext4", "/etc/program: a set-user-ID",
               "stat /etc/program", "Mode: *04755"),
    privileged("capability", "an untrusted layer has a file capability", "capability.ext4", "/etc/program: a file capability",
               "ea_list /etc/program", "security.capability"),
    privileged("device", "an untrusted layer has a disk's device node", "device.ext4", "/etc/disk: a block",
               "stat /etc/disk", "Type: block"),
    privileged("redirect", "an untrusted layer redirects a directory", "redirect.ext4",
               "/etc/d: the attribute trusted.overlay.redirect", "ea_list /etc/d", "redirect"),
    privileged("metacopy", "an untrusted layer names another's data", "metacopy.ext4",
               "/etc/only-user: the attribute trusted.overlay.metacopy", "ea_list /etc/only-user", "metacopy"),
    refused("outside", "a layer holds more than it may", "only = /etc/d /opt", "layer-outside", "/etc/",
            [host("unsquashfs -l {file:user.squashfs} | grep -q etc/only-user")], manifest=user("only = /etc/d /opt")),
    refused("protected-deleted", "a layer deletes what another protects", "protect = /etc/deleted", "protect-unreachable",
            "protect /etc/deleted", [host("unsquashfs -lln {file:user.squashfs} | grep -qE '^c.*etc/deleted'")],
            manifest=manifest((*SYSTEM_LAYER, "protect = /etc/deleted"), USER_LAYER)),
]
