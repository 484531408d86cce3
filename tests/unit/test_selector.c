#include "check.h"

#include <errno.h>

#include "selector.h"

static const char *const tags[] = {
	[SELECTOR_SERIAL] = "SERIAL=",       [SELECTOR_WWN] = "WWN=",
	[SELECTOR_LABEL] = "LABEL=",         [SELECTOR_UUID] = "UUID=",
	[SELECTOR_PARTLABEL] = "PARTLABEL=", [SELECTOR_PARTUUID] = "PARTUUID=",
	[SELECTOR_PATH] = "/dev/",
};

/* The selectors, printed and separated by " | ". */
static const char *printed(const struct source *source)
{
	static char memory[1024];
	struct builder b;

	builder_start(&b, memory, sizeof(memory));
	for (size_t i = 0; i < source->count; i++) {
		builder_add(&b, i ? " | " : "");
		builder_add(&b, tags[source->any[i].kind]);
		builder_add_escaped(&b, source->any[i].value, "");
	}
	return memory;
}

static void well_formed(void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{ "SERIAL=system", "SERIAL=system" },
		{ "WWN=0x5000c500A1b2c3d4 | WWN=eui.0025",
		  "WWN=0x5000c500A1b2c3d4 | WWN=eui.0025" },
		{ "LABEL=a b", "LABEL=a b" },
		{ "UUID=01ab-CD", "UUID=01ab-CD" },
		{ "PARTLABEL=x", "PARTLABEL=x" },
		{ "PARTUUID=y", "PARTUUID=y" },
		{ "/dev/vda1", "/dev/vda1" },
		{ "/dev/\"vda1\"", "/dev/vda1" },
		{ " SERIAL=x\t", "SERIAL=x" },
		{ "LABEL=\" x \"", "LABEL= x " },
		{ "LABEL=\"a|b\"|LABEL=c", "LABEL=a|b | LABEL=c" },
		{ "LABEL=a=b", "LABEL=a=b" },
		{ "LABEL=a/b", "LABEL=a/b" },
		{ "SERIAL=a|SERIAL=b | /dev/c |LABEL=d", "SERIAL=a | SERIAL=b | /dev/c | LABEL=d" },
		{ "LABEL=\xc3\xbc", "LABEL=\\xc3\\xbc" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct source source;
		const char *expected;
		size_t at;
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		if (source_parse(text, fresh_arena(), &source, &expected, &at) < 0)
			fail_msg("%s: expected %s at %zu", rows[i].text, expected, at);
		free((char *)text.at);
		assert_string_equal(printed(&source), rows[i].printed);
		assert_true(slice_is(slice_trim(slice_of(rows[i].text)), source.text));
	}
}

#define TAGS   "SERIAL=, WWN=, LABEL=, UUID=, PARTLABEL=, PARTUUID= or a /dev path"
#define QUOTES "double quotes around the whole value"

static void malformed(void **state)
{
	static const struct {
		const char *text, *expected;
		size_t at;
	} rows[] = {
		{ "", TAGS, 0 },
		{ "  ", TAGS, 2 },
		{ "system", TAGS, 0 },
		{ "serial=x", TAGS, 0 },
		{ "SERIAL", TAGS, 0 },
		{ "SERIAL = x", TAGS, 0 },
		{ "/DEV/vda", TAGS, 0 },
		{ "vda", TAGS, 0 },
		{ "SERIAL=", "a value after the tag", 0 },
		{ "WWN=", "a value after the tag", 0 },
		{ "wwn=0x5", TAGS, 0 },
		{ "SERIAL=\"\"", "a value after the tag", 0 },
		{ "/dev/", "a value after the tag", 0 },
		{ "SERIAL=\"a", QUOTES, 0 },
		{ "SERIAL=\"", QUOTES, 0 },
		{ "SERIAL=a\"", QUOTES, 0 },
		{ "SERIAL=\"a\"b\"", QUOTES, 0 },
		{ "SERIAL=\"a|SERIAL=b", QUOTES, 0 },
		{ "SERIAL=a|", TAGS, 9 },
		{ "|SERIAL=a", TAGS, 0 },
		{ "SERIAL=a | | SERIAL=b", TAGS, 11 },
		{ "SERIAL=a |  LABEL=", "a value after the tag", 12 },
		{ "/dev/disk/by-label/x",
		  "LABEL=, UUID=, PARTLABEL= or PARTUUID= in place of /dev/disk/by-...", 0 },
		{ "/dev/mapper/x", "the kernel's name of a disk, as /dev/vda", 0 },
		{ "SERIAL=1|SERIAL=2|SERIAL=3|SERIAL=4|SERIAL=5", "at most 4 selectors", 36 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct source source = { .count = 4711 };
		const char *expected;
		size_t at;
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		if (source_parse(text, fresh_arena(), &source, &expected, &at) != -EINVAL)
			fail_msg("%s was taken", rows[i].text);
		free((char *)text.at);
		assert_string_equal(expected, rows[i].expected);
		if (at != rows[i].at)
			fail_msg("%s: at %zu", rows[i].text, at);
		assert_int_equal(source.count, 4711);
	}
}

static void no_memory_is_told(void **state)
{
	static const char text[] = "SERIAL=abc | LABEL=def";
	const size_t enough = sizeof(text) + 4 + 4;

	(void)state;
	for (size_t size = 0; size <= enough; size++) {
		struct source source = { .count = 4711 };
		struct arena a;
		const char *expected;
		size_t at;
		arena_start(&a, scene.memory, size);
		int r = source_parse(slice_of(text), &a, &source, &expected, &at);
		assert_int_equal(r, size < enough ? -ENOMEM : 0);
		assert_int_equal(source.count, size < enough ? 4711 : 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed),
		cmocka_unit_test(malformed),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
