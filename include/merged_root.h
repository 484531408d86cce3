/* Paths of a mounted union as its users name them, and what else is mounted on it. */
#pragma once

#include <limits.h>

#include "text.h"

/* The merged root. */
struct place {
	int fd;
	char path[PATH_MAX]; /* without a slash at its end: "" for / */
	uint64_t mount;
};

struct found {
	char path[PATH_MAX]; /* absolute in the merged root, without symlinks */
	uint64_t mount;
	bool exists, symlink;
};

/* 0 or -errno. */
MUST_CHECK int place_open(const char *path, struct place *ret);
void place_close(struct place *p);

/*
 * Where ASKED leads to, from the working directory if it is relative; to a symlink itself unless FOLLOW. What is not
 * there is looked for under the name that it would have: that of its parent without symlinks, and the rest.
 * 0 or -errno; -EXDEV: outside of the place.
 */
MUST_CHECK int place_find(const struct place *p, const char *asked, bool follow, struct found *ret);

/* Adds "proc on /proc" for a mount's number. */
void place_add_mount(uint64_t mount, struct builder *b);
