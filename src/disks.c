#include "disks.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "disk_identity.h"
#include "layer_superblock.h"
#include "sys.h"
#include "text.h"

bool disk_is_candidate(const char *name)
{
	static const char *const others[] = { "loop", "ram", "zram", "fd", "dm-", "nbd" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

static void take_value(blkid_probe probe, const char *name, char *to, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(probe, name, &value, &len) == 0)
		text_copy_trimmed(to, size, value, len);
}

static void take_superblock(blkid_probe probe, struct disk *d)
{
	take_value(probe, "TYPE", d->type, sizeof(d->type));
	take_value(probe, "LABEL", d->label, sizeof(d->label));
	take_value(probe, "UUID", d->uuid, sizeof(d->uuid));
	/* One driver mounts all three. */
	if (strcmp(d->type, "ext2") == 0 || strcmp(d->type, "ext3") == 0)
		memcpy(d->type, "ext4", 5);
}

/* Everything else that libblkid knows is a parser for bytes that a user wrote. */
#define LAYER_TYPES "squashfs", "erofs", "ext2", "ext3", "ext4", "xfs", "btrfs", "iso9660", "vfat"

static const char *types[] = { LAYER_TYPES, NULL };

/* What a disk may hold that somebody wants to keep; not looked for where a policy allows no such type. */
static const char *const kept_types[] = {
	LAYER_TYPES,
	"crypto_LUKS",
	"LVM2_member",
	"zfs_member",
	"bcache",
	"swap",
	"linux_raid_member",
	"ntfs",
	"exfat",
	"f2fs",
	"BitLocker",
	"VMFS_volume_member",
	"stratis",
	"drbd",
	"reiserfs",
	"hfsplus",
	"promise_fasttrack_raid_member",
	NULL,
};
static bool limited;

static const char *const tables[] = { "gpt", "dos", NULL };

void disks_limit_types(const char *const *allowed)
{
	size_t count = 0;

	if (!allowed[0])
		return;
	for (size_t i = 0; types[i]; i++) {
		/* One driver mounts all three. */
		const char *name = strncmp(types[i], "ext", 3) == 0 ? "ext4" : types[i];
		bool wanted = false;
		for (size_t k = 0; allowed[k]; k++)
			wanted |= strcmp(allowed[k], name) == 0;
		if (wanted)
			types[count++] = types[i];
	}
	types[count] = NULL;
	limited = true;
}

static int limit_types(blkid_probe probe, const char *const *names, int flags)
{
	if (blkid_probe_enable_superblocks(probe, 1) < 0 ||
	    blkid_probe_set_superblocks_flags(probe, flags) < 0)
		return -ENOMEM;
	/* It reads the list only; its prototype lacks the const. */
	return blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_ONLYIN,
						   (char **)(uintptr_t)names);
}

static int limit_tables(blkid_probe probe)
{
	if (blkid_probe_enable_partitions(probe, 1) < 0)
		return -ENOMEM;
	return blkid_probe_filter_partitions_type(probe, BLKID_FLTR_ONLYIN,
						  (char **)(uintptr_t)tables);
}

int disk_probe(int fd, uint64_t offset, uint64_t size, struct disk *d)
{
	blkid_probe probe = blkid_new_probe();
	int result = 0;

	if (!probe)
		return -ENOMEM;
	errno = 0;
	if (blkid_probe_set_device(probe, fd, (blkid_loff_t)offset, (blkid_loff_t)size) < 0 ||
	    limit_types(probe, types, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID) <
		    0) {
		result = errno ? -errno : -ENOMEM;
	} else {
		int r = blkid_do_safeprobe(probe);
		if (r == 0)
			take_superblock(probe, d);
		else if (r == -2)
			d->ambivalent = true;
		else if (r < 0)
			result = errno ? -errno : -EIO;
	}
	blkid_free_probe(probe);
	int dirty = result < 0 ? result : layer_is_dirty(fd, offset, d->type);
	if (dirty < 0)
		return dirty;
	d->dirty = dirty > 0;
	return layer_digest(fd, offset, d->type, d->digest);
}

int disk_signature(int fd, char ret[24])
{
	blkid_probe probe = limited ? NULL : blkid_new_probe();
	char what[24] = "";
	int result = -ENOMEM;

	if (!probe)
		return limited ? 0 : -ENOMEM;
	if (blkid_probe_set_device(probe, fd, 0, 0) == 0 &&
	    limit_types(probe, kept_types, BLKID_SUBLKS_TYPE) == 0 && limit_tables(probe) == 0) {
		errno = 0;
		int r = blkid_do_probe(probe);
		result = r < 0 ? (errno ? -errno : -EIO) : r == 0;
	}
	if (result == 1) {
		take_value(probe, "TYPE", what, sizeof(what));
		if (!what[0])
			take_value(probe, "PTTYPE", what, sizeof(what));
		memcpy(ret, what, sizeof(what));
	}
	blkid_free_probe(probe);
	return result;
}

static int probe_partition(int fd, struct disk *d)
{
	blkid_probe probe = blkid_new_probe();
	int result = 0;

	if (!probe)
		return -ENOMEM;
	if (blkid_probe_set_device(probe, fd, 0, 0) < 0 ||
	    blkid_probe_enable_superblocks(probe, 0) < 0 || limit_tables(probe) < 0 ||
	    blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS) < 0)
		result = -ENOMEM;
	else if (blkid_do_safeprobe(probe) >= 0) {
		take_value(probe, "PART_ENTRY_UUID", d->part_uuid, sizeof(d->part_uuid));
		take_value(probe, "PART_ENTRY_NAME", d->part_label, sizeof(d->part_label));
	}
	blkid_free_probe(probe);
	return result;
}

/* libblkid takes a short read for the end of the disk; the kernel's own error is asked for here. */
static int read_first(int fd)
{
	char sector[512];
	ssize_t len = sys_pread(fd, sector, sizeof(sector), 0);

	return len < 0 ? (int)len : 0;
}

void disk_learn(struct disk *d, unsigned about)
{
	char path[64];
	int fd, r = 0;

	if (about & KNOWN_IDENTITY)
		disk_learn_identity(d);
	d->known |= KNOWN_IDENTITY | about;
	if (!d->parent[0] || d->part_uuid[0])
		about &= ~(unsigned)KNOWN_PARTITION;
	if (!(about & (KNOWN_SUPERBLOCK | KNOWN_PARTITION)))
		return;
	text_print(path, sizeof(path), "/dev/%s", d->name);
	fd = sys_open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		/* A drive without a medium is a disk that holds nothing, not one that is broken. */
		d->error = fd == -ENOMEDIUM ? 0 : -fd;
		return;
	}
	if (d->size > 0 && (about & KNOWN_SUPERBLOCK)) {
		r = read_first(fd);
		if (r == 0)
			r = disk_probe(fd, 0, 0, d);
	}
	if (r == 0 && (about & KNOWN_PARTITION))
		r = probe_partition(fd, d);
	d->error = -r;
	(void)sys_close(fd);
}

static void take_part(blkid_partition part, struct disk_part *ret)
{
	const char *name = blkid_partition_get_name(part), *uuid = blkid_partition_get_uuid(part);

	*ret = (struct disk_part){
		.number = (unsigned)blkid_partition_get_partno(part),
		.offset = (uint64_t)blkid_partition_get_start(part) * 512,
		.size = (uint64_t)blkid_partition_get_size(part) * 512,
	};
	text_copy_trimmed(ret->label, sizeof(ret->label), name ? name : "",
			  name ? strlen(name) : 0);
	text_copy_trimmed(ret->uuid, sizeof(ret->uuid), uuid ? uuid : "", uuid ? strlen(uuid) : 0);
}

int disk_partitions(int fd, struct disk_part *ret, size_t max)
{
	blkid_probe probe = blkid_new_probe();
	blkid_partlist list;
	int count = 0;

	if (!probe)
		return -ENOMEM;
	if (blkid_probe_set_device(probe, fd, 0, 0) == 0 && limit_tables(probe) == 0 &&
	    (list = blkid_probe_get_partitions(probe))) {
		int all = blkid_partlist_numof_partitions(list);
		for (int i = 0; i < all && (size_t)count < max; i++)
			take_part(blkid_partlist_get_partition(list, i), &ret[count++]);
	}
	blkid_free_probe(probe);
	return count;
}

int disk_open_readonly(const char *path)
{
	int on = 1, fd = sys_open(path, O_RDONLY);

	if (fd < 0)
		return fd;
	int r = sys_ioctl(fd, BLKROSET, &on);
	if (r < 0) {
		(void)sys_close(fd);
		return r;
	}
	return fd;
}
