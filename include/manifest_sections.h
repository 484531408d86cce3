/* The sections of a manifest: their names, and what their keys say only together. Pure. */
#pragma once

#include "manifest.h"

#define EXPECTED_LAYER_NAME "a name of letters, digits, . _ - (at most 32 bytes), but not top"

bool layer_name_valid(struct slice name);
struct layer *layer_find(struct manifest *m, struct slice name);

/* NULL if there is no room. */
struct layer *layer_add(struct manifest *m, struct slice name, struct arena *arena);

/* The same of [bind NAME]. "top" stands for the top where volumes are told apart by their names. */

struct bind *bind_find(struct manifest *m, struct slice name);
struct bind *bind_add(struct manifest *m, struct slice name, struct arena *arena);

/* What a [top] lacks or has too much of, or NULL. */
const char *top_problem(const struct top *top);

/* What no single section can say: an untrusted layer with redirect = on. NULL: nothing. */
const char *manifest_contradiction(const struct manifest *m);
