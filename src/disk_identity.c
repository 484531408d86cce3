#include "disk_identity.h"

#include <errno.h>
#include <string.h>

#include "sys.h"
#include "text.h"

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

static void learn_serial(struct disk *d)
{
	char text[256];
	ssize_t len;

	if (strcmp(d->transport, "scsi") == 0) {
		/* Unit Serial Number, page 80h of the Vital Product Data: four bytes, then the serial. */
		len = attribute(d, "device/vpd_pg80", text, sizeof(text));
		if (len > 4)
			text_copy_trimmed(d->serial, sizeof(d->serial), text + 4, (size_t)len - 4);
		return;
	}
	len = attribute(d, strcmp(d->transport, "nvme") == 0 ? "device/serial" : "serial", text,
			sizeof(text));
	if (len > 0)
		text_copy_trimmed(d->serial, sizeof(d->serial), text, (size_t)len);
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
		text_copy_trimmed(d->wwn, sizeof(d->wwn), text, (size_t)len);
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
			text_copy_trimmed(d->part_label, sizeof(d->part_label), line.at + 9,
					  line.len - 9);
		if (slice_starts(line, "PARTUUID="))
			text_copy_trimmed(d->part_uuid, sizeof(d->part_uuid), line.at + 9,
					  line.len - 9);
	}
}

void disk_learn_identity(struct disk *d)
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
