/* What a disk says of itself and holds, by libblkid; nobody else includes that. */
#pragma once

#include "inventory.h"

/* False for block devices that are never a disk of a machine: loop, ram, zram, floppy, device mapper. */
bool disk_is_candidate(const char *name);

/*
 * Answers for the disk d->name, below /sys and /dev, what ABOUT asks; asking may block. Errors of reading go
 * into d->error. d->known has ABOUT set afterwards.
 */
void disk_learn(struct disk *d, unsigned about);

/* From now on only these types, NULL ends them, are looked for; an empty list: all that this program knows. */
void disks_limit_types(const char *const *allowed);

/*
 * Reads type, label and UUID of the SIZE bytes of FD from OFFSET on into *d; SIZE 0: to the end.
 * Limited to the types that a layer may have. 0 or -errno.
 */
MUST_CHECK int disk_probe(int fd, uint64_t offset, uint64_t size, struct disk *d);

/* A partition of an image file. */
struct disk_part {
	unsigned number;
	uint64_t offset, size; /* bytes */
	char label[112];
	char uuid[40];
};

/* The partitions of the image FD; at most MAX into RET. Their number, 0 without a table, or -errno. */
int disk_partitions(int fd, struct disk_part *ret, size_t max);

/*
 * Whether FD, a whole disk, holds one of the usual things that somebody wants to keep: a file system, swap, a member
 * of a RAID or of a volume group, an encrypted volume, a partition table. 1 and its name, 0 or -errno. Where the
 * types are limited it looks for nothing.
 */
MUST_CHECK int disk_signature(int fd, char ret[24]);

/* Makes the disk at PATH read-only (BLKROSET), for whoever opens it from now on. A descriptor or -errno. */
int disk_open_readonly(const char *path);
