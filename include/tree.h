/* A directory tree looked through level by level, by descriptors: no path of a layer is ever resolved as a whole. */
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include "text.h"

/* A hostile file system can hold a directory in itself; a tree that anybody uses is not as deep as this. */
#define TREE_DEEPEST 256

/* One level: a directory that is being read. Closed with tree_close also when opening it failed. */
struct tree {
	const struct tree *parent; /* NULL: the root */
	const char *name;          /* in the parent's entries */
	struct tree *root;
	unsigned depth;
	int fd;
	ssize_t len, at;
	/* Of the root only: where the process was before, -1; and what it works in now, NULL. */
	int began;
	const struct tree *here;
	_Alignas(struct dirent) char entries[4096];
};

MUST_CHECK int tree_open_root(struct tree *t, const char *path);

/* -ENOTDIR for a symlink, too; -ELOOP below TREE_DEEPEST. */
MUST_CHECK int tree_open(struct tree *t, const struct tree *parent, const char *name);
void tree_close(struct tree *t);

/*
 * 1 and the next entry but . and .., 0 at the end, or -errno. Its d_type is what the directory says, which
 * in a hostile image need not be what the inode is.
 */
MUST_CHECK int tree_next(struct tree *t, const struct dirent **ret);

/*
 * Adds the path of NAME (NULL: of T itself) as seen from the root, which is "/", escaped. A path that
 * would leave no room for a reason is cut and ends in "...".
 */
void tree_path(const struct tree *t, const char *name, struct builder *words);

/*
 * Makes T the working directory, so that the calls for attributes can be given a name in it: they take no
 * directory's descriptor before 6.13, and the way over /proc/self/fd costs more than twice as much. Closing the
 * root goes back.
 */
MUST_CHECK int tree_work_in(const struct tree *t);
