/* What keeps a file system from being unmounted at the end: processes, loop devices, device-mapper devices. */
#pragma once

#include "text.h"

/*
 * Sends SIGKILL to all processes but this one, its parent PID 1, and those that the root may hang on: as for systemd, their
 * argv[0] begins with '@'. May block on a process whose memory is locked. Their number or -errno.
 */
MUST_CHECK int holders_kill(void);

/*
 * Takes the files off all loop devices, at once or with the last user of a device. May block. WORDS: "loop0
 * (/file), ..." of those that still have theirs. Their number or -errno.
 */
MUST_CHECK int holders_detach_loops(struct builder *words);

/* Removes the device-mapper devices whose name begins with "layerboot-", except those in use. Their number or -errno. */
MUST_CHECK int holders_remove_maps(void);

/*
 * The process that serves a union of unionfs-fuse: its root is still the initramfs, with BRANCHES in it. May block.
 * -ESRCH if there is none.
 */
MUST_CHECK int holders_find_server(const char *branches);
