/*
 * The disks that were seen and what is known of each. One text form serves the boot report, the helpers'
 * answers to PID 1 and "layerboot plan --inventory": a line per thing of KEY="value" pairs under lsblk's
 * names. Pure.
 */
#pragma once

#include "text.h"

#define INVENTORY_DISKS_MAX    1024
#define INVENTORY_IMAGES_MAX   1024
#define INVENTORY_LISTINGS_MAX 64
#define IMAGE_PATH_MAX         256
#define INVENTORY_MADE_MAX     500
#define MADE_BASES_MAX         512
#define STAMP_MAX              40960

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
	char wwn[192];        /* WWN, of whole disks: 0x5000c500a1b2c3d4, eui.0025385b71b00f2a */
	char part_label[112]; /* PARTLABEL: 36 UTF-16 units of GPT */
	char part_uuid[40];   /* PARTUUID */
	char type[24];        /* FSTYPE: empty if nothing known was found */
	char label[264];      /* LABEL */
	char uuid[40];        /* UUID */
	char digest[24];      /* of the superblock, sb- and 16 hexadecimal digits */
	uint64_t size;        /* bytes */
	bool ambivalent;      /* more than one type was found */
	bool dirty;           /* the file system says that it was not cleanly unmounted */
	int error;            /* errno of the probe, 0 if it went well; ETIMEDOUT: no answer */
	unsigned known;       /* enum known */
};

/* A file in the file system of a disk that a layer's image = names. */
struct image_file {
	char path[IMAGE_PATH_MAX]; /* IMAGE, from the root of the file system on, without a leading / */
	char disk[32];             /* DISK */
	char type[24];             /* FSTYPE, and so on as of a disk */
	char digest[24];
	uint64_t size;
	bool ambivalent;
	bool dirty;
	int error;
};

/* That a disk has been asked for the files that match a glob. */
struct listing {
	char glob[IMAGE_PATH_MAX]; /* LISTING */
	char disk[32];             /* DISK */
	int error;                 /* errno of reading the directory */
};

/* What a mounted layer was made on, by its record (bases.h). */
struct made {
	char layer[48];             /* MADE: its name, as of a resolved layer */
	char bases[MADE_BASES_MAX]; /* BASES: identities, the lowest first, blanks between them */
};

/* What the disk of the persistent top said. */
struct stamp {
	char disk[32]; /* DISK: empty if it was not asked */
	bool used;     /* USED: a top is there, made above the layers that the text names */
	char text[STAMP_MAX];
};

struct inventory {
	bool settled;       /* every disk that was there at the start is in here */
	int64_t elapsed_ms; /* since the search began */
	size_t count, images_count, listings_count, made_count;
	/* Behind what is small, here and elsewhere: each page that a boot uses costs it 10,000 instructions. */
	struct disk
		disks[INVENTORY_DISKS_MAX]; /* shorter names first, then by name: vda, vdb, vdaa */
	struct image_file images[INVENTORY_IMAGES_MAX];
	struct listing listings[INVENTORY_LISTINGS_MAX];
	struct made made[INVENTORY_MADE_MAX];
	struct stamp stamp;
};

/* Fills *ret with what LINE holds of one disk. -EINVAL; *ret is then untouched. */
MUST_CHECK int disk_parse(struct slice line, struct disk *ret);
void disk_print(const struct disk *d, struct builder *b);

/* vda (SERIAL=system squashfs 75 MiB), or vda (not asked yet) */
void disk_print_short(const struct disk *d, struct builder *b);

/*
 * The disk of this name, added if it is new. NULL if there is no room or the name is empty or too long.
 * Adding moves others: pointers into the inventory do not outlive it.
 */
struct disk *inventory_add(struct inventory *inv, const char *name);
struct disk *inventory_find(struct inventory *inv, const char *name);
void inventory_remove(struct inventory *inv, const char *name);

/* The listing of GLOB on the disk NAME, or NULL if it has not been asked for. */
const struct listing *inventory_listing(const struct inventory *inv, const char *name,
					const char *glob);

/* Keeps what the layer NAME was made on. -ENOSPC. */
MUST_CHECK int inventory_add_made(struct inventory *inv, const char *layer, const char *bases);

/* What the layer NAME was made on; empty: not known. */
const char *inventory_made_on(const struct inventory *inv, const char *layer);

/* Of the image DISK/PATH, if it has none. */
void inventory_keep_digest(struct inventory *inv, const char *path, const char digest[24]);

void made_print(const struct made *m, struct builder *b);
void image_print(const struct image_file *i, struct builder *b);
void listing_print(const struct listing *l, struct builder *b);
void stamp_print(const struct stamp *s, struct builder *b);

/*
 * Adds what one line says: NAME="..." of a disk, which takes the place of one that is there; IMAGE="...",
 * LISTING="...", MADE="...", STAMP. -EINVAL, -ENOSPC.
 */
MUST_CHECK int inventory_add_line(struct inventory *inv, struct slice line);

/* Every line of it. */
void inventory_print(const struct inventory *inv, struct builder *b);

/* Reads many lines; # begins a comment line. -EINVAL with *line set (also for a disk's second line), -ENOSPC. */
MUST_CHECK int inventory_parse(struct slice text, struct inventory *ret, size_t *line);
