"""The fault matrix: what a signature and a locked policy hold out, and what the command line must not loosen."""
from cases import MERGED, SYSTEM_LAYER, USER_LAYER
from cases_signed import DISKS, FLEET, VERIFIED, fleet
from faults_disks import fault, refused
from faults_verity import BROKEN
from faulty import host, said

HELD = {"system": "system", "user": "user"}
KEY = "{file:release.key}"


def manifest_has(pattern):
    return host(f"grep -qaE '{pattern}' {{initramfs}}")


def verifies(expected):
    """What signify makes of the manifest of the initramfs with the key of the release."""
    return host(f"{'' if expected else '! '}signify-openbsd -V -e -p {KEY} -m /dev/null -x {{dir}}/signed.manifest")


def signed(name, what, made, word, also, proof, **row):
    row = {"disks": DISKS, "manifest": FLEET, "sign": "release", "keys": ["release"], **row}
    row = {key: value for key, value in row.items() if value is not None}
    return refused("signed-" + name, what, made, word, also, proof, **row)


def loosened(name, what, parameter, also, policy="verify = hash\n", **row):
    return refused("loosened-" + name, what, parameter, "policy-refused", f"error[policy-refused]: {also}",
                   [said("ommand line: .*" + parameter.replace(".", r"\.")), manifest_has(policy.strip().splitlines()[-1])],
                   disks=DISKS, manifest=FLEET, policy=policy, append=parameter, **row)


SIGNED = [
    signed("by-another", "the manifest is signed by a key that the initramfs does not have", "another key's signature",
           "manifest-signature", "it is signed by the key", [verifies(False)], sign="other"),
    signed("changed", "the manifest was changed after it was signed", "set-version = 4 in place of 3", "manifest-signature",
           "is of another text", [verifies(False), manifest_has("^set-version = 4$")],
           tamper=[("set-version = 3", "set-version = 4")]),
    signed("not", "the manifest has no signature", "an unsigned text", "manifest-signature", "is not signed",
           [verifies(False), host("! grep -q comment {dir}/signed.manifest")], sign=None),
    signed("damaged", "the signature is none", "RX in place of RW", "manifest-signature", "is none",
           [verifies(False), manifest_has("^RX")], tamper=[("\nRW", "\nRX")]),
    signed("built-in", "there is no manifest but the one that is built in", "an initramfs with a key and without a manifest",
           "manifest-signature", "built-in manifest is not signed",
           [host("! cpio -t <{initramfs} 2>/dev/null | grep -q layerboot/manifest")], manifest=None, sign=None),
    signed("old", "the manifest is an old one of the same key", "minimum-version = 4 in the policy", "manifest-old",
           "at least 4 is asked for", [verifies(True), manifest_has("^set-version = 3$"), manifest_has("^minimum-version = 4$")],
           policy="minimum-version = 4\n"),
    signed("old-for-the-host", "the manifest is older than the host allows", "a file of fw_cfg", "manifest-old",
           "at least 5", [verifies(True), host("grep -q 'minimum-version,string=5' {dir}/command")], options=["--fw-cfg"],
           foreseen="the host says it",
           vm=["--qemu-arg=-fw_cfg", "--qemu-arg=name=opt/org.layerboot/minimum-version,string=5"]),
    signed("other-set", "the manifest is of another set of the same key", "set = other in the policy", "policy-refused",
           "the policy is for the set other", [verifies(True), manifest_has("^set = fleet$"), manifest_has("^set = other$")],
           policy="set = other\n"),
    signed("no-root-hash", "a layer of a signed manifest has no root hash", "verity left out", "layer-unverified", "user",
           [verifies(True)], manifest=fleet(3, VERIFIED[0], USER_LAYER)),
    signed("swapped", "the disks of a signed set were swapped", "each has the other's serial", "layer-corrupt", "root hash",
           [verifies(True), BROKEN, host("grep -q ' system=[^ ]*site.verity user=[^ ]*user.verity' {dir}/command")],
           disks=[("system", "site.verity"), ("user", "user.verity")],
           manifest=fleet(3, (*SYSTEM_LAYER, "{verity:user.verity}"), (*USER_LAYER, "{verity:site.verity}"))),
    signed("old-image", "the image of an older signed set is where the new one's should be", "another version of the system",
           "layer-corrupt", "root hash", [verifies(True), BROKEN, host("! cmp -s {file:system.verity} {file:system-2.verity}")],
           disks=[("system", "system-2.verity"), ("user", "user.verity")]),
    fault("signed-two-keys", "the initramfs has the next key beside the one that signed", "--key twice", [verifies(True)],
          disks=DISKS, files=MERGED, layers=HELD, manifest=FLEET, sign="release", keys=["other", "release"]),
    refused("locked-type", "a layer is of a type that the policy does not allow", "types = squashfs", "layer-type", "ext4",
            [manifest_has("^types = squashfs$"), host("blkid -p -o value -s TYPE {file:user.ext4} | grep -qx ext4")],
            disks=[("system", "system.squashfs"), ("user", "user.ext4")], policy="types = squashfs\nverify = none\n"),
    refused("locked-damaged", "the policy cannot be understood", "verify = all", "policy-invalid",
            "/etc/layerboot/policy:2: expected signed, hash or none", [manifest_has("^verify = all$")], disks=DISKS,
            manifest=FLEET, inject={"etc/layerboot/policy": "version = 1\nverify = all\n"}, foreseen="what is in the initramfs"),
]

LOOSENED = [
    loosened("init", "another init than the policy lets be chosen", "init=/sbin/other", "init=/sbin/other: the policy"),
    loosened("shell", "a shell for whoever makes the boot fail", "layerboot.on-failure=shell",
             "layerboot.on-failure=shell: nobody gets a shell", options=["--with-shell"]),
    loosened("on-failure", "another end than the policy's", "layerboot.on-failure=reboot", "layerboot.on-failure=",
             policy="on-failure = panic\n"),
    loosened("manifest", "another manifest", "layerboot.manifest=/etc/layerboot/manifest", "layerboot.manifest="),
    loosened("required", "a required layer becomes optional", "layerboot.layer=user,required=no", "layerboot.layer=user,required=no"),
    loosened("new-layer", "a layer more", "layerboot.layer=more,source=SERIAL=user", "layerboot.layer=more"),
    loosened("skip", "a required layer is left out", "layerboot.skip=user", "layerboot.skip=user: the layer is required"),
    loosened("top", "a top on a disk", "layerboot.top=disk,source=SERIAL=user", "layerboot.top=disk"),
]
