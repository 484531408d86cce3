#include "check.h"

#include "manifest_sections.h"

static void names(void **state)
{
	static const char *const good[] = { "a",   "Z",     "0",
					    "a.b", "a_b-c", "a12345678901234567890123456789012",
					    "Top", "top2",  "top.1" };
	static const char *const bad[] = { "", ".", "..", "-", "_a", ".a", "a/", "a b", "a,",
					   "a:", "a\\", "a\n", "a\xc3\xa4",
					   /* what the volume of the top is called */
					   "top" };

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

static void binds_are_added_and_found(void **state)
{
	struct arena *a = fresh_arena();
	struct manifest *m = &scene.manifest;

	(void)state;
	m->binds_count = 0;
	assert_null(bind_find(m, slice_of("a")));
	struct bind *b = bind_add(m, slice_of("a"), a);
	assert_ptr_equal(bind_find(m, slice_of("a")), b);
	assert_null(bind_find(m, slice_of("ab")));
	assert_int_equal(b->paths_count, 0);
	a->size = a->used;
	assert_null(bind_add(m, slice_of("b"), a));
	assert_int_equal(m->binds_count, 1);
	fresh_arena();
	m->binds_count = MANIFEST_BINDS_MAX;
	assert_null(bind_add(m, slice_of("b"), a));
	assert_int_equal(m->binds_count, MANIFEST_BINDS_MAX);
}

static void what_contradicts_itself(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "union = unionfs\n[layer a]\nsource = SERIAL=a\nwhiteouts = overlay\n", NULL },
		{ "union = unionfs\n[layer a]\nsource = SERIAL=a\n[layer b]\nsource = SERIAL=b\n"
		  "whiteouts = wh\n",
		  "whiteouts = wh and xattr need union = overlay, or aufs for wh" },
		{ "union = unionfs\n[layer a]\nsource = SERIAL=a\nwhiteouts = xattr\n",
		  "whiteouts = wh and xattr need union = overlay, or aufs for wh" },
		{ "union = aufs\n[layer a]\nsource = SERIAL=a\nwhiteouts = wh\n", NULL },
		{ "union = aufs\n[layer a]\nsource = SERIAL=a\nwhiteouts = xattr\n",
		  "whiteouts = wh and xattr need union = overlay, or aufs for wh" },
		{ "[layer a]\nsource = SERIAL=a\nwhiteouts = xattr\n", NULL },
		{ "[layer a]\nsource = SERIAL=a\nimage = d/a.sb\nprotect = /p\n", NULL },
		{ "[layer a]\nsource = SERIAL=a\nimage = d/*.sb\n", NULL },
		{ "[layer a]\nsource = SERIAL=a\n[layer b]\nsource = SERIAL=b\n"
		  "image = d/*.sb\nprotect = /p\n",
		  "protect needs an image that is one file, not a glob" },
		{ "redirect = off\n[layer a]\nsource = SERIAL=a\ntrust = untrusted\n", NULL },
		{ "redirect = on\n[layer a]\nsource = SERIAL=a\n", NULL },
		{ "redirect = on\n[layer a]\nsource = SERIAL=a\n[layer b]\nsource = SERIAL=b\n"
		  "trust = untrusted\n",
		  "redirect = on needs layers that are all trusted" },
		{ "redirect = on\nunion = aufs\n[layer a]\nsource = SERIAL=a\n",
		  "redirect = on needs union = overlay and a top of type = tmpfs" },
		{ "redirect = on\n[layer a]\nsource = SERIAL=a\n[top]\ntype = none\n",
		  "redirect = on needs union = overlay and a top of type = tmpfs" },
		{ "redirect = on\n[layer a]\nsource = SERIAL=a\n[top]\ntype = disk\n"
		  "source = LABEL=x\n",
		  "redirect = on needs union = overlay and a top of type = tmpfs" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[256] = "version = 1\n";
		strcat(text, rows[i].text);
		fresh_arena();
		const char *problem = manifest_contradiction(given_manifest(text));
		if (!problem != !rows[i].problem ||
		    (problem && strcmp(problem, rows[i].problem) != 0))
			fail_msg("row %zu: %s", i, problem ? problem : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(layers_are_added_and_found),
		cmocka_unit_test(binds_are_added_and_found),
		cmocka_unit_test(what_contradicts_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
