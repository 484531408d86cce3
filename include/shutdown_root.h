/* The root of the end: what of layerboot stays in memory while the merged root is taken apart. */
#pragma once

#include "plan.h"

#define PATH_OLD_ROOT "/oldroot"

/*
 * Puts this program, and the directories that it needs around it, at PATH_SHUTDOWN_ROOT/shutdown: a bind mount of a
 * directory of the initramfs. 0 or -errno.
 */
MUST_CHECK int shutdown_root_prepare(void);

/*
 * Makes PATH_SHUTDOWN_ROOT the root, with the old one at PATH_OLD_ROOT, unless it is that already. 0 or -errno:
 * then the root is the old one.
 */
MUST_CHECK int shutdown_root_enter(void);

/* Gives up every descriptor; the first three become the console, so that nothing of the old root is in use. */
void shutdown_root_console(void);
