/* Paths in the merged tree of layers that are not mounted as one. */
#pragma once

#include <limits.h>

#include "check_merge.h"

struct merged_path {
	char path[PATH_MAX];             /* from the root on, no symlink in it */
	const struct merge_layer *layer; /* that supplies it */
	struct stat st;
};

/* PATH, which begins with a slash and has no symlink before its last part; that is not followed. 0 or -errno. */
int merged_find(const struct merge_layer *layers, size_t count, const char *path,
		struct merged_path *ret);

/* PATH with symlinks followed across layers, as in a chroot. 0 or -errno: -ENOENT, -ENOTDIR, -ELOOP. */
int merged_resolve(const struct merge_layer *layers, size_t count, const char *path,
		   struct merged_path *ret);

/* A descriptor of what was found, or -errno. */
int merged_open(const struct merged_path *found, int flags);
