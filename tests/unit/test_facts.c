#include "check.h"

#include <errno.h>

#include "facts.h"

static const char *printed(const struct facts *f)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	facts_print(f, &b);
	assert_false(b.overflow);
	return scene.words;
}

static void every_fact_comes_back(void **state)
{
	static const struct facts f = {
		.step = 11,
		.start_us = 123456789012345,
		.us = 42,
		.digest = "sb-0123456789abcdef",
		.device = "loop7",
		.bases = "sb-1 sb-2",
		.entries = 2147483647,
		.whiteouts = 3,
		.warning = "a \"quoted\" line\nand another",
	};
	struct facts again;

	(void)state;
	assert_string_equal(
		printed(&f),
		"STEP=\"11\" START=\"123456789012345\" US=\"42\" "
		"DIGEST=\"sb-0123456789abcdef\" DEVICE=\"loop7\" BASES=\"sb-1 sb-2\" ENTRIES=\"2147483647\" "
		"WHITEOUTS=\"3\" WARNING=\"a \\x22quoted\\x22 line\\x0aand another\"\n");
	assert_int_equal(
		facts_parse((struct slice){ scene.words, strlen(scene.words) - 1 }, &again), 0);
	assert_memory_equal(&again, &f, sizeof(f));
}

static void what_is_not_said_is_zero(void **state)
{
	struct facts f = { 0 }, again;

	(void)state;
	assert_string_equal(printed(&f), "STEP=\"0\" START=\"0\" US=\"0\"\n");
	assert_int_equal(facts_parse(slice_of("STEP=\"3\""), &again), 0);
	f.step = 3;
	assert_memory_equal(&again, &f, sizeof(f));
}

static void malformed(void **state)
{
	static const char *const rows[] = {
		"mount: bad superblock",
		"STEP=",
		"STEP=\"x\"",
		"STEP=\"1\" NAME=\"vda\"",
		"ENTRIES=\"2147483648\"",
		"DEVICE=\"12345678901234567890123456789012\"",
		"STEP=\"1\" US=\"1\" tail",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct facts f = { .step = 4711 };
		if (facts_parse(slice_of(rows[i]), &f) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
		assert_int_equal(f.step, 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fact_comes_back),
		cmocka_unit_test(what_is_not_said_is_zero),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
