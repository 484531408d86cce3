/* From the layers to the steps of a boot. Pure: "layerboot plan" prints the very steps that PID 1 carries out. */
#pragma once

#include "arena.h"
#include "cmdline.h"
#include "resolve.h"

/* Where things stand in the initramfs; /run keeps its place in the merged root. */
#define PATH_RUN    "/run/layerboot"
#define PATH_LAYERS PATH_RUN "/layers"
#define PATH_TOP    PATH_RUN "/top"
#define PATH_EMPTY  PATH_RUN "/empty"
/* Not below /run: a mount cannot be moved below itself, and /run moves into the union. */
#define PATH_SYSROOT "/sysroot"

enum step_kind {
	STEP_DIR,    /* make the directory target with mode */
	STEP_MODULE, /* load the module or alias source; nothing to do where it is built in */
	STEP_MOUNT,  /* mount an API file system or a tmpfs */
	STEP_LAYER,  /* set the disk source read-only and mount it */
	STEP_UNION,  /* lowers, upper and work on target */
	STEP_READONLY, /* make the mount target read-only, what it carries stays writable to the union */
	STEP_INIT,   /* find the real init inside target: source, or the first of the usual ones */
	STEP_MOVE,   /* move the mount source to target */
	STEP_SWITCH, /* empty the initramfs, make target the root */
	STEP_EXEC,   /* become the real init */
};

enum phase {
	PHASE_BOOTSTRAP, /* before anything is known */
	PHASE_LAYERS,    /* as soon as each is known, in any order that serves */
	PHASE_ROOT,      /* in this order, once all layers are mounted */
};

struct step {
	enum step_kind kind;
	enum phase phase;
	enum failure_kind failure; /* its word if it fails */
	const char *layer;         /* whose step it is, or NULL */
	const char *source;
	const char *target;
	const char *type;
	const char *options; /* of the file system, separated by commas, or NULL */
	unsigned long flags; /* MS_* of mount(2) */
	unsigned mode;
	const char *const *lowers; /* STEP_UNION: names below PATH_LAYERS or paths, highest first */
	size_t lowers_count;
	const char *upper; /* STEP_UNION: NULL without a top */
	const char *work;
};

#define PLAN_STEPS_MAX 2048

struct plan {
	struct step steps[PLAN_STEPS_MAX];
	size_t count;
};

/* The mounts that move into the merged root, and where to. */
struct move {
	const char *source, *target;
};

extern const struct move plan_moves[];
extern const size_t plan_moves_count;

/* The steps of PHASE_BOOTSTRAP: the same for every boot. */
extern const struct step plan_bootstrap[];
extern const size_t plan_bootstrap_count;

#define PLAN_LAYER_STEPS 3

/* What one found layer takes: its module, its directory, its mount. -ENOMEM. */
MUST_CHECK int plan_layer(const struct resolved_layer *l, struct arena *arena,
			  struct step ret[PLAN_LAYER_STEPS]);

/* The whole boot. Strings go into ARENA. Returns 0, or -1 with *failure set. */
MUST_CHECK int plan_build(const struct cmdline *c, const struct manifest *m,
			  const struct resolution *r, struct arena *arena, struct plan *ret,
			  struct failure *failure);
