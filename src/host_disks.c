#include "host_disks.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

#include "disks.h"
#include "file.h"
#include "report_read.h"
#include "sys.h"
#include "text.h"

#define PARTS_MAX 128

int host_complain(const struct host_options *o, const char *what, const char *why)
{
	(void)fprintf(stderr, "layerboot: %s: %s: %s\n", o->command, what, why);
	return 2;
}

bool host_bus_is_known(const char *bus)
{
	return strcmp(bus, "virtio") == 0 || strcmp(bus, "scsi") == 0 || strcmp(bus, "nvme") == 0;
}

int host_would_fail(const struct failure *failure)
{
	char line[4096];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	failure_print(failure, &b);
	(void)fprintf(stderr, "layerboot: %s\n", line);
	return 1;
}

static void add_extent(struct host_disks *h, const char *disk, const char *image, uint64_t offset,
		       uint64_t size)
{
	if (h->extents_count == INVENTORY_DISKS_MAX)
		return;
	struct host_extent *e = &h->extents[h->extents_count++];
	*e = (struct host_extent){ .image = image, .offset = offset, .size = size };
	text_print(e->disk, sizeof(e->disk), "%s", disk);
}

const struct host_extent *host_extent_of(const struct host_disks *h, const struct disk *disk)
{
	for (size_t i = 0; i < h->extents_count; i++)
		if (strcmp(h->extents[i].disk, disk->name) == 0)
			return &h->extents[i];
	return NULL;
}

/* vda, vdb ...; sda ...; nvme0n1, nvme1n1 ... */
static void name_disk(char *to, size_t size, const char *bus, size_t index)
{
	char letters[8];
	size_t at = sizeof(letters) - 1;

	if (strcmp(bus, "nvme") == 0) {
		text_print(to, size, "nvme%zun1", index);
		return;
	}
	letters[at] = '\0';
	for (size_t n = index + 1; n > 0 && at > 0; n = (n - 1) / 26)
		letters[--at] = (char)('a' + (n - 1) % 26);
	text_print(to, size, "%s%s", strcmp(bus, "scsi") == 0 ? "sd" : "vd", letters + at);
}

static void add_parts(struct host_disks *h, const struct disk *whole, int fd, const char *image,
		      const char *bus)
{
	static struct disk_part parts[PARTS_MAX];
	int count = disk_partitions(fd, parts, PARTS_MAX);

	for (int i = 0; i < count; i++) {
		char name[32];
		text_print(name, sizeof(name), "%.24s%s%u", whole->name,
			   strcmp(bus, "nvme") == 0 ? "p" : "", parts[i].number);
		struct disk *d = inventory_add(&h->inventory, name);
		if (!d)
			return;
		text_print(d->parent, sizeof(d->parent), "%s", whole->name);
		text_print(d->transport, sizeof(d->transport), "%s", bus);
		text_print(d->part_label, sizeof(d->part_label), "%s", parts[i].label);
		text_print(d->part_uuid, sizeof(d->part_uuid), "%s", parts[i].uuid);
		d->size = parts[i].size;
		d->error = -disk_probe(fd, parts[i].offset, parts[i].size, d);
		d->known = KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION;
		add_extent(h, name, image, parts[i].offset, parts[i].size);
	}
}

/* A disk ends with its last whole sector. -EINVAL: it cannot be one. */
static int size_of(int fd, uint64_t *ret)
{
	struct stat st;
	int r = sys_fstat(fd, &st);

	if (r == 0 && S_ISBLK(st.st_mode))
		return sys_ioctl(fd, BLKGETSIZE64, ret);
	if (r == 0 && !S_ISREG(st.st_mode))
		r = -EINVAL;
	if (r == 0)
		*ret = (uint64_t)st.st_size / 512 * 512;
	return r;
}

/* What the guest would learn of an image that is attached as a disk. */
static int add_image(const struct host_options *o, struct host_disks *h, const char *argument,
		     size_t index)
{
	const char *equals = strchr(argument, '=');
	struct disk disk = { .known = KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION };

	if (!equals || equals == argument)
		return host_complain(o, argument, "expected NAME=IMAGE");
	size_t serial = (size_t)(equals - argument);
	if (serial > 20 && strcmp(o->bus, "virtio") == 0)
		return host_complain(o, argument, "a virtio serial has at most 20 bytes");
	int fd = sys_open(equals + 1, O_RDONLY);
	if (fd < 0)
		return host_complain(o, equals + 1, strerror(-fd));
	int r = size_of(fd, &disk.size);
	if (r < 0) {
		(void)sys_close(fd);
		return host_complain(o, equals + 1,
				     r == -EINVAL ? "expected a file or a block device"
						  : strerror(-r));
	}
	name_disk(disk.name, sizeof(disk.name), o->bus, index);
	text_print(disk.transport, sizeof(disk.transport), "%s", o->bus);
	text_print(disk.serial, sizeof(disk.serial), "%.*s", (int)serial, argument);
	if (disk.size > 0)
		disk.error = -disk_probe(fd, 0, 0, &disk);
	struct disk *place = inventory_add(&h->inventory, disk.name);
	if (place) {
		*place = disk;
		add_extent(h, disk.name, equals + 1, 0, disk.size);
		if (disk.size > 0)
			add_parts(h, &disk, fd, equals + 1, o->bus);
	}
	(void)sys_close(fd);
	return place ? 0 : host_complain(o, argument, "too many disks");
}

/* A line per disk, or the whole report of a boot. */
static int read_inventory(const struct host_options *o, struct host_disks *ret)
{
	size_t line;
	ssize_t len =
		file_read(o->inventory_file, ret->inventory_text, sizeof(ret->inventory_text));

	if (len < 0)
		return host_complain(o, o->inventory_file, strerror((int)-len));
	struct slice text = slice_trim((struct slice){ ret->inventory_text, (size_t)len });
	if (slice_starts(text, "{")) {
		if (report_read_inventory(text, &ret->inventory) == 0)
			return 0;
		return host_complain(o, o->inventory_file, "expected the report of a boot");
	}
	if (inventory_parse(text, &ret->inventory, &line) == 0)
		return 0;
	(void)fprintf(stderr, "layerboot: %s: %s:%zu: expected NAME=\"...\" KEY=\"...\"\n",
		      o->command, o->inventory_file, line);
	return 2;
}

int host_read_disks(const struct host_options *o, int argc, char **argv, struct host_disks *ret)
{
	int result = o->inventory_file ? read_inventory(o, ret) : 0;
	if (result != 0)
		return result;
	for (int i = 0; i < argc; i++) {
		int r = add_image(o, ret, argv[i], (size_t)i);
		if (r != 0)
			return r;
	}
	/* All disks are there, and no other will come. */
	ret->inventory.settled = true;
	ret->inventory.elapsed_ms = INT64_MAX;
	return 0;
}
