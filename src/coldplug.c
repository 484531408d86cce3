#include "coldplug.h"

#include <dirent.h>
#include <string.h>

#include "buses.h"
#include "file.h"
#include "sys.h"
#include "text.h"

#define MODALIAS_MAX 512

struct walk {
	const char *bus;
	const char *directory;
	coldplug_device *device;
	void *arg;
};

void coldplug_each(const char *directory, coldplug_found *visit, void *arg)
{
	char buffer[8192];
	ssize_t len;
	int fd = sys_open(directory, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return; /* the kernel does not have this bus (yet) */
	while ((len = sys_getdents(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < len;) {
			struct dirent *e = (struct dirent *)(void *)(buffer + at);
			at += e->d_reclen;
			if (e->d_name[0] != '.')
				visit(arg, e->d_name);
		}
	(void)sys_close(fd);
}

static bool read_modalias(const struct walk *w, const char *name, char *modalias, size_t size)
{
	char path[512];

	text_print(path, sizeof(path), "%s/%s/modalias", w->directory, name);
	if (file_read(path, modalias, size) <= 0)
		return false;
	modalias[strcspn(modalias, "\n")] = '\0';
	return true;
}

static void visit_any(void *arg, const char *name)
{
	const struct walk *w = arg;
	char modalias[MODALIAS_MAX];

	if (read_modalias(w, name, modalias, sizeof(modalias)))
		w->device(w->arg, &(struct device){ w->bus, name, modalias });
}

static void walk_bus(const char *bus, coldplug_found *visit, coldplug_device *device, void *arg)
{
	char directory[64];
	struct walk w = { .bus = bus, .directory = directory, .device = device, .arg = arg };

	text_print(directory, sizeof(directory), "/sys/bus/%s/devices", bus);
	coldplug_each(directory, visit, &w);
}

void coldplug_each_device(const char *bus, coldplug_device *found, void *arg)
{
	walk_bus(bus, visit_any, found, arg);
}

bool coldplug_bound(const struct device *device)
{
	char path[512];
	struct stat st;

	text_print(path, sizeof(path), "/sys/bus/%s/devices/%s/driver", device->bus, device->name);
	return sys_stat(path, &st) == 0;
}

void coldplug_probe(const struct device *device)
{
	char path[64];

	text_print(path, sizeof(path), "/sys/bus/%s/drivers_probe", device->bus);
	(void)file_write(path, device->name);
}

struct search {
	coldplug_found *found;
	void *arg;
	char last[MODALIAS_MAX]; /* that was found; most of a guest's devices are alike */
};

static void visit_wanted(void *arg, const char *name)
{
	const struct walk *w = arg;
	char modalias[MODALIAS_MAX];

	/* To read that of each costs more than this. */
	if (bus_may_want(w->bus, name) && read_modalias(w, name, modalias, sizeof(modalias)) &&
	    bus_wants(w->bus, modalias))
		w->device(w->arg, &(struct device){ w->bus, name, modalias });
}

static void walk_buses(coldplug_device *device, void *arg)
{
	/* Rows of one bus stand together. */
	for (size_t i = 0; i < buses_count; i++)
		if (i == 0 || strcmp(buses[i].name, buses[i - 1].name) != 0)
			walk_bus(buses[i].name, visit_wanted, device, arg);
}

/* What is bound already has a driver that is built in and costs nothing. */
static void take_unbound(void *arg, const struct device *device)
{
	struct search *s = arg;

	if (strcmp(device->modalias, s->last) == 0 || coldplug_bound(device))
		return;
	memcpy(s->last, device->modalias, strlen(device->modalias) + 1);
	s->found(s->arg, device->modalias);
}

void coldplug_devices(coldplug_found *found, void *arg)
{
	struct search s = { .found = found, .arg = arg };

	walk_buses(take_unbound, &s);
}

static void probe_unbound(void *unused, const struct device *device)
{
	(void)unused;
	if (!coldplug_bound(device))
		coldplug_probe(device);
}

void coldplug_probe_devices(void)
{
	walk_buses(probe_unbound, NULL);
}

void coldplug_disks(coldplug_found *found, void *arg)
{
	coldplug_each("/sys/class/block", found, arg);
}
