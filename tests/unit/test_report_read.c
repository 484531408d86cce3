#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "report_read.h"

static int read_back(const char *report)
{
	struct slice text = exact_copy(report, strlen(report));
	int r;

	given_inventory("");
	r = report_read_inventory(text, &scene.inventory);
	free((char *)text.at);
	return r;
}

static void the_inventory_comes_back(void **state)
{
	(void)state;
	assert_int_equal(
		read_back(
			"{\"result\":\"ok\",\"disks\":[{\"name\":\"vda\",\"inventory\":"
			"\"NAME=\\\"vda\\\" SIZE=\\\"7\\\"\"},{\"inventory\":"
			"\"NAME=\\\"vdb\\\" LABEL=\\\"\\\\x0a\\\"\"}],"
			"\"images\":[\"LISTING=\\\"*\\\" DISK=\\\"vda\\\"\","
			"\"IMAGE=\\\"a\\\" DISK=\\\"vda\\\"\"],"
			"\"stamp\":\"STAMP=\\\"x\\\\x0a\\\" DISK=\\\"vdb\\\" USED=\\\"1\\\"\"}\n"),
		0);
	assert_int_equal(scene.inventory.count, 2);
	assert_true(scene.inventory.disks[0].size == 7);
	assert_string_equal(scene.inventory.disks[1].label, "\n");
	assert_int_equal(scene.inventory.listings_count, 1);
	assert_int_equal(scene.inventory.images_count, 1);
	assert_string_equal(scene.inventory.stamp.text, "x\n");
	/* a boot without images and without a top on a disk */
	assert_int_equal(read_back("{\"disks\":[]}"), 0);
	assert_int_equal(scene.inventory.count, 0);
}

static void what_is_no_report(void **state)
{
	static const char *const rows[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"disks\":[{}]}",
		"{\"disks\":[{\"inventory\":7}]}",
		"{\"disks\":[{\"inventory\":\"x\"}]}",
		"{\"disks\":[],\"images\":[\"x\"]}",
		"{\"disks\":[],\"images\":[7]}",
		"{\"disks\":[],\"stamp\":\"x\"}",
		"{\"disks\":[],\"stamp\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (read_back(rows[i]) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
}

static void the_longest_stamp(void **state)
{
	static char report[8 * STAMP_MAX + 4096];
	struct builder b;

	(void)state;
	/* Every byte of it takes four on a line of the inventory, and five in JSON. */
	builder_start(&b, report, sizeof(report));
	builder_add(&b, "{\"disks\":[],\"stamp\":\"STAMP=\\\"");
	for (size_t i = 0; i < STAMP_MAX - 1; i++)
		builder_add(&b, "\\\\x0a");
	builder_add(&b, "\\\" DISK=\\\"vda\\\"\"}");
	assert_false(b.overflow);
	assert_int_equal(read_back(report), 0);
	assert_int_equal(strlen(scene.inventory.stamp.text), STAMP_MAX - 1);
	/* longer than any line */
	memset(report + 30, 'x', 8 * STAMP_MAX);
	(void)snprintf(report + 30 + 8 * STAMP_MAX, 64, "\\\" DISK=\\\"vda\\\"\"}");
	assert_int_equal(read_back(report), -EINVAL);
}

static void too_many_disks(void **state)
{
	static char report[1 << 17];
	struct builder b;

	(void)state;
	builder_start(&b, report, sizeof(report));
	builder_add(&b, "{\"disks\":[");
	for (int i = 0; i <= INVENTORY_DISKS_MAX; i++)
		builder_addf(&b, "%s{\"inventory\":\"NAME=\\\"d%d\\\"\"}", i ? "," : "", i);
	builder_add(&b, "]}");
	assert_false(b.overflow);
	assert_int_equal(read_back(report), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_inventory_comes_back),
		cmocka_unit_test(what_is_no_report),
		cmocka_unit_test(the_longest_stamp),
		cmocka_unit_test(too_many_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
