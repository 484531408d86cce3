/* The directories of one layer as sorted lists, with what the layer deletes of lower ones. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "text.h"
#include <sys/types.h>

/* How a layer marks what it deletes. */
enum layer_notation {
	NOTATION_OVERLAY, /* devices 0:0, trusted.overlay.* */
	NOTATION_WH,      /* files .wh.NAME, .wh..wh..opq */
};

struct layer_entry {
	uint32_t name;      /* offset into names */
	unsigned char type; /* DT_* of <dirent.h>; of a whiteout DT_WHT */
	bool replaces; /* a whiteout of the same name stands beside it: no lower one shines through */
};

struct layer_list {
	struct layer_entry *entries; /* by the bytes of their names */
	size_t count;
	char *names;
	bool opaque; /* hides the directories of this name below it */
};

/* Lists the directory PATH ("" is ROOT itself) below ROOT, through no symlink at its end. 0 or -errno. */
int layer_list(int root, const char *path, enum layer_notation notation, struct layer_list *ret);
void layer_list_free(struct layer_list *l);

static inline const char *layer_list_name(const struct layer_list *l, size_t index)
{
	return l->names + l->entries[index].name;
}

enum layer_says {
	LAYER_SAYS_NOTHING,
	LAYER_SAYS_DELETED, /* a whiteout */
	LAYER_SAYS_PRESENT,
};

/* What the directory DIR says of NAME; *ret is set when it is present. enum layer_says or -errno. */
int layer_list_look(int dir, const char *name, enum layer_notation notation, struct stat *ret);

/* Whether the directory PATH below ROOT hides those of its name below it: 1, 0 (also where none is there) or -errno. */
MUST_CHECK int layer_list_is_opaque(int root, const char *path, enum layer_notation notation);

/* The text of the symlink PATH below ROOT, terminated. Its length or -errno. */
ssize_t layer_list_symlink(int root, const char *path, char *ret, size_t size);
