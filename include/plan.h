/* From the layers to the steps of a boot. Pure: "layerboot plan" prints the very steps that PID 1 carries out. */
#pragma once

#include "arena.h"
#include "cmdline.h"
#include "resolve.h"

/* Where things stand in the initramfs; /run keeps its place in the merged root. */
#define PATH_RUN      "/run/layerboot"
#define PATH_LAYERS   PATH_RUN "/layers"
#define PATH_TOP      PATH_RUN "/top"
#define PATH_EMPTY    PATH_RUN "/empty"
#define PATH_MEDIA    PATH_RUN "/media"  /* disks that hold image files, by their kernel's name */
#define PATH_IMAGES   PATH_RUN "/images" /* images of which a subdir is the layer */
#define PATH_BINDS    PATH_RUN "/binds"
#define PATH_MANIFEST PATH_RUN "/manifest" /* the text of it */
#define PATH_CHANGED  PATH_RUN "/changed"  /* what was changed both in the top and below it */
#define PATH_REPORT   PATH_RUN "/report.json"
/* The root of the end, a directory of the initramfs: systemd's name for it (docs/INITRD_INTERFACE.md). */
#define PATH_SHUTDOWN_ROOT "/run/initramfs"
/* Not in a layer's name: what is made of a layer stands beside it. */
#define SUFFIX_ABOVE "+above"
#define SUFFIX_BELOW "+below"
/* The name of a layer's device-mapper device is this and the layer's; the shutdown knows it, too. */
#define MAP_PREFIX  "layerboot-"
#define PATH_MAPPER "/dev/mapper/"
/* Not below /run: a mount cannot be moved below itself, and /run moves into the union. */
#define PATH_SYSROOT "/sysroot"

enum step_kind {
	STEP_DIR,       /* make the directory target with mode */
	STEP_MODULE,    /* load the module or alias source; nothing to do where it is built in */
	STEP_MOUNT,     /* mount an API file system or a tmpfs */
	STEP_MEDIUM,    /* set the disk source read-only and mount it for the files that it holds */
	STEP_VERITY,    /* set source up for dm-verity, its tree on hash, as the device target */
	STEP_LAYER,     /* the same of a layer; a source that is a file gets a loop device */
	STEP_SUBDIR,    /* bind the directory path of the mount source on target */
	STEP_WALK,      /* look through the layer target before it is trusted: only, untrusted */
	STEP_WHITEOUTS, /* turn the deletions of the layer source into the layers upper and work */
	STEP_WARN,      /* say source, which begins with warning[WORD] */
	STEP_KERNEL,    /* warn if the layer target lacks the modules of the kernel source */
	STEP_FORMAT,    /* make a file system of type on the disk source, if it is blank */
	STEP_FSCK,      /* check the disk source */
	STEP_VOLUME,    /* mount the disk source, writable */
	STEP_GROW,      /* grow the file system at target to the size of its disk */
	STEP_TOP_READ,  /* read the stamp of the top in the directory target */
	STEP_TOP_RESET, /* delete the top in the directory target */
	STEP_TOP_PARK,  /* put it aside */
	STEP_TOP_COMPARE, /* list what was changed both in the top and in the lowers */
	STEP_TOP_PREPARE, /* make upperdir and workdir in target, with the owner and mode of source */
	STEP_TOP_STAMP, /* write the stamp source of the top in target, and what its lowers hold */
	STEP_TOP_GOOD,  /* forget the failed boots that are counted in the directory target */
	STEP_UNION,     /* lowers, upper and work on target */
	STEP_READONLY, /* make the mount target read-only, what it carries stays writable to the union */
	STEP_PROTECT, /* bind path of the layer source on the same of target, read-only */
	STEP_BIND,    /* bind path of the disk at source on the same of target */
	STEP_INIT,    /* find the real init inside target: source, or the first of the usual ones */
	STEP_MOVE,    /* move the mount source to target */
	STEP_SWITCH,  /* empty the initramfs, make target the root */
	STEP_EXEC,    /* become the real init */
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
	const char *layer; /* whose step it is, or NULL; "top" and the names of binds, too */
	const char *source;
	const char *target;
	const char *path; /* inside of source, or of both */
	const char *type;
	const char *options; /* of the file system, separated by commas, or NULL */
	unsigned long flags; /* MS_* of mount(2) */
	unsigned mode;
	bool loop; /* STEP_LAYER, STEP_VERITY: source is a file */
	bool record; /* STEP_LAYER, STEP_SUBDIR: target is the layer, what it was made on is read there */
	const char *hash;            /* STEP_VERITY: device of the tree; NULL: that of source */
	const struct verity *verity; /* of steps that read a layer which is verified, else NULL */
	bool untrusted;              /* STEP_WALK */
	bool xattr;                  /* STEP_WHITEOUTS: of this kind, else .wh. files */
	bool tolerant; /* a full disk is no failure: STEP_TOP_STAMP, an old stamp is there; STEP_UNION, it is read-only */
	const char *const
		*lowers; /* names below PATH_LAYERS or paths, highest first; STEP_WALK: only */
	size_t lowers_count;
	const char *upper; /* STEP_UNION: NULL without a top */
	const char *work;
};

#define PLAN_STEPS_MAX 8192

struct plan {
	size_t count;
	struct step steps[PLAN_STEPS_MAX];
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

/* Steps that belong together, in their order; first the modules that the others need. */
#define PLAN_CHAIN_MAX 14

struct chain {
	size_t count;
	struct step steps[PLAN_CHAIN_MAX];
};

/* What one found layer takes. RELEASE is the kernel's, NULL if it is not known. -ENOMEM. */
MUST_CHECK int plan_layer(const struct resolved_layer *l, enum union_kind kind, const char *release,
			  struct arena *arena, struct chain *ret);

/* What it takes to look for files on the disk NAME with a file system of TYPE. -ENOMEM. */
MUST_CHECK int plan_medium(const char *name, const char *type, struct arena *arena,
			   struct chain *ret);

/* What the disk of the top takes, or of a bind. -ENOMEM. */
MUST_CHECK int plan_volume(const struct resolved_volume *v, bool top, struct arena *arena,
			   struct chain *ret);

/* Directory of the volume, once it is mounted, that holds what belongs to it. NULL: out of memory. */
const char *plan_volume_directory(const struct resolved_volume *v, bool top, struct arena *arena);

/* The text that the top is stamped with. NULL: out of memory, or longer than a stamp may be. */
const char *plan_stamp(const struct manifest *m, const struct resolution *r, struct arena *arena);

/* The bytes that the layers and options of the union take where the kernel has no lowerdir+. */
size_t plan_union_bytes(const struct plan *p);

/* The type and the module of a union. */
const char *plan_union_type(enum union_kind kind);
const char *plan_union_module(enum union_kind kind);

struct plan_input {
	const struct cmdline *cmdline;
	const struct manifest *manifest;
	const struct resolution *resolution;
	const struct stamp *stamp;         /* of the persistent top */
	const struct inventory *inventory; /* what layers were made on, or NULL */
	const char *release;               /* of the kernel, NULL if it is not known */
};

/* The whole boot. Strings go into ARENA. Returns 0, or -1 with *failure set. */
MUST_CHECK int plan_build(const struct plan_input *in, struct arena *arena, struct plan *ret,
			  struct failure *failure);
