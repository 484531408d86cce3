/* The hash tree of dm-verity, computed in this process: whether an image is the one that a manifest names. */
#pragma once

#include "verity_table.h"

/* Where the bytes are. */
struct verity_image {
	int data, hash;                    /* descriptors; may be the same */
	uint64_t data_offset, hash_offset; /* of the disk in each, bytes */
};

/*
 * Reads all blocks and the whole tree. 0; -EBADMSG: WORDS say which block is not what the tree, or the root hash, says;
 * or another -errno.
 */
MUST_CHECK int verity_tree_check(const struct verity *v, const struct verity_image *image,
				 struct builder *words);
