"""initramfs/examples/libvirt.xml: valid, and really started, by a libvirtd of its own with TCG."""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess

from guests import EXAMPLES, TOP, WAIT, Process, Trouble, sh, state_disk, wait_for
from sharing import checksum

PLACE = "/var/lib/layerboot"


class Libvirt:
    """A session daemon of an ordinary user, with all its files below one directory: it touches nothing of this machine's."""

    def __init__(self, home, log):
        self.home, self.log = pathlib.Path(home), log
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C",
                    **{f"XDG_{name}": str(self.home / name.lower()) for name in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME",
                                                                                "RUNTIME_DIR")}}
        for name in ("config_home", "cache_home", "data_home", "runtime_dir"):
            (self.home / name).mkdir(mode=0o700)
        self.prefix = []
        if os.getuid() == 0:
            # Root's own daemon would be the machine's.
            user = pwd.getpwnam("nobody")
            sh("chown", "-R", f"{user.pw_uid}:{user.pw_gid}", self.home)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]

    def daemon(self):
        # Not in $PATH of who is not root.
        program = shutil.which("libvirtd", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            raise Trouble("there is no libvirtd; run scripts/setup")
        return Process([*self.prefix, program], self.log, env=self.env, cwd=self.home)

    def virsh(self, *words):
        done = subprocess.run([*self.prefix, "virsh", "-q", "-c", "qemu:///session", *map(str, words)], env=self.env,
                              capture_output=True, text=True, check=False, cwd=self.home)
        return done.returncode, (done.stdout + done.stderr).strip()

    def ask(self, *words):
        status, text = self.virsh(*words)
        if status:
            raise Trouble(f"virsh {' '.join(map(str, words))}: {text}")
        return text


def domain(shelf, place, name):
    """The example, in another place, without KVM; what is not said here stays as it is."""
    text = (EXAMPLES / "libvirt.xml").read_text().replace(PLACE, str(place)).replace("web1", name)
    text = text.replace('<domain type="kvm">', '<domain type="qemu">')
    text = re.sub(r"(<cmdline>.*?)(</cmdline>)", rf"\1 no_timer_check {WAIT} host=beat\2", text)
    return shelf.write(f"{name}.xml", text)


def started(shelf, directory):
    place = shelf.dir / "libvirt"
    place.mkdir()
    shelf.make_initramfs("libvirt/initramfs-1.cpio", "--manifest", shelf.write("manifest-libvirt", TOP))
    for name in ("vmlinuz-1", "system-1.img"):
        shutil.copy(shelf.dir / name, place / name)
    names, before = ("web1", "web2"), checksum(place / "system-1.img")
    for name in names:
        shelf.make_user(f"libvirt/user-{name}.img", name)
        state_disk(place / f"state-{name}.img")
    libvirt = Libvirt(place, directory / "libvirtd.log")
    files = [domain(shelf, place, name) for name in names]
    with libvirt.daemon() as daemon:
        wait_for("libvirtd", lambda: libvirt.virsh("version")[0] == 0, daemon.alive)
        errors = []
        try:
            for name, file in zip(names, files):
                libvirt.ask("define", "--validate", file)
                libvirt.ask("start", name)
            for name in names:
                errors += runs(libvirt, place, name)
            errors += crash(libvirt, place, shelf)
        finally:
            for name in names:
                libvirt.virsh("destroy", name)
    if checksum(place / "system-1.img") != before:
        errors.append("the shared image is not the same as before")
    return errors


def console(place, name):
    path = place / f"{name}.console"
    return path.read_text(errors="replace") if path.exists() else ""


def runs(libvirt, place, name):
    """The domain does what the example promises: both layers, the top on its disk, the report, the shared image."""
    wait_for(f"{name} on its console", lambda: f"T version 1, of {name}, boot 1" in console(place, name),
             lambda: libvirt.ask("domstate", name) == "running")
    report = json.loads((place / f"{name}.report").read_text())
    layers = [layer["name"] for layer in report["layers"]]
    errors = [] if layers == ["system", "user"] else [f"{name}: the report has {layers}"]
    if report["result"] != "ok":
        errors.append(f"{name}: the report says {report['result']}")
    shown = libvirt.ask("dumpxml", name)
    for element in ("<readonly/>", "<shareable/>", "<serial>system</serial>"):
        if element not in shown:
            errors.append(f"{name}: the running domain has no {element}")
    return errors


def crash(libvirt, place, shelf):
    """A boot that fails is a crashed domain."""
    libvirt.ask("destroy", "web2")
    (place / "user-web2.img").write_bytes(bytes(1 << 20))
    libvirt.ask("start", "web2")
    wait_for("web2 to crash", lambda: libvirt.ask("domstate", "--reason", "web2") == "shut off (crashed)")
    return [] if "error[layer-" in console(place, "web2") else [f"the crashed domain: {console(place, 'web2')[-1000:]}"]


def valid(_shelf, _directory):
    return [f"{name}: {done.stderr}" for name in ("libvirt.xml", "libvirt-rbd.xml")
            if (done := subprocess.run(["virt-xml-validate", EXAMPLES / name, "domain"], capture_output=True, text=True,
                                       check=False)).returncode]


TESTS = [("libvirt: the domains are valid", valid),
         ("libvirt: two domains share the system image, one crashes", started)]
