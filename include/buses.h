/* The buses that disks are found on, and which of their devices may lead to one. Pure but for names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct bus {
	const char *name; /* below /sys/bus, and SUBSYSTEM of its uevents */
	/* A modalias of this bus is of interest if it begins with prefix and has part in it. */
	const char *prefix;
	const char *part;
};

extern const struct bus buses[];
extern const size_t buses_count;

/* Whether a device of the bus SUBSYSTEM with this modalias may be a disk or lead to one. */
bool bus_wants(const char *subsystem, const char *modalias);
