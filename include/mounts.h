/* What a boot mounts from disks, each with a chain of steps in a child: layers, disks that hold images, volumes. */
#pragma once

#include "chains.h"
#include "drivers.h"
#include "jobs.h"
#include "resolve.h"

enum mounting_kind {
	MOUNTING_LAYER,  /* by the layer's name */
	MOUNTING_MEDIUM, /* by the disk's name */
	MOUNTING_VOLUME, /* by the bind's name, or "top" */
};

struct mounting {
	enum mounting_kind kind;
	char name[RESOLVED_NAME_MAX];
	char disk[32]; /* that it is mounted from */
	enum progress progress;
	struct chain chain;
	bool passing; /* unmounted again before the union is made: no step of the plan */
	int64_t start_us, ms;
	/* What its steps told. */
	char digest[24], device[32];
	int entries, whiteouts;
};

#define MOUNTINGS_MAX (MANIFEST_LAYERS_MAX + INVENTORY_LISTINGS_MAX + MANIFEST_BINDS_MAX + 1)

struct mounts {
	size_t count;
	struct mounting all[MOUNTINGS_MAX];
};

/* The entry, or NULL. */
struct mounting *mounts_find(struct mounts *m, enum mounting_kind kind, const char *name);

/* The entry, new if there is none: without a chain, PROGRESS_WANTED. NULL: no room. */
struct mounting *mounts_want(struct mounts *m, enum mounting_kind kind, const char *name,
			     const char *disk);

/* Starts the chain in a job. 0 (also when there is no room for a job: later), or -1 with *failure set. */
MUST_CHECK int mounts_start(struct mounts *m, struct mounting *which, struct jobs *jobs,
			    int64_t deadline_us, struct failure *failure);

/*
 * Takes the end of a JOB_CHAIN. Lines of the inventory go to INV, steps to the report. 0, or -1 with *failure
 * set.
 */
MUST_CHECK int mounts_ended(struct mounts *m, const struct job *j, int error, const char *answer,
			    struct inventory *inv, struct failure *failure);
