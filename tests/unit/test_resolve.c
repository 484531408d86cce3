#include "check_resolve.h"

#include <errno.h>
#include <stdio.h>

#include "match.h"

#define SYSTEM "[layer system]\nsource = SERIAL=system\n"
#define USER   "[layer user]\nsource = SERIAL=user\n"

static void layers_are_found(void **state)
{
	const struct resolution *r =
		resolved(START SYSTEM USER,
			 "NAME=\"vda\" SERIAL=\"user\"" IMAGE
			 "NAME=\"vdb\" SERIAL=\"system\" FSTYPE=\"erofs\"" KNOWN,
			 5, true);

	(void)state;
	must_be_ready(r);
	assert_int_equal(r->layers_count, 2);
	assert_string_equal(r->layers[0].layer->name, "system");
	assert_int_equal(r->layers[0].state, LAYER_FOUND);
	assert_string_equal(r->layers[0].disk->name, "vdb");
	assert_string_equal(r->layers[0].type, "erofs");
	assert_string_equal(r->layers[1].disk->name, "vda");
	assert_string_equal(r->layers[1].type, "squashfs");
}

/* Which disks of one inventory a source matches. */
static void sources(void **state)
{
	static const char inventory[] =
		"NAME=\"vda\" TRAN=\"virtio\" SERIAL=\"abc\" LABEL=\"L\" UUID=\"01ab-CDef\"" IMAGE
		"NAME=\"vdb\" TRAN=\"virtio\" SERIAL=\"12345678901234567890\"" IMAGE
		"NAME=\"sda\" TRAN=\"scsi\" SERIAL=\"12345678901234567890\"" IMAGE
		"NAME=\"vdb1\" PKNAME=\"vdb\" TRAN=\"virtio\" SERIAL=\"abc\" PARTLABEL=\"P\" "
		"PARTUUID=\"aaaa-BBBB\"" IMAGE "NAME=\"vdc\"" KNOWN;
	static const struct {
		const char *source, *disks;
	} rows[] = {
		{ "SERIAL=abc", "vda" }, /* a partition has the serial of its disk, and is not it */
		{ "SERIAL=ABC", "" },
		{ "SERIAL=ab", "" },
		{ "SERIAL=abcd", "" },
		/* virtio-blk ends after 20 bytes, others do not */
		{ "SERIAL=12345678901234567890", "sda vdb" },
		{ "SERIAL=123456789012345678901", "vdb" },
		{ "SERIAL=12345678901234567890-of-a-volume", "vdb" },
		{ "SERIAL=1234567890123456789", "" },
		{ "SERIAL=1234567890123456789X1", "" },
		{ "LABEL=L", "vda" },
		{ "LABEL=l", "" },
		{ "UUID=01AB-cdEF", "vda" },
		{ "UUID=01ab-cde", "" },
		{ "PARTLABEL=P", "vdb1" },
		{ "PARTLABEL=p", "" },
		{ "PARTUUID=AAAA-bbbb", "vdb1" },
		{ "/dev/vdb1", "vdb1" },
		{ "/dev/vdb", "vdb" },
		{ "/dev/VDB", "" },
		{ "SERIAL=none | LABEL=L", "vda" },
		{ "SERIAL=abc | LABEL=L", "vda" },
		{ "LABEL=L | PARTLABEL=P", "vda vdb1" },
	};

	(void)state;
	given_inventory(inventory);
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct disk *disks[8];
		const char *expected;
		struct source source;
		struct builder b;
		size_t at;
		assert_int_equal(source_parse(slice_of(rows[i].source), fresh_arena(), &source,
					      &expected, &at),
				 0);
		size_t count = match_disks(&source, &scene.inventory, disks, 8);
		builder_start(&b, scene.words, sizeof(scene.words));
		for (size_t k = 0; k < count; k++)
			builder_addf(&b, "%s%s", k ? " " : "", disks[k]->name);
		if (strcmp(scene.words, rows[i].disks) != 0)
			fail_msg("%s: %s", rows[i].source, scene.words);
		/* counted are all, given no more than there is room for */
		disks[0] = NULL;
		assert_int_equal(match_disks(&source, &scene.inventory, disks, 0), count);
		assert_null(disks[0]);
	}
}

static void a_source_of_no_known_kind_matches_nothing(void **state)
{
	struct source source = { .any = { { .kind = (enum selector_kind)99, .value = "" } },
				 .count = 1 };
	const struct disk *disks[1];

	(void)state;
	given_inventory("NAME=\"vda\"" KNOWN);
	assert_int_equal(match_disks(&source, &scene.inventory, disks, 1), 0);
}

static void two_disks_for_one_layer(void **state)
{
	(void)state;
	must_fail(resolved(START SYSTEM,
			   "NAME=\"vda\" SERIAL=\"system\"" IMAGE
			   "NAME=\"vdb\" SERIAL=\"system\"" KNOWN,
			   0, false),
		  FAILURE_LAYER_DUPLICATE, "system",
		  "2 disks match SERIAL=system: vda (SERIAL=system squashfs 1 MiB), "
		  "vdb (SERIAL=system 1 MiB)");
	/* an optional layer is no excuse, and different selectors neither */
	must_fail(resolved(START "[layer a]\nsource = LABEL=x | PARTLABEL=y\nrequired = no\n",
			   "NAME=\"vda\" LABEL=\"x\"" IMAGE
			   "NAME=\"vdb1\" PKNAME=\"vdb\" PARTLABEL=\"y\"" IMAGE,
			   0, true),
		  FAILURE_LAYER_DUPLICATE, "a",
		  "2 disks match LABEL=x | PARTLABEL=y: vda (LABEL=x squashfs 1 MiB), "
		  "vdb1 (PARTLABEL=y squashfs 1 MiB)");
}

static void many_duplicates_are_counted_and_some_listed(void **state)
{
	char inventory[2048];
	struct builder b;

	(void)state;
	builder_start(&b, inventory, sizeof(inventory));
	for (char c = 'a'; c < 'a' + 10; c++)
		builder_addf(&b, "NAME=\"vd%c\" SERIAL=\"system\"" KNOWN, c);
	assert_false(b.overflow);
	const struct resolution *r = resolved(START SYSTEM, inventory, 0, true);
	assert_int_equal(r->failure.kind, FAILURE_LAYER_DUPLICATE);
	assert_non_null(strstr(r->failure.text, "10 disks match"));
	assert_non_null(strstr(r->failure.text, "vdh"));
	assert_null(strstr(r->failure.text, "vdi"));
	assert_string_equal(r->failure.text + strlen(r->failure.text) - 4, " ...");
}

static void one_disk_for_two_layers(void **state)
{
	(void)state;
	must_fail(resolved(START SYSTEM "[layer user]\nsource = LABEL=x\n",
			   "NAME=\"vda\" TRAN=\"virtio\" SERIAL=\"system\" LABEL=\"x\"" IMAGE, 0,
			   true),
		  FAILURE_LAYER_DUPLICATE, "user",
		  "vda (LABEL=x) is also layer \"system\" (SERIAL=system)");
	/* a serial that just fills the 20 bytes was not cut */
	must_fail(resolved(START "[layer a]\nsource = SERIAL=12345678901234567890\n"
				 "[layer b]\nsource = /dev/vda\n",
			   "NAME=\"vda\" TRAN=\"virtio\" SERIAL=\"12345678901234567890\"" IMAGE, 0,
			   true),
		  FAILURE_LAYER_DUPLICATE, "b",
		  "vda (/dev/vda) is also layer \"a\" (SERIAL=12345678901234567890)");
}

#define LONG_A "12345678901234567890-a"
#define LONG_B "12345678901234567890-b"
#define CUT    " TRAN=\"virtio\" SERIAL=\"12345678901234567890\""

static void serials_that_collide_after_20_bytes(void **state)
{
	static const char manifest[] = START "[layer a]\nsource = SERIAL=" LONG_A "\n"
					     "[layer b]\nsource = SERIAL=" LONG_B "\n";

	(void)state;
	must_fail(resolved(manifest, "NAME=\"vda\"" CUT IMAGE, 0, true), FAILURE_SERIAL_COLLISION,
		  "b", "vda (SERIAL=" LONG_B ") is also layer \"a\" (SERIAL=" LONG_A ")");
	must_fail(resolved(manifest, "NAME=\"vda\"" CUT IMAGE "NAME=\"vdb\"" CUT IMAGE, 0, true),
		  FAILURE_SERIAL_COLLISION, "a",
		  "2 disks match SERIAL=" LONG_A
		  ": vda (SERIAL=12345678901234567890 squashfs 1 MiB), "
		  "vdb (SERIAL=12345678901234567890 squashfs 1 MiB)");
	/* the whole serial here, its beginning there */
	const struct resolution *r = resolved(manifest,
					      "NAME=\"nvme0n1\" TRAN=\"nvme\" SERIAL=\"" LONG_A
					      "\"" IMAGE "NAME=\"vdb\"" CUT IMAGE,
					      0, true);
	assert_int_equal(r->failure.kind, FAILURE_SERIAL_COLLISION);
	/* where nothing is cut there is nothing to collide */
	must_be_ready(resolved(manifest,
			       "NAME=\"sda\" TRAN=\"scsi\" SERIAL=\"" LONG_A "\"" IMAGE
			       "NAME=\"sdb\" TRAN=\"scsi\" SERIAL=\"" LONG_B "\"" IMAGE,
			       0, true));
	/* one long serial alone is compared on 20 */
	must_be_ready(resolved(START "[layer a]\nsource = SERIAL=" LONG_A "\n",
			       "NAME=\"vda\"" CUT IMAGE, 0, true));
}

static void a_required_layer_is_waited_for(void **state)
{
	static const char other[] = "NAME=\"vda\" SERIAL=\"user\"" IMAGE;

	(void)state;
	must_wait(resolved(START SYSTEM, "", 0, false), 10000, "");
	must_wait(resolved(START SYSTEM, other, 9999, true), 10000, "");
	must_fail(resolved(START SYSTEM, other, 10000, true), FAILURE_LAYER_MISSING, "system",
		  "no disk with SERIAL=system after 10 s; seen: vda (SERIAL=user squashfs 1 MiB)");
	/* not settled is no reason to wait longer */
	must_fail(resolved(START SYSTEM, "", 10000, false), FAILURE_LAYER_MISSING, "system",
		  "no disk with SERIAL=system after 10 s; seen: no disk at all");
	assert_string_equal(
		failure_words(&scene.resolution.failure),
		"error[layer-missing]: layer \"system\": no disk with SERIAL=system after 10 s; "
		"seen: no disk at all; attach the disk, correct source, or set required = no");
}

static void a_required_layer_has_a_timeout_of_its_own(void **state)
{
	static const char manifest[] = START SYSTEM "timeout = 1500ms\n";

	(void)state;
	must_wait(resolved(manifest, "", 1499, true), 1500, "");
	must_fail(resolved(manifest, "", 1500, true), FAILURE_LAYER_MISSING, "system",
		  "no disk with SERIAL=system after 1500 ms; seen: no disk at all");
	must_wait(resolved(START SYSTEM "timeout = 1min\n", "", 59999, true), 60000, "");
	/* a disk that does not say who it is does not lengthen it */
	must_wait(resolved(manifest, "NAME=\"vda\"", 1499, false), 1500, "vda identity");
	must_fail(resolved(manifest, "NAME=\"vda\"", 1500, false), FAILURE_LAYER_MISSING, "system",
		  "no disk with SERIAL=system after 1500 ms; seen: vda (not asked yet)");
}

static void an_optional_layer_is_absent_once_the_disks_are_settled(void **state)
{
	static const char manifest[] = START SYSTEM USER "required = no\n";
	static const char disks[] = "NAME=\"vda\" SERIAL=\"system\"" IMAGE;

	(void)state;
	must_wait(resolved(manifest, disks, 0, false), 10000, "");
	assert_int_equal(scene.resolution.layers[0].state, LAYER_FOUND);
	assert_int_equal(scene.resolution.layers[1].state, LAYER_WAITING);
	must_be_ready(resolved(manifest, disks, 0, true));
	assert_int_equal(scene.resolution.layers[1].state, LAYER_ABSENT);
	/* never settled: no longer than for a required one */
	must_be_ready(resolved(manifest, disks, 10000, false));
	assert_int_equal(scene.resolution.layers[1].state, LAYER_ABSENT);
	/* settled, but a disk has not said who it is */
	must_wait(resolved(manifest, "NAME=\"vda\" SERIAL=\"system\"" IMAGE "NAME=\"vdb\"", 0,
			   true),
		  10000, "vdb identity");
}

static void an_optional_layer_with_a_timeout_is_waited_for(void **state)
{
	static const char manifest[] = START SYSTEM USER "required = no\ntimeout = 3s\n";
	static const char disks[] = "NAME=\"vda\" SERIAL=\"system\"" IMAGE;

	(void)state;
	must_wait(resolved(manifest, disks, 2999, true), 3000, "");
	must_be_ready(resolved(manifest, disks, 3000, true));
	assert_int_equal(scene.resolution.layers[1].state, LAYER_ABSENT);
	/* longer than all others */
	must_wait(resolved(START SYSTEM USER "required = no\ntimeout = 20s\n", disks, 15000, true),
		  20000, "");
}

static void the_earliest_of_two_ends_wakes(void **state)
{
	(void)state;
	must_wait(resolved(START SYSTEM "timeout = 7s\n" USER "timeout = 2s\n", "", 0, true), 2000,
		  "");
	must_wait(resolved(START SYSTEM "timeout = 2s\n" USER "timeout = 7s\n", "", 0, true), 2000,
		  "");
}

/* A duplicate may be among those that have not come yet. */
static void the_union_waits_for_the_disks_to_settle(void **state)
{
	static const char disks[] = "NAME=\"vda\" SERIAL=\"system\"" IMAGE;

	(void)state;
	must_wait(resolved(START SYSTEM, disks, 0, false), 10000, "");
	assert_int_equal(scene.resolution.layers[0].state, LAYER_FOUND);
	must_be_ready(resolved(START SYSTEM, disks, 0, true));
	must_be_ready(resolved(START SYSTEM, disks, 10000, false));
}

/* ... or among those that have come and have not said who they are. */
static void the_union_waits_for_answers(void **state)
{
	static const char manifest[] = START "[layer a]\nsource = LABEL=x\n";
	static const char disks[] = "NAME=\"vda\" LABEL=\"x\"" IMAGE "NAME=\"vdb\"" IDENTIFIED;
	const struct resolution *r;

	(void)state;
	must_wait(resolved(manifest, disks, 9999, true), 10000, "vdb superblock");
	assert_int_equal(scene.resolution.layers[0].state, LAYER_FOUND);
	r = resolved(manifest, disks, 10000, true);
	assert_int_equal(r->state, RESOLVE_READY);
	r = resolved(manifest, "NAME=\"vda\" LABEL=\"x\"" IMAGE "NAME=\"vdb\" LABEL=\"x\"" KNOWN, 0,
		     true);
	assert_int_equal(r->failure.kind, FAILURE_LAYER_DUPLICATE);
}

static void only_what_is_needed_is_asked(void **state)
{
	static const char unknown[] = "NAME=\"vda\"\nNAME=\"vda1\" PKNAME=\"vda\"\nNAME=\"vdb\"\n";
	static const char identified[] = "NAME=\"vda\" SERIAL=\"system\"" IDENTIFIED
					 "NAME=\"vda1\" PKNAME=\"vda\"" IDENTIFIED
					 "NAME=\"vdb\" SERIAL=\"x\"" IDENTIFIED;
	static const struct {
		const char *source, *of_unknown, *of_identified;
	} rows[] = {
		/* nothing of any disk when type and name are given, but its identity */
		{ "source = /dev/vda\ntype = erofs\n", "vda identity", "" },
		{ "source = /dev/vda\n", "vda identity", "vda superblock" },
		{ "source = SERIAL=system\ntype = erofs\n",
		  "vda identity, vdb identity, vda1 identity", "" },
		{ "source = SERIAL=system\n", "vda identity, vdb identity, vda1 identity",
		  "vda superblock" },
		{ "source = LABEL=x\ntype = erofs\n", "vda identity, vdb identity, vda1 identity",
		  "vda superblock, vdb superblock, vda1 superblock" },
		{ "source = UUID=x\n", "vda identity, vdb identity, vda1 identity",
		  "vda superblock, vdb superblock, vda1 superblock" },
		/* only partitions have a partition's label */
		{ "source = PARTLABEL=x\n", "vda identity, vdb identity, vda1 identity",
		  "vda1 partition" },
		{ "source = PARTUUID=x\n", "vda identity, vdb identity, vda1 identity",
		  "vda1 partition" },
		{ "source = SERIAL=x | PARTLABEL=y\ntype = erofs\n",
		  "vda identity, vdb identity, vda1 identity", "vda1 partition" },
		{ "source = LABEL=x | PARTLABEL=y\n", "vda identity, vdb identity, vda1 identity",
		  "vda superblock, vdb superblock, vda1 superblock, vda1 partition" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256];
		(void)snprintf(manifest, sizeof(manifest), START "[layer a]\n%s", rows[i].source);
		(void)resolved(manifest, unknown, 0, false);
		if (strcmp(questions(), rows[i].of_unknown) != 0)
			fail_msg("%s: %s", rows[i].source, questions());
		assert_int_equal(scene.resolution.state, RESOLVE_WAIT);
		(void)resolved(manifest, identified, 0, false);
		if (strcmp(questions(), rows[i].of_identified) != 0)
			fail_msg("%s: %s", rows[i].source, questions());
		assert_int_equal(scene.resolution.state, RESOLVE_WAIT);
	}
}

static void a_question_is_put_once(void **state)
{
	(void)state;
	must_wait(resolved(START "[layer a]\nsource = LABEL=x\n[layer b]\nsource = LABEL=y\n",
			   "NAME=\"vda\"" IDENTIFIED, 0, false),
		  10000, "vda superblock");
}

static void a_skipped_layer_asks_nothing(void **state)
{
	fresh_arena();
	(void)state;
	given_manifest(START SYSTEM "type = erofs\n[layer user]\nsource = LABEL=x\n");
	given_inventory("NAME=\"vda\" SERIAL=\"system\"" IDENTIFIED "NAME=\"vdb\"" IDENTIFIED);
	scene.inventory.settled = true;
	scene.inventory.elapsed_ms = 0;
	scene.manifest.layers[1].skipped = true;
	resolve(&scene.manifest, &scene.inventory, TIMEOUT_MS, &scene.resolution);
	must_be_ready(&scene.resolution);
	assert_int_equal(scene.resolution.layers[1].state, LAYER_SKIPPED);
	assert_int_equal(resolve_wants(&scene.manifest), KNOWN_IDENTITY);
}

/* While a required disk is waited for in vain, the others are asked, for the message's sake. */
static void what_a_message_will_list_is_asked_for(void **state)
{
	static const char manifest[] = START SYSTEM "type = erofs\n";
	static const char disks[] = "NAME=\"vda\" SERIAL=\"x\"" IDENTIFIED
				    "NAME=\"vdb\" SERIAL=\"y\"" IMAGE;

	(void)state;
	must_wait(resolved(manifest, disks, 0, false), 10000, "");
	must_wait(resolved(manifest, disks, 0, true), 10000, "vda superblock");
}

static void there_is_room_for_256_questions(void **state)
{
	static char inventory[300 * 64];
	struct builder b;

	(void)state;
	builder_start(&b, inventory, sizeof(inventory));
	for (int i = 0; i < 300; i++)
		builder_addf(&b, "NAME=\"d%d\"" IDENTIFIED, i);
	assert_false(b.overflow);
	const struct resolution *r =
		resolved(START "[layer a]\nsource = LABEL=x\nrequired = no\n", inventory, 0, true);
	assert_int_equal(r->questions_count, 256);
	/* those that found no room count as open */
	assert_int_equal(r->state, RESOLVE_WAIT);
}

static void wants(void **state)
{
	static const struct {
		const char *layer;
		unsigned wants;
	} rows[] = {
		{ "source = SERIAL=x\ntype = erofs\n", KNOWN_IDENTITY },
		{ "source = SERIAL=x\n", KNOWN_IDENTITY | KNOWN_SUPERBLOCK },
		{ "source = LABEL=x\ntype = erofs\n", KNOWN_IDENTITY | KNOWN_SUPERBLOCK },
		{ "source = UUID=x\ntype = erofs\n", KNOWN_IDENTITY | KNOWN_SUPERBLOCK },
		/* sysfs and blkid's small probe: asked of partitions, not of every disk */
		{ "source = PARTLABEL=x\ntype = erofs\n", KNOWN_IDENTITY },
		{ "source = PARTUUID=x | /dev/vda\ntype = erofs\n", KNOWN_IDENTITY },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256];
		fresh_arena();
		(void)snprintf(manifest, sizeof(manifest), START "[layer a]\n%s", rows[i].layer);
		assert_int_equal(resolve_wants(given_manifest(manifest)), rows[i].wants);
	}
}

static void a_disk_that_cannot_be_a_layer(void **state)
{
	static const struct {
		const char *disk; /* besides name and serial */
		enum failure_kind kind;
		const char *text;
	} rows[] = {
		{ " SIZE=\"1024\" ERROR=\"5\"", FAILURE_LAYER_READ,
		  "vda (SERIAL=system unreadable 1 KiB) cannot be read: Input/output error" },
		{ " SIZE=\"1024\" AMBIVALENT=\"1\"", FAILURE_LAYER_TYPE,
		  "vda (SERIAL=system ambivalent 1 KiB) carries more than one file system; "
		  "wipe the stale one or give type" },
		{ " SIZE=\"1024\"", FAILURE_LAYER_TYPE,
		  "vda (SERIAL=system 1 KiB) holds no file system of squashfs, erofs, ext4, xfs, "
		  "btrfs, iso9660" },
		{ " SIZE=\"0\"", FAILURE_LAYER_TYPE,
		  "vda (SERIAL=system 0 bytes) holds no file system of squashfs, erofs, ext4, xfs, "
		  "btrfs, iso9660" },
		{ " SIZE=\"1024\" FSTYPE=\"vfat\"", FAILURE_LAYER_TYPE,
		  "vda (SERIAL=system vfat 1 KiB): vfat cannot be a layer" },
		{ " SIZE=\"1024\" FSTYPE=\"swap\"", FAILURE_LAYER_TYPE,
		  "vda (SERIAL=system swap 1 KiB): swap cannot be a layer" },
		{ " SIZE=\"1024\" FSTYPE=\"ext4\" DIRTY=\"1\"", FAILURE_LAYER_DIRTY,
		  "vda (SERIAL=system ext4 1 KiB) was not cleanly unmounted" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char inventory[512];
		(void)snprintf(inventory, sizeof(inventory),
			       "NAME=\"vda\" SERIAL=\"system\" KNOWN=\"7\"%s\n", rows[i].disk);
		/* told at once, and no excuse that the layer is optional */
		must_fail(resolved(START SYSTEM "required = no\n", inventory, 0, false),
			  rows[i].kind, "system", rows[i].text);
	}
}

/* It is given up when one that is missing would be, whether its type is given or not. */
static void a_disk_that_has_stalled(void **state)
{
	static const struct {
		const char *layer;
		int64_t timeout_ms;
	} rows[] = {
		{ SYSTEM, 10000 },
		{ SYSTEM "type = squashfs\n", 10000 },
		{ SYSTEM "required = no\n", 10000 },
		{ SYSTEM "timeout = 3s\n", 3000 },
		{ SYSTEM "image = i\n", 10000 },
	};
	static const char stalls[] = "NAME=\"vda\" SERIAL=\"system\" ERROR=\"110\"" KNOWN;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256];
		(void)snprintf(manifest, sizeof(manifest), START "%s", rows[i].layer);
		must_wait(resolved(manifest, stalls, rows[i].timeout_ms - 1, false),
			  rows[i].timeout_ms, "");
		must_fail(resolved(manifest, stalls, rows[i].timeout_ms, false),
			  FAILURE_LAYER_STALLED, "system",
			  "vda (SERIAL=system no answer 1 MiB) does not answer");
	}
}

/* What keeps the disks from settling is known, and is none of those that are looked for. */
static void a_disk_that_has_stalled_and_that_nobody_asked_for(void **state)
{
	static const char found[] = "NAME=\"vda\" SERIAL=\"system\"" IMAGE;
	static const char stalls[] = "NAME=\"vdb\" SERIAL=\"x\" ERROR=\"110\"" KNOWN;
	static char inventory[1024];

	(void)state;
	(void)snprintf(inventory, sizeof(inventory), "%s%s", found, stalls);
	must_wait(resolved(START SYSTEM, found, 0, false), 10000, "");
	must_be_ready(resolved(START SYSTEM, inventory, 0, false));
	/* it may be the optional one */
	must_wait(resolved(START SYSTEM "[layer b]\nsource = LABEL=b\nrequired = no\n", inventory,
			   0, false),
		  10000, "");
	/* another has not said yet who it is */
	(void)snprintf(inventory, sizeof(inventory), "%s%sNAME=\"vdc\"\n", found, stalls);
	must_wait(resolved(START SYSTEM, inventory, 0, false), 10000, "vdc identity");
	/* another has not said yet whether it is one more */
	(void)snprintf(inventory, sizeof(inventory),
		       "NAME=\"vda\" LABEL=\"s\"" IMAGE "%sNAME=\"vdc\"" IDENTIFIED, stalls);
	must_wait(resolved(START "[layer s]\nsource = LABEL=s\n", inventory, 0, false), 10000,
		  "vdc superblock");
}

static void every_layer_type_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; manifest_types[i]; i++) {
		char inventory[256];
		(void)snprintf(inventory, sizeof(inventory),
			       "NAME=\"vda\" SERIAL=\"system\" FSTYPE=\"%s\"" KNOWN,
			       manifest_types[i]);
		must_be_ready(resolved(START SYSTEM, inventory, 0, true));
		assert_string_equal(scene.resolution.layers[0].type, manifest_types[i]);
	}
}

static void a_dirty_image_is_taken_when_asked(void **state)
{
	static const struct {
		const char *options;
		bool taken;
	} rows[] = {
		{ "noload", true },
		{ "user_xattr,norecovery", true },
		{ "rescue=nologreplay", true },
		{ "noloads", false },
		{ "xnoload", false },
		{ "rescue=all", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256];
		(void)snprintf(manifest, sizeof(manifest), START SYSTEM "options = %s\n",
			       rows[i].options);
		(void)resolved(manifest,
			       "NAME=\"vda\" SERIAL=\"system\" FSTYPE=\"ext4\" DIRTY=\"1\"" KNOWN,
			       0, true);
		if ((scene.resolution.state == RESOLVE_READY) != rows[i].taken)
			fail_msg("%s", rows[i].options);
	}
}

/* Then the mount decides; an ambivalent or unreadable disk is not looked at. */
static void a_given_type_is_believed(void **state)
{
	static const char manifest[] = START SYSTEM "type = erofs\n";

	(void)state;
	must_be_ready(resolved(
		manifest, "NAME=\"vda\" SERIAL=\"system\" FSTYPE=\"ext4\" AMBIVALENT=\"1\"" KNOWN,
		0, true));
	assert_string_equal(scene.resolution.layers[0].type, "erofs");
	must_fail(resolved(manifest, "NAME=\"vda\" SERIAL=\"system\" SIZE=\"0\" KNOWN=\"7\"\n", 0,
			   true),
		  FAILURE_LAYER_TYPE, "system", "vda has no medium: its size is 0");
}

static void disks_that_nobody_asked_for_may_be_sick(void **state)
{
	(void)state;
	must_be_ready(resolved(START SYSTEM,
			       "NAME=\"vda\" SERIAL=\"system\"" IMAGE
			       "NAME=\"vdb\" ERROR=\"110\"" KNOWN
			       "NAME=\"vdc\" SIZE=\"0\" KNOWN=\"7\"\nNAME=\"vdd\" DIRTY=\"1\" "
			       "FSTYPE=\"ext4\"" KNOWN,
			       0, true));
}

static void no_layer_at_all(void **state)
{
	(void)state;
	must_fail(resolved(START SYSTEM "required = no\n" USER "required = no\n", "", 0, true),
		  FAILURE_NO_LAYERS, "", "every layer of the manifest is absent or skipped");
	/* but not before they could have come */
	must_wait(resolved(START SYSTEM "required = no\n", "", 0, false), 10000, "");
}

static void a_long_list_of_disks_is_cut_and_says_so(void **state)
{
	static char inventory[300 * 128];
	struct builder b;

	(void)state;
	builder_start(&b, inventory, sizeof(inventory));
	for (int i = 0; i < 300; i++)
		builder_addf(&b, "NAME=\"d%d\" SERIAL=\"a-rather-long-serial-%d\"" KNOWN, i, i);
	assert_false(b.overflow);
	const struct resolution *r = resolved(START SYSTEM, inventory, 10000, true);
	assert_int_equal(r->failure.kind, FAILURE_LAYER_MISSING);
	assert_non_null(strstr(r->failure.text, "d9 (SERIAL=a-rather-long-serial-9 1 MiB), d10 ("));
	assert_string_equal(r->failure.text + strlen(r->failure.text) - 4, " ...");
}

static void the_first_failure_is_told(void **state)
{
	const struct resolution *r = resolved(START SYSTEM USER, "", 10000, true);

	(void)state;
	assert_string_equal(r->failure.layer, "system");
	/* and what is told of the rest are no leftovers of an earlier call */
	assert_int_equal(r->layers_count, 0);
	assert_int_equal(r->binds_count, 0);
	assert_null(r->top.volume);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_are_found),
		cmocka_unit_test(sources),
		cmocka_unit_test(a_source_of_no_known_kind_matches_nothing),
		cmocka_unit_test(two_disks_for_one_layer),
		cmocka_unit_test(many_duplicates_are_counted_and_some_listed),
		cmocka_unit_test(one_disk_for_two_layers),
		cmocka_unit_test(serials_that_collide_after_20_bytes),
		cmocka_unit_test(a_required_layer_is_waited_for),
		cmocka_unit_test(a_required_layer_has_a_timeout_of_its_own),
		cmocka_unit_test(an_optional_layer_is_absent_once_the_disks_are_settled),
		cmocka_unit_test(an_optional_layer_with_a_timeout_is_waited_for),
		cmocka_unit_test(the_earliest_of_two_ends_wakes),
		cmocka_unit_test(the_union_waits_for_the_disks_to_settle),
		cmocka_unit_test(the_union_waits_for_answers),
		cmocka_unit_test(only_what_is_needed_is_asked),
		cmocka_unit_test(a_question_is_put_once),
		cmocka_unit_test(a_skipped_layer_asks_nothing),
		cmocka_unit_test(what_a_message_will_list_is_asked_for),
		cmocka_unit_test(there_is_room_for_256_questions),
		cmocka_unit_test(wants),
		cmocka_unit_test(a_disk_that_cannot_be_a_layer),
		cmocka_unit_test(a_disk_that_has_stalled),
		cmocka_unit_test(a_disk_that_has_stalled_and_that_nobody_asked_for),
		cmocka_unit_test(every_layer_type_is_taken),
		cmocka_unit_test(a_dirty_image_is_taken_when_asked),
		cmocka_unit_test(a_given_type_is_believed),
		cmocka_unit_test(disks_that_nobody_asked_for_may_be_sick),
		cmocka_unit_test(no_layer_at_all),
		cmocka_unit_test(a_long_list_of_disks_is_cut_and_says_so),
		cmocka_unit_test(the_first_failure_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
