/*
 * The disks that were seen and what is known of each. One text form serves the boot report, the helpers'
 * answers to PID 1 and "layerboot plan --inventory": a line per disk of KEY="value" pairs under lsblk's
 * names. Pure.
 */
#pragma once

#include "text.h"

#define INVENTORY_DISKS_MAX 1024

/* What has been asked of a disk and answered. */
enum known {
	KNOWN_IDENTITY = 1 << 0,   /* size, serial, parent: from sysfs */
	KNOWN_SUPERBLOCK = 1 << 1, /* type, label, UUID; or error */
	KNOWN_PARTITION = 1 << 2,  /* partition label and UUID */
};

struct disk {
	char name[32];        /* the kernel's: vda, nvme0n1p2 */
	char parent[32];      /* PKNAME: the whole disk of a partition, else empty */
	char transport[16];   /* TRAN: virtio, scsi, nvme; empty if neither */
	char serial[128];     /* SERIAL, of whole disks */
	char part_label[112]; /* PARTLABEL: 36 UTF-16 units of GPT */
	char part_uuid[40];   /* PARTUUID */
	char type[24];        /* FSTYPE: empty if nothing known was found */
	char label[264];      /* LABEL */
	char uuid[40];        /* UUID */
	uint64_t size;        /* bytes */
	bool ambivalent;      /* more than one type was found */
	bool dirty;           /* the file system says that it was not cleanly unmounted */
	int error;            /* errno of the probe, 0 if it went well; ETIMEDOUT: no answer */
	unsigned known;       /* enum known */
};

struct inventory {
	struct disk
		disks[INVENTORY_DISKS_MAX]; /* shorter names first, then by name: vda, vdb, vdaa */
	size_t count;
	bool settled;       /* every disk that was there at the start is in here */
	int64_t elapsed_ms; /* since the search began */
};

/* Fills *ret with what TEXT, a line or more, holds of one disk. -EINVAL; *ret is then untouched. */
MUST_CHECK int disk_parse(struct slice line, struct disk *ret);
void disk_print(const struct disk *d, struct builder *b);

/* vda (SERIAL=system squashfs 75 MiB) */
void disk_print_short(const struct disk *d, struct builder *b);

/*
 * The disk of this name, added if it is new. NULL if there is no room or the name is empty or too long.
 * Adding moves others: pointers into the inventory do not outlive it.
 */
struct disk *inventory_add(struct inventory *inv, const char *name);
struct disk *inventory_find(struct inventory *inv, const char *name);
void inventory_remove(struct inventory *inv, const char *name);

/* Reads many lines; # begins a comment line. -EINVAL with *line set, -ENOSPC. */
MUST_CHECK int inventory_parse(struct slice text, struct inventory *ret, size_t *line);
