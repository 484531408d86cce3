"""The ways in which debian.py starts Debian, and what must be so inside."""
from images import LINK, PROGRAM

RUNNING = [("timeout 350 systemctl is-system-running --wait", "^running$"),
           ("systemctl list-units --failed --no-legend --plain", r"\Astatus 0\Z")]
ANALYZE = ("systemd-analyze time", r"\d(ms|s) \(initrd\)")
REMOUNT = "systemctl show -P LoadState -P ActiveState -P Result systemd-remount-fs.service | paste -sd' '"
MACHINE_ID = "cat /etc/machine-id"
IS_ID = r"\A[0-9a-f]{32}\nstatus 0\Z"
FIRST = "ls /run/first-boot"
IS_FIRST, NOT_FIRST = r"^/run/first-boot$", "No such file"
TARGETS = "systemctl list-units --type=target --state=active --plain --no-legend | cut -d' ' -f1 | paste -sd' '"
# Who asks for the disk behind / is led to one: by util-linux, and by systemd's own way.
DISKS = [("findmnt -no FSTYPE /", "^overlay$"), ("findmnt -no SOURCE /", r"^\S+$"), ("lsblk -no NAME,TYPE", r"^vda +disk$"),
         ("df --output=fstype /", "^overlay$"),
         ("readlink /run/systemd/volatile-root", r"^/dev/block/\d+:\d+$"),
         ("test -b /run/systemd/volatile-root && readlink -f /run/systemd/volatile-root", r"^/dev/vd[a-c]$"),
         ("mkdir /run/parts && printf '[Partition]\\nType=home\\n' >/run/parts/1.conf && "
          "SYSTEMD_LOG_LEVEL=debug systemd-repart --dry-run=yes --definitions=/run/parts", "vd[a-c]"),
         ("mkdir /run/auto && SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=debug "
          "/usr/lib/systemd/system-generators/systemd-gpt-auto-generator /run/auto /run/auto /run/auto",
          "No suitable partition table found")]
ROOT_LINE = "UUID=0a3407de-014b-458b-b5c1-848e92a327a3 / ext4 errors=remount-ro 0 1\n"
VAR_LINE = "tmpfs /var tmpfs mode=0755,nosuid,nodev 0 0\n"
# The layers themselves tell what was in /var.
VAR_FILES = "".join(f"C /var/lib/{name} - - - - /run/layerboot/layers/system/var/lib/{name}\n"
                    for name in ("dpkg", "apt", "pam"))
KINDS = "stat -c '%F %n' /etc/machine-id /etc/ssh /var/lib/cloud /var/lib/docker"
KEPT = "cat /etc/ssh/host_key /var/lib/cloud/kept /var/lib/docker/kept"
KEEP = "echo key >/etc/ssh/host_key && echo cloud >/var/lib/cloud/kept && echo docker >/var/lib/docker/kept"


def with_answers(asks, changes):
    """The same questions, but of another boot."""
    return [(question, changes.get(question, expected)) for question, expected in asks]


BIND_ASKS = [*RUNNING, (MACHINE_ID, IS_ID), (FIRST, IS_FIRST),
             (KINDS, r"\Aregular file /etc/machine-id\n(directory /\S+\n){3}status 0\Z"),
             ("findmnt -no FSTYPE /etc/machine-id", r"\Aext4\nstatus"),
             ("findmnt -no FSTYPE /etc/ssh && findmnt -no FSTYPE /var/lib/cloud && findmnt -no FSTYPE /var/lib/docker",
              r"\A(ext4\n){3}status"),
             ("cat /etc/ssh/sshd_config", "^PermitRootLogin no$"), (KEPT, "status 1"), (KEEP, "status 0")]
# Its own poweroff ends it; every other line of its table is done before.
BUSYBOX = {"usr/bin/busybox": PROGRAM + "busybox", "usr/sbin/init": LINK + "../bin/busybox",
           "etc/inittab": "::sysinit:/bin/touch /run/inittab\n::wait:/usr/local/bin/debian-test /bin/busybox poweroff\n"
                          "::shutdown:/bin/sh -c 'echo T shutdown >/dev/console'\n"}
IS_BUSYBOX = [("readlink /proc/1/exe", r"^/usr/bin/busybox$"), ("findmnt -no FSTYPE /", "^overlay$"),
              ("ls -A /run/systemd", "No such file")]
# Debian's own table, but for the consoles. sulogin here only says when it was started.
INITTAB = "id:2:initdefault:\nsi::sysinit:/etc/init.d/rcS\n~~:S:wait:/sbin/sulogin --force\n" + "".join(
    f"l{n}:{n}:wait:/etc/init.d/rc {n}\n" for n in range(7)) + "dt:2345:once:/usr/local/bin/debian-test /sbin/telinit 0\n"
SULOGIN = """#!/bin/sh
if [ -e /run/udev ]; then when=after; else when=before; fi
echo "T sulogin $when sysinit" >/dev/console
"""


def sysvinit(append, runlevel, boots, **changes):
    """One of the boots on one top; what the kernel's command line says to the init tells by the runlevel."""
    return {"append": append, "silent": [r"failed!", r"T sulogin"], **changes, "asks": [
        ("readlink /proc/1/exe", r"^/usr/sbin/init$"), ("runlevel", f"^{runlevel}$"), ("ls /run/systemd/system", "No such file"),
        ("findmnt -no FSTYPE,OPTIONS /", r"^overlay +rw,"), ("udevadm control --ping", r"\Astatus 0\Z"),
        ("ls /etc/rc0.d | sed 's/^K..//' | grep -xE 'umountroot|layerboot-top|halt' | paste -sd' '",
         "^umountroot layerboot-top halt$"),
        ("echo boot >>/var/lib/boots && wc -l </var/lib/boots", f"^{boots}$")]}


SYSVINIT = [sysvinit("3", "N 3", 1), sysvinit("-- 4", "N 4", 2),
            # After the shell it goes on to its ordinary runlevel.
            sysvinit("single", "N 2", 3, silent=["failed!"], says=["T sulogin after sysinit"]),
            sysvinit("emergency", "N 2", 4, silent=["failed!"], says=["T sulogin before sysinit"])]
PROFILE = """abi <abi/3.0>,
profile confined /usr/local/bin/confined {
  /usr/local/bin/confined mr,
  /usr/lib/** mr,
  /etc/ld.so.cache r,
  /etc/motd r,
  /run/said w,
}
"""
# The kernel and the initramfs of this boot once more: what is asked is said by both, one after the other.
KEXEC = """#!/bin/sh
dmesg -n 7
if grep -qw second /proc/cmdline; then exec systemctl --no-block poweroff; else exec systemctl --no-block kexec; fi
"""
LABEL = "system_u:object_r:etc_t:s0"
# getxattr(2), which has no program in so small a system.
GET_LABEL = ("perl -e '($f, $a, $v) = (\"/etc/motd\", \"security.selinux\", chr(0) x 99); $n = syscall(191, $f, $a, $v, 99); "
             "print substr($v, 0, $n)'")

DEBIAN_VARIANTS = [
    dict(name="first-boot", deletes=["etc/machine-id"],
         asks=[*RUNNING, ANALYZE, *DISKS, (MACHINE_ID, IS_ID), (FIRST, IS_FIRST), (TARGETS, "graphical.target"),
               (REMOUNT, "^success loaded active$")]),
    dict(name="root-in-fstab-and-3", files={"etc/fstab": ROOT_LINE}, append="3",
         asks=[*RUNNING, ANALYZE, (MACHINE_ID, IS_ID), (FIRST, NOT_FIRST), (TARGETS, r"\A(?!.*graphical).*multi-user.target"),
               (REMOUNT, "^success masked inactive$")]),
    dict(name="read-only-root", manifest="[top]\ntype = none\n",
         files={"etc/fstab": ROOT_LINE + VAR_LINE, "etc/tmpfiles.d/var.conf": VAR_FILES},
         asks=[*RUNNING, *DISKS, ("touch /etc/x", "Read-only"), ("touch /var/x", r"\Astatus 0\Z"),
               ("dpkg-query -W -f '${Status}' systemd", "^install ok installed"), (REMOUNT, "^success masked inactive$")]),
    dict(name="persistent-top", manifest="[top]\ntype = disk\nsource = SERIAL=state\nformat = ext4\n", each=[{}, {}],
         lasts=[MACHINE_ID],
         asks=[*RUNNING, ANALYZE, *DISKS, (MACHINE_ID, IS_ID), (FIRST, NOT_FIRST)]),
    dict(name="binds", formatted=True, lasts=[MACHINE_ID], deletes=["etc/machine-id"],
         files={"etc/ssh/sshd_config": "PermitRootLogin no\n"},
         manifest="[bind state]\nsource = SERIAL=state\nsubdir = binds\n"
                  "paths = /etc/machine-id /etc/ssh /var/lib/cloud /var/lib/docker\n",
         asks=BIND_ASKS, each=[{}, {"asks": with_answers(BIND_ASKS, {
             FIRST: NOT_FIRST, KEPT: r"\Akey\ncloud\ndocker\nstatus 0\Z"})}]),
    dict(name="emergency", append="emergency",
         asks=[("timeout 350 systemctl is-system-running --wait", "^maintenance$"), (TARGETS, r"\Aemergency\.target$")]),
    dict(name="single", append="single",
         asks=[("timeout 350 systemctl is-system-running --wait", "^maintenance$"),
               (TARGETS, r"\A(?!.*multi-user).*rescue\.target")]),
    dict(name="arguments", append="-- --unit=chosen.target",
         asks=[*RUNNING, (TARGETS, r"\A(?!.*multi-user).*chosen\.target"),
               ("tr '\\0' ' ' </proc/1/cmdline", r"--switched-root --system --deserialize \d+ --unit=chosen\.target $")]),
    dict(name="plain-program", append='init=/usr/local/sbin/plain single 3 emergency -- one "two words"',
         files={"usr/local/sbin/plain": PROGRAM + "testinit"}, asks=[],
         says=[f"T arg {word}$" for word in ("/usr/local/sbin/plain", "single", "3", "emergency", "one", "two words")]),
    dict(name="busybox", files=BUSYBOX, asks=[*IS_BUSYBOX, ("ls /run/inittab", r"^/run/inittab$")], says=["^T shutdown$"]),
    # This one has busybox start a login shell in place of all that inittab says.
    dict(name="busybox-single", append="single", asks=[*IS_BUSYBOX, ("ls /run/inittab", "No such file")],
         files={**BUSYBOX, "etc/profile": "exec /usr/local/bin/debian-test /bin/busybox poweroff\n"}),
    dict(name="sysvinit", system="sysvinit", manifest="[top]\ntype = disk\nsource = SERIAL=state\nformat = ext4\n",
         files={"etc/inittab": INITTAB, "usr/sbin/sulogin": SULOGIN}, each=SYSVINIT, asks=SYSVINIT[0]["asks"]),
    dict(name="kexec", manifest="[top]\ntype = disk\nsource = SERIAL=state\nformat = ext4\n", carries=True,
         files={"usr/local/bin/loadkexec": PROGRAM + "loadkexec", "usr/local/bin/end": KEXEC}, end="end",
         asks=[("grep -qw second /proc/cmdline || loadkexec /boot/vmlinuz /boot/initramfs \"$(cat /proc/cmdline) second\"",
                r"\Astatus 0\nstatus 0\Z"), ("cat /sys/kernel/kexec_loaded", r"\A1\nstatus 0\n0\nstatus 0\Z"),
               ("echo boot >>/var/lib/boots && wc -l </var/lib/boots", r"\A1\nstatus 0\n2\nstatus 0\Z"),
               ("dmesg | grep -E 'EXT4-fs .*(recovery|orphan)'", r"\Astatus 1\nstatus 1\Z")],
         says=[r"layerboot: shutdown: \d+ mounts undone in \d+ ms; starting the kernel that kexec has loaded"]),
    dict(name="security-modules", type="ext4", packages=["apparmor"],
         files={"etc/motd": "labelled\n", "etc/apparmor.d/confined": PROFILE, "usr/local/bin/confined": PROGRAM + "cat",
                "etc/systemd/system/sysinit.target.wants/apparmor.service": LINK + "/lib/systemd/system/apparmor.service"},
         debugfs=f"ea_set /etc/motd security.selinux {LABEL}\n",
         asks=[*RUNNING, ("systemctl is-active apparmor", "^active$"), ("aa-status --enabled", r"\Astatus 0\Z"),
               ("aa-status --enforced", "^[1-9]"), ("confined /etc/motd", r"\Alabelled\nstatus 0\Z"),
               ("confined /etc/hostname", "Permission denied"), (GET_LABEL, rf"^{LABEL}\W*$"),
               # Also of a file that is copied up.
               ("chmod 600 /etc/motd && ls /run/layerboot/top/upper/etc/motd", "^/run"),
               (GET_LABEL + " #", rf"^{LABEL}\W*$")]),
]
