/* The device mapper of the fake machine: devices of the target verity, each the same as what it verifies. */
#include <errno.h>
#include <limits.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fake_sys.h"

#define MAJOR 253

static int find(const char *name)
{
	for (size_t i = 0; i < fake->maps_count; i++)
		if (strcmp(fake->maps[i].name, name) == 0)
			return (int)i;
	return -ENXIO;
}

static int create(struct dm_ioctl *request)
{
	if (find(request->name) >= 0)
		return -EBUSY;
	if (fake->maps_count == FAKE_MAPS_MAX)
		fake_finish(FAKE_MISUSED, 0, "too many maps");
	(void)fake_print(fake->maps[fake->maps_count].name, sizeof(fake->maps[0].name), "%s",
			 request->name);
	request->dev = MAJOR << 8 | (unsigned)fake->maps_count++;
	return 0;
}

/* The root hash of an image that is not the right one begins with "bad". */
static int load(const struct dm_ioctl *request, struct fake_map *map, size_t number)
{
	const struct dm_target_spec *target =
		(const void *)((const char *)request + request->data_start);
	char hash[160], from[PATH_MAX], to[PATH_MAX], device[16];

	if (strcmp(target->target_type, "verity") != 0 || !(request->flags & DM_READONLY_FLAG) ||
	    sscanf((const char *)(target + 1), "1 %63s %*s %*u %*u %*u %*u %*s %159s", map->data,
		   hash) != 2)
		fake_finish(FAKE_MISUSED, 0, "a table that is not of verity");
	map->corrupt = strncmp(hash, "bad", 3) == 0;
	(void)fake_path(map->data, from, sizeof(from));
	if (strncmp(map->data, "/dev/loop", strlen("/dev/loop")) == 0)
		(void)fake_print(from, sizeof(from), "%s",
				 fake->loops[map->data[strlen("/dev/loop")] - '0']);
	(void)fake_path(fake_print(device, sizeof(device), "/dev/dm-%zu", number), to, sizeof(to));
	return symlink(from, to) < 0 ? -errno : 0;
}

int fake_mapper(unsigned long command, struct dm_ioctl *request)
{
	int number = command == DM_DEV_CREATE ? 0 : find(request->name);

	if (command == DM_DEV_CREATE)
		return create(request);
	if (number < 0)
		return number;
	request->dev = MAJOR << 8 | (unsigned)number;
	struct fake_map *map = &fake->maps[number];
	if (command == DM_TABLE_LOAD)
		return load(request, map, (size_t)number);
	if (command == DM_TABLE_STATUS)
		((char *)request)[request->data_start + sizeof(struct dm_target_spec)] =
			map->corrupt ? 'C' : 'V';
	if (command == DM_DEV_REMOVE && !(request->flags & DM_DEFERRED_REMOVE))
		(void)fake_print(map->name, sizeof(map->name), "-");
	return 0;
}

const struct fake_map *fake_map_of(const char *device)
{
	for (size_t i = 0; i < fake->maps_count; i++) {
		char name[16];
		if (strcmp(device, fake_print(name, sizeof(name), "/dev/dm-%zu", i)) == 0)
			return &fake->maps[i];
	}
	return NULL;
}
