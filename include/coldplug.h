/* What is there before the first uevent is heard: devices without a driver, and block devices. */
#pragma once

#include "text.h"

/* Called with each name that was found. */
typedef void coldplug_found(void *arg, const char *name);

/* The entries of a directory but those that begin with a dot. */
void coldplug_each(const char *directory, coldplug_found *found, void *arg);

/* The modaliases of the devices on the buses of buses.h that have no driver yet. */
void coldplug_devices(coldplug_found *found, void *arg);

/* The modaliases of all devices of one bus. */
void coldplug_each_modalias(const char *bus, coldplug_found *found, void *arg);

/* The names below /sys/class/block. */
void coldplug_disks(coldplug_found *found, void *arg);
