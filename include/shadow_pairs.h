/* Sorted pairs of hashes: of a path, and of what is there. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shadow_merge.h"

struct shadow_pair {
	uint64_t path, what;
};

struct shadow_pairs {
	struct shadow_pair *at;
	size_t count, room;
};

uint64_t shadow_hash_path(const char *path);

/* Of what is at the path of T: its type, mode and owner; size and time of a file, unless empty; target; device. */
MUST_CHECK int shadow_hash_what(const struct shadow_tree *t, const struct shadow_entry *entry,
				uint64_t *ret);

/* 0 or -ENOMEM. */
MUST_CHECK int shadow_pairs_add(struct shadow_pairs *p, struct shadow_pair pair);
void shadow_pairs_free(struct shadow_pairs *p);

/* NULL: not there. */
const struct shadow_pair *shadow_pairs_find(const struct shadow_pairs *p, uint64_t path);

/* DIR/index, sorted; written whole or not at all. 0 or -errno; -EUCLEAN: the file is none. */
MUST_CHECK int shadow_pairs_write(struct shadow_pairs *p, const char *dir);
MUST_CHECK int shadow_pairs_read(struct shadow_pairs *p, const char *dir);
