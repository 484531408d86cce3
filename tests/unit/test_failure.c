#include "check.h"

#include <stdio.h>

#include "failure.h"

static void every_kind_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < FAILURE_KINDS; i++) {
		const struct failure_word *w = failure_word((enum failure_kind)i);
		if (!w->word || !w->meaning || !w->next)
			fail_msg("kind %d", i);
		assert_true(strlen(w->word) > 0 && strlen(w->meaning) > 0);
		assert_true(i == FAILURE_NONE || strlen(w->next) > 0);
		for (const char *c = w->word; *c; c++)
			assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
				    *c == '-');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(w->word, failure_word((enum failure_kind)k)->word);
	}
}

static void lines_are_put_together(void **state)
{
	static const struct {
		const char *layer, *shown;
	} owners[] = {
		{ "top", "top: " },
		{ "bind x", "bind x: " },
		{ "bind top2", "bind top2: " },
		{ "top2", "layer \"top2\": " },
		{ "bind", "layer \"bind\": " },
		{ "binder", "layer \"binder\": " },
		{ "", "" },
	};
	struct failure f;

	(void)state;
	assert_int_equal(failure_set(&f, FAILURE_LAYER_READ, "user", "%s: %d", "vda", 5), -1);
	assert_int_equal(f.kind, FAILURE_LAYER_READ);
	assert_string_equal(failure_words(&f), "error[layer-read]: layer \"user\": vda: 5; "
					       "look for I/O errors of this disk on the host");
	/* the top and binds are no layers; what only looks like one of them is */
	for (size_t i = 0; i < ROWS(owners); i++) {
		char expected[128];
		(void)snprintf(expected, sizeof(expected), "error[limit]: %sfull; use less of it",
			       owners[i].shown);
		(void)failure_set(&f, FAILURE_LIMIT, owners[i].layer, "full");
		assert_string_equal(failure_words(&f), expected);
	}
	(void)failure_set(&f, FAILURE_LIMIT, NULL, "full");
	assert_string_equal(failure_words(&f), "error[limit]: full; use less of it");
	strcpy(f.next, "do this");
	assert_string_equal(failure_words(&f), "error[limit]: full; do this");
	(void)failure_set(&f, FAILURE_NONE, NULL, "x");
	assert_string_equal(failure_words(&f), "error[none]: x");
}

static void long_texts_are_cut(void **state)
{
	static char text[16000];
	struct failure f;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	(void)failure_set(&f, FAILURE_LIMIT, text, "%s", text);
	assert_int_equal(strlen(f.layer), sizeof(f.layer) - 1);
	assert_int_equal(strlen(f.text), sizeof(f.text) - 1);
	assert_string_equal(f.next, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_word_of_its_own),
		cmocka_unit_test(lines_are_put_together),
		cmocka_unit_test(long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
