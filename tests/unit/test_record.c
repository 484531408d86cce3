#include "check.h"

#include <errno.h>

#include "record.h"

struct thing {
	char name[8];
	uint64_t size;
	bool flag;
	int number;
	char last[4];
};

static const struct field fields[] = {
	{ "NAME", FIELD_TEXT, offsetof(struct thing, name), 8 },
	{ "SIZE", FIELD_SIZE, offsetof(struct thing, size), 0 },
	{ "FLAG", FIELD_FLAG, offsetof(struct thing, flag), 0 },
	{ "NUMBER", FIELD_NUMBER, offsetof(struct thing, number), 99 },
	{ "LAST", FIELD_TEXT, offsetof(struct thing, last), 4 },
};

static void pairs_come_back(void **state)
{
	static const struct {
		struct thing thing;
		const char *text;
	} rows[] = {
		{ { .size = 0 }, "SIZE=\"0\"" },
		{ { .name = "a", .size = 7, .flag = true, .number = 99, .last = "xyz" },
		  "NAME=\"a\" SIZE=\"7\" FLAG=\"1\" NUMBER=\"99\" LAST=\"xyz\"" },
		{ { .size = UINT64_MAX, .last = "\"" },
		  "SIZE=\"18446744073709551615\" LAST=\"\\x22\"" },
		{ { .name = "\x01\xff\\" }, "NAME=\"\\x01\\xff\\x5c\" SIZE=\"0\"" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct thing again = { 0 };
		struct builder b;
		builder_start(&b, scene.words, sizeof(scene.words));
		record_print(&rows[i].thing, fields, ROWS(fields), &b);
		assert_string_equal(scene.words, rows[i].text);
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		assert_int_equal(record_parse(text, fields, ROWS(fields), &again), 0);
		free((char *)text.at);
		assert_string_equal(again.name, rows[i].thing.name);
		assert_true(again.size == rows[i].thing.size);
		assert_int_equal(again.flag, rows[i].thing.flag);
		assert_int_equal(again.number, rows[i].thing.number);
		assert_string_equal(again.last, rows[i].thing.last);
	}
}

static void what_is_taken(void **state)
{
	static const struct {
		const char *text;
		int result;
	} rows[] = {
		{ "", 0 },
		{ "  ", 0 },
		{ "NAME=\"\"", 0 },
		{ "NAME=\"a\"NAME=\"b\"", 0 },
		{ "FLAG=\"0\" NUMBER=\"0\"", 0 },
		{ "LAST=\"xyz\"", 0 },
		{ "LAST=\"wxyz\"", -EINVAL }, /* no room for the end */
		{ "NUMBER=\"100\"", -EINVAL },
		{ "NUMBER=\"-1\"", -EINVAL },
		{ "FLAG=\"2\"", -EINVAL },
		{ "OTHER=\"1\"", -EINVAL },
		{ "NAME", -EINVAL },
		{ "NAME=", -EINVAL },
		{ "NAME=\"", -EINVAL },
		{ "NAME=\"a", -EINVAL },
		{ "NAME=a\"\"", -EINVAL },
		{ "NAME=\"a\" x", -EINVAL },
		{ "NAME=\"\\x0\"", -EINVAL },
		{ "NAME=\"\\x00\"", -EINVAL },
		{ "NAME=\"\\n00\"", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct thing t = { 0 };
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		if (record_parse(text, fields, ROWS(fields), &t) != rows[i].result)
			fail_msg("%s", rows[i].text);
		free((char *)text.at);
	}
}

static void lines_are_known_by_their_first_key(void **state)
{
	(void)state;
	assert_true(record_is(slice_of(" STEP=\"1\""), "STEP"));
	assert_true(record_is(slice_of("STEP="), "STEP"));
	assert_false(record_is(slice_of("STEPS=\"1\""), "STEP"));
	assert_false(record_is(slice_of("STEP"), "STEP"));
	assert_false(record_is(slice_of("A=\"\" STEP=\"1\""), "STEP"));
	assert_false(record_is(slice_of(""), "STEP"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_come_back),
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(lines_are_known_by_their_first_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
