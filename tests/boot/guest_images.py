"""What the guests of debian.py are made of: system images, each built once and kept, and what a cloud attaches."""
import base64
import hashlib
import json
import shutil

from images import KERNELS, ROOT, sh

GUESTS = ROOT / "build/guests"
# Options of mksystem. systemd is the demonstration's.
SYSTEMS = {
    "sysvinit": ["--init", "sysvinit"],
    "cloud-init": ["--include", "cloud-init,openssh-server,cloud-guest-utils,e2fsprogs,sudo"],
}
HOSTNAME, INSTANCE = "from-the-cloud", "i-layerboot"
KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))).decode() + " test"
# What runs for an instance leaves its trace where cloud-init keeps what it knows of it.
USER_DATA = f"""#cloud-config
ssh_genkeytypes: [ed25519]
users:
  - default
  - name: guest
    shell: /bin/bash
    ssh_authorized_keys: ["{KEY}"]
runcmd:
  - echo run >>/var/lib/cloud/runs
"""


def system_image(name):
    """A system image; of this machine's packages when it was built."""
    if name == "systemd":
        sh(ROOT / "scripts/demo")
        return ROOT / "build/demo/system.img"
    image, stamp = GUESTS / f"{name}.img", GUESTS / f"{name}.made"
    release = sh(ROOT / "scripts/get-kernel", "cloud", "--out", KERNELS / "cloud").strip().splitlines()[-1]
    made_of = [release, *SYSTEMS[name], hashlib.sha256((ROOT / "scripts/mksystem").read_bytes()).hexdigest(),
               hashlib.sha256((ROOT / "initramfs/examples/sysvinit/layerboot-top").read_bytes()).hexdigest()]
    text = " ".join(made_of) + "\n"
    if not (image.exists() and stamp.exists() and stamp.read_text() == text):
        GUESTS.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        sh(ROOT / "scripts/mksystem", *SYSTEMS[name], "--modules", KERNELS / "cloud", "-o", image)
        stamp.write_text(text)
    return image


def nocloud(path):
    """The NoCloud data source: a file system with the label cidata."""
    tree = path.with_suffix(".tree")
    tree.mkdir()
    (tree / "user-data").write_text(USER_DATA)
    (tree / "meta-data").write_text(f"instance-id: {INSTANCE}\nlocal-hostname: {HOSTNAME}\n")
    path.write_bytes(bytes(4 << 20))
    sh("mkfs.vfat", "-n", "CIDATA", path)
    sh("mcopy", "-i", path, *sorted(tree.iterdir()), "::")


def config_drive(path):
    """A config drive of OpenStack: iso9660 with the label config-2."""
    tree = path.with_suffix(".tree")
    latest = tree / "openstack/latest"
    latest.mkdir(parents=True)
    (latest / "user_data").write_text(USER_DATA)
    (latest / "meta_data.json").write_text(json.dumps({
        "uuid": INSTANCE, "name": "guest", "hostname": HOSTNAME, "public_keys": {"test": KEY}}))
    sh("xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", "config-2", "-o", path, tree)


SEEDS = {"cidata": nocloud, "config-2": config_drive}


def add_modules(directory, flavour, release, names):
    """The modules that a guest loads itself, into its user layer, of a kernel that the system image has none of."""
    source, out = KERNELS / flavour / "lib/modules" / release, directory / "usr/lib/modules" / release
    out.mkdir(parents=True)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(source / name, out)
    for name in names:
        module = next(source.glob(f"kernel/**/{name}.ko*"))
        (out / module.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module, out / module.relative_to(source))
    sh("depmod", "-b", directory / "usr", release)
