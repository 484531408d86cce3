/* Layers that are files on a disk: listings, globs, and subdirs. */
#include "check_resolve.h"

#include <errno.h>
#include <stdio.h>

#define MEDIUM " LABEL=\"m\" FSTYPE=\"ext4\""
#define GLOB   START "[layer b]\nsource = LABEL=m\nimage = d/*.sb\n"
#define LISTED "LISTING=\"d/*.sb\" DISK=\"vda\"\n"
#define FILE_OF(path)                                                           \
	"IMAGE=\"" path "\" DISK=\"vda\" FSTYPE=\"squashfs\" DIGEST=\"sb-" path \
	"\" SIZE=\"1048576\"\n"

static void the_disk_is_asked_for_its_files(void **state)
{
	(void)state;
	must_wait(resolved(GLOB, "NAME=\"vda\"", 0, true), 10000, "vda identity");
	must_wait(resolved(START "[layer b]\nsource = /dev/vda\nimage = a.img\n",
			   "NAME=\"vda\"" IDENTIFIED, 0, true),
		  -1, "vda superblock");
	must_wait(resolved(GLOB, "NAME=\"vda\"" MEDIUM KNOWN, 0, true), -1, "vda listing d/*.sb");
	assert_string_equal(scene.resolution.questions[0].layer, "b");
	assert_int_equal(scene.resolution.layers[0].state, LAYER_WAITING);
	/* one file is found the same way */
	must_wait(resolved(START "[layer b]\nsource = LABEL=m\nimage = a.img\n",
			   "NAME=\"vda\"" MEDIUM KNOWN LISTED, 0, true),
		  -1, "vda listing a.img");
	/* the same glob on another disk is another question; the same on the same is put once */
	must_wait(resolved(START "[layer a]\nsource = LABEL=m\nimage = *.sb\n"
				 "[layer b]\nsource = LABEL=m\nimage = *.sb\nsubdir = x\n"
				 "[layer c]\nsource = LABEL=n\nimage = *.sb\n",
			   "NAME=\"vda\"" MEDIUM KNOWN
			   "NAME=\"vdb\" LABEL=\"n\" FSTYPE=\"iso9660\"" KNOWN,
			   0, true),
		  -1, "vda listing *.sb, vdb listing *.sb");
	assert_int_equal(resolve_wants(&scene.manifest), KNOWN_IDENTITY | KNOWN_SUPERBLOCK);
	given_manifest(START "[layer a]\nsource = SERIAL=m\nimage = x\ntype = erofs\n");
	assert_int_equal(resolve_wants(&scene.manifest), KNOWN_IDENTITY | KNOWN_SUPERBLOCK);
}

static void every_match_is_a_layer_in_the_order_of_versions(void **state)
{
	static const char *const paths[] = { "d/1-base.sb", "d/2-x.sb", "d/10-x.sb" };
	static const char *const names[] = { "b.1", "b.2", "b.3" };
	const struct resolution *r = resolved(
		GLOB "[layer last]\nsource = SERIAL=t\n",
		"NAME=\"vda\"" MEDIUM KNOWN "NAME=\"vdb\" SERIAL=\"t\"" IMAGE LISTED FILE_OF(
			"d/10-x.sb") FILE_OF("d/1-base.sb") FILE_OF("e/1.sb") FILE_OF("d/2-x.sb")
			FILE_OF("d/2-x.img") "IMAGE=\"d/3.sb\" DISK=\"vdb\" FSTYPE=\"erofs\" SIZE=\"1\"\n",
		0, true);

	(void)state;
	must_be_ready(r);
	assert_int_equal(r->layers_count, 4);
	for (size_t i = 0; i < ROWS(paths); i++) {
		const struct resolved_layer *l = &r->layers[i];
		assert_string_equal(l->name, names[i]);
		assert_string_equal(l->image->path, paths[i]);
		assert_string_equal(l->layer->name, "b");
		assert_string_equal(l->disk->name, "vda");
		assert_string_equal(l->type, "squashfs");
		assert_string_equal(resolved_identity(l), l->image->digest);
	}
	assert_string_equal(r->layers[3].name, "last");
	assert_null(r->layers[3].image);
}

static void a_single_file_keeps_the_name_of_its_layer(void **state)
{
	const struct resolution *r = resolved(
		START "[layer b]\nsource = LABEL=m\nimage = d/a.sb\ntype = erofs\n"
		      "identity = v7\n",
		"NAME=\"vda\"" MEDIUM KNOWN "LISTING=\"d/a.sb\" DISK=\"vda\"\n" FILE_OF("d/a.sb"),
		0, true);

	(void)state;
	must_be_ready(r);
	assert_int_equal(r->layers_count, 1);
	assert_string_equal(r->layers[0].name, "b");
	assert_string_equal(r->layers[0].type, "erofs");
	assert_string_equal(resolved_identity(&r->layers[0]), "v7");
}

static void a_glob_of_one_match_is_numbered(void **state)
{
	const struct resolution *r =
		resolved(GLOB, "NAME=\"vda\"" MEDIUM KNOWN LISTED FILE_OF("d/a.sb"), 0, true);

	(void)state;
	must_be_ready(r);
	assert_string_equal(r->layers[0].name, "b.1");
}

static void no_file_at_all(void **state)
{
	static const struct {
		const char *listing;
		enum failure_kind kind; /* FAILURE_NONE: absent where the layer is optional */
		const char *text;
	} rows[] = {
		{ LISTED, FAILURE_IMAGE_MISSING, "no file matches d/*.sb on vda" },
		{ "LISTING=\"d/*.sb\" DISK=\"vda\" ERROR=\"2\"\n", FAILURE_IMAGE_MISSING,
		  "no file matches d/*.sb on vda: the directory is not there" },
		{ "LISTING=\"d/*.sb\" DISK=\"vda\" ERROR=\"5\"\n", FAILURE_LAYER_READ,
		  "the directory of d/*.sb on vda cannot be read: Input/output error" },
		/* half a directory is none */
		{ FILE_OF("d/a.sb") "LISTING=\"d/*.sb\" DISK=\"vda\" ERROR=\"5\"\n",
		  FAILURE_LAYER_READ,
		  "the directory of d/*.sb on vda cannot be read: Input/output error" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char inventory[1024];
		(void)snprintf(inventory, sizeof(inventory),
			       "NAME=\"vda\"" MEDIUM KNOWN "NAME=\"vdb\" SERIAL=\"s\"" IMAGE "%s",
			       rows[i].listing);
		must_fail(resolved(GLOB, inventory, 0, true), rows[i].kind, "b", rows[i].text);
		const struct resolution *r = resolved(
			GLOB "required = no\n[layer s]\nsource = SERIAL=s\n", inventory, 0, true);
		if (rows[i].kind == FAILURE_LAYER_READ) {
			must_fail(r, rows[i].kind, "b", rows[i].text);
			continue;
		}
		must_be_ready(r);
		assert_int_equal(r->layers[0].state, LAYER_ABSENT);
		assert_string_equal(r->layers[0].disk->name, "vda");
		assert_int_equal(r->layers_count, 2);
	}
}

static void more_files_than_layers(void **state)
{
	static char inventory[1 << 16];
	struct builder b;

	(void)state;
	builder_start(&b, inventory, sizeof(inventory));
	builder_add(&b, "NAME=\"vda\"" MEDIUM KNOWN LISTED);
	for (int i = 0; i < MANIFEST_LAYERS_MAX; i++)
		builder_addf(&b, "IMAGE=\"d/%d.sb\" DISK=\"vda\" FSTYPE=\"erofs\" SIZE=\"1\"\n", i);
	must_be_ready(resolved(GLOB, inventory, 0, true));
	assert_int_equal(scene.resolution.layers_count, 500);
	assert_string_equal(scene.resolution.layers[499].name, "b.500");
	assert_string_equal(scene.resolution.layers[10].image->path, "d/10.sb");
	builder_add(&b, "IMAGE=\"d/x.sb\" DISK=\"vda\" FSTYPE=\"erofs\" SIZE=\"1\"\n");
	assert_false(b.overflow);
	must_fail(resolved(GLOB, inventory, 0, true), FAILURE_LIMIT, "b",
		  "more than 500 layers with the files that match d/*.sb");
	/* there is no room for whatever stands above, either */
	inventory[strlen(inventory) - strlen("IMAGE=\"d/x.sb\" DISK=\"vda\" FSTYPE=\"erofs\" "
					     "SIZE=\"1\"\n")] = '\0';
	static const char *const above[] = {
		"[layer z]\nsource = SERIAL=none\nrequired = no\n",
		"[layer z]\nsource = /dev/vda\n",
		"[layer z]\nsource = LABEL=m\nimage = none/*\n",
	};
	for (size_t i = 0; i < ROWS(above); i++) {
		char manifest[256];
		(void)snprintf(manifest, sizeof(manifest), "%s%s", GLOB, above[i]);
		assert_int_equal(resolved(manifest, inventory, 0, true)->failure.kind,
				 FAILURE_LIMIT);
		assert_string_equal(scene.resolution.failure.layer, "z");
	}
}

static void a_disk_that_cannot_hold_files(void **state)
{
	static const struct {
		const char *disk;
		enum failure_kind kind;
		const char *text;
	} rows[] = {
		{ " FSTYPE=\"vfat\"", FAILURE_NONE, NULL },
		{ " FSTYPE=\"iso9660\"", FAILURE_NONE, NULL },
		{ " FSTYPE=\"ext4\" DIRTY=\"1\"", FAILURE_LAYER_DIRTY,
		  "vda (LABEL=m ext4 1 MiB) was not cleanly unmounted" },
		{ " FSTYPE=\"vfat\" DIRTY=\"1\"", FAILURE_LAYER_DIRTY,
		  "vda (LABEL=m vfat 1 MiB) was not cleanly unmounted" },
		{ " FSTYPE=\"swap\"", FAILURE_LAYER_TYPE,
		  "vda (LABEL=m swap 1 MiB): swap cannot be a layer" },
		{ "", FAILURE_LAYER_TYPE,
		  "vda (LABEL=m 1 MiB) holds no file system of squashfs, erofs, ext4, xfs, btrfs, "
		  "iso9660" },
		{ " ERROR=\"110\"", FAILURE_LAYER_STALLED,
		  "vda (LABEL=m no answer 1 MiB) does not answer" },
		{ " AMBIVALENT=\"1\"", FAILURE_LAYER_TYPE,
		  "vda (LABEL=m ambivalent 1 MiB) carries more than one file system; wipe the "
		  "stale one or give type" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char inventory[256];
		(void)snprintf(inventory, sizeof(inventory), "NAME=\"vda\" LABEL=\"m\"%s" KNOWN,
			       rows[i].disk);
		const struct resolution *r =
			resolved(GLOB "type = erofs\n", inventory, TIMEOUT_MS, true);
		if (rows[i].kind == FAILURE_NONE)
			must_wait(r, -1, "vda listing d/*.sb");
		else
			must_fail(r, rows[i].kind, "b", rows[i].text);
	}
}

static void a_file_that_cannot_be_a_layer(void **state)
{
	static const struct {
		const char *image;
		enum failure_kind kind;
		const char *text;
	} rows[] = {
		{ " FSTYPE=\"vfat\"", FAILURE_LAYER_TYPE,
		  "d/a.sb on vda (vfat 1 KiB): vfat cannot be a layer" },
		{ "", FAILURE_LAYER_TYPE,
		  "d/a.sb on vda (1 KiB) holds no file system of squashfs, erofs, ext4, xfs, "
		  "btrfs, iso9660" },
		{ " ERROR=\"21\"", FAILURE_LAYER_READ,
		  "d/a.sb on vda (1 KiB) cannot be read: Is a directory" },
		{ " FSTYPE=\"ext4\" DIRTY=\"1\"", FAILURE_LAYER_DIRTY,
		  "d/a.sb on vda (ext4 1 KiB) was not cleanly unmounted" },
		{ " AMBIVALENT=\"1\"", FAILURE_LAYER_TYPE,
		  "d/a.sb on vda (1 KiB) carries more than one file system; wipe the stale one or "
		  "give type" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char inventory[512];
		(void)snprintf(inventory, sizeof(inventory),
			       "NAME=\"vda\"" MEDIUM KNOWN LISTED
			       "IMAGE=\"d/a.sb\" DISK=\"vda\" SIZE=\"1024\"%s\n",
			       rows[i].image);
		must_fail(resolved(GLOB "required = no\n", inventory, 0, true), rows[i].kind, "b",
			  rows[i].text);
		/* a given type is believed, of a file that can be opened */
		const struct resolution *r = resolved(GLOB "type = erofs\n", inventory, 0, true);
		if (rows[i].kind == FAILURE_LAYER_READ)
			must_fail(r, rows[i].kind, "b", rows[i].text);
		else
			must_be_ready(r);
	}
	/* who makes the disk chooses the names on it */
	must_fail(resolved(GLOB,
			   "NAME=\"vda\"" MEDIUM KNOWN LISTED
			   "IMAGE=\"d/\\x1b[2J.sb\" DISK=\"vda\" SIZE=\"1024\" FSTYPE=\"swap\"\n",
			   0, true),
		  FAILURE_LAYER_TYPE, "b",
		  "d/\\x1b[2J.sb on vda (swap 1 KiB): swap cannot be a layer");
}

static void what_may_be_taken_twice(void **state)
{
	static const char inventory[] = "NAME=\"vda\"" MEDIUM KNOWN LISTED FILE_OF(
		"d/a.sb") "LISTING=\"d/a.sb\" DISK=\"vda\"\n";
	static const struct {
		const char *manifest, *layer, *text; /* NULL: nothing is wrong */
	} rows[] = {
		/* one file */
		{ START "[layer a]\nsource = LABEL=m\nimage = d/a.sb\n"
			"[layer b]\nsource = /dev/vda\nimage = d/*.sb\n",
		  "b.1", "d/a.sb (/dev/vda) is also layer \"a\" (LABEL=m)" },
		/* a disk, and a file on it */
		{ START
		  "[layer a]\nsource = LABEL=m\n[layer b]\nsource = LABEL=m\nimage = d/a.sb\n",
		  NULL, NULL },
		/* directories of one disk, or of one file */
		{ START "[layer a]\nsource = LABEL=m\nsubdir = x\n"
			"[layer b]\nsource = LABEL=m\nsubdir = y\n[layer c]\nsource = LABEL=m\n",
		  NULL, NULL },
		{ START "[layer a]\nsource = LABEL=m\nsubdir = x\n"
			"[layer b]\nsource = LABEL=m\nsubdir = x\n",
		  "b", "vda (LABEL=m) is also layer \"a\" (LABEL=m)" },
		{ START "[layer a]\nsource = LABEL=m\nimage = d/a.sb\nsubdir = x\n"
			"[layer b]\nsource = LABEL=m\nimage = d/a.sb\n",
		  NULL, NULL },
		/* a match takes the name of another layer */
		{ START "[layer b]\nsource = LABEL=m\nimage = d/*.sb\n"
			"[layer b.1]\nsource = LABEL=m\n",
		  "b.1", "a file that matches d/*.sb gets the name of another layer" },
		{ START "[layer b.1]\nsource = LABEL=m\n"
			"[layer b]\nsource = LABEL=m\nimage = d/*.sb\n",
		  "b.1", "a file that matches d/*.sb gets the name of another layer" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct resolution *r = resolved(rows[i].manifest, inventory, 0, true);
		if (rows[i].layer)
			must_fail(r, FAILURE_LAYER_DUPLICATE, rows[i].layer, rows[i].text);
		else
			must_be_ready(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_disk_is_asked_for_its_files),
		cmocka_unit_test(every_match_is_a_layer_in_the_order_of_versions),
		cmocka_unit_test(a_single_file_keeps_the_name_of_its_layer),
		cmocka_unit_test(a_glob_of_one_match_is_numbered),
		cmocka_unit_test(no_file_at_all),
		cmocka_unit_test(more_files_than_layers),
		cmocka_unit_test(a_disk_that_cannot_hold_files),
		cmocka_unit_test(a_file_that_cannot_be_a_layer),
		cmocka_unit_test(what_may_be_taken_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
