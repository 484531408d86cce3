"""Initramfs that take only signed manifests, and what a policy does not let the command line do."""
from cases import BOTH, MERGED, SYSTEM_LAYER, USER_LAYER, manifest
from images import TEXTS

DISKS = [("system", "system.verity"), ("user", "user.verity")]
FW_CFG = ["--qemu-arg=-fw_cfg"]
HELD = {"system": "system", "user": "user"}


def fleet(version, *layers):
    return manifest(*layers).replace("version = 1\n", "version = 1\ndomain = layerboot-manifest\nset = fleet\n"
                                     f"set-version = {version}\n")


VERIFIED = (*SYSTEM_LAYER, "{verity:system.verity}"), (*USER_LAYER, "{verity:user.verity}")
FLEET = fleet(3, *VERIFIED)
TEXTS["signed"] = FLEET


def held(name, **row):
    return {"name": name, "disks": DISKS, "files": MERGED, "manifest": FLEET, "sign": "release",
            "keys": ["release"], "layers": HELD, **row}


def refused(name, word, **row):
    """Past mkinitramfs, which would refuse it, too."""
    return {**held(name, **row), "word": word, "status": 1, "past": row.get("past", True)}


def loosened(name, parameter, also, policy="verify = hash\n", **row):
    return {"name": name, "disks": DISKS, "manifest": FLEET, "policy": policy, "word": "policy-refused", "status": 1,
            "append": parameter, "also": f"error[policy-refused]: {also}", **row}


CASES_SIGNED = [
    held("signed", kernels=BOTH, report={"manifest.set": "fleet", "manifest.set_version": 3, "manifest.locked": True}),
    held("signed-two-keys", keys=["other", "release"]),
    {**held("signed-on-a-disk", disks=[*DISKS, ("config", "signed.raw")], append="layerboot.manifest=SERIAL=config",
            replayed=True, options=["--set", "fs-squashfs"], planned=FLEET), "manifest": FLEET},
    {**held("signed-in-fw-cfg", vm=[*FW_CFG, "--qemu-arg=name=opt/org.layerboot/manifest,file={file:signed.text}"],
            options=["--fw-cfg", "--set", "fs-squashfs"], planned=FLEET, report={"manifest.origin": "fw_cfg:opt/org.layerboot/manifest"}),
     "replayed": True},
    held("signed-role-without", policy="[layer user]\nverify = none\n", disks=[DISKS[0], ("user", "user.squashfs")],
         manifest=fleet(3, VERIFIED[0], USER_LAYER)),
    # Nobody else's, nothing else, nothing old.
    refused("signed-by-another", "manifest-signature", keys=["other"], also="it is signed by the key", kernels=BOTH),
    refused("signed-changed", "manifest-signature", tamper=[("set-version = 3", "set-version = 4")],
            also="is of another text"),
    refused("signed-not", "manifest-signature", tamper=[("untrusted comment: ", "# ")], also="is not signed"),
    refused("signed-damaged", "manifest-signature", tamper=[("\nRW", "\nRX")], also="is none"),
    {**refused("signed-built-in", "manifest-signature", past=False, also="built-in manifest is not signed"),
     "options": ["--set", "union-overlay"]},
    refused("signed-old", "manifest-old", policy="minimum-version = 4\n", also="at least 4 is asked for"),
    refused("signed-old-for-the-host", "manifest-old", options=["--fw-cfg"], foreseen="the host says it",
            vm=["--qemu-arg=-fw_cfg", "--qemu-arg=name=opt/org.layerboot/minimum-version,string=5"]),
    held("signed-new-enough-for-the-host", options=["--fw-cfg"],
         vm=["--qemu-arg=-fw_cfg", "--qemu-arg=name=opt/org.layerboot/minimum-version,string=3"]),
    # Kept from asking the host, by the command line or by a module that is missing.
    *[refused(f"signed-host-not-heard-{how}", "policy-invalid", options=["--fw-cfg", *options], append=append, also=also,
              foreseen="the host says it") for how, options, append, also in (
        ("modprobe", [], "modprobe.blacklist=qemu_fw_cfg", "minimum-version: no module qemu_fw_cfg"),
        ("kernel", [], "module_blacklist=qemu_fw_cfg", "minimum-version: Operation not permitted"),
        ("module", ["--omit-module=qemu_fw_cfg"], "", "minimum-version: no module qemu_fw_cfg"))],
    # From whatever place.
    {**refused("signed-not-on-a-disk", "manifest-signature", also="SERIAL=config is not signed", past=False,
               append="layerboot.manifest=SERIAL=config"), "disks": [*DISKS, ("config", "three.raw")]},
    {**refused("signed-not-in-fw-cfg", "manifest-signature", also="fw_cfg:opt/org.layerboot/manifest is not signed", past=False,
               options=["--fw-cfg"], vm=[*FW_CFG, "--qemu-arg=name=opt/org.layerboot/manifest,file={file:three.manifest}"])},
    refused("signed-other-set", "policy-refused", policy="set = other\n", also="the policy is for the set other"),
    refused("signed-no-root-hash", "layer-unverified", manifest=fleet(3, VERIFIED[0], USER_LAYER)),
    # A policy without a key.
    {"name": "locked", "disks": DISKS, "manifest": FLEET, "policy": "verify = hash\ntypes = squashfs\n", "files": MERGED,
     "layers": HELD, "append": "layerboot.layer=user,trust=untrusted"},
    {**refused("locked-type", "layer-type", manifest=manifest(SYSTEM_LAYER, USER_LAYER), keys=[],
               policy="types = squashfs\n", disks=[("system", "system.squashfs"), ("user", "user.ext4")], past=False)},
    {**refused("locked-no-root-hash", "layer-unverified", manifest=manifest(VERIFIED[0], USER_LAYER), keys=[],
               policy="verify = hash\n")},
    loosened("locked-init", "init=/sbin/other", "init=/sbin/other: the policy does not let it be chosen"),
    loosened("locked-shell", "layerboot.on-failure=shell", "layerboot.on-failure=shell: nobody gets a shell",
             options=["--with-shell"]),
    loosened("locked-on-failure", "layerboot.on-failure=reboot", "layerboot.on-failure=", status=1,
             policy="on-failure = panic\n"),
    loosened("locked-manifest", "layerboot.manifest=/etc/layerboot/manifest", "layerboot.manifest="),
    loosened("locked-layer", "layerboot.layer=user,required=no", "layerboot.layer=user,required=no"),
    loosened("locked-new-layer", "layerboot.layer=more,source=SERIAL=user", "layerboot.layer=more"),
    loosened("locked-skip", "layerboot.skip=user", "layerboot.skip=user: the layer is required"),
    loosened("locked-top", "layerboot.top=disk,source=SERIAL=user", "layerboot.top=disk"),
    # mkinitramfs would refuse it.
    {"name": "locked-damaged", "disks": DISKS, "manifest": FLEET, "word": "policy-invalid", "status": 1,
     "inject": {"etc/layerboot/policy": "version = 1\nverify = all\n"}, "foreseen": "what is in the initramfs",
     "also": "error[policy-invalid]: /etc/layerboot/policy:2: expected signed, hash or none"},
]
for row in CASES_SIGNED:
    if not row.get("sign") or row["name"] in ("signed-built-in", "locked-type", "locked-no-root-hash"):
        row.pop("sign", None)
    if row["name"] in ("signed-on-a-disk", "signed-in-fw-cfg", "signed-built-in", "signed-not-on-a-disk", "signed-not-in-fw-cfg"):
        row.pop("manifest")
        row.pop("sign", None)
