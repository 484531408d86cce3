#include "check.h"

#include <sys/mount.h>

#include "json.h"
#include "plan_print.h"

static const char *printed(const struct step *s)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	plan_print_step(s, &b);
	return scene.words;
}

static const struct verity verity = { .algorithm = "sha256",
				      .root_hash = "00ff",
				      .data_size = 8192,
				      .on_corruption = ON_CORRUPTION_PANIC };

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
		{ { .kind = STEP_MEDIUM,
		    .source = "/dev/vda",
		    .target = "/x",
		    .type = "vfat",
		    .flags = MS_RDONLY | MS_NODEV },
		  "medium: mount /dev/vda on /x type vfat (ro,nodev)" },
		{ { .kind = STEP_LAYER,
		    .layer = "a.1",
		    .source = "/m/a b",
		    .target = "/x",
		    .type = "erofs",
		    .options = "user_xattr",
		    .flags = MS_RDONLY,
		    .loop = true },
		  "layer a.1: mount /m/a b on /x type erofs (ro,loop,user_xattr)" },
		{ { .kind = STEP_SUBDIR,
		    .layer = "a",
		    .source = "/i",
		    .target = "/x",
		    .path = "s/t" },
		  "layer a: bind /i/s/t on /x" },
		{ { .kind = STEP_VERITY,
		    .layer = "a",
		    .source = "/dev/vda",
		    .target = "/dev/mapper/x",
		    .verity = &verity },
		  "layer a: verify /dev/vda as /dev/mapper/x (8192 bytes, hash tree at 8192, sha256, "
		  "panic): 00ff" },
		{ { .kind = STEP_WALK, .layer = "a", .target = "/x", .untrusted = true },
		  "layer a: walk /x untrusted" },
		{ { .kind = STEP_WALK,
		    .layer = "a",
		    .target = "/x",
		    .lowers = lowers,
		    .lowers_count = 2 },
		  "layer a: walk /x only user system" },
		{ { .kind = STEP_WHITEOUTS,
		    .layer = "a",
		    .source = "/x",
		    .upper = "/u",
		    .work = "/w",
		    .xattr = true },
		  "layer a: whiteouts (xattr) of /x into /u and /w" },
		{ { .kind = STEP_WHITEOUTS,
		    .layer = "a",
		    .source = "/x",
		    .upper = "/u",
		    .work = "/w" },
		  "layer a: whiteouts (wh) of /x into /u and /w" },
		{ { .kind = STEP_KERNEL, .layer = "a", .source = "6.1", .target = "/x" },
		  "layer a: look for the modules of 6.1 in /x" },
		{ { .kind = STEP_FORMAT, .layer = "top", .source = "/dev/vdb", .type = "xfs" },
		  "top: format /dev/vdb as xfs, if it is blank" },
		{ { .kind = STEP_FSCK, .layer = "b", .source = "/dev/vdb", .type = "ext4" },
		  "b: check /dev/vdb (ext4)" },
		{ { .kind = STEP_VOLUME,
		    .layer = "b",
		    .source = "/dev/vdb",
		    .target = "/x",
		    .type = "ext4",
		    .flags = MS_NOEXEC },
		  "b: mount /dev/vdb on /x type ext4 (rw,noexec)" },
		{ { .kind = STEP_GROW, .layer = "b", .source = "/dev/vdb", .target = "/x" },
		  "b: grow /x to the size of /dev/vdb" },
		{ { .kind = STEP_TOP_READ, .target = "/x" }, "top: read the stamp in /x" },
		{ { .kind = STEP_TOP_RESET, .target = "/x" }, "top: delete what is in /x" },
		{ { .kind = STEP_TOP_PARK, .target = "/x" }, "top: put aside what is in /x" },
		{ { .kind = STEP_TOP_COMPARE, .target = "/x" },
		  "top: compare /x with the layers that have changed" },
		{ { .kind = STEP_TOP_PREPARE, .target = "/x" }, "top: make upper and work in /x" },
		{ { .kind = STEP_TOP_STAMP, .target = "/x" }, "top: stamp /x" },
		{ { .kind = STEP_TOP_GOOD, .target = "/x" }, "top: forget failed boots in /x" },
		{ { .kind = STEP_PROTECT, .layer = "a", .path = "/p" }, "layer a: protect /p" },
		{ { .kind = STEP_BIND, .layer = "bind b", .source = "/x", .path = "/p" },
		  "bind b: /p from /x" },
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
		{ { .kind = STEP_WARN, .source = "warning[word]: x" }, "warning[word]: x" },
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
	for (enum step_kind kind = STEP_DIR; kind <= STEP_EXEC; kind++) {
		size_t k = 0;
		while (k < ROWS(rows) && rows[k].step.kind != kind)
			k++;
		if (k == ROWS(rows))
			fail_msg("nothing is said of kind %d", kind);
	}
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
			{ .kind = STEP_UNION, .source = "overlayroot", .target = "/sysroot",
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
					 "/ overlay overlayroot rw\n");
}

/* A mount of part of another shows the other's type and source, and the flags that it gets. */
static void where_a_part_of_a_mount_will_be_found(void **state)
{
	static struct plan plan = {
		.steps = {
			{ .kind = STEP_MEDIUM, .source = "/dev/vda", .target = "/m/vda",
			  .type = "vfat", .flags = MS_RDONLY },
			{ .kind = STEP_LAYER, .layer = "a", .source = "/m/vda/f", .target = "/i/a",
			  .type = "erofs", .flags = MS_RDONLY | MS_NODEV, .loop = true },
			{ .kind = STEP_SUBDIR, .layer = "a", .source = "/i/a", .target = "/l/a",
			  .path = "s" },
			{ .kind = STEP_LAYER, .layer = "ab", .source = "/dev/vdb",
			  .target = "/l/ab", .type = "xfs", .flags = MS_RDONLY },
			{ .kind = STEP_VOLUME, .layer = "b", .source = "/dev/vdc", .target = "/b/b",
			  .type = "ext4", .flags = MS_NOSUID },
			{ .kind = STEP_UNION, .source = "overlayroot", .target = "/sysroot",
			  .type = "overlay" },
			{ .kind = STEP_PROTECT, .source = "/l/a", .target = "/sysroot",
			  .path = "/p", .flags = MS_RDONLY },
			{ .kind = STEP_PROTECT, .source = "/l/ab", .target = "/sysroot",
			  .path = "/q", .flags = MS_RDONLY },
			{ .kind = STEP_BIND, .source = "/b/b/sub", .target = "/sysroot",
			  .path = "/r s#t" },
			{ .kind = STEP_BIND, .source = "/b/bb", .target = "/sysroot",
			  .path = "/none" },
			{ .kind = STEP_SUBDIR, .source = "/none", .target = "/none", .path = "s" },
		},
		.count = 11,
	};
	struct builder b;

	(void)state;
	builder_start(&b, scene.words, sizeof(scene.words));
	plan_print_mounts(&plan, &b);
	assert_string_equal(scene.words, "/m/vda vfat /dev/vda ro\n"
					 "/i/a erofs loop:/m/vda/f ro,nodev\n"
					 "/l/a erofs loop:/m/vda/f ro,nodev\n"
					 "/l/ab xfs /dev/vdb ro\n"
					 "/b/b ext4 /dev/vdc rw,nosuid\n"
					 "/ overlay overlayroot rw\n"
					 "/p erofs loop:/m/vda/f ro\n"
					 "/q xfs /dev/vdb ro\n"
					 "/r\\040s\\043t ext4 /dev/vdc rw\n");
}

static void a_plan_as_json(void **state)
{
	static const char *names[MANIFEST_LAYERS_MAX];
	static struct plan plan = {
		.steps = { { .kind = STEP_DIR, .phase = PHASE_BOOTSTRAP, .target = "/\"t" },
			   { .kind = STEP_KERNEL,
			     .phase = PHASE_LAYERS,
			     .layer = "a",
			     .source = "6.1",
			     .target = "/x" },
			   { .kind = STEP_EXEC, .phase = PHASE_ROOT } },
		.count = 3,
	};
	static char text[1 << 17];
	struct slice value;
	struct builder b;

	(void)state;
	builder_start(&b, text, sizeof(text));
	plan_print_json(&plan, &b);
	assert_string_equal(
		text,
		"[{\"phase\":\"bootstrap\",\"step\":\"mkdir /\\\"t mode=0000\"},"
		"{\"phase\":\"layers\",\"step\":\"layer a: look for the modules of 6.1 in /x\","
		"\"layer\":\"a\"},{\"phase\":\"root\",\"step\":\"exec the real init\"}]\n");
	/* the longest union is not cut */
	for (size_t i = 0; i < ROWS(names); i++)
		names[i] = "a123456789012345678901234567890b.500+above";
	plan.steps[2] = (struct step){ .kind = STEP_UNION,
				       .phase = PHASE_ROOT,
				       .target = "/x",
				       .type = "overlay",
				       .options = "the-end",
				       .lowers = names,
				       .lowers_count = ROWS(names) };
	builder_start(&b, text, sizeof(text));
	plan_print_json(&plan, &b);
	assert_false(b.overflow);
	assert_non_null(strstr(text, ",the-end)\"}]\n"));
	assert_int_equal(json_parse(slice_of(text), &value), 0);
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
		cmocka_unit_test(where_a_part_of_a_mount_will_be_found),
		cmocka_unit_test(a_plan_as_json),
		cmocka_unit_test(a_plan_is_a_line_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
