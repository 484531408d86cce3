/*
 * The file system of a disk that is written to. Its last MiB is never part of it: there stands this program's
 * own mark while the disk is formatted, out of the reach of mkfs, which wipes both ends of what it formats.
 * So a format that was broken off is told from a disk that somebody else uses, whatever a volatile cache made
 * of the order of mkfs's writes.
 */
#pragma once

#include <stdint.h>

#include "volume_examine.h"

/*
 * Makes a file system of TYPE, "ext4" or "xfs", labelled "layerboot", with /sbin/mkfs.TYPE, on a disk that is
 * blank or torn. 0; -EEXIST: the disk is neither; -ENOENT: no such program; -EBUSY: the disk is used; -EIO: mkfs
 * failed; or another -errno, with its words.
 */
MUST_CHECK int volume_format(const char *path, const char *type, struct builder *words);

/*
 * Where the superblock of an ext4 says that it was not cleanly unmounted or has errors: repairs it (/sbin/e2fsck
 * -p). Nothing for other types: xfs and btrfs replay their logs when they are mounted, and fsck.xfs does
 * nothing. 0; -EUCLEAN: not repaired; -ENOENT: a check is needed and there is no such program.
 */
MUST_CHECK int volume_check(const char *path, const char *type, struct builder *words);

/* Read-write; nosuid, nodev and noexec, which do not reach through a union. 0 or -errno. */
MUST_CHECK int volume_mount(const char *path, const char *target, const char *type,
			    struct builder *words);

struct volume_size {
	uint64_t before, after; /* bytes of the file system */
	uint64_t device;
};

/*
 * Grows the ext4 or xfs that is mounted for writing at MOUNTED_AT to its disk, as long as that gains a MiB. *ret is
 * set also where there was nothing to do. 0; -EOPNOTSUPP: another file system; -ENOTBLK: it is on no disk;
 * -EROFS; or another -errno, with the kernel's words.
 */
MUST_CHECK int volume_grow(const char *mounted_at, struct volume_size *ret, struct builder *words);
