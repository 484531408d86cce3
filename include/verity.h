/* dm-verity through the device mapper's ioctls; nobody else but the shutdown includes <linux/dm-ioctl.h>. */
#pragma once

#include "text.h"

#define VERITY_TABLE_MAX 2048

struct verity_map {
	const char *name;  /* of the device */
	const char *table; /* parameters of the target, shorter than VERITY_TABLE_MAX */
	uint64_t size;     /* bytes of data */
	uint64_t block;    /* bytes of one block of it */
};

/*
 * Makes the device read-only and reads its first block: a wrong root hash fails only there. Its path goes into
 * RET_DEVICE. 0; -EBADMSG: the block is not what the root hash names; -EIO: it cannot be read; -ENOENT: there is no
 * device mapper; or another -errno, with the kernel's words in WORDS. Where it fails nothing is left.
 */
MUST_CHECK int verity_start(const struct verity_map *map, char ret_device[32],
			    struct builder *words);

/* The path of the device NAME. 0 or -errno. */
MUST_CHECK int verity_find(const char *name, char ret_device[32]);

/* Whether the device NAME has met a block that is not what its root hash names. */
bool verity_is_corrupt(const char *name);

/* From now on the device NAME goes with its last user. 0 or -errno. */
MUST_CHECK int verity_let_go(const char *name);
