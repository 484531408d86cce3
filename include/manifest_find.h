/* Where the manifest comes from, in the order of README.md. */
#pragma once

#include "cmdline.h"
#include "modules.h"

/*
 * Finds the text of the manifest, which stays, and says where it is from; PATH_MANIFEST holds it, too. On a disk it is
 * looked for with discover_manifest(). 0, or -1 with *failure set.
 */
MUST_CHECK int manifest_find(const struct cmdline *c, struct modules *modules, struct slice *ret,
			     const char **ret_origin, struct failure *failure);

/*
 * Raises *floor to the number in the fw_cfg file opt/org.layerboot/minimum-version, if the initramfs was built to look
 * there and the host has set it. That it has not is known only where fw_cfg can be read; else this fails, or a word on
 * the command line (modprobe.blacklist=qemu_fw_cfg, acpi=off) would lower the floor. Before manifest_find(), whose text
 * it uses. 0, or -1 with *failure set.
 */
MUST_CHECK int manifest_find_floor(struct modules *modules, uint64_t *floor,
				   struct failure *failure);
