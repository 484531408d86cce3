/* The buses that disks are found on, and which of their devices may lead to one. Pure but for names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct bus {
	const char *name; /* below /sys/bus, and SUBSYSTEM of its uevents */
	/* A modalias of this bus is of interest if it begins with prefix and has part in it. */
	const char *prefix;
	const char *part;
	const char *device; /* and the device's name has this in it */
};

extern const struct bus buses[];
extern const size_t buses_count;

/*
 * Whether the device NAME of the bus SUBSYSTEM may have a modalias of interest. To read that of each platform device of
 * a PC takes longer than to mount an image.
 */
bool bus_may_want(const char *subsystem, const char *name);

/* Whether a device of the bus SUBSYSTEM with this modalias may be a disk or lead to one. */
bool bus_wants(const char *subsystem, const char *modalias);
