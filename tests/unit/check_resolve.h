/* What the tests of resolve() share: one call of it, and what is expected to come out. */
#pragma once

#include "check.h"

#define START "version = 1\n"

/* All that can be known is known. */
#define KNOWN " SIZE=\"1048576\" KNOWN=\"7\"\n"
#define IMAGE " FSTYPE=\"squashfs\"" KNOWN

/* Of a disk that has been identified only. */
#define IDENTIFIED " SIZE=\"1048576\" KNOWN=\"1\"\n"

#define TIMEOUT_MS 10000

static inline const struct resolution *resolved(const char *manifest, const char *inventory,
						int64_t elapsed_ms, bool settled)
{
	fresh_arena();
	given_manifest(manifest);
	given_inventory(inventory);
	scene.inventory.elapsed_ms = elapsed_ms;
	scene.inventory.settled = settled;
	memset(&scene.resolution, 0xa5, sizeof(scene.resolution));
	resolve(&scene.manifest, &scene.inventory, TIMEOUT_MS, &scene.resolution);
	return &scene.resolution;
}

static inline void print_question(const struct question *q, const char *comma, struct builder *b)
{
	builder_addf(b, "%s%s ", comma, q->disk->name);
	if (q->kind == QUESTION_LISTING)
		builder_addf(b, "listing %s", q->glob);
	else if (q->kind == QUESTION_STAMP)
		builder_add(b, "stamp");
	else
		builder_add(b, q->about == KNOWN_IDENTITY     ? "identity"
			       : q->about == KNOWN_SUPERBLOCK ? "superblock"
							      : "partition");
}

/* "vda1 superblock, vdb identity" */
static inline const char *questions(void)
{
	static char memory[8192];
	const struct resolution *r = &scene.resolution;
	struct builder b;

	builder_start(&b, memory, sizeof(memory));
	for (size_t i = 0; i < r->questions_count; i++)
		print_question(&r->questions[i], i ? ", " : "", &b);
	return memory;
}

static inline void must_wait(const struct resolution *r, int64_t wake_ms, const char *asked)
{
	if (r->state == RESOLVE_FAILED)
		fail_msg("%s", failure_words(&r->failure));
	assert_int_equal(r->state, RESOLVE_WAIT);
	assert_int_equal(r->wake_ms, wake_ms);
	assert_string_equal(questions(), asked);
}

static inline void must_be_ready(const struct resolution *r)
{
	if (r->state == RESOLVE_FAILED)
		fail_msg("%s", failure_words(&r->failure));
	assert_int_equal(r->state, RESOLVE_READY);
	assert_string_equal(questions(), "");
	assert_int_equal(r->wake_ms, -1);
	assert_int_equal(r->failure.kind, FAILURE_NONE);
}

static inline void must_fail(const struct resolution *r, enum failure_kind kind, const char *layer,
			     const char *text)
{
	assert_int_equal(r->state, RESOLVE_FAILED);
	assert_string_equal(failure_word(r->failure.kind)->word, failure_word(kind)->word);
	assert_string_equal(r->failure.layer, layer);
	assert_string_equal(r->failure.text, text);
}
