/* What a manifest says of dm-verity, and the kernel's table made of it. Nothing is taken from a superblock. Pure. */
#pragma once

#include "selector.h"

enum on_corruption {
	ON_CORRUPTION_EIO,     /* the read fails */
	ON_CORRUPTION_RESTART, /* the kernel restarts the machine */
	ON_CORRUPTION_PANIC,
};

#define VERITY_BLOCK_DEFAULT 4096

struct verity {
	const char *root_hash;     /* hexadecimal, lower case; NULL: the layer is not verified */
	const char *algorithm;     /* sha256 or sha512 */
	const char *salt;          /* hexadecimal; NULL: none */
	struct source hash_source; /* disk that the hash tree is on; count 0: that of the layer */
	uint64_t data_size;        /* bytes that are verified */
	uint64_t hash_offset; /* bytes before the tree itself; not of veritysetup's superblock */
	uint64_t data_block, hash_block; /* bytes */
	bool hash_offset_given;
	enum on_corruption on_corruption;
};

extern const char *const verity_corruption_words[]; /* by enum on_corruption; NULL ends them */

/* A start for keys to be set; without a root hash. */
struct verity verity_default(void);

/* Whether any key was set. */
bool verity_is_set(const struct verity *v);

/* What is missing or contradicts itself, as "expected ..." goes on; NULL: nothing. */
const char *verity_problem(const struct verity *v);

/* The bytes of the hash tree behind hash_offset. */
uint64_t verity_tree_size(const struct verity *v);

/* Offset of the tree on its disk: as given, or right behind the data. */
uint64_t verity_tree_offset(const struct verity *v);

/*
 * The parameters of the kernel's target (Documentation/admin-guide/device-mapper/verity.rst), for the devices DATA and
 * HASH.
 */
void verity_table_print(const struct verity *v, const char *data, const char *hash,
			struct builder *b);

/* The length of its digest in bytes; 0: an algorithm that is not known here. */
size_t verity_digest_size(const char *algorithm);
