/* The boot report: what was seen, decided and done, as /run/layerboot/report.json. */
#pragma once

#include "cmdline.h"
#include "discover.h"
#include "plan.h"

/* S, which must stay, was carried out from START_US of CLOCK_MONOTONIC on. */
void report_step(const struct step *s, int64_t start_us, int64_t us);

/* The module or alias NAME, which must stay, was loaded. */
void report_module(const char *name, int64_t start_us, int64_t us);

/* Says it on the console, and in the report. */
void report_warning(const char *text);

struct report {
	const struct cmdline *cmdline;
	const char *cmdline_text;
	const char *release; /* of the kernel */
	const char *manifest_origin;
	struct slice manifest_text;
	const char *
		signer; /* the number of the key that signed it, NULL: nobody's, or not looked at */
	const bool *locked; /* there is a policy */
	const struct manifest *manifest;
	const struct inventory *inventory;
	const struct resolution *resolution;
	const struct plan *plan;
	int64_t start_us; /* CLOCK_MONOTONIC */
};

/* What the report will be about; it stays, and may be filled later. */
void report_about(const struct report *r);

/*
 * Writes PATH_REPORT, and sends it where the command line says. Of a boot that FAILED (else NULL) with what was known
 * by then. What cannot be written or sent is said and no failure of the boot.
 */
void report_write(const struct failure *failed, struct modules *modules);
