/* What the unit tests share: memory, and texts turned into the structs that the deciding tier takes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmdline.h"
#include "inventory.h"
#include "manifest.h"
#include "override.h"
#include "plan.h"
#include "resolve.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* One of each, used anew by every test. */
static struct {
	struct arena arena;
	struct cmdline cmdline;
	struct manifest manifest;
	struct inventory inventory;
	struct resolution resolution;
	struct failure failure;
	char words[16384]; /* what the last function here printed */
	_Alignas(max_align_t) char memory[1 << 20];
} scene;

static inline struct arena *fresh_arena(void)
{
	arena_start(&scene.arena, scene.memory, sizeof(scene.memory));
	return &scene.arena;
}

/* error[word]: ... of the last failure. */
static inline const char *failure_words(const struct failure *f)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	failure_print(f, &b);
	assert_false(b.overflow);
	return scene.words;
}

static inline void must_work(int result)
{
	if (result < 0)
		fail_msg("%s", failure_words(&scene.failure));
}

static inline struct cmdline *given_cmdline(const char *text)
{
	must_work(cmdline_parse(slice_of(text), &scene.arena, &scene.cmdline, &scene.failure));
	return &scene.cmdline;
}

static inline struct manifest *given_manifest(const char *text)
{
	must_work(
		manifest_parse(slice_of(text), "m", &scene.arena, &scene.manifest, &scene.failure));
	return &scene.manifest;
}

static inline struct inventory *given_inventory(const char *text)
{
	size_t line;

	if (inventory_parse(slice_of(text), &scene.inventory, &line) < 0)
		fail_msg("line %zu of the inventory", line);
	return &scene.inventory;
}

/* Memory of exactly LEN bytes, so that a sanitizer sees a byte that is read behind it. Free at. */
static inline struct slice exact_copy(const char *text, size_t len)
{
	char *at = malloc(len ? len : 1);

	assert_non_null(at);
	memcpy(at, text, len);
	return (struct slice){ .at = at, .len = len };
}
