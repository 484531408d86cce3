/* Copies files and trees with all that belongs to them. */
#pragma once

#include "text.h"

/*
 * Copies NAME of the directory FROM, a file, a symlink or a tree, to NEW_NAME of the directory TO, which has no such
 * entry: content, owner, mode, times, attributes (not overlay's own). Sockets and pipes are left out. Written to
 * the disk before it returns. 0 or -errno: -ELOOP for a tree that is too deep; then what was made is left there.
 */
MUST_CHECK int copy_entry(int from, const char *name, int to, const char *new_name,
			  struct builder *words);
