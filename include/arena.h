/* Memory that is handed out in one direction and given back all at once. Pure. */
#pragma once

#include <stddef.h>

#include "text.h"

struct arena {
	char *base;
	size_t used;
	size_t size;
};

void arena_start(struct arena *a, void *memory, size_t size);

/* Zeroed and aligned for any object; NULL when there is no room. Never freed on its own. */
void *arena_alloc(struct arena *a, size_t size);

/* A terminated copy; NULL when there is no room. */
char *arena_copy(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
