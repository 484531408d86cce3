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

/* How far the loading of one is. */
struct load {
	struct module_list *modules;
	enum progress progress;
	int64_t start_us; /* CLOCK_MONOTONIC */
};

/* A device's modalias; its driver is loaded once, however many such devices there are. */
struct modalias {
	char text[512];
	struct load load;
};

/* A file system, or the union. */
struct fs_type {
	char name[24];
	char alias[32]; /* that its module is loaded by */
	struct load load;
	int error;
	char words[256];
};

#define DRIVERS_MAX 256
#define TYPES_MAX   16

struct drivers {
	struct modules *modules;
	struct arena *arena;
	int64_t patience_us; /* that the load of one has */
	size_t types_count, aliases_count;
	struct fs_type types[TYPES_MAX];
	struct modalias aliases[DRIVERS_MAX];
};

/* What is found for them goes into ARENA. */
void drivers_init(struct drivers *d, struct modules *modules, struct arena *arena,
		  int64_t patience_ms);

/* What the initramfs has no driver for is given up at once. */
void drivers_want(struct drivers *d, const char *modalias);

/*
 * The entry of TYPE, new if nobody has wanted it yet; NULL if there is no room. Done at once where the kernel has it,
 * failed where the initramfs has not.
 */
struct fs_type *drivers_want_type(struct drivers *d, const char *type);

/*
 * Starts jobs for everything wanted, as far as there is room, so that independent modules are loaded at the same time. What
 * hangs with a device holds up nothing else.
 */
void drivers_start(struct drivers *d, struct jobs *jobs);

/* Takes the end of a JOB_MODULE. */
void drivers_ended(struct drivers *d, const struct job *j, int error, const char *words);

/* Whether every driver that was wanted is loaded or given up. */
bool drivers_settled(const struct drivers *d);

/* Whether one is still to be loaded, or is being loaded since SINCE_US (CLOCK_MONOTONIC) or later. */
bool drivers_loading(const struct drivers *d, int64_t since_us);

/* Says why T, which has failed, is not there; for LAYER, or NULL. Always returns -1. */
int drivers_failed(const struct fs_type *t, const char *layer, struct failure *failure);
