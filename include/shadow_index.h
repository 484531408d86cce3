/*
 * Which paths were changed on both sides: in the top, and in the layers below it since it was last used over
 * them. What the merged layers held is kept in DIR/index: for every path a hash of it and a hash of what is
 * there: type, mode and owner; of a file its size and, unless it is empty, time of change; target; device. So
 * another content of the same size and time is not seen, and another time of the same content is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/*
 * Indexes the merged LOWERS, absolute paths, highest first: index.new, fsync, rename. 0; -E2BIG: more than
 * ENTRIES_MAX; -ENOSPC; or another -errno, with words.
 */
MUST_CHECK int shadow_index_write(const char *dir, const char *const *lowers, size_t count,
				  size_t entries_max, size_t *ret_entries, struct builder *words);

enum shadow_how {
	SHADOW_CHANGED, /* the layers had it and have another one now */
	SHADOW_GONE,    /* they have it no longer */
	SHADOW_ADDED,   /* they have it now and had not */
	SHADOW_HIDDEN, /* they changed or added something in this directory, which the top deleted or replaced */
};

/* PATH begins with a slash. Below 0 ends the comparison. */
typedef int shadow_found(void *arg, const char *path, enum shadow_how how);

/*
 * Calls FOUND for every path of UPPER, or deleted by it, that LOWERS do not have as the index says: package databases
 * first, then by path. Not if UPPER has, or deleted, just what they have now; a directory counts only if its own
 * owner or mode is changed on both sides. 0; -ENOENT: there is no index; -EUCLEAN: it is none; or another -errno,
 * with words.
 */
MUST_CHECK int shadow_index_compare(const char *dir, const char *upper, const char *const *lowers,
				    size_t count, shadow_found *found, void *arg,
				    struct builder *words);

/* Whether PATH is state of a package manager, or generated from what is installed: of no use when it is older. */
bool shadow_is_database(const char *path);
