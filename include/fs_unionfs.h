/* The union in user space: unionfs-fuse in place of overlay. Its daemon runs for as long as the root is used. */
#pragma once

#include <stddef.h>

#include "text.h"

struct fs_unionfs {
	const char *target;
	const char *const *lowers; /* absolute directories, highest first */
	size_t lowers_count;
	const char *upper;   /* NULL: read-only */
	const char *options; /* of unionfs-fuse, separated by commas */
};

/*
 * Starts the daemon, and returns when the union answers. 0 or -errno, with the daemon's or the kernel's words.
 * -ENODEV: no fuse in the kernel; -ENOENT: the initramfs has no /sbin/unionfs; -ENOEXEC: it cannot be started,
 * or ended without having mounted anything. To be called while /dev and /proc stand in the initramfs.
 */
MUST_CHECK int fs_unionfs_start(const struct fs_unionfs *u, struct builder *words);
