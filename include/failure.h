/* Every kind of failure, its word in brackets, and what a reader does about it. Pure. */
#pragma once

#include <stddef.h>

#include "text.h"

enum failure_kind {
	FAILURE_NONE,
	FAILURE_NOT_PID1,
	FAILURE_NOT_INITRAMFS,
	FAILURE_BOOTSTRAP,
	FAILURE_CMDLINE,
	FAILURE_MANIFEST,
	FAILURE_MANIFEST_MISSING,
	FAILURE_SIGNATURE,
	FAILURE_MANIFEST_OLD,
	FAILURE_POLICY,
	FAILURE_POLICY_REFUSED,
	FAILURE_UNVERIFIED,
	FAILURE_LAYER_MISSING,
	FAILURE_LAYER_DUPLICATE,
	FAILURE_SERIAL_COLLISION,
	FAILURE_LAYER_READ,
	FAILURE_LAYER_TYPE,
	FAILURE_LAYER_DIRTY,
	FAILURE_LAYER_MOUNT,
	FAILURE_LAYER_STALLED,
	FAILURE_IMAGE_MISSING,
	FAILURE_LAYER_PRIVILEGED,
	FAILURE_LAYER_OUTSIDE,
	FAILURE_LAYER_SHORT,
	FAILURE_LAYER_CORRUPT,
	FAILURE_VERITY,
	FAILURE_WHITEOUTS,
	FAILURE_NO_LAYERS,
	FAILURE_MODULE_MISSING,
	FAILURE_MODULE_LOAD,
	FAILURE_MODULES_MISSING,
	FAILURE_BASE_MISMATCH,
	FAILURE_TOP,
	FAILURE_TOP_MISSING,
	FAILURE_TOP_CHANGED,
	FAILURE_VOLUME_FOREIGN,
	FAILURE_VOLUME_DAMAGED,
	FAILURE_VOLUME,
	FAILURE_BIND,
	FAILURE_BIND_MISSING,
	FAILURE_PROTECT,
	FAILURE_UNION_UNSUPPORTED,
	FAILURE_UNION,
	FAILURE_ROOT_DIRECTORY,
	FAILURE_INIT_MISSING,
	FAILURE_INIT_EXEC,
	FAILURE_SWITCH_ROOT,
	FAILURE_SHUTDOWN_STUCK,
	FAILURE_LIMIT,
	FAILURE_CRASH,
	FAILURE_KINDS,
};

struct failure_word {
	const char *word;    /* stands in brackets; part of the interface, never changed */
	const char *meaning; /* one line of README.md */
	const char *next;    /* what to do, where the place that failed knows nothing better */
};

/* One thing that failed; text says on what and why. Copied by value. */
struct failure {
	char text[12288]; /* names every disk that was seen */
	char next[256];   /* overrides the table's next step; empty otherwise */
	char layer[64];   /* empty where no single layer is meant */
	enum failure_kind kind;
};

const struct failure_word *failure_word(enum failure_kind kind);

/* Fills *f; LAYER may be NULL. Always returns -1, so that "return failure_set(...)" reads well. */
int failure_set(struct failure *f, enum failure_kind kind, const char *layer, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* error[word]: layer "x": text; next step. Without a trailing newline. */
void failure_print(const struct failure *f, struct builder *b);
