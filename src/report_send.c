#include "report_send.h"

#include <errno.h>
#include <string.h>

#include "child.h"
#include "coldplug.h"
#include "file.h"
#include "log.h"
#include "sys.h"
#include "text.h"

#define PORTS        "/sys/class/virtio-ports"
#define CONSOLE_MARK "layerboot-report: "

struct sending {
	const struct cmdline *cmdline;
	struct modules *modules;
	struct slice text;
};

static int write_whole(int fd, struct slice text)
{
	while (text.len > 0) {
		ssize_t len = sys_write(fd, text.at, text.len);
		if (len < 0)
			return (int)len;
		text.at += len;
		text.len -= (size_t)len;
	}
	return 0;
}

/* A device that may be, or may lead to, a virtio console: VIRTIO_ID_CONSOLE is 3 (virtio specification, 4.1.2, 5). */
static const char *const bus_aliases[] = { "pci:v00001AF4d00001003s", "pci:v00001AF4d00001043s",
					   "acpi:LNRO0005:" };
static const char *const console_aliases[] = { "virtio:d00000003v" };

struct alias_search {
	const char *const *wanted;
	size_t count;
	char found[512]; /* modalias of one without a driver, empty if there is none */
};

static bool is_wanted(const struct alias_search *s, const char *modalias)
{
	size_t i = 0;

	while (i < s->count && strncmp(modalias, s->wanted[i], strlen(s->wanted[i])) != 0)
		i++;
	return i < s->count;
}

/*
 * A driver that is stuck in another device may have this one before it still; and who asks for the module then, waits for
 * that, too (kernel/module/main.c, add_unformed_module).
 */
static void check_device(void *arg, const struct device *device)
{
	struct alias_search *s = arg;

	if (!is_wanted(s, device->modalias) || coldplug_bound(device))
		return;
	coldplug_probe(device);
	if (!coldplug_bound(device))
		text_print(s->found, sizeof(s->found), "%s", device->modalias);
}

/* Finds, or loads, the driver of such a device on the bus. 0, also where there is none; or -errno. */
static int load_driver(struct sending *s, const char *bus, const char *const *wanted, size_t count,
		       struct builder *words)
{
	struct alias_search search = { .wanted = wanted, .count = count };

	coldplug_each_device(bus, check_device, &search);
	if (!search.found[0])
		return 0;
	if (!s->modules && modules_open(&s->modules) < 0)
		return -ENOMEM;
	return modules_load(s->modules, search.found, words);
}

/*
 * The class of ports is there as soon as the driver is: built in, or loaded for an earlier report. A boot that failed
 * early has not even loaded the driver of the bus.
 */
static int provide_ports(struct sending *s, struct builder *words)
{
	struct stat st;
	int r;

	if (sys_stat(PORTS, &st) == 0)
		return 0;
	r = load_driver(s, "pci", bus_aliases, 2, words);
	if (r == 0)
		r = load_driver(s, "platform", bus_aliases + 2, 1, words);
	if (r == 0)
		r = load_driver(s, "virtio", console_aliases, 1, words);
	/* No such device: there is nothing to wait for. */
	return r == 0 && sys_stat(PORTS, &st) < 0 ? -ENODEV : r;
}

struct port {
	const char *wanted;
	char device[64]; /* /dev/vport0p1 */
};

/* udev's links by name are not there yet; the name stands in sysfs. */
static void check_port(void *arg, const char *name)
{
	struct port *port = arg;
	char path[128], text[256];

	text_print(path, sizeof(path), PORTS "/%.32s/name", name);
	if (file_read(path, text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, port->wanted) == 0)
		text_print(port->device, sizeof(port->device), "/dev/%.32s", name);
}

/* The names of the ports arrive from the host after the driver is bound. */
static int find_port(const char *name, struct port *ret)
{
	const int64_t patience_us = 2000000;
	int64_t until_us = sys_now_us() + patience_us;

	*ret = (struct port){ .wanted = name };
	do {
		coldplug_each(PORTS, check_port, ret);
		if (ret->device[0])
			return 0;
		(void)sys_poll(NULL, 0, 5);
	} while (sys_now_us() < until_us);
	return -ENODEV;
}

static int work_virtio(void *arg, struct builder *words)
{
	struct sending *s = arg;
	struct port port;
	int r = provide_ports(s, words);

	if (r == 0)
		r = find_port(s->cmdline->report_port, &port);
	if (r < 0)
		return r;
	int fd = sys_open(port.device, O_WRONLY);
	if (fd < 0)
		return fd;
	r = write_whole(fd, s->text);
	(void)sys_close(fd);
	return r;
}

static int work_console(void *arg, struct builder *words)
{
	const struct sending *s = arg;
	int fd = sys_open("/dev/console", O_WRONLY | O_NOCTTY);

	(void)words;
	if (fd < 0)
		return fd;
	int r = write_whole(fd, slice_of(CONSOLE_MARK));
	if (r == 0)
		r = write_whole(fd, s->text);
	(void)sys_close(fd);
	return r;
}

void report_send(const struct cmdline *c, struct modules *modules, struct slice text)
{
	static child_work *const works[] = {
		[REPORT_VIRTIO] = work_virtio, [REPORT_CONSOLE] = work_console
	};
	struct sending s = { .cmdline = c, .modules = modules, .text = text };
	const int64_t patience_ms = 5000;
	char said[256];
	struct builder words;

	if (c->report_to == REPORT_FILE)
		return;
	builder_start(&words, said, sizeof(said));
	int r = child_run(works[c->report_to], &s, patience_ms, &words);
	if (r == -ENODEV)
		builder_addf(&words, "no virtio serial port is called %s", c->report_port);
	if (r == -ENOENT)
		builder_add(&words, "the initramfs has no virtio_console");
	if (r < 0)
		log_line(LOG_PRIORITY_WARNING, "the report could not be sent: %s%s%s", strerror(-r),
			 words.len ? ": " : "", said);
}
