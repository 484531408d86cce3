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
		[SECTION_START] = "version, union, redirect, domain, set, set-version",
		[SECTION_LAYER] =
			"source, type, image, subdir, options, required, timeout, "
			"identity, kernel, base-mismatch, whiteouts, trust, only, protect, verity, "
			"verity-hash-source, verity-hash-offset, verity-data-size, "
			"verity-block-size, verity-hash-block-size, verity-salt, "
			"verity-algorithm, on-corruption",
		[SECTION_TOP] = "type, size, nr-inodes, source, subdir, format, fsck, grow, "
				"on-system-change",
		[SECTION_BIND] = "source, subdir, format, fsck, grow, paths",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(lists); i++) {
		struct builder b;
		builder_start(&b, scene.words, sizeof(scene.words));
		key_list((enum section)i, &b);
		assert_string_equal(scene.words, lists[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_belong_to_their_section),
		cmocka_unit_test(keys_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
