/* What "plan" and "check" are told of a machine: a manifest, a command line, images in place of its disks. */
#pragma once

#include "cmdline.h"
#include "inventory.h"
#include "lock.h"
#include "manifest.h"

struct host_options {
	const char *command;                  /* "plan": begins every complaint */
	const char *manifest;                 /* a file, NULL: the built-in default */
	const char *cmdline, *inventory_file; /* NULL: none */
	const char *bus;                      /* virtio, scsi or nvme */
	const char *keys, *policy;            /* files as in an initramfs, NULL: none */
};

/* Where the bytes of a disk of the inventory are. */
struct host_extent {
	char disk[32];
	const char *image;     /* a path of the arguments */
	uint64_t offset, size; /* bytes */
};

struct host_disks {
	struct arena arena;
	struct cmdline cmdline;
	struct lock lock;
	const char *signer;
	struct manifest manifest;
	struct inventory inventory;
	struct host_extent extents[INVENTORY_DISKS_MAX];
	size_t extents_count;
	struct failure failure;
	char memory[4 << 20];
	char manifest_text[MANIFEST_SIZE_MAX + 2];
	char inventory_text[2 << 20];
};

/* Prints, and returns exit status 2: wrong usage; or 1: a boot would fail. */
int host_complain(const struct host_options *o, const char *what, const char *why);
int host_would_fail(const struct failure *failure);

bool host_bus_is_known(const char *bus);

/*
 * The command line; the inventory file, then each NAME=IMAGE as a disk with that serial, with its partitions; the
 * manifest, from one of these where layerboot.manifest= says so and no file is given. 0, 1 with ret->failure: a boot
 * would fail; or 2 when a file cannot be read or an argument is wrong, which has been printed.
 */
int host_read(const struct host_options *o, int argc, char **argv, struct host_disks *ret);

/* The disks alone; part of host_read(). */
int host_read_disks(const struct host_options *o, int argc, char **argv, struct host_disks *ret);

/* NULL for a disk that only the inventory file names. */
const struct host_extent *host_extent_of(const struct host_disks *h, const struct disk *disk);
