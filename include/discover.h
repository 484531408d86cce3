/* From the first uevent to the last mounted layer: drivers, disks, questions, mounts, all at the same time. */
#pragma once

#include "cmdline.h"
#include "modules.h"
#include "resolve.h"

/*
 * Finds and mounts the layers of M. INV and RES are filled, whatever comes out. Returns 0 when every layer is
 * mounted or absent and the union's module is there, or -1 with *failure set.
 */
MUST_CHECK int discover(const struct manifest *m, const struct cmdline *c, struct modules *modules,
			struct arena *arena, struct inventory *inv, struct resolution *res,
			struct failure *failure);

/* Milliseconds from its start to its mount, of layer INDEX; -1 if it was not mounted. */
int64_t discover_layer_ms(size_t index);
