#include "check.h"

#include <wchar.h>

#include "arena.h"

static void what_is_given_is_zeroed_aligned_and_apart(void **state)
{
	struct arena *a = fresh_arena();

	(void)state;
	memset(scene.memory, 0xff, sizeof(scene.memory));
	char *first = arena_alloc(a, 3);
	char *text = arena_copy(a, (struct slice){ .at = "abcdef", .len = 3 });
	char *second = arena_alloc(a, 100);
	char *formatted = arena_printf(a, "%s-%d", "x", 7);
	assert_non_null(first);
	assert_string_equal(text, "abc");
	assert_string_equal(formatted, "x-7");
	assert_int_equal((uintptr_t)first % _Alignof(max_align_t), 0);
	assert_int_equal((uintptr_t)second % _Alignof(max_align_t), 0);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(second[i], 0);
	assert_true(second >= text + 4 && formatted >= second + 100);
}

static void a_misaligned_start_is_aligned(void **state)
{
	struct arena a;

	(void)state;
	arena_start(&a, scene.memory + 1, 64);
	char *at = arena_alloc(&a, 1);
	assert_non_null(at);
	assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
}

static void nothing_is_written_past_the_end(void **state)
{
	(void)state;
	for (size_t size = 0; size < 64; size++) {
		char *memory = malloc(size ? size : 1);
		struct arena a;
		assert_non_null(memory);
		arena_start(&a, memory, size);
		assert_int_equal(arena_copy(&a, slice_of("seven77")) != NULL, size >= 8);
		arena_start(&a, memory, size);
		assert_int_equal(arena_printf(&a, "%s", "seven77") != NULL, size >= 8);
		arena_start(&a, memory, size);
		assert_int_equal(arena_alloc(&a, 16) != NULL, size >= 16);
		size_t used = a.used;
		assert_null(arena_alloc(&a, 64));
		assert_int_equal(a.used, used);
		free(memory);
	}
}

static void sizes_do_not_wrap(void **state)
{
	struct arena *a = fresh_arena();

	(void)state;
	assert_non_null(arena_copy(a, slice_of("x")));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 7));
	assert_null(arena_copy(a, (struct slice){ .at = "x", .len = SIZE_MAX }));
	assert_null(arena_copy(a, (struct slice){ .at = "x", .len = SIZE_MAX - 1 }));
}

static void a_failing_format_gives_nothing(void **state)
{
	(void)state;
	assert_null(arena_printf(fresh_arena(), "%lc", (wint_t)0x20ac));
	assert_int_equal(scene.arena.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_is_zeroed_aligned_and_apart),
		cmocka_unit_test(a_misaligned_start_is_aligned),
		cmocka_unit_test(nothing_is_written_past_the_end),
		cmocka_unit_test(sizes_do_not_wrap),
		cmocka_unit_test(a_failing_format_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
