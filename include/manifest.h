/* The layer manifest: which images become one root, and what lies on top. Pure. */
#pragma once

#include "arena.h"
#include "failure.h"
#include "selector.h"

#define MANIFEST_SIZE_MAX   65536
#define MANIFEST_LAYERS_MAX 500 /* OVL_MAX_STACK of the kernel's overlay */
#define MANIFEST_NAME_MAX   32

enum union_kind {
	UNION_OVERLAY,
};

enum top_kind {
	TOP_TMPFS,
	TOP_NONE,
};

struct layer {
	const char *
		name; /* [A-Za-z0-9][A-Za-z0-9._-]*, at most 32 bytes: a directory of this name is made */
	struct source source;
	const char *type;    /* NULL: auto */
	const char *options; /* extra mount options, NULL: none */
	bool optional;       /* required = no */
	int64_t timeout_ms;  /* negative: none of its own */
	bool skipped;        /* layerboot.skip= */
};

struct top {
	enum top_kind kind;
	const char *size; /* as tmpfs takes it, NULL: the kernel's default, half of the memory */
	const char *nr_inodes; /* as tmpfs takes it, NULL: the kernel's default */
};

struct manifest {
	enum union_kind union_kind;
	struct layer layers[MANIFEST_LAYERS_MAX]; /* lowest first */
	size_t layers_count;
	struct top top;
};

/* The manifest of an initramfs that was built without one. */
extern const char manifest_default[];

/*
 * Parses TEXT; strings go into ARENA. ORIGIN names it in errors, which read ORIGIN:LINE:COLUMN. Returns 0, or
 * -1 with *failure set; *ret is then unspecified.
 */
MUST_CHECK int manifest_parse(struct slice text, const char *origin, struct arena *arena,
			      struct manifest *ret, struct failure *failure);

/* File-system types that a layer may have; NULL ends the list. */
extern const char *const manifest_types[];
