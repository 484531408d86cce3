/* What resolve() has to find and to check of a layer with verity. Pure. */
#pragma once

#include "resolver.h"

/*
 * The disk that the hash tree is on, if the manifest names another: 1 and *ret (untouched where it is that of the
 * layer), 0 while it is not known, or -1 with the failure set.
 */
MUST_CHECK int resolver_hash_disk(struct resolver *r, const struct layer *layer, int64_t timeout_ms,
				  const struct disk **ret);

/*
 * That data and hash tree are as long as the manifest says: of the disk, or of the IMAGE on it, and of HASH_DISK
 * (NULL: the same). 0, or -1 with *f set.
 */
MUST_CHECK int check_verity(const struct layer *layer, const struct disk *d,
			    const struct image_file *image, const struct disk *hash_disk,
			    struct failure *f);
