/* What a boot left in /run/layerboot: its report, and every layer as a directory. */
#pragma once

#include <sys/stat.h>

#include "json.h"

#define GUEST_RUN "/run/layerboot"

/* Of the report; empty strings for what it does not say. */
struct guest_layer {
	const char *name, *state, *source, *disk, *image, *subdir, *type, *identity, *trust;
	int64_t ms; /* the mount took; -1: not said */
};

/* One directory of the union. */
struct guest_directory {
	const char *path; /* absolute */
	const char *
		layer; /* whose it is: a layer has up to three, as .wh. files become layers of their own */
	int fd;
	bool xattr_whiteouts; /* the kernel takes trusted.overlay.whiteout for one */
};

/* A path that is not the union's own: protected by a layer, or bound from a disk. */
struct guest_claim {
	const char *owner; /* the layer or the bind */
	const char *path;
};

struct guest {
	struct slice report;
	struct guest_layer *layers; /* lowest first */
	size_t layers_count;
	struct guest_directory *stack; /* highest first; with a top, that is the first */
	size_t stack_count;
	struct guest_claim *protects, *binds;
	size_t protects_count, binds_count;
	bool has_top;
	struct arena arena;
	void *memory;
};

#define GUEST_TOP "top"

/*
 * Takes the report apart; strings go into ARENA, RUN is where the layers are. -EINVAL: it is no report;
 * -EPROTONOSUPPORT: of a format that this program does not know; -ENOMEM. Pure.
 */
MUST_CHECK int guest_parse(struct slice text, const char *run, struct arena *arena,
			   struct guest *ret);

/* Reads RUN/report.json. 0 or -errno; guest_close in either case. */
MUST_CHECK int guest_read(const char *run, struct guest *ret);

/* Opens the directories of the stack. On -errno *ret_path is the one that could not be. */
MUST_CHECK int guest_open(struct guest *g, const char **ret_path);
void guest_close(struct guest *g);

/* The claim that PATH or a directory above it is under; NULL. */
const struct guest_claim *guest_claim_of(const struct guest_claim *claims, size_t count,
					 const char *path);
