/* Nobody looks for a file system where the manifest says which it is. */
#include "check_resolve.h"

#define TYPED  START "[layer user]\nsource = SERIAL=user\ntype = squashfs\n"
#define SYSTEM "[layer system]\nsource = SERIAL=system\n"
#define BY     "[layer system]\nsource = LABEL=system\n"

static void the_disk_of_a_type_that_is_given_is_not_probed(void **state)
{
	static const struct {
		const char *manifest, *disks, *asked;
	} rows[] = {
		/* Another layer is looked for by what is on its disk: this one is out of the question. */
		{ TYPED BY,
		  "NAME=\"vda\" SERIAL=\"user\"" IDENTIFIED "NAME=\"vdb\" SERIAL=\"x\"" IDENTIFIED,
		  "vdb superblock" },
		{ TYPED SYSTEM,
		  "NAME=\"vda\" SERIAL=\"user\"" IDENTIFIED
		  "NAME=\"vdb\" SERIAL=\"system\"" IDENTIFIED,
		  "vdb superblock" },
		/* Who it is comes first, even if it is one question more. */
		{ TYPED BY, "NAME=\"vda\"\n", "vda identity" },
		{ START "[layer user]\nsource = PARTUUID=aa\ntype = squashfs\n" BY,
		  "NAME=\"vda1\" PKNAME=\"vda\"" IDENTIFIED, "vda1 partition" },
		{ START "[layer user]\nsource = PARTUUID=aa\ntype = squashfs\n" BY,
		  "NAME=\"vda1\" PKNAME=\"vda\" PARTUUID=\"bb\" SIZE=\"1\" KNOWN=\"5\"\n",
		  "vda1 superblock" },
		{ START "[layer user]\nsource = PARTUUID=aa\ntype = squashfs\n" BY,
		  "NAME=\"vda\"" IDENTIFIED, "vda superblock" },
		/* It is its own label that names it: nothing else can tell. */
		{ START "[layer user]\nsource = LABEL=user\ntype = squashfs\n",
		  "NAME=\"vda\"" IDENTIFIED, "vda superblock" },
		/* What is on it is a file; the type is that of the file. */
		{ TYPED "image = a.img\n", "NAME=\"vda\" SERIAL=\"user\"" IDENTIFIED,
		  "vda superblock" },
		{ TYPED "image = a.img\n", "NAME=\"vda\" SERIAL=\"user\" FSTYPE=\"ext4\"" KNOWN,
		  "vda listing a.img" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)resolved(rows[i].manifest, rows[i].disks, 0, false);
		if (strcmp(questions(), rows[i].asked) != 0)
			fail_msg("row %zu: %s", i, questions());
	}
	/* Nor to list it in the message of a failure. */
	must_wait(resolved(TYPED SYSTEM, "NAME=\"vda\" SERIAL=\"user\"" IDENTIFIED, 0, true), 10000,
		  "");
}

static void a_skipped_layer_protects_nothing(void **state)
{
	const struct disk user = { .name = "vda", .serial = "user", .known = KNOWN_IDENTITY };

	(void)state;
	fresh_arena();
	given_manifest(TYPED BY);
	assert_int_equal(resolve_may_ask(&scene.manifest, &user, KNOWN_SUPERBLOCK), 0);
	scene.manifest.layers[0].skipped = true;
	assert_int_equal(resolve_may_ask(&scene.manifest, &user, KNOWN_SUPERBLOCK),
			 KNOWN_SUPERBLOCK);
	assert_int_equal(resolve_may_ask(NULL, &user, KNOWN_SUPERBLOCK), KNOWN_SUPERBLOCK);
}

/* The files of a listing are asked for whichever layer does not say it. */
static void files_are_asked_for_a_layer_without_a_type(void **state)
{
	static const struct {
		const char *manifest;
		unsigned about;
	} rows[] = {
		{ START "[layer a]\nsource = SERIAL=m\nimage = *.img\ntype = ext4\n", 0 },
		{ START "[layer a]\nsource = SERIAL=m\nimage = *.img\n", KNOWN_SUPERBLOCK },
		{ START "[layer a]\nsource = SERIAL=m\nimage = *.img\ntype = ext4\n"
			"[layer b]\nsource = SERIAL=m\nimage = *.img\nsubdir = b\n",
		  KNOWN_SUPERBLOCK },
		{ START "[layer a]\nsource = SERIAL=m\nimage = *.img\ntype = ext4\n"
			"[layer b]\nsource = SERIAL=n\nimage = b.img\n",
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct resolution *r =
			resolved(rows[i].manifest,
				 "NAME=\"vda\" SERIAL=\"m\" FSTYPE=\"ext4\"" KNOWN, 0, true);
		assert_int_equal(r->questions[0].kind, QUESTION_LISTING);
		assert_int_equal(r->questions[0].about, rows[i].about);
	}
}

#define MEDIUM "NAME=\"vda\" SERIAL=\"m\" FSTYPE=\"ext4\"" KNOWN
#define FILES  START "[layer a]\nsource = SERIAL=m\nimage = a.img\n"

static void a_file_that_was_not_probed(void **state)
{
	static const char first[24] = "sb-0123456789abcdef", second[24] = "sb-fedcba9876543210";
	static const char unread[] = MEDIUM
		"LISTING=\"a.img\" DISK=\"vda\"\nIMAGE=\"a.img\" DISK=\"vda\" ERROR=\"21\"\n";
	static const char twice[] = MEDIUM
		"LISTING=\"a.img\" DISK=\"vda\"\n"
		"IMAGE=\"a.img\" DISK=\"vda\" FSTYPE=\"erofs\" SIZE=\"4096\"\n"
		"IMAGE=\"a.img\" DISK=\"vda\" SIZE=\"4096\"\n";

	(void)state;
	must_fail(resolved(FILES "type = squashfs\n", unread, 0, true), FAILURE_LAYER_READ, "a",
		  "a.img on vda (0 bytes) cannot be read: Is a directory");
	/* A second glob, of a layer that gives its type, finds the same file and knows less of it. */
	const struct resolution *r = resolved(FILES, twice, 0, true);
	must_be_ready(r);
	assert_string_equal(r->layers[0].type, "erofs");
	inventory_keep_digest(&scene.inventory, "vda/a.img", first);
	inventory_keep_digest(&scene.inventory, "vda/a.img", second);
	assert_string_equal(scene.inventory.images[0].digest, "sb-0123456789abcdef");
	inventory_keep_digest(&scene.inventory, "vdb/a.img", second);
	inventory_keep_digest(&scene.inventory, "vda", second);
}

/* What libblkid dies of is told as what it is. */
static void a_disk_that_its_reader_died_of(void **state)
{
	(void)state;
	must_fail(
		resolved(START SYSTEM, "NAME=\"vda\" SERIAL=\"system\" ERROR=\"10\"" KNOWN, 0,
			 true),
		FAILURE_CRASH, "system",
		"vda (SERIAL=system unreadable 1 MiB): the process that looked for a file system on "
		"it died; what is there is damaged, or made to do that");
	must_be_ready(resolved(START SYSTEM "type = squashfs\n",
			       "NAME=\"vda\" SERIAL=\"system\" ERROR=\"10\"" KNOWN, 0, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_disk_of_a_type_that_is_given_is_not_probed),
		cmocka_unit_test(a_skipped_layer_protects_nothing),
		cmocka_unit_test(files_are_asked_for_a_layer_without_a_type),
		cmocka_unit_test(a_file_that_was_not_probed),
		cmocka_unit_test(a_disk_that_its_reader_died_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
