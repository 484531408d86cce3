/* The layer manifest: which images become one root, and what lies on top. Pure. */
#pragma once

#include "arena.h"
#include "failure.h"
#include "selector.h"
#include "verity_table.h"

#define MANIFEST_SIZE_MAX   65536
#define MANIFEST_LAYERS_MAX 500 /* OVL_MAX_STACK of the kernel's overlay */
#define MANIFEST_NAME_MAX   32
#define MANIFEST_DOMAIN     "layerboot-manifest"

#define MANIFEST_BINDS_MAX 32

enum union_kind {
	UNION_OVERLAY,
	UNION_AUFS,
	UNION_UNIONFS,
};

enum top_kind {
	TOP_TMPFS,
	TOP_NONE,
	TOP_DISK,
};

/* How a layer marks what it deletes. */
enum layer_whiteouts {
	LAYER_WHITEOUTS_OVERLAY, /* as overlay does: character devices 0:0 and opaque directories */
	LAYER_WHITEOUTS_WH,      /* .wh. files, as container images and aufs do */
	LAYER_WHITEOUTS_XATTR, /* trusted.overlay.whiteout, for kernels that do not know it (before 6.8) */
};

/* What becomes of a persistent top when the layers below it have changed. */
enum on_change {
	ON_CHANGE_KEEP,
	ON_CHANGE_REFUSE,
	ON_CHANGE_PARK,
	ON_CHANGE_RESET,
};

struct layer {
	const char *
		name; /* [A-Za-z0-9][A-Za-z0-9._-]*, at most 32 bytes: a directory of this name is made */
	struct source source;
	const char *type; /* NULL: auto */
	const char *
		image; /* a file in the source, or a glob in its last part; NULL: the source itself */
	const char *subdir;   /* of the mounted image; NULL: its root */
	const char *options;  /* extra mount options, NULL: none */
	const char *identity; /* NULL: the root hash, or else the digest of the superblock */
	bool optional;        /* required = no */
	bool untrusted;
	enum layer_whiteouts whiteouts;
	int64_t timeout_ms;      /* negative: none of its own */
	const char *const *only; /* absolute paths; NULL: whatever it holds */
	size_t only_count;
	const char *const *protect; /* absolute paths */
	size_t protect_count;
	const char *const *kernels; /* releases whose modules it brings */
	size_t kernels_count;
	bool base_strict; /* base-mismatch = error */
	bool kernel_any;  /* only warn where the modules of the kernel are missing */
	bool skipped;     /* layerboot.skip= */
	struct verity verity;
};

/* A writable file system on a disk. */
struct volume {
	struct source source;
	const char *subdir; /* NULL: its root */
	const char *format; /* ext4 or xfs: made where the disk is blank; NULL: never */
	bool no_fsck;
	bool grow;
};

struct top {
	enum top_kind kind;
	const char *size; /* as tmpfs takes it, NULL: the kernel's default, half of the memory */
	const char *nr_inodes; /* as tmpfs takes it, NULL: the kernel's default */
	struct volume volume;  /* TOP_DISK */
	enum on_change on_change;
	bool reset, park; /* layerboot.top=: this once, whatever has changed */
};

/* Directories and files that are taken from a disk, past the union. */
struct bind {
	const char *name;
	struct volume volume;
	const char *const *paths; /* absolute */
	size_t paths_count;
};

struct manifest {
	const char *domain, *set; /* of a manifest that is to be signed, or NULL */
	uint64_t set_version;     /* rises with each new one of the set; 0: none */
	enum union_kind union_kind;
	bool redirect;
	struct top top;
	size_t layers_count, binds_count;
	struct layer layers[MANIFEST_LAYERS_MAX]; /* lowest first */
	struct bind binds[MANIFEST_BINDS_MAX];
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
