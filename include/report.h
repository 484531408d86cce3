/* The boot report: what was seen, decided and done, as /run/layerboot/report.json. */
#pragma once

#include "cmdline.h"
#include "discover.h"
#include "plan.h"

/* S, which must stay, was carried out from START_US of CLOCK_MONOTONIC on. */
void report_step(const struct step *s, int64_t start_us, int64_t us);

/* Says it on the console, and in the report. */
void report_warning(const char *text);

struct report {
	const struct cmdline *cmdline;
	const char *cmdline_text;
	const char *release; /* of the kernel */
	const char *manifest_origin;
	const struct manifest *manifest;
	const struct inventory *inventory;
	const struct resolution *resolution;
	const struct plan *plan;
	int64_t start_us, ready_us; /* CLOCK_MONOTONIC */
};

/* Writes PATH_REPORT. 0 or -errno. */
MUST_CHECK int report_write(const struct report *r);
