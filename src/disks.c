#include "disks.h"

#include <blkid/blkid.h>
#include <endian.h>
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

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

/* Reads the sysfs attribute NAME of the disk; its length, or -errno. */
static ssize_t attribute(const struct disk *d, const char *name, char *buffer, size_t size)
{
	char path[128];
	struct builder b;

	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/sys/class/block/%s/%s", d->name, name);
	if (b.overflow)
		return -ENAMETOOLONG;
	int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	ssize_t len = sys_read(fd, buffer, size - 1);
	(void)sys_close(fd);
	buffer[len < 0 ? 0 : len] = '\0';
	return len;
}

/* Copies LEN bytes without blanks at their ends; devices fill their serials up with these. */
static void copy_trimmed(char *to, size_t size, const char *from, size_t len)
{
	struct slice s = { .at = from, .len = strnlen(from, len) };
	struct builder b;

	while (s.len > 0 && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == ' '))
		s.len--;
	builder_start(&b, to, size);
	builder_add_slice(&b, slice_trim(s));
}

static void learn_serial(struct disk *d)
{
	char text[256];
	ssize_t len;

	if (strcmp(d->transport, "scsi") == 0) {
		/* Unit Serial Number, page 80h of the Vital Product Data: four bytes, then the serial. */
		len = attribute(d, "device/vpd_pg80", text, sizeof(text));
		if (len > 4)
			copy_trimmed(d->serial, sizeof(d->serial), text + 4, (size_t)len - 4);
		return;
	}
	len = attribute(d, strcmp(d->transport, "nvme") == 0 ? "device/serial" : "serial", text,
			sizeof(text));
	if (len > 0)
		copy_trimmed(d->serial, sizeof(d->serial), text, (size_t)len);
}

/* The kernel's names for the same as lsblk prints: a scsi name begins with 0x there, and with naa. here. */
static void learn_wwn(struct disk *d)
{
	bool scsi = strcmp(d->transport, "scsi") == 0;
	char text[256];
	struct builder b;
	ssize_t len = attribute(d, scsi ? "device/wwid" : "wwid", text, sizeof(text));

	if (len <= 0)
		return;
	if (strncmp(text, "naa.", 4) != 0) {
		copy_trimmed(d->wwn, sizeof(d->wwn), text, (size_t)len);
		return;
	}
	builder_start(&b, d->wwn, sizeof(d->wwn));
	builder_add(&b, "0x");
	builder_add_slice(&b, (struct slice){ text + 4, strcspn(text + 4, "\n ") });
}

/* The device's path tells the bus that it is on and the disk that it is a part of. */
static void learn_place(struct disk *d)
{
	char link[512], path[128];
	ssize_t len;

	text_print(path, sizeof(path), "/sys/class/block/%s", d->name);
	len = sys_readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return;
	link[len] = '\0';
	const char *transport = strstr(link, "/nvme")     ? "nvme"
				: strstr(link, "/target") ? "scsi"
				: strstr(link, "/virtio") ? "virtio"
							  : "";
	text_print(d->transport, sizeof(d->transport), "%s", transport);

	/* .../block/vda/vda1; a disk of NVMe is at .../nvme0/nvme0n1 */
	char number[16], *end = strrchr(link, '/');
	if (!end)
		return;
	*end = '\0';
	const char *parent = strrchr(link, '/');
	if (!parent || strcmp(parent, "/block") == 0 ||
	    attribute(d, "partition", number, sizeof(number)) <= 0)
		return;
	if (strlen(parent + 1) < sizeof(d->parent))
		memcpy(d->parent, parent + 1, strlen(parent + 1) + 1);
}

/* The kernel has read the partition table already, and from 6.13 on gives the UUID, too. */
static void learn_partition(struct disk *d)
{
	char text[1024];
	struct slice rest, line;
	ssize_t len = attribute(d, "uevent", text, sizeof(text));

	if (len <= 0)
		return;
	rest = (struct slice){ .at = text, .len = (size_t)len };
	while (slice_next(&rest, '\n', &line)) {
		if (slice_starts(line, "PARTNAME="))
			copy_trimmed(d->part_label, sizeof(d->part_label), line.at + 9,
				     line.len - 9);
		if (slice_starts(line, "PARTUUID="))
			copy_trimmed(d->part_uuid, sizeof(d->part_uuid), line.at + 9, line.len - 9);
	}
}

static void learn_identity(struct disk *d)
{
	char size[32];
	uint64_t sectors;

	if (attribute(d, "size", size, sizeof(size)) > 0) {
		struct slice text = { .at = size, .len = strcspn(size, "\n") };
		if (text_number(text, UINT64_MAX / 512, &sectors) == 0)
			d->size = sectors * 512;
	}
	learn_place(d);
	if (d->parent[0])
		learn_partition(d);
	else
		learn_serial(d);
	/* virtio-blk has none. */
	if (!d->parent[0] && strcmp(d->transport, "virtio") != 0)
		learn_wwn(d);
}

static uint64_t little_endian(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

int disk_is_dirty(int fd, uint64_t offset, const char *type)
{
	bool ext4 = strcmp(type, "ext4") == 0;
	unsigned char sb[1024];

	if (!ext4 && strcmp(type, "btrfs") != 0)
		return 0;
	ssize_t len = sys_pread(fd, sb, sizeof(sb), (off_t)offset + (ext4 ? 1024 : 65536));
	if (len != sizeof(sb))
		return len < 0 ? (int)len : -EIO;
	/* fs/ext4/ext4.h: s_state at 0x3a, bit 0 is clean; s_feature_incompat at 0x60, bit 2 is recover */
	if (ext4)
		return !(little_endian(sb + 0x3a, 2) & 1) || (little_endian(sb + 0x60, 4) & 4);
	/* btrfs_tree.h: log_root at 96 of the superblock, which is at 64 KiB; 0 when there is no log tree */
	return little_endian(sb + 96, 8) != 0;
}

/* Where each type keeps its superblock, and with it times, sizes, UUID and checksums of the image. */
static const struct {
	const char *type;
	off_t offset;
} superblocks[] = {
	{ "squashfs", 0 }, { "erofs", 0 },     { "ext4", 0 },
	{ "xfs", 0 },      { "btrfs", 65536 }, { "iso9660", 32768 },
};

/* A product does not carry what is high in a word to what is low. */
static uint64_t add_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x100000001b3;
	return hash ^ hash >> 32;
}

/* As FNV-1a, eight bytes at a time: told apart are images, not forgeries. */
static uint64_t hash_words(const unsigned char *at, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325, word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = add_word(hash, le64toh(word));
	}
	return len > 0 ? add_word(hash, little_endian(at, len)) : hash;
}

int disk_digest(int fd, uint64_t offset, const char *type, char ret[24])
{
	unsigned char block[4096];
	struct builder b;

	ret[0] = '\0';
	for (size_t i = 0; i < sizeof(superblocks) / sizeof(superblocks[0]); i++) {
		if (strcmp(type, superblocks[i].type) != 0)
			continue;
		/* A small image ends before. */
		ssize_t len =
			sys_pread(fd, block, sizeof(block), (off_t)offset + superblocks[i].offset);
		if (len <= 0)
			return len < 0 ? (int)len : -EIO;
		builder_start(&b, ret, 24);
		builder_addf(&b, "sb-%016llx", (unsigned long long)hash_words(block, (size_t)len));
	}
	return 0;
}

static void take_value(blkid_probe probe, const char *name, char *to, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(probe, name, &value, &len) == 0)
		copy_trimmed(to, size, value, len);
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
	int dirty = result < 0 ? result : disk_is_dirty(fd, offset, d->type);
	if (dirty < 0)
		return dirty;
	d->dirty = dirty > 0;
	return disk_digest(fd, offset, d->type, d->digest);
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
		learn_identity(d);
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
	copy_trimmed(ret->label, sizeof(ret->label), name ? name : "", name ? strlen(name) : 0);
	copy_trimmed(ret->uuid, sizeof(ret->uuid), uuid ? uuid : "", uuid ? strlen(uuid) : 0);
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
