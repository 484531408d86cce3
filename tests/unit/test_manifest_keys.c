#include "check.h"

#include "manifest_keys.h"

static void keys_belong_to_their_section(void **state)
{
	const struct key *layer_type = key_find(SECTION_LAYER, slice_of("type"));
	const struct key *top_type = key_find(SECTION_TOP, slice_of("type"));

	(void)state;
	assert_non_null(layer_type);
	assert_non_null(top_type);
	assert_true(key_index(layer_type) != key_index(top_type));
	assert_true(key_index(layer_type) < MANIFEST_KEYS_MAX);
	assert_null(key_find(SECTION_START, slice_of("type")));
	assert_null(key_find(SECTION_TOP, slice_of("typ")));
	assert_null(key_find(SECTION_TOP, slice_of("types")));
	assert_null(key_find(SECTION_TOP, slice_of("")));
}

static void keys_are_listed(void **state)
{
	static const char *const lists[] = {
		[SECTION_START] = "version, union",
		[SECTION_LAYER] = "source, type, options, required, timeout",
		[SECTION_TOP] = "type, size, nr-inodes",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(lists); i++) {
		struct builder b;
		builder_start(&b, scene.words, sizeof(scene.words));
		key_list((enum section)i, &b);
		assert_string_equal(scene.words, lists[i]);
	}
}

static void names(void **state)
{
	static const char *const good[] = { "a",   "Z",     "0",
					    "a.b", "a_b-c", "a12345678901234567890123456789012" };
	static const char *const bad[] = { "",    ".",  "..", "-",   "_a",  ".a",       "a/",
					   "a b", "a,", "a:", "a\\", "a\n", "a\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < ROWS(good); i++)
		assert_true(layer_name_valid((struct slice){
			.at = good[i], .len = strlen(good[i]) > 32 ? 32 : strlen(good[i]) }));
	for (size_t i = 0; i < ROWS(bad); i++)
		if (layer_name_valid(slice_of(bad[i])))
			fail_msg("%s", bad[i]);
	assert_false(layer_name_valid(slice_of(good[5])));
	assert_false(layer_name_valid((struct slice){ .at = "a\0b", .len = 3 }));
}

static void layers_are_added_and_found(void **state)
{
	struct arena *a = fresh_arena();
	struct manifest *m = &scene.manifest;

	(void)state;
	m->layers_count = 0;
	assert_null(layer_find(m, slice_of("a")));
	struct layer *l = layer_add(m, slice_of("a"), a);
	assert_ptr_equal(layer_find(m, slice_of("a")), l);
	assert_null(layer_find(m, slice_of("ab")));
	assert_true(l->timeout_ms < 0);
	assert_int_equal(l->source.count, 0);
	a->size = a->used;
	assert_null(layer_add(m, slice_of("b"), a));
	assert_int_equal(m->layers_count, 1);
	fresh_arena();
	m->layers_count = MANIFEST_LAYERS_MAX;
	assert_null(layer_add(m, slice_of("b"), a));
	assert_int_equal(m->layers_count, MANIFEST_LAYERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_belong_to_their_section),
		cmocka_unit_test(keys_are_listed),
		cmocka_unit_test(names),
		cmocka_unit_test(layers_are_added_and_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
