#include "check_plan.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>

#define DISK   "NAME=\"vda\" FSTYPE=\"squashfs\" SIZE=\"1024\" KNOWN=\"7\"\n"
#define MEDIUM "NAME=\"vda\" FSTYPE=\"vfat\" SIZE=\"1024\" KNOWN=\"7\"\n"
#define FILES                                                                         \
	"LISTING=\"d/*\" DISK=\"vda\"\nIMAGE=\"d/2\" DISK=\"vda\" FSTYPE=\"erofs\"\n" \
	"IMAGE=\"d/10\" DISK=\"vda\" FSTYPE=\"xfs\"\n"
#define START     "version = 1\n[layer a]\nsource = /dev/vda\n"
#define L         "/run/layerboot/layers/a"
#define ROOT_HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The chain of the layer at INDEX, without the module of its type. */
static const char *chained(const char *manifest, const char *inventory, size_t index,
			   const char *release)
{
	struct chain chain;

	given_layers(manifest, inventory, "");
	assert_int_equal(plan_layer(&scene.resolution.layers[index], UNION_OVERLAY, release,
				    &scene.arena, &chain),
			 0);
	for (size_t i = 0; i < chain.count; i++) {
		assert_int_equal(chain.steps[i].phase, PHASE_LAYERS);
		assert_true(chain.steps[i].failure != FAILURE_NONE);
		assert_true(chain.steps[i].kind == STEP_MODULE || chain.steps[i].layer);
	}
	assert_int_equal(chain.steps[0].kind, STEP_MODULE);
	return printed_steps(chain.steps + 1, chain.count - 1, STEP_EXEC);
}

#define FLAGS "(ro,nosuid,nodev,noexec"
#define MOUNT "mkdir " L " mode=0755\nlayer a: mount /dev/vda on " L " type squashfs " FLAGS ")\n"

static void what_a_layer_takes(void **state)
{
	static const struct {
		const char *keys, *release, *steps;
	} rows[] = {
		{ "", "6.1", MOUNT },
		{ "subdir = x/y\n", "6.1",
		  "mkdir /run/layerboot/images mode=0700\n"
		  "mkdir /run/layerboot/images/a mode=0755\nmkdir " L " mode=0755\n"
		  "layer a: mount /dev/vda on /run/layerboot/images/a type squashfs " FLAGS ")\n"
		  "layer a: bind /run/layerboot/images/a/x/y on " L "\n" },
		{ "trust = untrusted\n", "6.1", MOUNT "layer a: walk " L " untrusted\n" },
		{ "only = /opt /usr/x\n", "6.1", MOUNT "layer a: walk " L " only /opt /usr/x\n" },
		{ "only = /opt\ntrust = untrusted\n", "6.1",
		  MOUNT "layer a: walk " L " untrusted only /opt\n" },
		{ "whiteouts = wh\n", "6.1",
		  MOUNT "mkdir " L "+above mode=0755\nmkdir " L "+below mode=0755\n"
			"layer a: whiteouts (wh) of " L " into " L "+above and " L "+below\n" },
		{ "whiteouts = xattr\n", "6.1",
		  MOUNT "mkdir " L "+above mode=0755\nmkdir " L "+below mode=0755\n"
			"layer a: whiteouts (xattr) of " L " into " L "+above and " L "+below\n" },
		{ "kernel = any\n", "6.1",
		  MOUNT "layer a: look for the modules of 6.1 in " L "\n" },
		{ "kernel = any\n", NULL, MOUNT },
		{ "kernel = 6.1\n", "6.1", MOUNT },
		{ "options = a,b\n", "6.1",
		  "mkdir " L " mode=0755\nlayer a: mount /dev/vda on " L " type squashfs " FLAGS
		  ",a,b)\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[512];
		(void)snprintf(manifest, sizeof(manifest), START "%s", rows[i].keys);
		const char *steps = chained(manifest, DISK, 0, rows[i].release);
		if (strcmp(steps, rows[i].steps) != 0)
			fail_msg("%s:\n%s\n", rows[i].keys, steps);
	}
}

/* The others read .wh. files by themselves, or read no marks at all. */
static void only_overlay_has_deletions_turned_into_layers(void **state)
{
	static const enum union_kind others[] = { UNION_AUFS, UNION_UNIONFS };
	struct chain chain;

	(void)state;
	given_layers(START "whiteouts = wh\n", DISK, "");
	for (size_t i = 0; i < ROWS(others); i++) {
		assert_int_equal(plan_layer(&scene.resolution.layers[0], others[i], "6.1",
					    &scene.arena, &chain),
				 0);
		assert_string_equal(printed_steps(chain.steps + 1, chain.count - 1, STEP_EXEC),
				    MOUNT);
	}
}

static void a_file_gets_a_loop_device(void **state)
{
	(void)state;
	assert_string_equal(chained(START "image = d/*\n", MEDIUM FILES, 0, NULL),
			    "module loop\nmkdir /run/layerboot/layers/a.1 mode=0755\n"
			    "layer a.1: mount /run/layerboot/media/vda/d/2 on "
			    "/run/layerboot/layers/a.1 type erofs " FLAGS ",loop)\n");
	assert_string_equal(
		chained(START "image = d/*\noptions = norecovery\n", MEDIUM FILES, 1, NULL),
		"module loop\nmkdir /run/layerboot/layers/a.2 mode=0755\n"
		"layer a.2: mount /run/layerboot/media/vda/d/10 on "
		"/run/layerboot/layers/a.2 type xfs " FLAGS ",loop,nouuid,norecovery)\n");
}

/* All at once just fit. */
static void the_longest_chain(void **state)
{
	struct chain chain;

	(void)state;
	given_layers(START
		     "image = d/2\nsubdir = s\ntrust = untrusted\nonly = /o\nwhiteouts = wh\n"
		     "kernel = any\ntype = erofs\nverity-data-size = 4096\nverity = " ROOT_HASH
		     "\n",
		     MEDIUM "LISTING=\"d/2\" DISK=\"vda\"\n"
			    "IMAGE=\"d/2\" DISK=\"vda\" SIZE=\"4096\"\n",
		     "");
	assert_int_equal(plan_layer(&scene.resolution.layers[0], UNION_OVERLAY, "6.1", &scene.arena,
				    &chain),
			 0);
	assert_int_equal(chain.count, PLAN_CHAIN_MAX);
	assert_int_equal(chain.steps[PLAN_CHAIN_MAX - 1].kind, STEP_KERNEL);
	for (size_t i = 0; i < chain.count; i++)
		assert_int_equal(chain.steps[i].verity != NULL,
				 chain.steps[i].kind != STEP_MODULE &&
					 chain.steps[i].kind != STEP_DIR);
}

static void a_medium_is_mounted_for_its_files(void **state)
{
	struct chain chain;

	(void)state;
	assert_int_equal(plan_medium("vda1", "vfat", fresh_arena(), &chain), 0);
	assert_string_equal(printed_steps(chain.steps, chain.count, STEP_EXEC),
			    "module fs-vfat\nmkdir /run/layerboot/media mode=0700\n"
			    "mkdir /run/layerboot/media/vda1 mode=0755\n"
			    "medium: mount /dev/vda1 on /run/layerboot/media/vda1 type vfat " FLAGS
			    ")\n");
}

#define STATE "NAME=\"vdb\" LABEL=\"s\" SIZE=\"1024\" KNOWN=\"7\"%s\nSTAMP=\"\" DISK=\"vdb\"\n"
#define RW    " (rw,nosuid,nodev,noexec)\n"

static void what_a_volume_takes(void **state)
{
	static const struct {
		bool top;
		const char *keys, *type, *steps;
	} rows[] = {
		{ true, "", " FSTYPE=\"ext4\"",
		  "module fs-ext4\nmkdir /run/layerboot/top mode=0700\ntop: check /dev/vdb (ext4)\n"
		  "top: mount /dev/vdb on /run/layerboot/top type ext4" RW
		  "top: read the stamp in /run/layerboot/top\n" },
		{ true, "format = xfs\ngrow = yes\nsubdir = a/b\n", "",
		  "module fs-xfs\nmkdir /run/layerboot/top mode=0700\n"
		  "top: format /dev/vdb as xfs, if it is blank\ntop: check /dev/vdb (xfs)\n"
		  "top: mount /dev/vdb on /run/layerboot/top type xfs" RW
		  "top: grow /run/layerboot/top to the size of /dev/vdb\n"
		  "top: read the stamp in /run/layerboot/top/a/b\n" },
		/* it has the type that it would be given */
		{ true, "format = ext4\nfsck = no\n", " FSTYPE=\"ext4\"",
		  "module fs-ext4\nmkdir /run/layerboot/top mode=0700\n"
		  "top: format /dev/vdb as ext4, if it is blank\n"
		  "top: mount /dev/vdb on /run/layerboot/top type ext4" RW
		  "top: read the stamp in /run/layerboot/top\n" },
		{ false, "fsck = no\ngrow = yes\n", " FSTYPE=\"btrfs\"",
		  "module fs-btrfs\nmkdir /run/layerboot/binds mode=0700\n"
		  "mkdir /run/layerboot/binds/b mode=0700\n"
		  "bind b: mount /dev/vdb on /run/layerboot/binds/b type btrfs" RW
		  "bind b: grow /run/layerboot/binds/b to the size of /dev/vdb\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[512], inventory[512];
		struct chain chain;
		(void)snprintf(manifest, sizeof(manifest), START "%ssource = LABEL=s\n%s",
			       rows[i].top ? "[top]\ntype = disk\n" : "[bind b]\npaths = /p\n",
			       rows[i].keys);
		(void)snprintf(inventory, sizeof(inventory), DISK STATE, rows[i].type);
		given_layers(manifest, inventory, "");
		assert_int_equal(plan_volume(rows[i].top ? &scene.resolution.top
							 : &scene.resolution.binds[0],
					     rows[i].top, &scene.arena, &chain),
				 0);
		const char *steps = printed_steps(chain.steps, chain.count, STEP_EXEC);
		if (strcmp(steps, rows[i].steps) != 0)
			fail_msg("row %zu:\n%s\n", i, steps);
		for (size_t k = 0; k < chain.count; k++)
			assert_int_equal(chain.steps[k].phase, PHASE_LAYERS);
	}
}

/* Who comes first makes, checks and grows the file system; the others only mount it. */
static void a_shared_disk_is_made_ready_once(void **state)
{
	static const char keys[] = "source = LABEL=s\nformat = ext4\ngrow = yes\n";
	static const char *const binds[] = { "b", "c" };
	char manifest[512], inventory[512];
	struct chain chain;

	(void)state;
	(void)snprintf(manifest, sizeof(manifest),
		       START "[bind b]\npaths = /p\n%ssubdir = b\n[bind c]\npaths = /q\n%s"
			     "[top]\ntype = disk\n%s",
		       keys, keys, keys);
	(void)snprintf(inventory, sizeof(inventory), DISK STATE, "");
	given_layers(manifest, inventory, "");
	assert_int_equal(plan_volume(&scene.resolution.top, true, &scene.arena, &chain), 0);
	assert_string_equal(printed_steps(chain.steps, chain.count, STEP_DIR),
			    "module fs-ext4\ntop: format /dev/vdb as ext4, if it is blank\n"
			    "top: check /dev/vdb (ext4)\n"
			    "top: mount /dev/vdb on /run/layerboot/top type ext4" RW
			    "top: grow /run/layerboot/top to the size of /dev/vdb\n"
			    "top: read the stamp in /run/layerboot/top\n");
	for (size_t i = 0; i < ROWS(binds); i++) {
		char expected[256];
		(void)snprintf(expected, sizeof(expected),
			       "module fs-ext4\nbind %s: mount /dev/vdb on "
			       "/run/layerboot/binds/%s type ext4" RW,
			       binds[i], binds[i]);
		assert_int_equal(
			plan_volume(&scene.resolution.binds[i], false, &scene.arena, &chain), 0);
		assert_string_equal(printed_steps(chain.steps, chain.count, STEP_DIR), expected);
	}
}

static void no_memory_is_told(void **state)
{
	struct chain chain;
	int r = -1;

	(void)state;
	given_layers(START "image = d/*\nsubdir = s\nwhiteouts = wh\noptions = x\n"
			   "[bind b]\nsource = LABEL=s\nsubdir = s\npaths = /p\n",
		     MEDIUM FILES "NAME=\"vdb\" LABEL=\"s\" FSTYPE=\"ext4\" SIZE=\"1024\" "
				  "KNOWN=\"7\"\n",
		     "");
	for (int what = 0; what < 3; what++) {
		size_t size = 0;
		for (r = -1; r < 0 && size < 1024; size++) {
			char *memory = malloc(size ? size : 1);
			struct arena a;
			assert_non_null(memory);
			arena_start(&a, memory, size);
			if (what == 0)
				r = plan_layer(&scene.resolution.layers[1], UNION_OVERLAY, "6.1",
					       &a, &chain);
			else if (what == 1)
				r = plan_medium("vda", "vfat", &a, &chain);
			else
				r = plan_volume(&scene.resolution.binds[0], false, &a, &chain);
			free(memory);
			assert_true(r == 0 || r == -ENOMEM);
		}
		assert_int_equal(r, 0);
		assert_true(size > 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_layer_takes),
		cmocka_unit_test(only_overlay_has_deletions_turned_into_layers),
		cmocka_unit_test(a_file_gets_a_loop_device),
		cmocka_unit_test(the_longest_chain),
		cmocka_unit_test(a_medium_is_mounted_for_its_files),
		cmocka_unit_test(what_a_volume_takes),
		cmocka_unit_test(a_shared_disk_is_made_ready_once),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
