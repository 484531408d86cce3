/* What the kernel counts of a disk (Documentation/block/stat.rst). */
#pragma once

#include <stdint.h>

#include "text.h"

struct pulse {
	uint64_t waiting;   /* requests that the disk has not answered yet */
	uint64_t completed; /* reads and writes */
};

/* Of the disk or partition NAME. 0 or -errno; -EINVAL: not the two files that are expected. */
MUST_CHECK int pulse_read(const char *name, struct pulse *ret);
