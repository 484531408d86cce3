/* What the superblock of a file system that is written to says of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct superblock {
	uint64_t bytes;    /* size of the file system; 0 where none of TYPE is found */
	bool clean;        /* unmounted, no errors, no journal to replay; of ext4 */
	uint32_t block;    /* bytes */
	uint64_t group;    /* blocks in a group, of ext4 */
	uint64_t overhead; /* most blocks that a group needs for itself, of ext4 */
};

/* TYPE: ext2, ext3, ext4 or xfs, as libblkid calls them; of others everything is 0. 0 or -errno. */
MUST_CHECK int superblock_read(int fd, const char *type, struct superblock *ret);
