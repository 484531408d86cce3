/* The disks of a persistent top and of [bind NAME], and the disk that the manifest is on. */
#include "check_resolve.h"

#include <errno.h>
#include <stdio.h>

#define LAYER   START "[layer a]\nsource = SERIAL=a\n"
#define LAYER_A "NAME=\"vda\" SERIAL=\"a\"" IMAGE
#define TOP     LAYER "[top]\ntype = disk\nsource = LABEL=t\n"
#define BIND    LAYER "[bind x]\nsource = LABEL=x\npaths = /x\n"
#define TOP_B   "NAME=\"vdb\" LABEL=\"t\" FSTYPE=\"ext4\"" KNOWN
#define STAMPED "STAMP=\"\" DISK=\"vdb\"\n"

static void the_top_is_looked_for_like_a_layer(void **state)
{
	const struct resolution *r;

	(void)state;
	must_wait(resolved(TOP, LAYER_A, 0, true), 10000, "");
	must_wait(resolved(TOP, LAYER_A "NAME=\"vdb\"", 0, true), 10000, "vdb identity");
	must_wait(resolved(TOP, LAYER_A "NAME=\"vdb\"" IDENTIFIED, 0, true), 10000,
		  "vdb superblock");
	must_wait(resolved(LAYER "[top]\ntype = disk\nsource = /dev/vdb\n",
			   LAYER_A "NAME=\"vdb\"" IDENTIFIED, 0, true),
		  -1, "vdb superblock");
	must_wait(resolved(TOP, LAYER_A TOP_B, 0, true), -1, "vdb stamp");
	assert_int_equal(scene.resolution.top.state, LAYER_FOUND);
	r = resolved(TOP, LAYER_A TOP_B STAMPED, 0, true);
	must_be_ready(r);
	assert_string_equal(r->top.name, "top");
	assert_string_equal(r->top.disk->name, "vdb");
	assert_string_equal(r->top.type, "ext4");
	/* the stamp of another disk says nothing of this one */
	must_wait(resolved(TOP, LAYER_A TOP_B "STAMP=\"\" DISK=\"vdc\"\n", 0, true), -1,
		  "vdb stamp");
	assert_int_equal(resolve_wants(&scene.manifest), KNOWN_IDENTITY | KNOWN_SUPERBLOCK);
	must_be_ready(resolved(LAYER, LAYER_A, 0, true));
	assert_null(scene.resolution.top.volume);
	assert_int_equal(scene.resolution.binds_count, 0);
}

static void disks_for_a_top(void **state)
{
	static const struct {
		const char *format, *disk;
		enum failure_kind kind; /* FAILURE_NONE: its type is TEXT */
		const char *text;
	} rows[] = {
		{ "", " FSTYPE=\"ext4\"", FAILURE_NONE, "ext4" },
		{ "", " FSTYPE=\"xfs\"", FAILURE_NONE, "xfs" },
		{ "", " FSTYPE=\"btrfs\"", FAILURE_NONE, "btrfs" },
		/* the journal is replayed, and e2fsck is run */
		{ "", " FSTYPE=\"ext4\" DIRTY=\"1\"", FAILURE_NONE, "ext4" },
		{ "format = xfs\n", "", FAILURE_NONE, "xfs" },
		{ "format = ext4\n", "", FAILURE_NONE, "ext4" },
		{ "format = ext4\n", " FSTYPE=\"ext4\"", FAILURE_NONE, "ext4" },
		{ "format = xfs\n", " FSTYPE=\"ext4\"", FAILURE_VOLUME_FOREIGN,
		  "vdb (LABEL=t ext4 1 MiB) is there, and format = xfs; give the format that it has" },
		{ "", "", FAILURE_VOLUME_FOREIGN,
		  "vdb (LABEL=t 1 MiB) holds no file system of ext4, xfs, btrfs, and format is "
		  "not given" },
		{ "", " FSTYPE=\"squashfs\"", FAILURE_VOLUME_FOREIGN,
		  "vdb (LABEL=t squashfs 1 MiB) holds no file system of ext4, xfs, btrfs" },
		/* what has something on it is never formatted */
		{ "format = ext4\n", " FSTYPE=\"squashfs\"", FAILURE_VOLUME_FOREIGN,
		  "vdb (LABEL=t squashfs 1 MiB) holds no file system of ext4, xfs, btrfs" },
		{ "format = ext4\n", " FSTYPE=\"vfat\"", FAILURE_VOLUME_FOREIGN,
		  "vdb (LABEL=t vfat 1 MiB) holds no file system of ext4, xfs, btrfs" },
		{ "format = ext4\n", " AMBIVALENT=\"1\"", FAILURE_LAYER_TYPE,
		  "vdb (LABEL=t ambivalent 1 MiB) carries more than one file system; wipe the "
		  "stale one or give type" },
		{ "format = ext4\n", " ERROR=\"5\"", FAILURE_LAYER_READ,
		  "vdb (LABEL=t unreadable 1 MiB) cannot be read: Input/output error" },
		{ "format = ext4\n", " ERROR=\"110\"", FAILURE_LAYER_STALLED,
		  "vdb (LABEL=t no answer 1 MiB) does not answer" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256], inventory[512];
		(void)snprintf(manifest, sizeof(manifest), TOP "%s", rows[i].format);
		(void)snprintf(inventory, sizeof(inventory),
			       LAYER_A "NAME=\"vdb\" LABEL=\"t\"%s" KNOWN STAMPED, rows[i].disk);
		const struct resolution *r = resolved(manifest, inventory, TIMEOUT_MS, true);
		if (rows[i].kind == FAILURE_NONE) {
			must_be_ready(r);
			assert_string_equal(r->top.type, rows[i].text);
		} else {
			must_fail(r, rows[i].kind, "top", rows[i].text);
		}
	}
}

static void a_top_or_bind_that_does_not_come(void **state)
{
	(void)state;
	must_wait(resolved(TOP, LAYER_A, 9999, true), 10000, "");
	must_fail(resolved(TOP, LAYER_A, 10000, true), FAILURE_TOP_MISSING, "top",
		  "no disk with LABEL=t after 10 s; seen: vda (SERIAL=a squashfs 1 MiB)");
	must_fail(resolved(TOP, LAYER_A TOP_B "NAME=\"vdc\" LABEL=\"t\"" IMAGE, 0, true),
		  FAILURE_LAYER_DUPLICATE, "top",
		  "2 disks match LABEL=t: vdb (LABEL=t ext4 1 MiB), vdc (LABEL=t squashfs 1 MiB)");
	must_wait(resolved(BIND, LAYER_A, 9999, true), 10000, "");
	must_fail(resolved(BIND, LAYER_A, 10000, true), FAILURE_BIND_MISSING, "bind x",
		  "no disk with LABEL=x after 10 s; seen: vda (SERIAL=a squashfs 1 MiB)");
	assert_int_equal(scene.resolution.binds_count, 1);
	must_fail(resolved(BIND, LAYER_A "NAME=\"vdx\" LABEL=\"x\"" IMAGE, 0, true),
		  FAILURE_VOLUME_FOREIGN, "bind x",
		  "vdx (LABEL=x squashfs 1 MiB) holds no file system of ext4, xfs, btrfs");
}

static void binds_are_found(void **state)
{
	const struct resolution *r =
		resolved(BIND "[bind y]\nsource = SERIAL=y\npaths = /y\nformat = ext4\n",
			 LAYER_A "NAME=\"vdb\" SERIAL=\"y\"" KNOWN
				 "NAME=\"vdc\" LABEL=\"x\" FSTYPE=\"xfs\"" KNOWN,
			 0, true);

	(void)state;
	must_be_ready(r);
	assert_int_equal(r->binds_count, 2);
	assert_string_equal(r->binds[0].name, "x");
	assert_string_equal(r->binds[0].disk->name, "vdc");
	assert_string_equal(r->binds[0].type, "xfs");
	assert_string_equal(r->binds[1].disk->name, "vdb");
	assert_string_equal(r->binds[1].type, "ext4");
}

#define ON_T(name) "[bind " name "]\nsource = LABEL=t\nsubdir = " name "\npaths = /" name "\n"
#define ON_X(name) "[bind " name "]\nsource = LABEL=x\nsubdir = " name "\npaths = /" name "\n"

/* The top goes first, wherever it stands in the manifest, and then the binds as they do. */
static void who_shares_a_disk(void **state)
{
	static const char disks[] = LAYER_A TOP_B STAMPED
		"NAME=\"vdx\" LABEL=\"x\" FSTYPE=\"xfs\"" KNOWN;
	static const struct {
		const char *manifest, *inventory,
			*shared; /* a letter for each bind: shared, alone */
	} rows[] = {
		{ TOP ON_X("a"), disks, "a" },
		{ TOP ON_T("a"), disks, "s" },
		{ LAYER ON_T("a") "[top]\ntype = disk\nsource = /dev/vdb\n", disks, "s" },
		{ TOP ON_X("a") ON_T("b") ON_X("c") ON_T("d"), disks, "asss" },
		{ LAYER ON_T("a") ON_X("b") ON_T("c") ON_T("d"), disks, "aass" },
		/* one disk, by another of its names */
		{ LAYER ON_T("a") "[bind b]\nsource = /dev/vdb\npaths = /b\n", disks, "as" },
		/* what has not come is not shared with what has not come, either */
		{ TOP ON_X("a") ON_X("b"), LAYER_A, "aa" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct resolution *r = resolved(rows[i].manifest, rows[i].inventory, 0, true);
		assert_int_not_equal(r->state, RESOLVE_FAILED);
		assert_int_equal(r->binds_count, strlen(rows[i].shared));
		assert_false(r->top.shared);
		for (size_t k = 0; k < r->binds_count; k++)
			if (r->binds[k].shared != (rows[i].shared[k] == 's'))
				fail_msg("row %zu: %s", i, r->binds[k].label);
	}
}

#define BLANK  "NAME=\"vdb\" LABEL=\"t\"" KNOWN STAMPED
#define BLANKX BLANK "NAME=\"vdx\" LABEL=\"x\"" KNOWN

/* What one of those on a disk says of its file system holds for the disk. */
static void a_blank_disk_that_is_shared(void **state)
{
	static const struct {
		const char *manifest, *inventory,
			*types; /* of the top and the binds; empty: it fails */
		const char *label, *text;
	} rows[] = {
		{ TOP "format = xfs\n" ON_T("a"), BLANK, "xfs xfs", NULL, NULL },
		{ TOP ON_T("a") "format = ext4\n", BLANK, "ext4 ext4", NULL, NULL },
		{ TOP ON_T("a") ON_T("b") "format = ext4\n" ON_T("c"), BLANK, "ext4 ext4 ext4 ext4",
		  NULL, NULL },
		{ TOP "format = xfs\n" ON_T("a") "format = xfs\n", BLANK, "xfs xfs", NULL, NULL },
		{ TOP "format = ext4\n" ON_X("a") ON_X("b") "format = xfs\n", BLANKX,
		  "ext4 xfs xfs", NULL, NULL },
		{ TOP "format = xfs\n" ON_T("a") "format = ext4\n", BLANK, "", "bind a",
		  "format = ext4, and top or another on the same disk vdb has format = xfs" },
		/* who says nothing is not asked: the second and the third differ */
		{ TOP ON_T("a") "format = xfs\n" ON_T("b") "format = ext4\n", BLANK, "", "bind b",
		  "format = ext4, and top or another on the same disk vdb has format = xfs" },
		{ TOP ON_T("a"), BLANK, "", "top",
		  "vdb (LABEL=t 1 MiB) holds no file system of ext4, xfs, btrfs, and format is "
		  "not given" },
		{ TOP "format = ext4\n" ON_X("a") ON_X("b"), BLANKX, "", "bind a",
		  "vdx (LABEL=x 1 MiB) holds no file system of ext4, xfs, btrfs, and format is "
		  "not given" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char inventory[1024], types[64];
		struct builder b;
		(void)snprintf(inventory, sizeof(inventory), LAYER_A "%s", rows[i].inventory);
		const struct resolution *r = resolved(rows[i].manifest, inventory, 0, true);
		if (!*rows[i].types) {
			must_fail(r, FAILURE_VOLUME_FOREIGN, rows[i].label, rows[i].text);
			continue;
		}
		must_be_ready(r);
		builder_start(&b, types, sizeof(types));
		builder_add(&b, r->top.type);
		for (size_t k = 0; k < r->binds_count; k++)
			builder_addf(&b, " %s", r->binds[k].type);
		assert_string_equal(types, rows[i].types);
		assert_string_equal(r->top.format, r->top.type);
	}
}

static void what_is_said_of_a_shared_disk(void **state)
{
	const struct resolution *r = resolved(TOP ON_T("a") "grow = yes\n" ON_T("b") "fsck = no\n",
					      LAYER_A TOP_B STAMPED, 0, true);

	(void)state;
	must_be_ready(r);
	assert_true(r->top.grow);
	assert_true(r->top.no_fsck);
	assert_null(r->top.format);
	assert_true(r->binds[0].shared && r->binds[1].shared);
	assert_false(r->binds[0].grow);
}

/* As long as a disk is missing, another may turn out to be shared: nothing is begun. */
static void volumes_are_known_together(void **state)
{
	static const char late[] = LAYER_A "NAME=\"vdx\" LABEL=\"x\" FSTYPE=\"xfs\"" KNOWN;

	(void)state;
	must_wait(resolved(TOP ON_X("a"), late, 0, true), 10000, "");
	assert_int_equal(scene.resolution.binds[0].state, LAYER_FOUND);
	assert_false(scene.resolution.volumes_known);
	(void)resolved(TOP ON_X("a"), LAYER_A TOP_B, 0, true);
	assert_int_equal(scene.resolution.top.state, LAYER_FOUND);
	assert_false(scene.resolution.volumes_known);
	must_be_ready(resolved(TOP ON_T("a"), LAYER_A TOP_B STAMPED, 0, true));
	assert_true(scene.resolution.volumes_known);
	/* a top whose disk has stalled is waited for as a missing one is */
	must_wait(resolved(TOP, LAYER_A "NAME=\"vdb\" LABEL=\"t\" ERROR=\"110\"" KNOWN, 9999, true),
		  10000, "");
}

/* The disk of a layer is set read-only. */
static void nothing_is_written_where_a_layer_is(void **state)
{
	(void)state;
	must_fail(resolved(START "[layer a]\nsource = LABEL=t\nsubdir = s\n[top]\ntype = disk\n"
				 "source = /dev/vdb\nsubdir = t\n",
			   TOP_B, 0, true),
		  FAILURE_LAYER_DUPLICATE, "top",
		  "vdb (/dev/vdb) is also layer \"a\", which is read-only");
	must_fail(resolved(START "[layer a]\nsource = LABEL=t\nimage = i\n"
				 "[bind x]\nsource = /dev/vdb\npaths = /x\n",
			   TOP_B "LISTING=\"i\" DISK=\"vdb\"\n"
				 "IMAGE=\"i\" DISK=\"vdb\" FSTYPE=\"erofs\" SIZE=\"1\"\n",
			   0, true),
		  FAILURE_LAYER_DUPLICATE, "bind x",
		  "vdb (/dev/vdb) is also layer \"a\", which is read-only");
	/* a top and a bind may share one */
	must_be_ready(resolved(TOP "[bind x]\nsource = LABEL=t\nsubdir = x\npaths = /x\n",
			       LAYER_A TOP_B STAMPED, 0, true));
}

static const struct disk *origin_of(const char *text, const char *inventory, int64_t elapsed_ms,
				    bool settled, int expected)
{
	const struct disk *disk = (const struct disk *)"untouched";
	struct origin origin;

	assert_int_equal(origin_parse(slice_of(text), fresh_arena(), &origin), 0);
	given_inventory(inventory);
	scene.inventory.elapsed_ms = elapsed_ms;
	scene.inventory.settled = settled;
	memset(&scene.resolution, 0xa5, sizeof(scene.resolution));
	assert_int_equal(resolve_origin(&origin, &scene.inventory, TIMEOUT_MS, &scene.resolution,
					&disk),
			 expected);
	return disk;
}

static void the_disk_that_the_manifest_is_on(void **state)
{
	static const char other[] = "NAME=\"vda\" SERIAL=\"x\"" KNOWN;
	static const char two[] = "NAME=\"vda\" SERIAL=\"m\"" KNOWN "NAME=\"vdb\"";
	static const struct {
		const char *origin, *inventory;
		int64_t elapsed_ms;
		bool settled;
		const char *disk, *questions;
		int64_t wake_ms;
	} rows[] = {
		{ "SERIAL=m", "", 0, false, NULL, "", 10000 },
		{ "SERIAL=m", other, 9999, true, NULL, "", 10000 },
		/* what the message will list */
		{ "SERIAL=m", "NAME=\"vda\" SERIAL=\"x\"" IDENTIFIED, 0, true, NULL,
		  "vda superblock", 10000 },
		{ "SERIAL=m", "NAME=\"vda\"", 0, true, NULL, "vda identity", 10000 },
		/* another could still be it, too */
		{ "SERIAL=m", "NAME=\"vda\" SERIAL=\"m\"" KNOWN, 0, false, NULL, "", 10000 },
		{ "SERIAL=m", two, 0, true, NULL, "vdb identity", 10000 },
		{ "SERIAL=m", two, 10000, false, "vda", "vdb identity", -1 },
		{ "SERIAL=m", "NAME=\"vda\" SERIAL=\"m\"" IDENTIFIED, 0, true, "vda", "", -1 },
		/* a file is looked for in a file system */
		{ "SERIAL=m:/f", "NAME=\"vda\" SERIAL=\"m\"" IDENTIFIED, 0, true, NULL,
		  "vda superblock", -1 },
		{ "SERIAL=m:/f", "NAME=\"vda\" SERIAL=\"m\"" KNOWN, 0, true, "vda", "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct disk *d = origin_of(rows[i].origin, rows[i].inventory,
						 rows[i].elapsed_ms, rows[i].settled, 0);
		if (!d != !rows[i].disk || (d && strcmp(d->name, rows[i].disk) != 0))
			fail_msg("row %zu: %s", i, d ? d->name : "none");
		assert_string_equal(questions(), rows[i].questions);
		assert_int_equal(scene.resolution.wake_ms, rows[i].wake_ms);
	}
	(void)origin_of("SERIAL=m", other, 10000, true, -1);
	assert_string_equal(failure_words(&scene.resolution.failure),
			    "error[manifest-missing]: no disk with SERIAL=m "
			    "after 10 s; seen: vda (SERIAL=x 1 MiB); "
			    "correct layerboot.manifest= or build the initramfs with it");
	(void)origin_of("SERIAL=m:/f",
			"NAME=\"vda\" SERIAL=\"m\"" KNOWN "NAME=\"vdb\" SERIAL=\"m\"" KNOWN, 0,
			false, -1);
	assert_int_equal(scene.resolution.failure.kind, FAILURE_LAYER_DUPLICATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_top_is_looked_for_like_a_layer),
		cmocka_unit_test(disks_for_a_top),
		cmocka_unit_test(a_top_or_bind_that_does_not_come),
		cmocka_unit_test(binds_are_found),
		cmocka_unit_test(who_shares_a_disk),
		cmocka_unit_test(a_blank_disk_that_is_shared),
		cmocka_unit_test(what_is_said_of_a_shared_disk),
		cmocka_unit_test(volumes_are_known_together),
		cmocka_unit_test(nothing_is_written_where_a_layer_is),
		cmocka_unit_test(the_disk_that_the_manifest_is_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
