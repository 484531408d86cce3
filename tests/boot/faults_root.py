"""The fault matrix: overlay, modules, command line, hand-over: what the real init is."""
from cases import ABSENT, ALONE, MAIN, MERGED, REFUSED, SYSTEM, SYSTEM_LAYER, TWO, USER_LAYER, manifest
from faulty import blkdebug, event, host, injected, lacks, said
from faults_disks import fault, refused, user


def debugfs(image, command, pattern):
    return host(f"debugfs -R '{command}' {{file:{image}}} 2>/dev/null | grep -qE '{pattern}'")


def module(name, how, what, also, *proof, **row):
    return refused(name, what, f"a squashfs.ko that is {how}", "module-load", also, [injected("squashfs"), *proof],
                   module=(how, "squashfs"), **row)


OVERLAY = [
    refused("overlay-missing", "the initramfs lacks overlay", "mkinitramfs --omit-module", "module-missing",
            "no module fs-overlay", [lacks("overlay")], omit=["overlay"]),
    fault("redirect-and-metacopy", "a user's image names files of the system by overlay's attributes", "debugfs, ea_set",
          [debugfs("evil.ext4", "ea_get /etc/d trusted.overlay.redirect", "/etc"),
           debugfs("evil.ext4", "ea_list /etc/only-user", "metacopy")], disks=[SYSTEM, ("user", "evil.ext4")],
          rename=REFUSED, files={**MERGED, "/etc/only-user": REFUSED, "/etc/d/merged": REFUSED, "/etc/d/of-system": REFUSED}),
    fault("whiteouts", "a layer deletes a file by overlay's own mark", "mklayer --delete",
          [host("unsquashfs -lln {file:user.squashfs} | grep -qE '^c.* 0, *0 .*etc/deleted'")], disks=MAIN, files=MERGED),
    fault("whiteouts-undeclared", "a layer deletes by .wh. files, and the manifest does not say so", "whiteouts left out",
          [host("unsquashfs -l {file:wh.squashfs} | grep -q 'etc/.wh.deleted'")], disks=[SYSTEM, ("user", "wh.squashfs")],
          files={**MERGED, "/etc/deleted": "system", "/etc/.wh.deleted": ""}, manifest=TWO),
    fault("whiteouts-wh", "the same, and the manifest says so", "whiteouts = wh",
          [host("unsquashfs -l {file:wh.squashfs} | grep -q 'etc/.wh.deleted'")], disks=[SYSTEM, ("user", "wh.squashfs")],
          manifest=user("whiteouts = wh"),
          files={**MERGED, "/etc/.wh.deleted": ABSENT, "/etc/d/of-system": ABSENT, "/etc/d/.wh..wh..opq": ABSENT},
          layers={"system": "system", "user": "user", "user+above": ABSENT, "user+below": ABSENT}),
    fault("layers-thirty-two", "there are 32 layers", "30 of them files of one disk",
          [debugfs("thirty-two", "ls", "layer-29"), host(r"test $(grep -o 'many\.[0-9]*' {dir}/report.json | sort -u | wc -l) -eq 30")],
          disks=[*MAIN, ("many", "thirty-two")], files={**MERGED, "/etc/n0": "0", "/etc/last": "29"},
          layers={"system": "system", "user": "user"},
          manifest=manifest(SYSTEM_LAYER, ("many", "SERIAL=many", "image = *.squashfs"), USER_LAYER)),
    refused("layers-too-many", "there are more layers than mount(2) has room for", "130 files of one disk",
            "union-unsupported", "the options for 131 layers need more than the 4095 bytes that mount(2) takes",
            [debugfs("many.ext4", "ls all", "layer-129")], disks=[SYSTEM, ("many", "many.ext4")], kernels=["cloud"],
            plan_options=["--kernel", "6.1.0"],
            manifest=manifest(SYSTEM_LAYER, ("a-very-long-name-for-layers-here", "SERIAL=many", "image = all/*"))),
    fault("layers-too-many-for-mount", "the same, on a kernel that has lowerdir+", "130 files of one disk",
          [debugfs("many.ext4", "ls all", "layer-129")], disks=[SYSTEM, ("many", "many.ext4")],
          files={**ALONE, "/etc/n129": "129"}, kernels=["6.12-cloud"], layers={"system": "system"},
          manifest=manifest(SYSTEM_LAYER, ("a-very-long-name-for-layers-here", "SERIAL=many", "image = all/*"))),
    refused("layer-vfat", "a layer is a vfat", "mkfs.vfat", "layer-type", "vfat cannot be a layer",
            [host("blkid -p -o value -s TYPE {file:vfat} | grep -qx vfat")], disks=[SYSTEM, ("user", "vfat")]),
    refused("root-lacks-proc", "the merged root has no /proc to mount on, and cannot be written", "top = none",
            "root-directory", "mkdir /sysroot/dev", [host("! unsquashfs -l {file:no-directories.squashfs} | grep -q dev")],
            disks=[("system", "no-directories.squashfs")], append="layerboot.top=none"),
    refused("root-proc-symlink", "a layer's /proc is a symlink", "ln -s", "root-directory", "/proc",
            [host("unsquashfs -lln {file:proc-is-symlink.squashfs} | grep -q 'proc -> /etc'")],
            disks=[("system", "proc-is-symlink.squashfs")]),
    refused("root-proc-file", "a layer's /proc is a file", "a text", "root-directory", "Not a directory",
            [host("unsquashfs -lln {file:proc-is-file.squashfs} | grep -qE '^-.*/proc$'")],
            disks=[("system", "proc-is-file.squashfs")]),
]

MODULES = [
    refused("module-missing", "the initramfs lacks a file system", "mkinitramfs --omit-module", "module-missing",
            "no module fs-squashfs", [lacks("squashfs")], omit=["squashfs"]),
    refused("module-missing-loop", "the initramfs lacks loop", "mkinitramfs --omit-module", "module-missing", "loop",
            [lacks("loop")], omit=["loop"], disks=[("carrier", "carrier.ext4")],
            manifest=manifest(("all", "SERIAL=carrier", "image = layers/*.squashfs"))),
    module("module-of-another-kernel", "foreign", "a module of another kernel", "Exec format error",
           said("squashfs: (version magic|disagrees|module_layout|.gnu.linkonce.this_module section size)")),
    module("module-unsigned", "unsigned", "a module without its signature, and the kernel insists on one",
           "Key was rejected", said("(?i)loading of unsigned module is rejected"), append="module.sig_enforce=1"),
    fault("module-unsigned-tolerated", "a module without its signature", "a squashfs.ko that is unsigned",
          [injected("squashfs"), said("module verification failed: signature and/or required key missing")], files=MERGED,
          module=("unsigned", "squashfs")),
    module("module-flipped", "flipped", "a bit of a module is not as it was signed", "Key was rejected"),
    module("module-torn", "torn", "half of a module is there", "Exec format error"),
    fault("module-built-in", "a file system is no module", "ext4 of Debian's kernel",
          [lacks("ext4"), host("grep -q /ext4.ko {modules}/modules.builtin")], disks=[SYSTEM, ("user", "user.ext4")],
          files=MERGED),
]

JUNK = " ".join(f"junk{i}.key{i}=\"value {i} of junk\"" for i in range(58))
COMMAND_LINE = [
    fault("junk", "nearly 2 KiB of junk for others", "58 parameters with quotes and blanks",
          # The kernel's own line of it ends earlier.
          [host("grep -q junk57.key57 {dir}/report.json")], files=ALONE, append=f"layerboot.skip=user {JUNK}",
          also="layer user: skipped"),
    fault("quotes", "words in quotes that the kernel hands to the init", "blanks in them",
          [said('ommand line: .*one "two words" key="a b" three')], files=MERGED,
          append='one "two words" key="a b" three', words=["one", "two words", "three"], env=["key=a b"]),
    refused("quote-open", "a quote is not closed", "an odd number of them", "cmdline-invalid", "layerboot.layer=",
            [said('ommand line: .*"user,source')], append='layerboot.layer="user,source=SERIAL=user,sorce=x'),
    refused("parameter-unknown", "a parameter is misspelt", "layerboot.tmieout", "cmdline-invalid",
            "unknown parameter layerboot.tmieout", [said(r"ommand line: .*layerboot\.tmieout")],
            append="layerboot.tmieout=3"),
    refused("parameter-malformed", "a number is none", "layerboot.timeout=soon", "cmdline-invalid",
            "layerboot.timeout=soon: expected", [said(r"ommand line: .*layerboot\.timeout=soon")],
            append="layerboot.timeout=soon"),
    refused("parameter-twisted", "a top is asked for that there is not", "layerboot.top=ramfs", "cmdline-invalid",
            "layerboot.top=", [said(r"ommand line: .*layerboot\.top=ramfs")], append="layerboot.top=ramfs"),
    refused("all-skipped", "the command line leaves every layer out", "layerboot.skip= twice", "no-layers", "",
            [said(r"ommand line: .*skip=system layerboot\.skip=user")], append="layerboot.skip=system layerboot.skip=user"),
]


def hand_over(name, what, path, word, also, proof, **row):
    return refused("init-" + name, what, f"init={path}", word, also, [proof], disks=[("system", "inits.squashfs")],
                   append=f"init={path}", **row)


def listed(pattern, image="inits.squashfs"):
    return host(f"unsquashfs -lln {{file:{image}}} | grep -qE '{pattern}'")


def after(name, what, path, ends):
    return fault("init-" + name, what, f"init={path}", [listed(f"{path}$"), said("layerboot: top: tmpfs")],
                 disks=[("system", "inits.squashfs")], append=f"init={path}", ends=ends, expected="boots; the kernel panics")


HAND_OVER = [
    refused("init-none", "no layer has an init", "a root without one", "init-missing",
            "/bin/init in the merged root: No such file", [host("! unsquashfs -l {file:bare.squashfs} | grep -q init")],
            disks=[("system", "bare.squashfs")]),
    hand_over("missing", "the init that was asked for is not there", "/sbin/nothing", "init-missing",
              "/sbin/nothing in the merged root: No such file", host("! unsquashfs -l {file:inits.squashfs} | grep -q nothing")),
    hand_over("not-executable", "the init is not executable", "/etc/which", "init-missing",
              "/etc/which in the merged root: Permission denied", listed("^-rw-.*/etc/which$")),
    hand_over("directory", "the init is a directory", "/sbin/directory", "init-missing", "/sbin/directory in the merged root: ",
              listed("^d.*/sbin/directory$")),
    hand_over("loop", "the init is a symlink to itself", "/sbin/loop", "init-missing", "/sbin/loop in the merged root: ",
              listed("/sbin/loop -> /sbin/loop")),
    hand_over("text", "the init is no program", "/sbin/text", "init-exec", "/sbin/text: Exec format error",
              listed("/sbin/text$")),
    hand_over("other-architecture", "the init is of another architecture", "/sbin/foreign", "init-exec",
              "/sbin/foreign: Exec format error", host("unsquashfs -cat {file:inits.squashfs} sbin/foreign | file - | grep -q aarch64")),
    hand_over("no-interpreter", "the init's dynamic linker is nowhere", "/sbin/dynamic", "init-exec",
              "/sbin/dynamic: No such file", host("unsquashfs -cat {file:inits.squashfs} sbin/dynamic | file - | grep -q ld-nowhere")),
    fault("init-absolute-symlink", "the init is an absolute symlink, which the initramfs would resolve elsewhere",
          "init=/sbin/absolute", [listed("/sbin/absolute -> /sbin/other")], disks=[("system", "inits.squashfs")],
          init="/sbin/absolute", append="init=/sbin/absolute", files=ALONE, layers={"system": "system"}),
    after("exits", "the real init ends", "/sbin/exits", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000"),
    after("crashes", "the real init crashes", "/sbin/crashes",
          r"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000[4b]"),
    refused("init-unreadable", "the disk fails where the init stands, after the mount", "blkdebug, EIO in that sector",
            "init-exec", "I/O error", [event("BLOCK_IO_ERROR", operation="read"), said("I/O error, dev vda")],
            disks=[], vm=blkdebug("system", "{file:old-system.ext4}", "event=read_aio,errno=5,sector={sector:old-system.ext4:/sbin/init}"),
            manifest=manifest(("system", "SERIAL=system", "type = ext4"))),
]
