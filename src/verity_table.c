#include "verity_table.h"

#include <string.h>

const char *const verity_corruption_words[] = { [ON_CORRUPTION_EIO] = "eio",
						[ON_CORRUPTION_RESTART] = "restart",
						[ON_CORRUPTION_PANIC] = "panic",
						NULL };

/* Weaker ones are no reason to trust an image. */
static const struct {
	const char *name;
	size_t size;
} algorithms[] = { { "sha256", 32 }, { "sha512", 64 } };

size_t verity_digest_size(const char *algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strcmp(algorithm, algorithms[i].name) == 0)
			return algorithms[i].size;
	return 0;
}

struct verity verity_default(void)
{
	return (struct verity){ .algorithm = "sha256",
				.data_block = VERITY_BLOCK_DEFAULT,
				.hash_block = VERITY_BLOCK_DEFAULT };
}

bool verity_is_set(const struct verity *v)
{
	return v->root_hash || v->salt || v->hash_source.count || v->data_size ||
	       v->hash_offset_given || v->on_corruption ||
	       strcmp(v->algorithm, verity_default().algorithm) != 0 ||
	       v->data_block != VERITY_BLOCK_DEFAULT || v->hash_block != VERITY_BLOCK_DEFAULT;
}

const char *verity_problem(const struct verity *v)
{
	if (!verity_is_set(v))
		return NULL;
	if (!v->root_hash)
		return "verity = ROOTHASH with the keys that say how";
	if (strlen(v->root_hash) != 2 * verity_digest_size(v->algorithm))
		return "a root hash of 64 digits, or of 128 with verity-algorithm = sha512";
	if (v->data_size == 0)
		return "verity-data-size with verity";
	if (v->data_size % v->data_block != 0)
		return "a verity-data-size of whole blocks";
	/* The kernel counts the start of the tree in blocks of its own. */
	if (verity_tree_offset(v) % v->hash_block != 0)
		return "a verity-hash-offset of whole hash blocks";
	if (v->hash_source.count == 0 && v->hash_offset_given && v->hash_offset < v->data_size)
		return "a verity-hash-offset behind the data, or verity-hash-source";
	return NULL;
}

uint64_t verity_tree_offset(const struct verity *v)
{
	if (v->hash_offset_given)
		return v->hash_offset;
	return v->hash_source.count ? 0 : v->data_size;
}

/*
 * A level of the tree holds one digest for each block of the level below; the topmost is one block, and the root hash
 * is its digest. One block of data has no tree.
 */
uint64_t verity_tree_size(const struct verity *v)
{
	uint64_t per_block = v->hash_block / verity_digest_size(v->algorithm);
	uint64_t blocks = v->data_size / v->data_block, total = 0;

	while (blocks > 1) {
		blocks = (blocks + per_block - 1) / per_block;
		total += blocks;
	}
	return total * v->hash_block;
}

void verity_table_print(const struct verity *v, const char *data, const char *hash,
			struct builder *b)
{
	static const char *const options[] = { [ON_CORRUPTION_EIO] = "",
					       [ON_CORRUPTION_RESTART] = " 1 restart_on_corruption",
					       [ON_CORRUPTION_PANIC] = " 1 panic_on_corruption" };

	builder_addf(b, "1 %s %s %llu %llu %llu %llu %s %s %s%s", data, hash,
		     (unsigned long long)v->data_block, (unsigned long long)v->hash_block,
		     (unsigned long long)(v->data_size / v->data_block),
		     (unsigned long long)(verity_tree_offset(v) / v->hash_block), v->algorithm,
		     v->root_hash, v->salt ? v->salt : "-", options[v->on_corruption]);
}
