/*
 * From a manifest and what is known of the disks to the layers, or to what is still missing. Pure, and called
 * again whenever the inventory has changed: nothing is remembered between two calls.
 */
#pragma once

#include "failure.h"
#include "inventory.h"
#include "manifest.h"

enum resolve_state {
	RESOLVE_READY,  /* every layer is found or absent: plan and go on */
	RESOLVE_WAIT,   /* a disk may still come: call again after an event, or at wake_ms */
	RESOLVE_FAILED, /* failure says why */
};

enum layer_state {
	LAYER_WAITING,
	LAYER_FOUND,
	LAYER_ABSENT,
	LAYER_SKIPPED,
};

struct resolved_layer {
	const struct layer *layer;
	enum layer_state state;
	const struct disk *disk; /* of LAYER_FOUND; points into the inventory */
	const char *type;        /* of LAYER_FOUND */
};

/* What the inventory does not say yet; the answer goes into the disk's known bits. */
struct question {
	const struct disk *disk;
	enum known about;
};

#define RESOLVE_QUESTIONS_MAX 256

struct resolution {
	enum resolve_state state;
	struct resolved_layer layers[MANIFEST_LAYERS_MAX]; /* as in the manifest */
	size_t layers_count;
	struct question questions[RESOLVE_QUESTIONS_MAX]; /* to be answered whatever the state */
	size_t questions_count;
	int64_t wake_ms; /* elapsed_ms at which the outcome may change by time alone; negative: never */
	struct failure failure;
};

/* TIMEOUT_MS is that of layers without one of their own. */
void resolve(const struct manifest *m, const struct inventory *inv, int64_t timeout_ms,
	     struct resolution *ret);

/* The known bits that a boot with M is likely to ask of a disk: read in one go, they cost one child. */
unsigned resolve_wants(const struct manifest *m);

/* The disks that SOURCE names as far as it is known; at most MAX are put into RET. Returns their number. */
size_t resolve_match(const struct source *source, const struct inventory *inv,
		     const struct disk **ret, size_t max);

/* Whether mount options (NULL: none) say that an image which was not cleanly unmounted is to be taken as it is. */
bool resolve_accepts_dirty(const char *options);
