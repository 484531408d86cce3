/* What a child that carries out a chain tells, as PID 1 reads it. */
#include "check.h"

#include "chains.h"

static const struct chain chain = {
	.steps = { { .kind = STEP_MODULE, .source = "fs-ext4" },
		   { .kind = STEP_DIR, .target = "/d" },
		   { .kind = STEP_MODULE, .source = "loop" },
		   { .kind = STEP_VOLUME, .target = "/v" },
		   { .kind = STEP_TOP_READ, .target = "/t" } },
	.count = 5,
};

static void told(void *arg, const struct step *step, const struct facts *facts, struct slice line)
{
	struct builder *b = arg;

	builder_add(b, b->len ? " " : "");
	if (step)
		builder_addf(b, "%zu:%d", (size_t)(step - chain.steps), (int)facts->us);
	else
		builder_addf(b, "%.5s", line.at);
}

#define STEP(n, us) "STEP=\"" n "\" START=\"5\" US=\"" us "\"\n"

static void answers_are_read_step_by_step(void **state)
{
	static const struct {
		const char *answer, *told;
		int next; /* index of the step that is next, or failed; -1: none */
		const char *words;
	} rows[] = {
		{ "", "", 1, "" },
		{ "mkdir: full", "", 1, "mkdir: full" },
		{ STEP("1", "7"), "1:7", 3, "" },
		{ STEP("1", "7") "EXT4-fs: bad\ngeometry", "1:7", 3, "EXT4-fs: bad\ngeometry" },
		{ STEP("1", "7") STEP("3", "8"), "1:7 3:8", 4, "" },
		{ STEP("1", "7") STEP("3", "8") "STAMP=\"\" DISK=\"vdb\"\n" STEP("4", "9"),
		  "1:7 3:8 STAMP 4:9", -1, "" },
		{ "IMAGE=\"a\" DISK=\"b\"\nLISTING=\"a\" DISK=\"b\"\n", "IMAGE LISTI", 1, "" },
		/* not of this chain, or not whole */
		{ STEP("5", "7"), "", 1, STEP("5", "7") },
		{ "STEP=\"1\" x\n", "", 1, "STEP=\"1\" x\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *words = NULL;
		struct builder b;
		builder_start(&b, scene.words, sizeof(scene.words));
		const struct step *next = chain_read(&chain, rows[i].answer, told, &b, &words);
		assert_string_equal(scene.words, rows[i].told);
		assert_string_equal(words, rows[i].words);
		if (rows[i].next < 0)
			assert_null(next);
		else
			assert_ptr_equal(next, &chain.steps[rows[i].next]);
	}
}

/* Modules are loaded beforehand: a chain of nothing else does nothing. */
static void modules_are_passed_over(void **state)
{
	static const struct chain modules = { .steps = { { .kind = STEP_MODULE } }, .count = 1 };
	const char *words;
	struct builder b;

	(void)state;
	builder_start(&b, scene.words, sizeof(scene.words));
	assert_int_equal(chain_run(&modules, &b), 0);
	assert_string_equal(scene.words, "");
	assert_null(chain_read(&modules, "", told, &b, &words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_step_by_step),
		cmocka_unit_test(modules_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
