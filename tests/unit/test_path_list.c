#include "check.h"

#include <errno.h>

#include "path_list.h"

/* The list, with | between its words. */
static const char *joined(const char *const *list, size_t count)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	for (size_t i = 0; i < count; i++)
		builder_addf(&b, "%s%s", i ? "|" : "", list[i]);
	return scene.words;
}

static void lists_of_paths(void **state)
{
	static const struct {
		const char *text, *list; /* NULL: refused */
		size_t at;
	} rows[] = {
		{ "/a", "/a", 0 },
		{ "/", "/", 0 },
		{ " /a\t /b/c ", "/a|/b/c", 0 },
		{ "\"/a b\" /c", "/a b|/c", 0 },
		{ "/c \"/a\"", "/c|/a", 0 },
		{ "/a\"b", "/a\"b", 0 },
		{ "/a/.b/..c", "/a/.b/..c", 0 },
		{ "", NULL, 0 },
		{ "  \t", NULL, 0 },
		{ "a", NULL, 0 },
		{ "/a b", NULL, 3 },
		{ "/a  //", NULL, 4 },
		{ "/a/", NULL, 0 },
		{ "/a//b", NULL, 0 },
		{ "/.", NULL, 0 },
		{ "/a/..", NULL, 0 },
		{ "/a \"\"", NULL, 4 },
		/* quotes that are not closed, and words that go on behind them */
		{ "\"", NULL, 1 },
		{ "\"/a", NULL, 1 },
		{ "/b \"/a /c", NULL, 4 },
		{ "\"/a\"b", NULL, 1 },
		{ "\"/a\"\"/b\"", NULL, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		const char *const *list = NULL;
		size_t count = 4711, at;
		int r = path_list_parse(text, fresh_arena(), &list, &count, &at);
		free((char *)text.at);
		if (r != (rows[i].list ? 0 : -EINVAL))
			fail_msg("%s: %d", rows[i].text, r);
		if (r == 0 && strcmp(joined(list, count), rows[i].list) != 0)
			fail_msg("%s: %s", rows[i].text, joined(list, count));
		if (r < 0 && (list || count != 4711 || at != rows[i].at))
			fail_msg("%s: at %zu", rows[i].text, at);
	}
}

static void words(void **state)
{
	static const struct {
		const char *text, *list;
	} rows[] = {
		{ "6.1.0-1-amd64", "6.1.0-1-amd64" },
		{ "a \"b c\"\t/d", "a|b c|/d" },
		{ "", NULL },
		{ "\"\"", NULL },
		{ "a \"b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *const *list;
		size_t count;
		int r = words_parse(slice_of(rows[i].text), fresh_arena(), &list, &count);
		assert_int_equal(r, rows[i].list ? 0 : -EINVAL);
		if (r == 0)
			assert_string_equal(joined(list, count), rows[i].list);
	}
}

static void one_path_below(void **state)
{
	static const struct {
		const char *text, *plain, *glob; /* NULL: refused */
	} rows[] = {
		{ "a", "a", "a" },
		{ "/a/b c", "a/b c", "a/b c" },
		{ "a/*.img", NULL, "a/*.img" },
		{ "[0-9]?", NULL, "[0-9]?" },
		{ "a*/b", NULL, NULL },
		{ "a?/b*", NULL, NULL },
		{ "", NULL, NULL },
		{ "/", NULL, NULL },
		{ "//a", NULL, NULL },
		{ "a/", NULL, NULL },
		{ "..", NULL, NULL },
		{ "a/./b", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (int glob = 0; glob < 2; glob++) {
			const char *expected = glob ? rows[i].glob : rows[i].plain, *path = NULL;
			struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
			int r = path_below_parse(text, glob, fresh_arena(), &path);
			free((char *)text.at);
			if (r != (expected ? 0 : -EINVAL))
				fail_msg("%s: %d", rows[i].text, r);
			if (r == 0)
				assert_string_equal(path, expected);
			else
				assert_null(path);
		}
}

static void matches(void **state)
{
	static const struct {
		const char *glob, *path;
		bool matches;
	} rows[] = {
		{ "a.img", "a.img", true },    { "a.img", "b.img", false },
		{ "*.img", "a.img", true },    { "*.img", ".img", false }, /* as a shell does it */
		{ ".*", ".img", true },        { "*.img", "d/a.img", false },
		{ "d/*.img", "a.img", false }, { "d/*", "d/a", true },
		{ "d/*", "e/a", false },       { "d/*", "d/e/a", false },
		{ "d/e/*", "d/e/a", true },    { "[0-9]?-x", "10-x", true },
		{ "[0-9]?-x", "1-x", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (path_matches(rows[i].glob, rows[i].path) != rows[i].matches)
			fail_msg("%s %s", rows[i].glob, rows[i].path);
	assert_true(path_is_glob("a*"));
	assert_true(path_is_glob("?"));
	assert_true(path_is_glob("a/[b]"));
	assert_false(path_is_glob("a/b"));
}

static void order_of_versions(void **state)
{
	static const char *const order[] = { "1-a", "2", "2-a", "9", "10-a", "10-b", "100", "a1" };

	(void)state;
	for (size_t i = 0; i < ROWS(order); i++)
		for (size_t k = 0; k < ROWS(order); k++) {
			int r = path_compare_versions(order[i], order[k]);
			assert_int_equal((r > 0) - (r < 0), (i > k) - (i < k));
		}
}

static void no_memory_is_told(void **state)
{
	static const char text[] = "/abc /def";
	size_t size = 0;
	int r = -1;

	(void)state;
	for (; r < 0 && size < 256; size++) {
		const char *const *list;
		size_t count, at;
		struct arena a;
		arena_start(&a, scene.memory, size);
		r = path_list_parse(slice_of(text), &a, &list, &count, &at);
		assert_true(r == 0 || r == -ENOMEM);
	}
	assert_int_equal(r, 0);
	assert_true(size > 2 * sizeof(char *) + 10);
	for (size_t i = 0; i <= 2; i++) {
		const char *path;
		struct arena a;
		arena_start(&a, scene.memory, i);
		assert_int_equal(path_below_parse(slice_of("/a"), false, &a, &path),
				 i < 2 ? -ENOMEM : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_paths),    cmocka_unit_test(words),
		cmocka_unit_test(one_path_below),    cmocka_unit_test(matches),
		cmocka_unit_test(order_of_versions), cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
