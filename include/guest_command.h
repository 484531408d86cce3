/* What status, which and diff have in common: options, who may, reading the state of the boot. */
#pragma once

#include "guest.h"

struct guest_command {
	const char *name;  /* "status" */
	const char *usage; /* what --help prints */
	bool takes_json, takes_root;
	/* From the options: */
	const char *run;  /* --run, or GUEST_RUN */
	const char *root; /* --root, or / */
	bool json;
};

/*
 * Parses the options (arguments begin at optind then), reads the report, opens the layers. Returns -1 to go on, or
 * the exit status; what was wrong has been said then.
 */
MUST_CHECK int guest_start(struct guest_command *c, int argc, char **argv, struct guest *ret);

/* layerboot NAME: WHAT: WHY (words for -errno); NEXT. Returns exit status 1. */
int guest_complain(const struct guest_command *c, const char *what, int error, const char *next);

/* Closes the guest. STATUS, or 1 if standard output could not be written. */
int guest_end(const struct guest_command *c, struct guest *g, int status);
