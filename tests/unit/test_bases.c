#include "check_resolve.h"

#include <errno.h>
#include <stdio.h>

#include "bases.h"

static char memory[64];

static int parsed(const char *text)
{
	struct builder b;

	builder_start(&b, memory, sizeof(memory));
	return bases_parse(slice_of(text), &b);
}

static void records(void **state)
{
	static const struct {
		const char *text, *bases;
		int error;
	} rows[] = {
		{ "version = 1\nbase = sb-1 system.img\ncommand = a\n", "sb-1", 0 },
		{ "version = 1\nbase = sb-1\nbase=sb-2  a b\n", "sb-1 sb-2", 0 },
		{ "version = 1\nbase\t=\tsb-1\tx", "sb-1", 0 },
		{ "version = 1\ncommand = a\nbase = sb-1\n", "", 0 }, /* only those at the start */
		{ "version = 1", "", 0 },
		{ "version = 1\nbase = \n", "", 0 },
		{ "version = 2\nbase = sb-1\n", "", -EINVAL },
		{ "base = sb-1\n", "", -EINVAL },
		{ "", "", -EINVAL },
		{ "version = 1\nbase = sb-1\nbase = \"x\n", "", -EINVAL },
		{ "version = 1\nbase = \x1b[2J x\n", "", -EINVAL },
		{ "version = 1\nbase = \xff\n", "", -EINVAL },
		{ "version = 1\nbase = sb-1111111111111111111111111111111\nbase = "
		  "sb-2222222222222222222222222222222222222\n",
		  "", -ENOSPC },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (parsed(rows[i].text) != rows[i].error)
			fail_msg("row %zu", i);
		assert_string_equal(memory, rows[i].bases);
	}
}

static void a_longer_word_is_no_identity(void **state)
{
	char text[256];

	(void)state;
	(void)snprintf(text, sizeof(text), "version = 1\nbase = %0129d x\n", 1);
	assert_int_equal(parsed(text), -EINVAL);
}

static void records_add_up(void **state)
{
	struct builder b;

	(void)state;
	builder_start(&b, memory, sizeof(memory));
	assert_int_equal(bases_parse(slice_of("version = 1\nbase = sb-1\n"), &b), 0);
	assert_int_equal(bases_parse(slice_of("no record"), &b), -EINVAL);
	assert_int_equal(bases_parse(slice_of("version = 1\nbase = sb-2\n"), &b), 0);
	assert_string_equal(memory, "sb-1 sb-2");
}

#define DISK(name, digest) \
	"NAME=\"vd" name "\" SERIAL=\"" name "\" DIGEST=\"" digest "\" FSTYPE=\"squashfs\"" KNOWN
#define LAYER(name) "[layer " name "]\nsource = SERIAL=" name "\n"
#define THREE       START LAYER("a") LAYER("b") "identity = release-7\n" LAYER("c")
#define DISKS       DISK("a", "sb-a") DISK("b", "sb-b") DISK("c", "sb-c")

/* What is wrong with the third layer of THREE, "" if nothing. */
static const char *wrong(const char *inventory)
{
	const struct resolution *r = resolved(THREE, inventory, 0, true);
	static struct failure failure;

	assert_int_equal(r->state, RESOLVE_READY);
	if (!bases_mismatch(r, &scene.inventory, 2, &failure))
		return "";
	assert_int_equal(failure.kind, FAILURE_BASE_MISMATCH);
	assert_string_equal(failure.layer, "c");
	return failure.text;
}

static void bases_are_looked_for_below(void **state)
{
	static const struct {
		const char *inventory, *text;
	} rows[] = {
		{ DISKS, "" },
		{ DISKS "MADE=\"c\" BASES=\"sb-a\"\n", "" },
		{ DISKS "MADE=\"c\" BASES=\"sb-b\"\n", "" },
		{ DISKS "MADE=\"c\" BASES=\"release-7\"\n", "" },
		{ DISKS "MADE=\"c\" BASES=\"sb-a sb-b\"\n", "" },
		{ DISKS "MADE=\"b\" BASES=\"sb-x\"\n", "" },
		{ DISKS "MADE=\"c\" BASES=\"sb-x\"\n",
		  "it was made on sb-x, and below it is a (sb-a), b (release-7)" },
		{ DISKS "MADE=\"c\" BASES=\"sb-a sb-x\"\n",
		  "it was made on sb-x, and below it is a (sb-a), b (release-7)" },
		/* not below itself */
		{ DISKS "MADE=\"c\" BASES=\"sb-c\"\n",
		  "it was made on sb-c, and below it is a (sb-a), b (release-7)" },
		/* not known is not changed */
		{ "NAME=\"vda\" SERIAL=\"a\" FSTYPE=\"squashfs\"" KNOWN DISK("b", "sb-b")
			  DISK("c", "sb-c") "MADE=\"c\" BASES=\"sb-x\"\n",
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_string_equal(wrong(rows[i].inventory), rows[i].text);
}

static void layers_that_are_absent_are_not_below(void **state)
{
	const struct resolution *r = resolved(START LAYER("a") "required = no\n" LAYER("b"),
					      DISK("b", "sb-b") "MADE=\"b\" BASES=\"sb-a\"\n", 0,
					      true);
	struct failure failure;

	(void)state;
	assert_int_equal(r->state, RESOLVE_READY);
	assert_true(bases_mismatch(r, &scene.inventory, 1, &failure));
	assert_string_equal(failure.text, "it was made on sb-a, and below it is nothing");
}

static void files_are_known_by_their_own_digest(void **state)
{
	const struct resolution *r = resolved(
		START "[layer m]\nsource = SERIAL=m\nimage = x/*\n",
		DISK("m",
		     "sb-m") "LISTING=\"x/*\" DISK=\"vdm\"\n"
			     "IMAGE=\"x/1\" DISK=\"vdm\" FSTYPE=\"squashfs\" DIGEST=\"sb-1\" SIZE=\"4096\"\n"
			     "IMAGE=\"x/2\" DISK=\"vdm\" FSTYPE=\"squashfs\" DIGEST=\"sb-2\" SIZE=\"4096\"\n"
			     "MADE=\"m.2\" BASES=\"sb-1\"\n",
		0, true);
	struct failure failure;

	(void)state;
	assert_int_equal(r->state, RESOLVE_READY);
	assert_int_equal(r->layers_count, 2);
	assert_false(bases_mismatch(r, &scene.inventory, 1, &failure));
	assert_true(bases_names(&scene.inventory, &r->layers[1], &r->layers[0]));
	assert_false(bases_names(&scene.inventory, &r->layers[0], &r->layers[1]));
	assert_int_equal(inventory_add_made(&scene.inventory, "m.2", "sb-m"), 0);
	assert_true(bases_mismatch(r, &scene.inventory, 1, &failure));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(a_longer_word_is_no_identity),
		cmocka_unit_test(records_add_up),
		cmocka_unit_test(bases_are_looked_for_below),
		cmocka_unit_test(layers_that_are_absent_are_not_below),
		cmocka_unit_test(files_are_known_by_their_own_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
