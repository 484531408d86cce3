/*
 * Looks through a layer before it is trusted. The union gives what a layer holds its full effect whatever
 * flags the layer itself is mounted with, so what must not have any is refused beforehand.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/* As many as an image of a whole distribution with its documentation and locales has twice over. */
#define WALK_ENTRIES_MAX 2000000

struct walk_rules {
	bool untrusted; /* refuse what gives privileges, and overlay's attributes but opaque=y */
	const char *const
		*only; /* absolute paths without ".", ".." or an empty part; NULL: no limit */
	size_t only_count;
	size_t entries_max;
};

enum walk_verdict {
	WALK_CLEAN,
	WALK_PRIVILEGED, /* by untrusted */
	WALK_OUTSIDE,    /* by only */
	WALK_TOO_MANY,   /* entries */
};

struct walk_result {
	enum walk_verdict verdict;
	size_t entries; /* looked at, without the layer's root; not what only allows to a trusted layer */
};

/*
 * 0 or -errno; then, and with any verdict but WALK_CLEAN, WORDS says which path of the layer (escaped) and
 * what is wrong with it. Ends at the first offence. Changes the working directory meanwhile. Needs
 * CAP_SYS_ADMIN: the kernel lists trusted.* to nobody else, without a word.
 */
MUST_CHECK int walk_layer(const char *directory, const struct walk_rules *rules,
			  struct walk_result *ret, struct builder *words);
