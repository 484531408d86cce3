/* The kernel's announcements of devices (lib/kobject_uevent.c): "ACTION@DEVPATH", then KEY=value, each with a NUL. */
#pragma once

#include <stdbool.h>

#include "text.h"

struct uevent {
	char text[8192]; /* UEVENT_BUFFER_SIZE of the kernel is 2048; udev takes 8192 */
	const char *action;
	const char *devpath;
	const char *subsystem; /* these and the following: "" if not given */
	const char *devname;   /* vda */
	const char *modalias;
};

int uevent_open(void);

/*
 * Reads one event. 1: *ret is filled; 0: nothing there now; -ENOBUFS: events were lost, look at /sys again;
 * or another -errno. Messages that do not come from the kernel are passed over.
 */
MUST_CHECK int uevent_read(int fd, struct uevent *ret);

/* Fills *ret from its text of LEN bytes. Pure. -EINVAL. */
MUST_CHECK int uevent_parse(struct uevent *ret, size_t len);
