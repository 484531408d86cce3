/* What is wrong with the layers of a resolution once their images are read. */
#pragma once

#include "check_report.h"
#include "host_disks.h"
#include "resolve.h"

struct check_input {
	struct host_disks *host; /* its inventory learns what layers were made on */
	const struct resolution *resolution;
	const char *release; /* of the kernel, NULL: not known */
	const char *machine; /* of the kernel, as uname -m says it */
	bool root;           /* as whom images are read */
	bool writable;       /* there is a top that can be written to */
};

void check_layers(const struct check_input *in, struct check_report *report);
