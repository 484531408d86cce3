/* What overlayfs shows at a path, found out from the layers (Documentation/filesystems/overlayfs.rst). */
#pragma once

#include "guest.h"

enum entry_kind {
	ENTRY_ABSENT,
	ENTRY_WHITEOUT,
	ENTRY_DIRECTORY,
	ENTRY_OPAQUE, /* a directory that hides those below it */
	ENTRY_OTHER,  /* regular file, symlink, device, ... */
};

struct entry {
	enum entry_kind kind;
	struct stat st;
};

static inline bool entry_is_directory(const struct entry *e)
{
	return e->kind == ENTRY_DIRECTORY || e->kind == ENTRY_OPAQUE;
}

/* Indices into the stack, highest first: the directories that are merged at one path. */
struct merge {
	uint16_t *at;
	size_t count;
};

#define PATH_ROOT "."

/* What one directory of the stack has at PATH, which is relative and passes no symlink. 0 or -errno. */
MUST_CHECK int layer_look(const struct guest_directory *d, const char *path, struct entry *ret);

/*
 * What is seen at PATH, whose parent is merged from IN: *ret, never a whiteout, and for a directory in OUT, which has
 * room for as many as IN, what it is merged from; for anything else the one that has it. *ret_stop is the index
 * that hides those of IN after it, or -1. 0 or -errno.
 */
MUST_CHECK int merge_look(const struct guest *g, const struct merge *in, const char *path,
			  struct entry *ret, struct merge *out, int *ret_stop);
