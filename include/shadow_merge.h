/* The merged tree of layers that are not mounted as one, path by path, as overlayfs would show it. */
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "text.h"

/* Overlay takes 500 (fs/overlayfs, OVL_MAX_STACK). */
#define SHADOW_LAYERS_MAX 512

/* A damaged image can hold a directory that holds itself. */
#define SHADOW_DEEPEST 256

/* Layers that have a directory at one path and are merged there, highest first: their numbers. */
struct shadow_stack {
	size_t count;
	uint16_t at[SHADOW_LAYERS_MAX];
};

struct shadow_tree {
	const char *const *layers; /* absolute paths, highest first */
	unsigned depth;
	struct builder path; /* that is looked at: "" is the root, else it begins with a slash */
	char path_text[PATH_MAX];
};

struct shadow_entry {
	const char *layer; /* that supplies it */
	struct stat st;
};

/* *ROOT is set to all COUNT layers: whatever the attributes of their roots, overlay merges these. 0 or -E2BIG. */
MUST_CHECK int shadow_start(struct shadow_tree *t, const char *const *layers, size_t count,
			    struct shadow_stack *root);

/*
 * Goes to NAME below the path; back to a length that the path had. False: no program could open a path as
 * long.
 */
bool shadow_enter(struct shadow_tree *t, const char *name);
void shadow_leave(struct shadow_tree *t, size_t len);

/* The path in the directory LAYER. 0 or -ENAMETOOLONG. */
MUST_CHECK int shadow_path_in(const struct shadow_tree *t, const char *layer, char ret[PATH_MAX]);

/* What is at the path in the directory LAYER: 1 and *ret, 0 if there is nothing, or -errno. */
MUST_CHECK int shadow_stat(const struct shadow_tree *t, const char *layer, struct stat *ret);

/* Whether that is a whiteout: 1, 0 or -errno. */
MUST_CHECK int shadow_is_whiteout(const struct shadow_tree *t, const char *layer,
				  const struct stat *st);

/* Whether that directory hides the ones of its name below it: 1, 0 or -errno. */
MUST_CHECK int shadow_is_opaque(const struct shadow_tree *t, const char *layer);

/* What the layers of IN, merged at the parent of the path, show at the path. 1 and *ret, 0: nothing, or -errno. */
MUST_CHECK int shadow_look(const struct shadow_tree *t, const struct shadow_stack *in,
			   struct shadow_entry *ret);

/* Those of IN that are merged at the path; none where they show no directory. 0 or -errno. */
MUST_CHECK int shadow_descend(const struct shadow_tree *t, const struct shadow_stack *in,
			      struct shadow_stack *ret);

/* What is not 0 ends the walk, which returns it. */
typedef int shadow_visit(void *arg, const struct shadow_tree *t, const struct shadow_entry *entry);

/*
 * Visits what is below the path, where IN are merged, each directory before what is in it. Paths that are too long
 * are left out. After -errno the path is where it happened. -ELOOP: deeper than SHADOW_DEEPEST.
 */
MUST_CHECK int shadow_walk(struct shadow_tree *t, const struct shadow_stack *in,
			   shadow_visit *visit, void *arg);
