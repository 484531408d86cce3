/* What a stack of layers becomes when it is merged: found by reading the layers, not by mounting a union. */
#pragma once

#include "layer_list.h"

struct merge_layer {
	const char *name;
	int root; /* descriptor of its directory */
	enum layer_notation notation;
	size_t files; /* counted by merge_layers(): all but directories and whiteouts */
};

enum merge_kind {
	MERGE_SHADOWED,
	MERGE_DELETED,
	MERGE_DIRECTORY_OVER_SYMLINK,
	MERGE_DIRECTORY_OVER_FILE,
	MERGE_FILE_OVER_DIRECTORY,
	MERGE_DELETES_NOTHING,
	MERGE_NAME_TOO_LONG,
	MERGE_UNREADABLE,
	MERGE_KINDS,
};

struct merge_event {
	enum merge_kind kind;
	const char *path; /* from the root of the layers on, with its slash */
	const struct merge_layer *upper, *lower; /* lower: NULL where there is none */
	size_t paths; /* MERGE_SHADOWED, MERGE_DELETED: how many are hidden, all that is below included */
	bool inside; /* the same: not the path itself, an opaque directory has taken its place */
	int error;   /* MERGE_UNREADABLE */
};

typedef void merge_tell(void *context, const struct merge_event *event);

/* More than any system has; a damaged image can hold a directory that holds itself. */
#define MERGE_ENTRIES_MAX 20000000

/* Walks LAYERS, the highest first. 0, -ENOMEM, or -E2BIG when they hold more than MERGE_ENTRIES_MAX. */
int merge_layers(struct merge_layer *layers, size_t count, merge_tell *tell, void *context);
