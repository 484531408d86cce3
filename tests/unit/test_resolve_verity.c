#include "check_resolve.h"

#define HASH   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define VERITY "type = erofs\nverity = " HASH "\nverity-data-size = 8192\n"
#define LAYER  START "[layer a]\nsource = SERIAL=a\n" VERITY
#define TREE   LAYER "verity-hash-source = SERIAL=b\n"

#define A(size)   "NAME=\"vda\" SERIAL=\"a\" SIZE=\"" size "\" KNOWN=\"1\"\n"
#define B(size)   "NAME=\"vdb\" SERIAL=\"b\" SIZE=\"" size "\" KNOWN=\"1\"\n"
#define B_AGAIN   "NAME=\"vdc\" SERIAL=\"b\" SIZE=\"4096\" KNOWN=\"1\"\n"
#define UNKNOWN_B "NAME=\"vdb\" KNOWN=\"0\"\n"

static void nothing_of_the_image_is_asked(void **state)
{
	const struct resolution *r = resolved(LAYER, A("12288"), 0, true);

	(void)state;
	must_be_ready(r);
	assert_int_equal(r->layers[0].state, LAYER_FOUND);
	assert_string_equal(r->layers[0].type, "erofs");
	assert_null(r->layers[0].hash_disk);
	assert_string_equal(resolved_identity(&r->layers[0]), HASH);
}

static void an_image_that_is_too_short(void **state)
{
	static const struct {
		const char *manifest, *inventory, *text;
	} rows[] = {
		{ LAYER, A("4096"),
		  "vda has 4096 bytes, and what its root hash covers ends at 8192" },
		{ LAYER, A("8192"), "vda has 8192 bytes, and the hash tree ends at 12288" },
		{ TREE, A("4096") B("4096"),
		  "vda has 4096 bytes, and what its root hash covers ends at 8192" },
		{ TREE, A("8192") B("512"), "vdb has 512 bytes, and the hash tree ends at 4096" },
		{ START "[layer a]\nsource = SERIAL=a\nimage = x\n" VERITY,
		  "NAME=\"vda\" SERIAL=\"a\" FSTYPE=\"ext4\" SIZE=\"99999\" KNOWN=\"7\"\n"
		  "LISTING=\"x\" DISK=\"vda\"\nIMAGE=\"x\" DISK=\"vda\" SIZE=\"1000\"\n",
		  "x has 1000 bytes, and what its root hash covers ends at 8192" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		must_fail(resolved(rows[i].manifest, rows[i].inventory, 0, true),
			  FAILURE_LAYER_SHORT, "a", rows[i].text);
}

static void a_tree_on_another_disk(void **state)
{
	const struct resolution *r = resolved(TREE, A("8192") B("4096"), 0, true);

	(void)state;
	must_be_ready(r);
	assert_string_equal(r->layers[0].hash_disk->name, "vdb");
	/* it may have another offset there */
	r = resolved(TREE "verity-hash-offset = 4096\n", A("8192") B("8192"), 0, true);
	must_be_ready(r);
}

static void the_tree_of_a_file_may_be_on_another_disk(void **state)
{
	const struct resolution *r = resolved(
		START "[layer a]\nsource = SERIAL=a\nimage = x\n" VERITY
		      "verity-hash-source = SERIAL=b\n",
		"NAME=\"vda\" SERIAL=\"a\" FSTYPE=\"ext4\" SIZE=\"99999\" KNOWN=\"7\"\n" B(
			"4096") "LISTING=\"x\" DISK=\"vda\"\nIMAGE=\"x\" DISK=\"vda\" SIZE=\"8192\"\n",
		0, true);

	(void)state;
	must_be_ready(r);
	assert_string_equal(r->layers[0].hash_disk->name, "vdb");
	assert_string_equal(r->layers[0].image->path, "x");
}

/* Whoever can take the tree away must not choose what is merged. */
static void a_missing_tree_is_an_error_even_if_the_layer_is_optional(void **state)
{
	(void)state;
	/* its type is given: not even a message asks what is on it */
	must_wait(resolved(TREE "required = no\n", A("8192"), 0, true), TIMEOUT_MS, "");
	must_wait(resolved(TREE, A("8192") UNKNOWN_B, 0, false), TIMEOUT_MS, "vdb identity");
	must_fail(resolved(TREE "required = no\n", A("8192"), TIMEOUT_MS, true),
		  FAILURE_LAYER_MISSING, "a",
		  "no disk with SERIAL=b after 10 s; seen: vda (SERIAL=a 8 KiB)");
	must_fail(resolved(TREE, A("8192") B("4096") B_AGAIN, 0, true), FAILURE_LAYER_DUPLICATE,
		  "a", "2 disks match SERIAL=b: vdb (SERIAL=b 4 KiB), vdc (SERIAL=b 4 KiB)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_the_image_is_asked),
		cmocka_unit_test(an_image_that_is_too_short),
		cmocka_unit_test(a_tree_on_another_disk),
		cmocka_unit_test(the_tree_of_a_file_may_be_on_another_disk),
		cmocka_unit_test(a_missing_tree_is_an_error_even_if_the_layer_is_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
