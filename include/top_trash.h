/* Directories on their way out, in DIR/trash: renamed away at once, deleted at leisure. */
#pragma once

#include "text.h"

/* Moves the directory NAME of DIR into the trash; nothing to move is fine. 0 or -errno. */
MUST_CHECK int trash_take(int dir, const char *name);

/*
 * Deletes the trash. What lies deeper than two levels is lifted to the first one, so neither memory nor descriptors
 * grow with the depth, and a crash leaves nothing but trash. 0 or -errno: -EXDEV at another file system.
 */
MUST_CHECK int trash_empty(int dir);
