/* Which disks a source names. Pure. */
#pragma once

#include "inventory.h"
#include "selector.h"

/* The disks that SOURCE names as far as it is known; at most MAX are put into RET. Returns their number. */
size_t match_disks(const struct source *source, const struct inventory *inv,
		   const struct disk **ret, size_t max);

/* Whether it is only because virtio-blk cuts serials off that SOURCE names D. */
bool match_by_cut(const struct source *source, const struct disk *d);

/* Whether SOURCE names D by something else than the file system on it says, as far as it is known. */
bool match_by_itself(const struct source *source, const struct disk *d);

/* What must be known of every disk before SOURCE can be said to name it or not: enum known. */
unsigned match_needs(const struct source *source);
