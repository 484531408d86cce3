/* What the kernel command line says to layerboot, and what layerboot honours of the kernel's own. Pure. */
#pragma once

#include "arena.h"
#include "failure.h"
#include "origin.h"

enum on_failure {
	ON_FAILURE_AUTO,
	ON_FAILURE_PANIC,
	ON_FAILURE_REBOOT,
	ON_FAILURE_POWEROFF,
	ON_FAILURE_HALT,
	ON_FAILURE_SHELL,
};

enum report_to {
	REPORT_FILE,    /* in the guest alone */
	REPORT_VIRTIO,  /* through the virtio serial port report_port, too */
	REPORT_CONSOLE, /* as one line on the console, too */
};

enum log_level {
	LOG_QUIET,  /* nothing unless something is wrong */
	LOG_NORMAL, /* a line per layer, the top, the total */
	LOG_DEBUG,  /* every step */
};

#define CMDLINE_LAYERS_MAX 64
#define CMDLINE_SKIPS_MAX  64

struct cmdline {
	struct origin manifest; /* layerboot.manifest=, its text NULL if not given */
	const char *layers[CMDLINE_LAYERS_MAX]; /* layerboot.layer=, as written, in order */
	size_t layers_count;
	const char *skips[CMDLINE_SKIPS_MAX]; /* layerboot.skip= */
	size_t skips_count;
	const char *top; /* layerboot.top=, NULL if not given */
	int64_t timeout_ms;
	enum on_failure on_failure;
	uint64_t reboots_max; /* failed boots in a row after which reboot becomes poweroff */
	uint64_t failed;      /* failed boots in a row that the host has counted */
	enum report_to report_to;
	const char *report_port;
	enum log_level log;
	const char *init; /* init=, NULL if not given */
	bool panic;       /* panic= is there and not 0: the kernel leaves a panic by itself */
};

#define CMDLINE_DEFAULT_TIMEOUT_MS 10000
#define CMDLINE_DEFAULT_REBOOTS    5

/*
 * Parses the text of /proc/cmdline: parameters between blanks, double quotes as the kernel reads them
 * (lib/cmdline.c, next_arg), - and _ alike in names, nothing after --. Strings go into ARENA. Returns 0, or
 * -1 with *failure set; *ret holds defaults and what was read before the error, so that the policy for
 * failures is honoured even then.
 */
MUST_CHECK int cmdline_parse(struct slice text, struct arena *arena, struct cmdline *ret,
			     struct failure *failure);

/*
 * How long a mount or a module may take: a short layerboot.timeout= says how long to wait for a disk, not how
 * fast the ones that are there have to be.
 */
int64_t cmdline_patience_ms(const struct cmdline *c);
