/* What is there before the first uevent is heard: devices without a driver, and block devices. */
#pragma once

#include <stdbool.h>

#include "text.h"

/* Called with each name that was found. */
typedef void coldplug_found(void *arg, const char *name);

/* The entries of a directory but those that begin with a dot. */
void coldplug_each(const char *directory, coldplug_found *found, void *arg);

/* The modaliases of the devices on the buses of buses.h that have no driver yet. */
void coldplug_devices(coldplug_found *found, void *arg);

/* A device of a bus; gone when the call returns. */
struct device {
	const char *bus, *name, *modalias;
};

typedef void coldplug_device(void *arg, const struct device *device);

/* All devices of one bus. */
void coldplug_each_device(const char *bus, coldplug_device *found, void *arg);

/* Whether it has a driver, or one is at work on it. */
bool coldplug_bound(const struct device *device);

/*
 * Has it tried by the drivers that the kernel knows (drivers_probe, Documentation/ABI/testing/sysfs-bus). A driver goes
 * from one device to the next, so that one which does not answer keeps it from the others. Takes as long as the device.
 */
void coldplug_probe(const struct device *device);

/* The same, with all that coldplug_devices() finds. */
void coldplug_probe_devices(void);

/* The names below /sys/class/block. */
void coldplug_disks(coldplug_found *found, void *arg);
