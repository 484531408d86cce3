#include "verity.h"

#include <errno.h>
#include <linux/dm-ioctl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel_log.h"
#include "sys.h"

#define CONTROL "/dev/mapper/control"

/* What all requests have in front, and the table or a status behind it. */
struct request {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char text[VERITY_TABLE_MAX];
};

static void fill(struct request *r, const char *name, unsigned flags)
{
	struct builder b;

	*r = (struct request){
		.head.version = { DM_VERSION_MAJOR, 0, 0 },
		.head.data_size = sizeof(*r),
		.head.data_start = offsetof(struct request, target),
		.head.flags = flags,
	};
	builder_start(&b, r->head.name, sizeof(r->head.name));
	builder_add(&b, name);
}

static int call(int control, struct request *r, unsigned long command, const char *name,
		unsigned flags)
{
	fill(r, name, flags);
	return sys_ioctl(control, command, r);
}

/* A number of 12 and 20 bits in one of 32 (linux/kdev_t.h, new_encode_dev); the kernel names the device by the latter. */
static void print_device(uint64_t dev, char ret[32])
{
	struct builder b;

	builder_start(&b, ret, 32);
	builder_addf(&b, "/dev/dm-%u", (unsigned)((dev & 0xff) | ((dev >> 12) & 0xfff00)));
}

static int load(int control, struct request *r, const struct verity_map *map)
{
	const uint64_t sector = 512;
	struct builder b;

	fill(r, map->name, DM_READONLY_FLAG);
	r->head.target_count = 1;
	r->target =
		(struct dm_target_spec){ .length = map->size / sector, .target_type = "verity" };
	builder_start(&b, r->text, sizeof(r->text));
	builder_add(&b, map->table);
	return b.overflow ? -ENAMETOOLONG : sys_ioctl(control, DM_TABLE_LOAD, r);
}

static bool is_corrupt(int control, struct request *r, const char *name)
{
	/* "V", or "C" once a block was found that does not match (dm-verity-target.c, verity_status). */
	return call(control, r, DM_TABLE_STATUS, name, 0) == 0 && r->text[0] == 'C';
}

static int read_first(const char *device, uint64_t block)
{
	static char data[65536];
	int fd = sys_open(device, O_RDONLY);

	if (fd < 0)
		return fd;
	ssize_t len = sys_pread(fd, data, block < sizeof(data) ? block : sizeof(data), 0);
	(void)sys_close(fd);
	return len < 0 ? (int)len : len == 0 ? -EIO : 0;
}

static int start(int control, const struct verity_map *map, char device[32])
{
	struct request r;
	int result = call(control, &r, DM_DEV_CREATE, map->name, 0);

	if (result < 0)
		return result;
	print_device(r.head.dev, device);
	result = load(control, &r, map);
	/* Without the suspend flag: the table that was loaded becomes active. */
	if (result == 0)
		result = call(control, &r, DM_DEV_SUSPEND, map->name, 0);
	if (result == 0)
		result = read_first(device, map->block);
	if (result == 0)
		return 0;
	if (is_corrupt(control, &r, map->name))
		result = -EBADMSG;
	(void)call(control, &r, DM_DEV_REMOVE, map->name, 0);
	return result;
}

int verity_start(const struct verity_map *map, char ret_device[32], struct builder *words)
{
	char device[32];
	int control = sys_open(CONTROL, O_RDWR);

	/* The node is there before the module; opening it asks the kernel for that. */
	if (control < 0)
		return control == -ENODEV || control == -ENXIO ? -ENOENT : control;
	int64_t start_us = sys_now_us();
	int r = start(control, map, device);
	(void)sys_close(control);
	if (r < 0)
		kernel_log_since(start_us, words);
	if (r == 0)
		memcpy(ret_device, device, sizeof(device));
	return r;
}

int verity_find(const char *name, char ret_device[32])
{
	struct request r;
	int control = sys_open(CONTROL, O_RDWR);

	if (control < 0)
		return control;
	int result = call(control, &r, DM_DEV_STATUS, name, 0);
	(void)sys_close(control);
	if (result == 0)
		print_device(r.head.dev, ret_device);
	return result;
}

bool verity_is_corrupt(const char *name)
{
	struct request r;
	int control = sys_open(CONTROL, O_RDWR);

	if (control < 0)
		return false;
	bool corrupt = is_corrupt(control, &r, name);
	(void)sys_close(control);
	return corrupt;
}

int verity_let_go(const char *name)
{
	struct request r;
	int control = sys_open(CONTROL, O_RDWR);

	if (control < 0)
		return control;
	int result = call(control, &r, DM_DEV_REMOVE, name, DM_DEFERRED_REMOVE);
	(void)sys_close(control);
	return result;
}
