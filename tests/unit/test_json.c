#include "check.h"

#include <errno.h>

#include "json.h"

static struct builder out;

static struct builder *fresh(void)
{
	builder_start(&out, scene.words, sizeof(scene.words));
	return &out;
}

static struct slice given(const char *text)
{
	struct slice value;

	if (json_parse(slice_of(text), &value) < 0)
		fail_msg("refused: %s", text);
	return value;
}

static void writer_puts_commas_where_they_belong(void **state)
{
	struct builder *b = fresh();

	(void)state;
	json_open(b, "{");
	json_member_string(b, "a", "x,{");
	json_member_string(b, "none", NULL);
	json_member_number(b, "n", -5);
	json_key(b, "list");
	json_open(b, "[");
	json_number(b, INT64_MIN);
	json_number(b, INT64_MAX);
	json_bool(b, true);
	json_bool(b, false);
	json_open(b, "[");
	json_close(b, "]");
	json_open(b, "{");
	json_close(b, "}");
	json_raw(b, slice_of("[1]"));
	json_close(b, "]");
	json_key(b, "last");
	json_string(b, "");
	json_close(b, "}");
	assert_string_equal(
		b->at, "{\"a\":\"x,{\",\"none\":null,\"n\":-5,"
		       "\"list\":[-9223372036854775808,9223372036854775807,true,false,[],{},[1]],"
		       "\"last\":\"\"}");
	(void)given(b->at);
}

static void writer_escapes(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *json;
	} rows[] = {
		{ "", 0, "\"\"" },
		{ "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"" },
		{ "\n\t\r\x01\x1f\x7f", 6, "\"\\n\\t\\u000d\\u0001\\u001f\x7f\"" },
		{ "\xc3\xbc\xf0\x9f\x90\xa7", 6, "\"\xc3\xbc\xf0\x9f\x90\xa7\"" },
		{ "a\xff", 2, "\"a\\ufffd\"" },
		{ "\xc3\xc3\xbc\xed\xa0\x80", 6, "\"\\ufffd\xc3\xbc\\ufffd\\ufffd\\ufffd\"" },
		{ "a\0b", 3, "\"a\\u0000b\"" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct builder *b = fresh();
		struct slice text = exact_copy(rows[i].text, rows[i].len);
		json_text(b, text);
		assert_string_equal(b->at, rows[i].json);
		free((void *)text.at);
	}
}

static void writer_is_bounded(void **state)
{
	char small[8];
	struct builder b;

	(void)state;
	builder_start(&b, small, sizeof(small));
	json_string(&b, "0123456789");
	assert_true(b.overflow);
	assert_string_equal(b.at, "\"012345");
}

static void well_formed_texts_are_taken(void **state)
{
	static const char *const rows[] = {
		"{}",
		"[]",
		" [ ] ",
		"0",
		"-0",
		"10",
		"1.5",
		"-1.5e+10",
		"1E5",
		"1e-5",
		"true",
		"false",
		"null",
		"\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fC\\ud800\"",
		"\"\xc3\xbc\x7f\"",
		"\t\r\n{ \"a\" : [ 1 , { } ] , \"b\" : null } \n",
		"[[[[1]],2]]",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i], strlen(rows[i])), value;
		if (json_parse(text, &value) < 0)
			fail_msg("refused: %s", rows[i]);
		assert_true(value.at >= text.at && value.len == slice_trim(value).len);
		free((void *)text.at);
	}
}

static void others_are_refused(void **state)
{
	static const char *const rows[] = {
		"",           " ",           "{",       "}",           "[",
		"]",          "[1",          "[1,",     "[1,]",        "[,1]",
		"[1 2]",      "[1]]",        "{\"a\"}", "{\"a\":}",    "{\"a\":1",
		"{\"a\":1,}", "{\"a\" 1}",   "{a:1}",   "{1:1}",       "{,}",
		"[}",         "{]",          "01",      "-",           "+1",
		".5",         "1.",          "1e",      "1e+",         "1.e5",
		"0x10",       "tru",         "True",    "nul",         "nullx",
		"\"",         "\"a",         "\"\\\"",  "\"\\",        "\"\\x\"",
		"\"\\u12\"",  "\"\\u12g4\"", "\"\\u",   "\"\\U0041\"", "\"\n\"",
		"\"\x01\"",   "\"\xff\"",    "'a'",     "1 1",         "\xef\xbb\xbf[]",
		"//",         "[1}",         "NaN",     "-Infinity",   "\v1",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i], strlen(rows[i]));
		struct slice value = { .at = rows[0], .len = 7 };
		if (json_parse(text, &value) != -EINVAL)
			fail_msg("taken: %s", rows[i]);
		assert_true(value.at == rows[0] && value.len == 7);
		free((void *)text.at);
	}
	struct slice nul = { .at = "[1\0]", .len = 4 }, ignored;
	assert_int_equal(json_parse(nul, &ignored), -EINVAL);
}

static void nesting_is_bounded(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3] = "";
	struct slice value;

	(void)state;
	for (size_t depth = 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(json_parse((struct slice){ .at = text, .len = 2 * depth }, &value),
				 depth <= JSON_DEPTH_MAX ? 0 : -EINVAL);
	}
	char *deep = malloc(1 << 20);
	assert_non_null(deep);
	memset(deep, '{', 1 << 20);
	for (size_t i = 1; i + 4 < 1 << 20; i += 5)
		memcpy(deep + i - 1, "{\"\":[", 5);
	assert_int_equal(json_parse((struct slice){ .at = deep, .len = 1 << 20 }, &value), -EINVAL);
	free(deep);
}

static void members_are_found(void **state)
{
	struct slice object = given(
			     "{ \"a\" : 1, \"b\":{\"a\":2}, \"\\u0063\\/\":[3], \"a\":4, \"\":5 }"),
		     value;
	struct slice untouched = { .at = "x", .len = 1 };

	(void)state;
	assert_true(json_member(object, "a", &value) && slice_is(value, "1"));
	assert_true(json_member(object, "b", &value) && slice_is(value, "{\"a\":2}"));
	assert_true(json_member(value, "a", &value) && slice_is(value, "2"));
	assert_true(json_member(object, "c/", &value) && slice_is(value, "[3]"));
	assert_true(json_member(object, "", &value) && slice_is(value, "5"));
	assert_false(json_member(object, "d", &untouched));
	assert_false(json_member(given("[1]"), "a", &untouched));
	assert_false(json_member(given("{}"), "a", &untouched));
	assert_false(json_member((struct slice){ 0 }, "a", &untouched));
	assert_true(slice_is(untouched, "x"));
}

static void arrays_are_walked(void **state)
{
	struct slice rest = json_array(given("[ 1 , [2,3] ,\"]\", {\"a\":[]} ]")), value;

	(void)state;
	assert_true(json_next(&rest, &value) && slice_is(value, "1"));
	assert_true(json_next(&rest, &value) && slice_is(value, "[2,3]"));
	assert_true(json_next(&rest, &value) && slice_is(value, "\"]\""));
	assert_true(json_next(&rest, &value) && slice_is(value, "{\"a\":[]}"));
	assert_false(json_next(&rest, &value));
	rest = json_array(given("[]"));
	assert_false(json_next(&rest, &value));
	rest = json_array(given("{\"a\":1}"));
	assert_false(json_next(&rest, &value));
}

/* Values that json_parse has not seen do no harm. */
static void broken_values_end_early(void **state)
{
	static const char *const rows[] = { "{",        "{\"a",      "{\"a\"", "{\"a\":",
					    "{\"b\":1", "{\"b\":1,", "[1",     "[",
					    "",         "\"\\u00",   "x" };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i], strlen(rows[i])), value,
			     rest = json_array(text);
		int64_t number;
		assert_false(json_member(text, "a", &value));
		while (json_next(&rest, &value))
			;
		assert_int_equal(json_integer(text, &number), -EINVAL);
		assert_int_equal(json_unescape(text, fresh()), -EINVAL);
		free((void *)text.at);
	}
}

static void integers(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t number;
	} rows[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "123", 0, 123 },
		{ "-123", 0, -123 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 7 },
		{ "-9223372036854775809", -ERANGE, 7 },
		{ "1.0", -EINVAL, 7 },
		{ "1e3", -EINVAL, 7 },
		{ "\"1\"", -EINVAL, 7 },
		{ "null", -EINVAL, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t number = 7;
		assert_int_equal(json_integer(given(rows[i].text), &number), rows[i].result);
		assert_true(number == rows[i].number);
	}
	assert_true(json_is_true(given("true")));
	assert_false(json_is_true(given("false")));
	assert_false(json_is_true(given("\"true\"")));
}

static void strings_are_unescaped(void **state)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{ "\"\"", "" },
		{ "\"plain \xc3\xbc\"", "plain \xc3\xbc" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00fc\\u20AC\\u07ff\\u0800\"",
		  "A\xc3\xbc\xe2\x82\xac\xdf\xbf\xe0\xa0\x80" },
		{ "\"\\ud83d\\udc27x\\uDBFF\\uDFFF\"", "\xf0\x9f\x90\xa7x\xf4\x8f\xbf\xbf" },
		{ "\"\\ud83d\"", "\xef\xbf\xbd" },
		{ "\"\\ud83dx\"", "\xef\xbf\xbdx" },
		{ "\"\\udc27\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
					"A" },
		{ "\"\\ud83d\\n\"", "\xef\xbf\xbd\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct builder *b = fresh();
		assert_int_equal(json_unescape(given(rows[i].json), b), 0);
		assert_string_equal(b->at, rows[i].text);
		assert_string_equal(json_copy(given(rows[i].json), fresh_arena()), rows[i].text);
	}
	assert_int_equal(json_unescape(given("\"a\\u0000\""), fresh()), -EINVAL);
	assert_int_equal(json_unescape(given("1"), fresh()), -EINVAL);
}

static void copies_need_room(void **state)
{
	static _Alignas(max_align_t) char memory[16];
	struct arena a;

	(void)state;
	arena_start(&a, memory, sizeof(memory));
	assert_null(json_copy(given("1"), &a));
	assert_int_equal(a.used, 0);
	assert_string_equal(json_copy(given("\"abc\""), &a), "abc");
	assert_int_equal(a.used, 4);
	assert_null(json_copy(given("\"0123456789\""), &a));
	assert_string_equal(json_copy(given("\"012345678\""), &a), "012345678");
}

static void what_is_written_is_read(void **state)
{
	char text[512], *copy;
	struct builder *b = fresh();

	(void)state;
	for (size_t i = 0; i < 255; i++)
		text[i] = (char)(i < 127 ? i + 1 : 'x');
	text[255] = '\0';
	json_string(b, text);
	copy = json_copy(given(b->at), fresh_arena());
	assert_string_equal(copy, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_puts_commas_where_they_belong),
		cmocka_unit_test(writer_escapes),
		cmocka_unit_test(writer_is_bounded),
		cmocka_unit_test(well_formed_texts_are_taken),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(arrays_are_walked),
		cmocka_unit_test(broken_values_end_early),
		cmocka_unit_test(integers),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(copies_need_room),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
