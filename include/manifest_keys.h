/* The keys of a manifest and how each is set; shared by the parser and by the command line's overrides. Pure. */
#pragma once

#include "manifest.h"

enum section {
	SECTION_START, /* before the first [section] */
	SECTION_LAYER,
	SECTION_TOP,
	SECTION_BIND,
};

/* Where a value goes, and what was expected in its place. */
struct place {
	struct manifest *manifest;
	struct layer *layer; /* of the [layer NAME] that is open */
	struct bind *bind;   /* of the [bind NAME] */
	struct arena *arena;
	const char *expected; /* set by a setter that fails */
	size_t at;            /* the same: offset inside the value */
};

/* 0, -EINVAL with place->expected, or -ENOMEM. */
typedef int key_setter(struct place *place, struct slice value);

struct key {
	enum section section;
	const char *name;
	key_setter *set;
};

#define MANIFEST_KEYS_MAX 64

/* Position in the table, as an index below MANIFEST_KEYS_MAX. */
size_t key_index(const struct key *key);

/* NULL if the section has no such key. */
const struct key *key_find(enum section section, struct slice name);

/* "source, type, options" */
void key_list(enum section section, struct builder *b);
