/* From the first uevent to the last mounted layer: drivers, disks, questions, mounts, all at the same time. */
#pragma once

#include "cmdline.h"
#include "jobs.h"
#include "modules.h"
#include "mounts.h"
#include "resolve.h"

/*
 * Listens for uevents and wants the drivers of what is there. The arguments stay; INV and RES are filled, whatever
 * comes out. Each of these returns 0, or -1 with *failure set.
 */
MUST_CHECK int discover_start(const struct cmdline *c, struct modules *modules, const char *release,
			      struct arena *arena, struct inventory *inv, struct resolution *res,
			      struct failure *failure);

/* Finds the disk that the manifest is on, and copies the text of it to PATH_MANIFEST. */
MUST_CHECK int discover_manifest(const struct origin *origin);

/*
 * Finds and mounts the layers of M, and the disks of its top and binds: 0 when each is mounted or absent and the
 * union's module is there. The last of these calls.
 */
MUST_CHECK int discover_layers(const struct manifest *m);

/* What was mounted, or NULL. */
const struct mounting *discover_mounting(enum mounting_kind kind, const char *name);

/* Whose idle children can take what is left to do; the caller abandons them. */
struct jobs *discover_jobs(void);
