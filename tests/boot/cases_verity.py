"""Layers that dm-verity verifies: where image and hash tree may be, and what must not come through."""
from cases import BOTH, MERGED, SYSTEM, SYSTEM_LAYER, USER_LAYER, manifest

USER = (*USER_LAYER, "{verity:user.verity}")
BOTH_VERIFIED = manifest((*SYSTEM_LAYER, "{verity:system.verity}"), USER)


def refused(name, image, word, layer=USER, **row):
    return dict(name=name, disks=[("system", image if layer[0] == "system" else "system.squashfs"),
                                  *([] if layer[0] == "system" else [("user", image)])], word=word, **{"status": 1, **row}, manifest=manifest(*([layer] if layer[0] == "system" else [SYSTEM_LAYER, layer])))


CASES_VERITY = [
    dict(name="verity", disks=[("system", "system.verity"), ("user", "user.verity")], files=MERGED, kernels=BOTH,
         manifest=BOTH_VERIFIED, layers={"system": "system", "user": "user"}),
    *[dict(name=f"verity-{kind}", disks=[SYSTEM, ("user", f"{kind}.verity")], files=MERGED,
           manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, f"{{verity:{kind}.verity}}"))) for kind in ("erofs", "ext4")],
    dict(name="verity-other-values", disks=[("system", "other.verity"), ("user", "user.verity")], files=MERGED, kernels=BOTH,
         manifest=manifest((*SYSTEM_LAYER, "{verity:other.verity}"), USER), layers={"system": "system", "user": "user"}),
    dict(name="verity-partition", disks=[SYSTEM, ("user", "gpt.verity")], files=MERGED,
         manifest=manifest(SYSTEM_LAYER, ("user", "PARTLABEL=layerboot-user", "{verity:gpt.verity}")),
         layers={"system": "system", "user": "user"}),
    dict(name="verity-tree-on-another-disk", disks=[SYSTEM, ("user", "user.data"), ("tree", "user.tree")], files=MERGED,
         kernels=BOTH, layers={"system": "system", "user": "user"}, replayed=True,
         manifest=manifest(SYSTEM_LAYER, (*USER_LAYER, "{tree:user.verity}", "verity-hash-source = SERIAL=tree"))),
    dict(name="verity-image-file", disks=[SYSTEM, ("carrier", "carrier-verity.ext4")], files=MERGED, kernels=BOTH,
         manifest=manifest(SYSTEM_LAYER, ("user", "SERIAL=carrier", "image = layers/user.img", "{verity:user.verity}")),
         layers={"system": "system", "user": "user"}),
    dict(name="verity-restart", disks=[SYSTEM, ("user", "user.verity")], files=MERGED,
         manifest=manifest(SYSTEM_LAYER, (*USER, "on-corruption = restart"))),
    # What must not come through.
    refused("verity-first-block", "first.flipped", "layer-corrupt", kernels=BOTH, also="root hash"),
    refused("verity-root-hash", "user.verity", "layer-corrupt", (*USER_LAYER, "{wrong:user.verity}")),
    refused("verity-last-block", "last.flipped", "layer-corrupt", (*SYSTEM_LAYER, "{verity:system.verity}")),
    refused("verity-short", "short.verity", "layer-short", (*SYSTEM_LAYER, "{verity:system.verity}")),
    refused("verity-left-out", "user.verity", "module-missing", options=["--omit-module=dm-verity"]),
    refused("verity-panic", "first.flipped", None, (*USER, "on-corruption = panic"), also="Kernel panic", reports=False),
    refused("verity-corrupt-restart", "first.flipped", None, (*USER, "on-corruption = restart"), status=5, reports=False),
]
