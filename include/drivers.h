/* The modules that a boot turns out to need: drivers by modalias, file systems and the union by type. */
#pragma once

#include "failure.h"
#include "jobs.h"
#include "modules.h"

enum progress {
	PROGRESS_WANTED,
	PROGRESS_STARTED,
	PROGRESS_DONE,
	PROGRESS_FAILED,
};

/* A device's modalias; its driver is loaded once, however many such devices there are. */
struct modalias {
	char text[512];
	struct module_set *set;
	enum progress progress;
	int64_t start_us; /* CLOCK_MONOTONIC */
};

/* A file system, or the union. */
struct fs_type {
	char name[24];
	char alias[32]; /* that its module is loaded by */
	struct module_set *set;
	enum progress progress;
	int64_t start_us;
	int error;
	char words[256];
};

#define DRIVERS_MAX 256
#define TYPES_MAX   16

struct drivers {
	struct modules *modules;
	struct modalias aliases[DRIVERS_MAX];
	size_t aliases_count;
	struct fs_type types[TYPES_MAX];
	size_t types_count;
};

/* What the initramfs has no driver for is given up at once. */
void drivers_want(struct drivers *d, const char *modalias);

/*
 * The entry of TYPE, new if nobody has wanted it yet; NULL if there is no room. Done at once where the kernel has it,
 * failed where the initramfs has not.
 */
struct fs_type *drivers_want_type(struct drivers *d, const char *type);

/* Starts a job for everything wanted, as far as there is room. */
void drivers_start(struct drivers *d, struct jobs *jobs, int64_t deadline_us);

/* Takes the end of a JOB_DRIVER or JOB_TYPE. */
void drivers_ended(struct drivers *d, const struct job *j, int error, const char *words);

/* Whether every driver that was wanted is loaded or given up. */
bool drivers_settled(const struct drivers *d);

/* Says why T, which has failed, is not there; for LAYER, or NULL. Always returns -1. */
int drivers_failed(const struct fs_type *t, const char *layer, struct failure *failure);
