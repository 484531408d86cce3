#include "report_send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "coldplug.h"
#include "file.h"
#include "log.h"
#include "sys.h"

#define PORTS        "/sys/class/virtio-ports"
#define CONSOLE_MARK "layerboot-report: "

struct sending {
	const struct cmdline *cmdline;
	struct modules *modules;
	struct slice text;
	char modalias[512]; /* of a virtio console device without a driver, empty if there is none */
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

/* VIRTIO_ID_CONSOLE is 3; each device has several ports. */
static void check_alias(void *arg, const char *modalias)
{
	struct sending *s = arg;

	if (strncmp(modalias, "virtio:d00000003v", 17) == 0)
		(void)snprintf(s->modalias, sizeof(s->modalias), "%s", modalias);
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

	(void)snprintf(path, sizeof(path), PORTS "/%.32s/name", name);
	if (file_read(path, text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, port->wanted) == 0)
		(void)snprintf(port->device, sizeof(port->device), "/dev/%.32s", name);
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

	coldplug_each_modalias("virtio", check_alias, s);
	if (s->modalias[0] && !s->modules && modules_open(&s->modules) < 0)
		return -ENOMEM;
	int r = s->modalias[0] ? modules_load(s->modules, s->modalias, words) : 0;
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
