"""The fault matrix: the writable top, and what a user's image or a manifest must not get away with."""
from cases import MAIN, SYSTEM, SYSTEM_LAYER, USER, USER_LAYER, manifest
from cases_top import AGAIN, FRESH, STATE, SYSTEM_2, TOP_OF, UPPER, boot, top
from fault_images import SECRET
from faulty import blkdebug, event, host, said
from faults_disks import MANIFEST_AT, SHORT, refused, user

NO_UPPER = dict(upper=[f"/run/layerboot/top/upper/etc/{n}: No such file or directory" for n in ("which", "written")])
DISKS_AND_STATE = [SYSTEM, USER, STATE]
FILL = ("d=$(mktemp -d) && mount -o loop {state} $d && (dd if=/dev/zero of=$d/fill bs=64k 2>/dev/null; "
        "dd if=/dev/zero of=$d/fill2 bs=1k 2>/dev/null; true) && umount $d && rmdir $d")
FULL = host("dumpe2fs -h {kept:state} 2>/dev/null | awk '/^Free blocks/ { exit $3 > 3000 }'")


def series(name, what, made, kept, *boots, after=(), **row):
    """Boots that follow each other; the last is what is expected of the fault."""
    return dict(name=name, fault=what, made=made, kept=kept, boots=list(boots), after=list(after), **row)


def no(word, also, proof, lines=(), **row):
    return dict(disks=DISKS_AND_STATE, manifest=top(*lines), word=word, status=1, also=also, proof=proof, **row)


def without_state(word, also, vm, proof, lines=()):
    """The state's disk is attached by hand."""
    return dict(disks=MAIN, manifest=top(*lines), word=word, status=1, also=also, proof=proof, vm=vm)


TOP = [
    refused("top-missing", "the disk of the top is not there", "not attached", "top-missing", "no disk with SERIAL=state",
            [host("! grep -q ' state=' {dir}/command")], manifest=top(), append=SHORT),
    refused("top-no-room", "the tmpfs of the top has no room for a directory", "nr-inodes=1", "top-failed",
            "No space left on device", [said("ommand line: .*nr-inodes=1")], append="layerboot.top=tmpfs,nr-inodes=1"),
    series("top-full-of-others", "the disk of a new top is full", "dd", {"state": "plain.ext4"},
           no("top-failed", "No space left on device", [FULL], before=[FILL])),
    series("top-full", "a top that is in use is full", "dd", {"state": "plain.ext4"}, boot(FRESH, **UPPER),
           boot(AGAIN, **UPPER, proof=[FULL], before=[FILL])),
    series("top-write-error", "no write to the top's disk succeeds", "blkdebug, EIO", {"state": "plain.ext4"},
           without_state("volume-failed", "I/O error", blkdebug("state", "{kept:state}", "event=write_aio,errno=5", writable=True),
                         [event("BLOCK_IO_ERROR", operation="write"), said("I/O error, dev vd")])),
    series("top-host-full", "the host has no room when the top is formatted", "blkdebug, ENOSPC", {"state": "blank.raw-64m"},
           without_state("volume-failed", "format /dev/vd", blkdebug("state", "{kept:state}", "event=write_aio,errno=28", writable=True),
                         [event("BLOCK_IO_ERROR", operation="write", reason="No space left on device")], ["format = ext4"])),
    series("top-flush-error", "the host cannot make the top's data durable", "blkdebug, EIO on flush", {"state": "plain.ext4"},
           without_state("volume-failed", "lost sync page write", blkdebug("state", "{kept:state}", "event=flush_to_disk,errno=5", writable=True),
                         [event("BLOCK_IO_ERROR", operation="write")])),
    refused("top-read-only", "the disk of the top cannot be written", "attached read-only", "volume-failed", "",
            [host("grep -q ' state=[^ ]*plain.ext4$' {dir}/command")], disks=[*MAIN, ("state", "plain.ext4")],
            manifest=top()),
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
    series("top-vfat", "the top's disk is a vfat, on which no upperdir can be", "mkfs.vfat", {"state": "vfat-top"},
           no("volume-foreign", "vfat", [host("blkid -p -o value -s TYPE {kept:state} | grep -qx vfat")])),
    series("top-blank", "the top's disk is blank, and nobody said how to format it", "zeros", {"state": "blank.raw-64m"},
           no("volume-foreign", "format is not given", [host("cmp -n 67108864 {kept:state} /dev/zero")])),
    series("top-damaged", "the root directory of the top is none", "debugfs", {"state": "plain.ext4"},
           no("volume-damaged", "it could not be repaired",
              [host("debugfs -R 'stat <2>' {kept:state} 2>/dev/null | grep -q 'Mode: *0000'")],
              before=["debugfs -w -R 'set_super_value state 2' {state}; debugfs -w -R 'set_inode_field <2> mode 0' {state}"])),
    series("top-unclean", "the top's file system says that it has errors", "debugfs", {"state": "plain.ext4"}, boot(FRESH, **UPPER),
           boot(AGAIN, **UPPER, before=["debugfs -w -R 'set_super_value state 2' {state}",
                                        "dumpe2fs -h {state} 2>/dev/null | grep -q 'not clean with errors'"],
                proof=[host("dumpe2fs -h {kept:state} 2>/dev/null | grep -q 'Filesystem state: *clean'")])),
    series("top-torn-format", "power was cut while the top was formatted", "the init's mark, and noise",
           {"state": "blank.raw-64m"},
           boot(FRESH, lines=["format = ext4"], **UPPER, proof=[host("blkid -p -o value -s LABEL {kept:state} | grep -qx layerboot")],
                before=["printf 'layerboot: this disk was being formatted\\n' | dd of={state} bs=1 seek=$((63 << 20)) "
                        "conv=notrunc status=none; head -c 300000 /dev/urandom | dd of={state} bs=4096 seek=300 "
                        "conv=notrunc status=none", "! blkid -p {state}"])),
    series("top-power-cut", "power is cut while the root is in use", "SIGKILL to QEMU", {"state": "plain.ext4"},
           boot(FRESH, **UPPER),
           dict(disks=DISKS_AND_STATE, manifest=top(), cut=True, acts=[("T begin", 0, [("kill", "{dir}/pid")])]),
           boot(AGAIN, **UPPER, proof=[host("dumpe2fs -h {kept:state} 2>/dev/null | grep -q 'Filesystem state: *clean'")],
                before=["dumpe2fs -h {state} 2>/dev/null | grep -q needs_recovery"])),
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
    privileged("setgid", "an untrusted layer has a set-group-ID program", "setgid.ext4", "/etc/program: a set-group-ID",
               "stat /etc/program", "Mode: *02755"),
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
    refused("secret-in-manifest", "a line that is wrong holds a secret", "password = ... in the manifest",
            "manifest-invalid", ":3:1: unknown key", [host(f"grep -qa {SECRET} {{initramfs}}")], never=[SECRET],
            inject={"etc/layerboot/manifest": f"version = 1\n[layer system]\npassword = {SECRET}\n"},
            planned=f"version = 1\n[layer system]\npassword = {SECRET}\n"),
    refused("secret-in-place-of-manifest", "the manifest's disk is somebody's private key", "a PEM file", "manifest-invalid",
            "SERIAL=text:1:", [host(f"grep -qa {SECRET} {{file:key.raw}}")], never=[SECRET, "PRIVATE KEY"],
            disks=[*MAIN, ("text", "key.raw")], append=MANIFEST_AT),
    refused("secret-on-the-command-line", "a parameter beside one that is wrong holds a secret", "db.password=",
            "cmdline-invalid", "unknown parameter layerboot.tmieout", [said(f"ommand line: .*{SECRET}")], never=[SECRET],
            append=f"db.password={SECRET} layerboot.tmieout=3"),
]
