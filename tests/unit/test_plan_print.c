#include "check.h"

#include <sys/mount.h>

#include "plan_print.h"

static const char *printed(const struct step *s)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	plan_print_step(s, &b);
	return scene.words;
}

static void every_kind_of_step(void **state)
{
	static const char *const lowers[] = { "user", "system" };
	static const struct {
		struct step step;
		const char *words;
	} rows[] = {
		{ { .kind = STEP_DIR, .target = "/x", .mode = 0700 }, "mkdir /x mode=0700" },
		{ { .kind = STEP_MODULE, .source = "fs-overlay", .type = "overlay" },
		  "module fs-overlay" },
		{ { .kind = STEP_MOUNT, .source = "tmpfs", .target = "/x", .type = "tmpfs" },
		  "mount tmpfs on /x type tmpfs (rw)" },
		{ { .kind = STEP_MOUNT,
		    .source = "tmpfs",
		    .target = "/x",
		    .type = "tmpfs",
		    .options = "mode=0700",
		    .flags = MS_NOSUID | MS_NOEXEC },
		  "mount tmpfs on /x type tmpfs (rw,nosuid,noexec,mode=0700)" },
		{ { .kind = STEP_LAYER,
		    .layer = "user",
		    .source = "/dev/vda",
		    .target = "/x",
		    .type = "xfs",
		    .options = "nouuid",
		    .flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC },
		  "layer user: mount /dev/vda on /x type xfs (ro,nosuid,nodev,noexec,nouuid)" },
		{ { .kind = STEP_UNION,
		    .target = "/x",
		    .type = "overlay",
		    .options = "index=off",
		    .lowers = lowers,
		    .lowers_count = 2,
		    .upper = "/u",
		    .work = "/w" },
		  "union overlay on /x (rw,lowerdir=user:system,upperdir=/u,workdir=/w,index=off)" },
		{ { .kind = STEP_UNION,
		    .target = "/x",
		    .type = "overlay",
		    .options = "index=off",
		    .flags = MS_RDONLY,
		    .lowers = lowers,
		    .lowers_count = 1 },
		  "union overlay on /x (ro,lowerdir=user,index=off)" },
		{ { .kind = STEP_READONLY, .target = "/x", .flags = MS_RDONLY | MS_NODEV },
		  "remount /x (ro,nodev)" },
		{ { .kind = STEP_INIT, .target = "/x" },
		  "find-init in /x: /sbin/init, /etc/init or /bin/init" },
		{ { .kind = STEP_INIT, .source = "/i", .target = "/x" }, "find-init in /x: /i" },
		{ { .kind = STEP_MOVE, .source = "/dev", .target = "/x/dev" },
		  "move /dev to /x/dev" },
		{ { .kind = STEP_SWITCH, .target = "/x" }, "switch-root to /x" },
		{ { .kind = STEP_EXEC }, "exec the real init" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_string_equal(printed(&rows[i].step), rows[i].words);
}

static void what_the_real_init_will_find_mounted(void **state)
{
	static struct plan plan = {
		.steps = {
			{ .kind = STEP_DIR, .target = "/t" },
			{ .kind = STEP_MOUNT, .source = "proc", .target = "/proc", .type = "proc",
			  .options = "hidepid=2", .flags = MS_NODEV },
			{ .kind = STEP_MOUNT, .source = "tmpfs", .target = "/t", .type = "tmpfs" },
			{ .kind = STEP_LAYER, .layer = "a", .source = "/dev/vda", .target = "/l",
			  .type = "erofs", .flags = MS_RDONLY },
			{ .kind = STEP_UNION, .source = "overlay", .target = "/sysroot",
			  .type = "overlay" },
			{ .kind = STEP_READONLY, .target = "/t", .flags = MS_RDONLY | MS_NOSUID },
			{ .kind = STEP_MOVE, .source = "/proc", .target = "/sysroot/proc" },
		},
		.count = 7,
	};
	struct builder b;

	(void)state;
	builder_start(&b, scene.words, sizeof(scene.words));
	plan_print_mounts(&plan, &b);
	assert_string_equal(scene.words, "/proc proc proc rw,nodev\n"
					 "/t tmpfs tmpfs ro,nosuid\n"
					 "/l erofs /dev/vda ro\n"
					 "/ overlay overlay rw\n");
}

static void a_plan_is_a_line_a_step(void **state)
{
	static struct plan plan = {
		.steps = { { .kind = STEP_DIR, .target = "/t" }, { .kind = STEP_EXEC } },
		.count = 2,
	};
	struct builder b;

	(void)state;
	builder_start(&b, scene.words, sizeof(scene.words));
	plan_print(&plan, &b);
	assert_string_equal(scene.words, "mkdir /t mode=0000\nexec the real init\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_step),
		cmocka_unit_test(what_the_real_init_will_find_mounted),
		cmocka_unit_test(a_plan_is_a_line_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
