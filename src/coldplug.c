#include "coldplug.h"

#include <dirent.h>
#include <string.h>

#include "buses.h"
#include "file.h"
#include "sys.h"
#include "text.h"

struct walk {
	const char *bus;
	const char *directory;
	coldplug_found *found;
	void *arg;
	char last[512]; /* modalias that was found; most of a guest's devices are alike */
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
	char modalias[512];

	if (read_modalias(w, name, modalias, sizeof(modalias)))
		w->found(w->arg, modalias);
}

static void visit_unbound(void *arg, const char *name)
{
	struct walk *w = arg;
	char path[512], modalias[sizeof(w->last)];
	struct stat st;

	if (!bus_may_want(w->bus, name) || !read_modalias(w, name, modalias, sizeof(modalias)) ||
	    !bus_wants(w->bus, modalias) || strcmp(modalias, w->last) == 0)
		return;
	/* Bound already: its driver is built in and costs nothing. */
	text_print(path, sizeof(path), "%s/%s/driver", w->directory, name);
	if (sys_stat(path, &st) == 0)
		return;
	memcpy(w->last, modalias, strlen(modalias) + 1);
	w->found(w->arg, modalias);
}

static void walk_bus(const char *bus, coldplug_found *visit, coldplug_found *found, void *arg)
{
	char directory[64];
	struct walk w = { .bus = bus, .directory = directory, .found = found, .arg = arg };

	text_print(directory, sizeof(directory), "/sys/bus/%s/devices", bus);
	coldplug_each(directory, visit, &w);
}

void coldplug_devices(coldplug_found *found, void *arg)
{
	/* Rows of one bus stand together. */
	for (size_t i = 0; i < buses_count; i++)
		if (i == 0 || strcmp(buses[i].name, buses[i - 1].name) != 0)
			walk_bus(buses[i].name, visit_unbound, found, arg);
}

void coldplug_each_modalias(const char *bus, coldplug_found *found, void *arg)
{
	walk_bus(bus, visit_any, found, arg);
}

void coldplug_disks(coldplug_found *found, void *arg)
{
	coldplug_each("/sys/class/block", found, arg);
}
