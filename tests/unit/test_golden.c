/*
 * The boots under tests/data/plans, a directory each: manifest, inventory and (if any) cmdline give plan and
 * mounts, or failure. LAYERBOOT_TESTS_DATA names another place than tests/data; with LAYERBOOT_TESTS_UPDATE
 * set what came out is written instead, and the test fails: look at the difference, then commit it.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "plan_print.h"

static struct plan plan;

/* The text of DIR/NAME in memory of its own; NULL if there is no such file. */
static char *read_text(const char *dir, const char *name)
{
	char path[4096];
	char *text = NULL;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return NULL;
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	(void)fclose(file);
	return text;
}

static bool same_as_file(const char *dir, const char *name, const char *text)
{
	char *expected = read_text(dir, name);
	bool same = expected ? strcmp(expected, text) == 0 : !*text;

	if (!same && getenv("LAYERBOOT_TESTS_UPDATE")) {
		char path[4096];
		(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
		FILE *file = fopen(path, "we");
		if (!file)
			fail_msg("%s: %s", path, strerror(errno));
		(void)fputs(text, file);
		(void)fclose(file);
	}
	if (!same)
		print_error("%s: %s should be:\n%s\nbut is:\n%s\n", dir, name,
			    expected ? expected : "", text);
	free(expected);
	return same;
}

/* 0, or -1 with scene.failure. All disks are in, and every time is over. */
static int decide(const char *manifest, const char *inventory, const char *cmdline)
{
	fresh_arena();
	given_inventory(inventory);
	scene.inventory.settled = true;
	if (cmdline_parse(slice_of(cmdline), &scene.arena, &scene.cmdline, &scene.failure) < 0 ||
	    manifest_parse(slice_of(manifest), "manifest", &scene.arena, &scene.manifest,
			   &scene.failure) < 0 ||
	    manifest_override(&scene.manifest, &scene.cmdline, &scene.arena, &scene.failure) < 0)
		return -1;
	scene.inventory.elapsed_ms = INT64_MAX;
	resolve(&scene.manifest, &scene.inventory, scene.cmdline.timeout_ms, &scene.resolution);
	assert_int_not_equal(scene.resolution.state, RESOLVE_WAIT);
	if (scene.resolution.state == RESOLVE_FAILED) {
		scene.failure = scene.resolution.failure;
		return -1;
	}
	const struct plan_input in = { .cmdline = &scene.cmdline,
				       .manifest = &scene.manifest,
				       .resolution = &scene.resolution,
				       .stamp = &scene.inventory.stamp,
				       .inventory = &scene.inventory,
				       .release = "6.1.0-test" };
	return plan_build(&in, &scene.arena, &plan, &scene.failure);
}

static bool boot_is_right(const char *dir)
{
	static char steps[1 << 17], mounts[1 << 16], failure[4096];
	char *manifest = read_text(dir, "manifest"), *inventory = read_text(dir, "inventory");
	char *cmdline = read_text(dir, "cmdline");
	struct builder b;

	if (!manifest || !inventory)
		fail_msg("%s: no manifest or no inventory", dir);
	steps[0] = mounts[0] = failure[0] = '\0';
	bool fails = decide(manifest, inventory, cmdline ? cmdline : "") < 0;
	if (fails) {
		builder_start(&b, failure, sizeof(failure));
		failure_print(&scene.failure, &b);
		builder_add(&b, "\n");
	} else {
		builder_start(&b, steps, sizeof(steps));
		plan_print(&plan, &b);
		assert_false(b.overflow);
		builder_start(&b, mounts, sizeof(mounts));
		plan_print_mounts(&plan, &b);
		assert_false(b.overflow);
	}
	free(manifest);
	free(inventory);
	free(cmdline);
	bool same = same_as_file(dir, "plan", steps);
	same &= same_as_file(dir, "mounts", mounts);
	same &= same_as_file(dir, "failure", failure);
	/* An update must not turn a failure into a boot, or the other way round. */
	if (fails != (strstr(dir, "/fails-") != NULL)) {
		print_error("%s: %s\n", dir, fails ? "fails" : "boots");
		same = false;
	}
	return same;
}

static void boots_are_planned_as_written_down(void **state)
{
	const char *data = getenv("LAYERBOOT_TESTS_DATA");
	char path[2048], dir[4096];
	size_t boots = 0, wrong = 0;
	struct dirent *entry;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/plans", data ? data : "tests/data");
	DIR *plans = opendir(path);
	if (!plans)
		fail_msg("%s: %s", path, strerror(errno));
	while ((entry = readdir(plans)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(dir, sizeof(dir), "%s/%s", path, entry->d_name);
		boots++;
		wrong += !boot_is_right(dir);
	}
	(void)closedir(plans);
	assert_true(boots >= 10);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boots_are_planned_as_written_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
