#include "arena.h"

#include <stdint.h>
#include <string.h>

void arena_start(struct arena *a, void *memory, size_t size)
{
	*a = (struct arena){ .base = memory, .size = size };
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	uintptr_t end = (uintptr_t)a->base + a->used;
	size_t pad = (align - end % align) % align;

	if (size > a->size - a->used || pad > a->size - a->used - size)
		return NULL;
	char *at = a->base + a->used + pad;
	a->used += pad + size;
	return memset(at, 0, size);
}

char *arena_copy(struct arena *a, struct slice s)
{
	if (s.len == SIZE_MAX || s.len + 1 > a->size - a->used)
		return NULL;
	char *at = a->base + a->used;
	memcpy(at, s.at, s.len);
	at[s.len] = '\0';
	a->used += s.len + 1;
	return at;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	char *at = a->base + a->used;
	struct builder b;
	va_list args;

	if (a->used == a->size)
		return NULL;
	builder_start(&b, at, a->size - a->used);
	va_start(args, format);
	builder_addv(&b, format, args);
	va_end(args);
	if (b.overflow)
		return NULL;
	a->used += b.len + 1;
	return at;
}
