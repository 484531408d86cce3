#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <wchar.h>

#include "text.h"

static void slices_compare_and_trim(void **state)
{
	(void)state;
	assert_true(slice_is(slice_of("abc"), "abc"));
	assert_false(slice_is(slice_of("abcd"), "abc"));
	assert_false(slice_is(slice_of("ab"), "abc"));
	assert_true(slice_is(slice_of(""), ""));
	assert_true(slice_starts(slice_of("abc"), "ab"));
	assert_true(slice_starts(slice_of("abc"), ""));
	assert_false(slice_starts(slice_of("a"), "ab"));
	assert_false(slice_starts(slice_of("xbc"), "ab"));
	assert_true(slice_is(slice_trim(slice_of(" \t a b \t")), "a b"));
	assert_int_equal(slice_trim(slice_of(" \t ")).len, 0);
	assert_true(slice_is(slice_trim(slice_of("\na\r")), "\na\r"));
}

static void next_takes_every_part(void **state)
{
	struct slice rest = slice_of("a,,bc,"), head;

	(void)state;
	assert_true(slice_next(&rest, ',', &head) && slice_is(head, "a"));
	assert_true(slice_next(&rest, ',', &head) && slice_is(head, ""));
	assert_true(slice_next(&rest, ',', &head) && slice_is(head, "bc"));
	assert_true(slice_next(&rest, ',', &head) && slice_is(head, ""));
	assert_false(slice_next(&rest, ',', &head));
	rest = slice_of("");
	assert_true(slice_next(&rest, ',', &head) && head.len == 0);
	assert_false(slice_next(&rest, ',', &head));
}

/* Unicode 15, table 3-7: what is well-formed, and the neighbours that are not. */
static void utf8_is_checked(void **state)
{
	static const struct {
		const char *text;
		size_t len, end;
	} rows[] = {
		{ "", 0, 0 },
		{ "plain\n", 6, 6 },
		{ "a\0b", 3, 1 },
		{ "\x7f", 1, 1 },
		{ "\x80", 1, 0 },
		{ "\xc1\xbf", 2, 0 },
		{ "\xc2\x80", 2, 2 },
		{ "\xc2\x7f", 2, 0 },
		{ "\xdf\xbf", 2, 2 },
		{ "\xc3", 1, 0 },
		{ "ab\xc3", 3, 2 },
		{ "\xe0\x9f\xbf", 3, 0 },
		{ "\xe0\xa0\x80", 3, 3 },
		{ "\xe1\x80\x80", 3, 3 },
		{ "\xe1\x80", 2, 0 },
		{ "\xe1\x80\x7f", 3, 0 },
		{ "\xe1\x80\xc0", 3, 0 },
		{ "\xed\x9f\xbf", 3, 3 },
		{ "\xed\xa0\x80", 3, 0 }, /* a surrogate */
		{ "\xee\x80\x80", 3, 3 },
		{ "\xef\xbf\xbf", 3, 3 },
		{ "\xf0\x8f\xbf\xbf", 4, 0 },
		{ "\xf0\x90\x80\x80", 4, 4 },
		{ "\xf1\x80\x80\x80", 4, 4 },
		{ "\xf1\x80\x80", 3, 0 },
		{ "\xf3\xbf\xbf\xbf", 4, 4 },
		{ "\xf4\x8f\xbf\xbf", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 },
		{ "\xf5\x80\x80\x80", 4, 0 },
		{ "\xfe", 1, 0 },
		{ "\xff", 1, 0 },
		{ "gr\xc3\xbc\xc3\x9f dich", 11, 11 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice s = exact_copy(rows[i].text, rows[i].len);
		if (slice_utf8_end(s) != rows[i].end)
			fail_msg("row %zu: %zu", i, slice_utf8_end(s));
		free((char *)s.at);
	}
}

static void builder_is_bounded_at_every_size(void **state)
{
	static const char whole[] = "one two 3 \\x0afour 75 MiB 10 s";

	(void)state;
	for (size_t size = 1; size < sizeof(whole) + 3; size++) {
		char *memory = malloc(size);
		struct builder b;
		assert_non_null(memory);
		builder_start(&b, memory, size);
		builder_add(&b, "one ");
		builder_add_slice(&b, (struct slice){ .at = "two three", .len = 4 });
		builder_addf(&b, "%d ", 3);
		builder_add_escaped(&b, "\nfour", "");
		builder_add(&b, " ");
		builder_add_bytes(&b, 75 << 20);
		builder_add(&b, " ");
		builder_add_duration(&b, 10000);
		assert_true(b.len < size);
		assert_int_equal(strlen(memory), b.len);
		assert_int_equal(b.overflow, size < sizeof(whole));
		if (!b.overflow)
			assert_string_equal(memory, whole);
		free(memory);
	}
}

static void builder_survives_a_failing_format(void **state)
{
	char memory[32];
	struct builder b;

	(void)state;
	builder_start(&b, memory, sizeof(memory));
	builder_add(&b, "kept");
	/* EILSEQ: no wide character of the C locale. */
	builder_addf(&b, "%lc", (wint_t)0x20ac);
	assert_true(b.overflow);
	assert_string_equal(memory, "kept");
}

/* As the library prints them, also where its turn comes in between. */
static void formats(void **state)
{
	char text[160], expected[160];

	(void)state;
#define SAME(...)                                                        \
	do {                                                             \
		text_print(text, sizeof(text), __VA_ARGS__);             \
		(void)snprintf(expected, sizeof(expected), __VA_ARGS__); \
		assert_string_equal(text, expected);                     \
	} while (0)
	SAME("plain");
	SAME("%s", "");
	SAME("%s and %s.", "a", "b");
	SAME("%d %d %d", 0, INT_MIN, INT_MAX);
	SAME("%u %u", 0U, UINT_MAX);
	SAME("%zu", SIZE_MAX);
	SAME("%s %llu %s %d", "a", 18446744073709551615ULL, "b", -1);
	SAME("100%% of %d", 7);
	SAME("%lld %lld %ld", LLONG_MIN, LLONG_MAX, 5L);
	SAME("%lu %ld %lu %lx", ULONG_MAX, LONG_MIN, 0UL, 255L);
	SAME("%d%s%04o%s", 1, "-", 7U, "-");
	SAME("%.*s|%s", 2, "abc", "d");
	SAME("%zd %zu", (ssize_t)-5, (size_t)5);
#undef SAME
	text_print(text, 4, "%s", "abcd");
	assert_string_equal(text, "abc");
	text_print(text, 4, "%u", 12345U);
	assert_string_equal(text, "123");
}

static void escapes(void **state)
{
	char memory[64];
	struct builder b;

	(void)state;
	builder_start(&b, memory, sizeof(memory));
	builder_add_escaped(&b, "a b~\"|\\\x7f\x1f\xc3\xa9", "\"|");
	assert_string_equal(memory, "a b~\\x22\\x7c\\x5c\\x7f\\x1f\\xc3\\xa9");
}

static void bytes_are_rounded_for_readers(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 bytes" },
		{ 512, "512 bytes" },
		{ 1023, "1023 bytes" },
		{ 1024, "1 KiB" },
		{ 1536, "1536 bytes" },
		{ 10240, "10 KiB" },
		{ 10241, "10 KiB" },
		{ 75ULL << 20, "75 MiB" },
		{ (75ULL << 20) + 4096, "75 MiB" },
		{ 1048575, "1 MiB" },
		{ 9728ULL << 20, "9728 MiB" },
		{ 1ULL << 40, "1 TiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char memory[32];
	struct builder b;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		builder_start(&b, memory, sizeof(memory));
		builder_add_bytes(&b, rows[i].bytes);
		assert_string_equal(memory, rows[i].text);
	}
	builder_start(&b, memory, sizeof(memory));
	builder_add_duration(&b, 250);
	builder_add(&b, ", ");
	builder_add_duration(&b, 0);
	builder_add(&b, ", ");
	builder_add_duration(&b, 86400000);
	assert_string_equal(memory, "250 ms, 0 s, 86400 s");
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "1", 0, -ERANGE, 0 },
		{ "10", 10, 0, 10 },
		{ "11", 10, -ERANGE, 0 },
		{ "9", 5, -ERANGE, 0 },
		{ "0000000000000000000000000000007", 7, 0, 7 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999", UINT64_MAX, -ERANGE, 0 },
		{ "", 9, -EINVAL, 0 },
		{ "-1", 9, -EINVAL, 0 },
		{ "+1", 9, -EINVAL, 0 },
		{ " 1", 9, -EINVAL, 0 },
		{ "1 ", 9, -EINVAL, 0 },
		{ "0x1", 9, -EINVAL, 0 },
		{ "999999999999999999999a", 9, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t value = 4711;
		assert_int_equal(text_number(slice_of(rows[i].text), rows[i].max, &value),
				 rows[i].result);
		assert_int_equal(value, rows[i].result < 0 ? 4711 : rows[i].value);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t ms;
	} rows[] = {
		{ "10", 0, 10000 },
		{ "10s", 0, 10000 },
		{ "500ms", 0, 500 },
		{ "2min", 0, 120000 },
		{ "0", 0, 0 },
		{ "86400", 0, 86400000 },
		{ "86401", -ERANGE, 0 },
		{ "86400001ms", -ERANGE, 0 },
		{ "1440min", 0, 86400000 },
		{ "1441min", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "ms", -EINVAL, 0 },
		{ "min", -EINVAL, 0 },
		{ "1h", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1ss", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t ms = 4711;
		if (text_duration(slice_of(rows[i].text), &ms) != rows[i].result ||
		    ms != (rows[i].result < 0 ? 4711 : rows[i].ms))
			fail_msg("%s: %lld", rows[i].text, (long long)ms);
	}
}

static void tmpfs_sizes(void **state)
{
	static const struct {
		const char *text;
		bool size, number; /* with and without % */
	} rows[] = {
		{ "50%", true, false },
		{ "100%", true, false },
		{ "101%", false, false },
		{ "%", false, false },
		{ "50%%", false, false },
		{ "512m", true, true },
		{ "512M", true, true },
		{ "1g", true, true },
		{ "2T", true, true },
		{ "100k", true, true },
		{ "1p", true, true },
		{ "1E", true, true },
		{ "4096", true, true },
		{ "k", false, false },
		{ "", false, false },
		{ "1kb", false, false },
		{ "-1", false, false },
		{ "1,size=2", false, false },
		{ "99999999999999999999", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (text_is_tmpfs_size(slice_of(rows[i].text), true) != rows[i].size ||
		    text_is_tmpfs_size(slice_of(rows[i].text), false) != rows[i].number)
			fail_msg("%s", rows[i].text);
	assert_false(text_is_tmpfs_size((struct slice){ .at = "10", .len = 3 }, true));
}

static void case_is_ignored_for_letters_only(void **state)
{
	(void)state;
	assert_true(text_equal_nocase("0Fc9-AZ", "0fC9-az"));
	assert_true(text_equal_nocase("", ""));
	assert_false(text_equal_nocase("abc", "abcd"));
	assert_false(text_equal_nocase("abcd", "abc"));
	assert_false(text_equal_nocase("", "a"));
	assert_false(text_equal_nocase("@", "`"));
	assert_false(text_equal_nocase("[", "{"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare_and_trim),
		cmocka_unit_test(next_takes_every_part),
		cmocka_unit_test(utf8_is_checked),
		cmocka_unit_test(builder_is_bounded_at_every_size),
		cmocka_unit_test(builder_survives_a_failing_format),
		cmocka_unit_test(formats),
		cmocka_unit_test(escapes),
		cmocka_unit_test(bytes_are_rounded_for_readers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations),
		cmocka_unit_test(tmpfs_sizes),
		cmocka_unit_test(case_is_ignored_for_letters_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
