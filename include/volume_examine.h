/*
 * What a disk that is to be written to holds. It is found out in a child with limits, since whoever wrote to the disk
 * chose the bytes that libblkid parses.
 */
#pragma once

#include <stdint.h>

#include "text.h"

#define VOLUME_RESERVE (1 << 20) /* bytes at the end of the disk, see volume.h */
#define VOLUME_START   (1 << 20) /* bytes, where partition tables and superblocks are */
#define VOLUME_SECTOR  512       /* is written whole or not at all */

enum volume_state {
	VOLUME_FILESYSTEM, /* ext4, xfs or btrfs */
	VOLUME_BLANK,      /* no signature; VOLUME_START and VOLUME_RESERVE are zero */
	VOLUME_TORN,       /* a format by this program was begun and not finished */
	VOLUME_FOREIGN,    /* anything else */
};

/* What VOLUME_RESERVE begins with while the disk is formatted. */
extern const char volume_mark[VOLUME_SECTOR];

/*
 * What the disk PATH holds; TYPE: of a file system that is supported, else empty. Of a foreign one WORDS say what
 * was found. 0; -ECHILD: the child died; -ETIMEDOUT: it did not answer within a minute; or another -errno.
 */
MUST_CHECK int volume_examine(const char *path, enum volume_state *ret, char type[24],
			      struct builder *words);

/* The same of the disk FD of SIZE bytes. */
MUST_CHECK int volume_examine_open(int fd, uint64_t size, enum volume_state *ret, char type[24],
				   struct builder *words);
