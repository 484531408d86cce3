/* Mounts: layers through libmount, the union through the new mount API. Nobody else includes either. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/* Mounts one layer. 0 or -errno, with the kernel's words. */
MUST_CHECK int fs_mount(const char *source, const char *target, const char *type,
			unsigned long flags, const char *options, struct builder *words);

struct fs_union {
	const char *type, *source, *target, *options;
	unsigned long flags;
	const char *directory;     /* where relative lowers are */
	const char *const *lowers; /* highest first */
	size_t lowers_count;
	const char *upper, *work; /* absolute; NULL without a top */
};

/*
 * Mounts the union. 0 or -errno, with the kernel's words. -EOPNOTSUPP: the kernel lacks lowerdir+ and the
 * names of the layers do not fit into one page of options; the words give the numbers. -EROFS: it is mounted, and
 * read-only, though there is a top.
 */
MUST_CHECK int fs_mount_union(const struct fs_union *u, struct builder *words);
