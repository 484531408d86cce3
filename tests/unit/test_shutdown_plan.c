#include "check.h"

#include "shutdown_plan.h"

static struct shutdown_plan plan;

/* The targets of the plan for TEXT, a blank after each; '*' where it is detached without harm. */
static const char *planned(const char *text)
{
	static char copy[1 << 20];
	struct builder b;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	shutdown_plan(copy, &plan);
	builder_start(&b, scene.words, sizeof(scene.words));
	for (size_t i = 0; i < plan.count; i++)
		builder_addf(&b, "%s%s ", plan.mounts[i].target, plan.mounts[i].memory ? "*" : "");
	assert_false(b.overflow);
	return scene.words;
}

#define TAIL " rw,relatime shared:1 - "

/* As systemd leaves it: the root of the end, and the old one below /oldroot. */
static const char after_systemd[] =
	"60 1 0:22 /initramfs / rw,nosuid - tmpfs tmpfs rw\n"
	"61 60 0:21 / /sys" TAIL "sysfs sysfs rw\n"
	"62 60 0:5 / /dev" TAIL "devtmpfs devtmpfs rw\n"
	"63 60 0:22 / /run" TAIL "tmpfs tmpfs rw\n"
	"64 60 0:20 / /proc" TAIL "proc proc rw\n"
	"32 60 0:23 / /oldroot" TAIL "overlay overlayroot rw,lowerdir=user:system\n"
	"22 32 0:5 / /oldroot/dev" TAIL "devtmpfs devtmpfs rw\n"
	"35 22 0:28 / /oldroot/dev/pts" TAIL "devpts devpts rw\n"
	"25 32 0:22 / /oldroot/run" TAIL "tmpfs tmpfs rw\n"
	"28 25 254:32 / /oldroot/run/layerboot/top" TAIL "ext4 /dev/vdc rw\n";

static void children_go_first(void **state)
{
	(void)state;
	assert_string_equal(planned(after_systemd),
			    "/oldroot/run/layerboot/top /oldroot/run* /oldroot/dev/pts* "
			    "/oldroot/dev* /oldroot ");
	assert_int_equal(plan.mounts[0].parent, 1);
	assert_int_equal(plan.mounts[0].children, 0);
	assert_string_equal(plan.mounts[0].type, "ext4");
	assert_string_equal(plan.mounts[0].source, "/dev/vdc");
	assert_int_equal(plan.mounts[1].parent, 4);
	assert_int_equal(plan.mounts[1].children, 1);
	assert_int_equal(plan.mounts[4].parent, SHUTDOWN_MOUNTS_MAX);
	assert_int_equal(plan.mounts[4].children, 2);
}

static void order_and_words(void **state)
{
	static const struct {
		const char *text, *planned;
	} rows[] = {
		{ "", "" },
		/* moved below one that came later: by parents, not by lines */
		{ "1 0 0:1 / /" TAIL "overlay o rw\n3 4 0:3 / /b/c" TAIL "ext4 d rw\n"
		  "4 1 0:4 / /b" TAIL "ext4 e rw\n",
		  "/b/c /b " },
		/* one over the other */
		{ "1 0 0:1 / /" TAIL "overlay o rw\n2 1 0:2 / /m" TAIL "ext4 d rw\n"
		  "3 2 0:3 / /m" TAIL "xfs e rw\n",
		  "/m /m " },
		/* what hides others goes with all that is on it, before these */
		{ "1 0 0:1 / /" TAIL "overlay o rw\n2 1 0:2 / /a/b" TAIL "ext4 hidden rw\n"
		  "3 1 0:3 / /a" TAIL "xfs e rw\n4 3 0:3 / /a/b" TAIL "tmpfs f rw\n",
		  "/a/b* /a /a/b " },
		/* only those of the end itself stay */
		{ "1 0 0:1 / /" TAIL "overlay o rw\n2 1 0:2 / /proc" TAIL "proc p rw\n"
		  "3 2 0:3 / /proc/x" TAIL "autofs p rw\n4 1 0:3 / /process" TAIL "ext4 p rw\n"
		  "5 1 0:5 / /run" TAIL "tmpfs t rw\n6 5 0:6 / /run/m" TAIL "ext4 p rw\n",
		  "/run/m /process /proc/x* " },
		/* blanks, backslashes, and what only looks like an escape */
		{ "2 1 0:2 / /a\\040b\\134c\\011\\04x\\9" TAIL "ext4 d rw\n",
		  "/a b\\c\t\\04x\\9 " },
		/* no tags, or several */
		{ "2 1 0:2 / /a rw - ext4 d rw\n3 1 0:2 / /b rw a:1 b:2 c - ext4 d rw\n",
		  "/b /a " },
		/* its own parent; a ring, which is no tree; a number twice */
		{ "1 1 0:2 / /a" TAIL "ext4 d rw\n", "/a " },
		{ "1 2 0:2 / /a" TAIL "ext4 d rw\n2 1 0:2 / /b" TAIL "ext4 d rw\n", "" },
		{ "1 0 0:2 / /a" TAIL "ext4 d rw\n1 0 0:2 / /b" TAIL "ext4 d rw\n", "/b /a " },
		/* cut off, and not understood */
		{ "2 1 0:2 / /a" TAIL "ext4 d rw\n3 1 0:2 / /b" TAIL "ext4 d r", "/a " },
		{ "\n2\nx 1 0:2 / /b" TAIL "ext4 d rw\n2 -1 0:2 / /b" TAIL "ext4 d rw\n"
		  "2 1 0:2 / /b rw - ext4\n2 1 0:2 - ext4 d rw\n4 1 0:2 / /c" TAIL "ext4 d\n",
		  "/c " },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *got = planned(rows[i].text);
		if (strcmp(got, rows[i].planned) != 0)
			fail_msg("row %zu: %s, expected %s", i, got, rows[i].planned);
	}
}

/* More than it takes: the first of them, in order. */
static void too_many(void **state)
{
	static char text[1 << 20];
	struct builder b;

	(void)state;
	builder_start(&b, text, sizeof(text));
	for (int i = 0; i < SHUTDOWN_MOUNTS_MAX + 10; i++)
		builder_addf(&b, "%d %d 0:2 / /m%d rw - ext4 d rw\n", i + 10, i + 9, i);
	assert_false(b.overflow);
	shutdown_plan(text, &plan);
	assert_int_equal(plan.count, SHUTDOWN_MOUNTS_MAX);
	assert_string_equal(plan.mounts[0].target, "/m4095");
	assert_int_equal(plan.mounts[0].parent, 1);
	assert_string_equal(plan.mounts[SHUTDOWN_MOUNTS_MAX - 1].target, "/m0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_go_first),
		cmocka_unit_test(order_and_words),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
