/* The root of the end: what of layerboot stays in memory while the merged root is taken apart. */
#pragma once

#include "text.h"

#define PATH_SHUTDOWN_ROOT "/run/initramfs" /* systemd's name for it (docs/INITRD_INTERFACE.md) */
#define PATH_OLD_ROOT      "/oldroot"

/* Copies this program to PATH_SHUTDOWN_ROOT/shutdown, and makes the directories around it. 0 or -errno. */
MUST_CHECK int shutdown_root_prepare(void);

/*
 * Makes PATH_SHUTDOWN_ROOT the root, with the old one at PATH_OLD_ROOT, unless it is that already. 0 or -errno:
 * then the root is the old one.
 */
MUST_CHECK int shutdown_root_enter(void);

/* Gives up every descriptor; the first three become the console, so that nothing of the old root is in use. */
void shutdown_root_console(void);
