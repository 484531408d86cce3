"""Debian with cloud-init and the disks that a cloud attaches; see debian_variants.py."""
from debian_variants import RUNNING, with_answers
from guest_images import HOSTNAME, KEY

TOP = "[top]\ntype = disk\nsource = SERIAL=state\nformat = ext4\n"
# Without /etc and /home the user would be gone, and cloud-init believe that it had made it.
BIND = "[bind state]\nsource = SERIAL=state\nformat = ext4\npaths = /etc /home /var/lib/cloud\n"
LOG = "/var/log/cloud-init.log"
KEYS = "cat /home/guest/.ssh/authorized_keys"
RUNS = "wc -l </var/lib/cloud/runs"
AGAIN = f"grep -c 'config-runcmd already ran (freq=once-per-instance)' {LOG}"
HOST_KEY = "cat /etc/ssh/ssh_host_ed25519_key.pub"
MODULES = f"grep -oE 'finish: [a-z-]+/config-(growpart|resizefs): [A-Z]+' {LOG} | sort -u"
REPORT = ("python3 -c 'import json; [print(d[\"name\"], d[\"use\"] or d[\"rejected\"]) "
          "for d in json.load(open(\"/run/layerboot/report.json\"))[\"disks\"]]'")
SEED_IS_NO_LAYER = r"^(vd[a-d]|sr0) no source of the manifest names it$"


def asks(source, more=()):
    """cloud-init runs the modules in order, and writes down what has become of each."""
    return [
        ("timeout 550 cloud-init status --wait --long", r"^status: done$"), *RUNNING,
        ("cat /run/cloud-init/result.json | tr -d '\\n'", rf'"datasource": "{source}.*"errors": \[\]'),
        (f"grep -E ' - [a-z_]+\\.py\\[(WARNING|ERROR|CRITICAL)\\]|Traceback' {LOG}", r"\Astatus 1\Z"),
        (MODULES, r"\Afinish: init-network/config-growpart: SUCCESS\nfinish: init-network/config-resizefs: SUCCESS\nstatus 0\Z"),
        (f"grep -o 'Not attempting to resize devpath .overlayroot.' {LOG}", "^Not attempting"),
        (REPORT, SEED_IS_NO_LAYER), ("id -un guest", "^guest$"), (KEYS, rf"\A{KEY.replace('+', '[+]')}\nstatus 0\Z"),
        ("grep -h '' /home/*/.ssh/authorized_keys | sort | uniq -c", "^ +[12] ssh-ed25519"),
        ("hostname", f"^{HOSTNAME}$"), (HOST_KEY, "^ssh-ed25519 "), ("systemctl is-active ssh", "^active$"),
        (RUNS, "^1$"), *more]


def lasting(name, source, **row):
    """Two boots of one instance."""
    first = asks(source, [(AGAIN, "^0$")])
    return dict(name=name, system="cloud-init", lasts=[HOST_KEY], asks=first,
                each=[{}, {"asks": with_answers(first, {AGAIN: "^[1-9]"})}], **row)


CLOUD_VARIANTS = [
    lasting("cloud-init-nocloud", "DataSourceNoCloud", manifest=TOP, seed="cidata on virtio"),
    lasting("cloud-init-config-drive-on-cd-rom", "DataSourceConfigDrive", manifest=BIND, seed="config-2 on a CD-ROM",
            kernel="generic", modules=["isofs", "autofs4", "binfmt_misc"], options=["--set", "sata"]),
    dict(name="cloud-init-config-drive", system="cloud-init", seed="config-2 on virtio", asks=asks("DataSourceConfigDrive")),
]
