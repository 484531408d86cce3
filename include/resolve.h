/*
 * From a manifest and what is known of the disks to the layers, or to what is still missing. Pure, and called
 * again whenever the inventory has changed: nothing is remembered between two calls.
 */
#pragma once

#include "failure.h"
#include "inventory.h"
#include "manifest.h"
#include "origin.h"

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

#define RESOLVED_NAME_MAX (MANIFEST_NAME_MAX + 8)

struct resolved_layer {
	const struct layer *layer;
	char name[RESOLVED_NAME_MAX]; /* the layer's; of the matches of a glob NAME.1, NAME.2 ... */
	enum layer_state state;
	/* Of LAYER_FOUND; they point into the inventory. */
	const struct disk *disk;        /* also of LAYER_ABSENT, if it lacks the file */
	const struct image_file *image; /* NULL: the disk itself */
	const struct disk *hash_disk;   /* that the hash tree is on; NULL: no verity, or the same */
	const char *type;
};

/* The disk of the top, or of a [bind NAME]. */
struct resolved_volume {
	const char *name;
	char label[MANIFEST_NAME_MAX + 8]; /* "top", or "bind NAME": for messages and steps */
	const struct volume *volume;
	enum layer_state state; /* LAYER_WAITING or LAYER_FOUND */
	const struct disk *disk;
	/* Of all volumes only when each is found: */
	const char *type; /* that it has, or that it is to be given */
	bool shared; /* with the top or an earlier bind, which makes, checks and grows the file system */
	const char *format; /* of the one that makes it, what any of those on the disk says */
	bool no_fsck, grow;
};

/*
 * What the inventory does not say yet. What is known of a disk is answered by its known bits; the files that
 * match a glob by a listing; the state of a persistent top by the stamp. For the latter two the disk has to be
 * mounted, and stays mounted.
 */
struct question {
	const struct disk *disk;
	enum {
		QUESTION_DISK,
		QUESTION_LISTING,
		QUESTION_STAMP,
	} kind;
	unsigned about; /* enum known, of a disk; of a listing, what its files are asked: KNOWN_SUPERBLOCK or 0 */
	const char *glob; /* QUESTION_LISTING */
	const char *layer;
};

#define RESOLVE_QUESTIONS_MAX 256

struct resolution {
	struct failure failure;
	enum resolve_state state;
	int64_t wake_ms; /* elapsed_ms at which the outcome may change by time alone; negative: never */
	struct resolved_volume top; /* its volume is NULL unless the top is on a disk */
	bool volumes_known; /* the disks of all of them: none is formatted or checked before */
	size_t layers_count, binds_count, questions_count;
	struct resolved_layer
		layers[MANIFEST_LAYERS_MAX]; /* as in the manifest, a glob's in version order */
	struct resolved_volume binds[MANIFEST_BINDS_MAX];
	struct question questions[RESOLVE_QUESTIONS_MAX]; /* to be answered whatever the state */
};

/* TIMEOUT_MS is that of layers without one of their own. */
void resolve(const struct manifest *m, const struct inventory *inv, int64_t timeout_ms,
	     struct resolution *ret);

/* The known bits that a boot with M is likely to ask of a disk: read in one go, they cost one child. */
unsigned resolve_wants(const struct manifest *m);

/*
 * What of NEEDS, enum known, D may be asked now. Nobody looks for a file system, not even to list it in a message, on
 * the disk of a layer that gives its type, where SERIAL=, a partition's name or the like tell which disk that is;
 * as long as they are not known of D, they are asked first. M may be NULL.
 */
unsigned resolve_may_ask(const struct manifest *m, const struct disk *d, unsigned needs);

/*
 * Which disk the manifest is on: 0 and *ret_disk, NULL as long as that is not known, with questions and wake_ms in
 * *ret; or -1 with ret->failure. Of a disk that holds a file the superblock is known then.
 */
MUST_CHECK int resolve_origin(const struct origin *origin, const struct inventory *inv,
			      int64_t timeout_ms, struct resolution *ret,
			      const struct disk **ret_disk);

/* What the stamp of a top and the report call the image of a layer that was found. Empty: not known. */
const char *resolved_identity(const struct resolved_layer *l);

/* Whether mount options (NULL: none) say that an image which was not cleanly unmounted is to be taken as it is. */
bool resolve_accepts_dirty(const char *options);
