/* What the files that find and mount disks share. */
#pragma once

#include "discover.h"
#include "drivers.h"
#include "jobs.h"
#include "mounts.h"
#include "pulse.h"

#define STALLS_MAX 64

/* Disks that have not answered for a while. */
struct stalls {
	int64_t looked_us; /* 0: not yet */
	/* The last attempt to find drivers for the devices behind them. */
	enum progress probe;
	size_t probes; /* begun */
	size_t count;
	struct stall {
		char name[32];
		struct pulse pulse; /* when it was looked at last */
		bool seen;          /* it was looked at */
		bool stuck;         /* it did nothing between the last two times */
		bool told;          /* the inventory has it as stalled */
	} all[STALLS_MAX];
};

struct discovery {
	const struct manifest *manifest; /* NULL while it is looked for itself */
	const struct origin *origin;     /* where */
	enum progress text;              /* the manifest's, read from a disk */
	const char *release;
	struct arena *arena;
	struct inventory *inv;
	struct resolution *res;
	struct failure *failure;
	int64_t start_us, timeout_ms, patience_ms;
	int64_t longest_ms; /* of all layers: until then a disk may come */
	int uevents;
	unsigned wants; /* what every disk is asked at once */
	struct jobs jobs;
	struct drivers drivers;
	struct mounts mounts;
	struct stalls stalls;
};

/* Takes a disk into the inventory, if it can be one. */
void discovery_want_disk(struct discovery *d, const char *name);

/* Asks a disk in a job; discovery_learn() does not where one asks it already. */
void discovery_ask(struct discovery *d, const struct disk *disk, unsigned about);
void discovery_learn(struct discovery *d, const struct disk *disk, unsigned about);

/*
 * Decides what is known, and starts what follows: 1 when the union can be built, or the manifest is copied; 0:
 * something is under way, or a disk has to come; -1 with the failure set.
 */
MUST_CHECK int pursue_layers(struct discovery *d);
MUST_CHECK int pursue_manifest(struct discovery *d);

/* Take the ends of the jobs that these start. */
MUST_CHECK int pursue_listing_ended(struct discovery *d, const struct job *j, int error,
				    const char *words);
MUST_CHECK int pursue_text_ended(struct discovery *d, int error, const char *words);
