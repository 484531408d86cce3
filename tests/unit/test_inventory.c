#include "check.h"

#include <errno.h>
#include <stdio.h>

static const char *printed(const struct disk *d)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	disk_print(d, &b);
	assert_false(b.overflow);
	return scene.words;
}

static const char *printed_short(const struct disk *d)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	disk_print_short(d, &b);
	return scene.words;
}

static void every_field_is_read_and_printed(void **state)
{
	static const char text[] =
		"NAME=\"vda1\" PKNAME=\"vda\" TRAN=\"virtio\" SERIAL=\"s\" WWN=\"naa.5\" PARTLABEL=\"a b\" PARTUUID=\"p\" "
		"FSTYPE=\"ext4\" LABEL=\"l\" UUID=\"u\" DIGEST=\"sb-0\" SIZE=\"18446744073709551615\" AMBIVALENT=\"1\" "
		"DIRTY=\"1\" ERROR=\"5\" KNOWN=\"7\"";
	struct disk d;

	(void)state;
	assert_int_equal(disk_parse(slice_of(text), &d), 0);
	assert_string_equal(d.name, "vda1");
	assert_string_equal(d.parent, "vda");
	assert_string_equal(d.transport, "virtio");
	assert_string_equal(d.serial, "s");
	assert_string_equal(d.wwn, "naa.5");
	assert_string_equal(d.part_label, "a b");
	assert_string_equal(d.digest, "sb-0");
	assert_string_equal(d.part_uuid, "p");
	assert_string_equal(d.type, "ext4");
	assert_string_equal(d.label, "l");
	assert_string_equal(d.uuid, "u");
	assert_true(d.size == UINT64_MAX);
	assert_true(d.ambivalent && d.dirty);
	assert_int_equal(d.error, EIO);
	assert_int_equal(d.known, KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION);
	assert_string_equal(printed(&d), text);
	assert_int_equal(disk_parse(slice_of("\t NAME=\"x\"  "), &d), 0);
	assert_string_equal(printed(&d), "NAME=\"x\" SIZE=\"0\"");
	assert_int_equal(disk_parse(slice_of("NAME=\"x\" AMBIVALENT=\"0\""), &d), 0);
	assert_false(d.ambivalent);
}

/* Whoever makes a disk chooses its label: every byte must come back, and none may end the field or the line. */
static void hostile_labels_come_back(void **state)
{
	static const char *const labels[] = {
		"\" NAME=\"vdb",
		"a\nNAME=\"vdb\"",
		"\\x41",
		"\\",
		"\x01\x1b[2J\x7f",
		"\xff\xfe not UTF-8",
		"gr\xc3\xbc\xc3\x9f",
		" blanks at both ends ",
		"#",
		"=",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(labels); i++) {
		struct disk d = { .name = "vda", .size = 1 }, again;
		size_t line;
		strcpy(d.label, labels[i]);
		strcpy(d.part_label, labels[i]);
		const char *text = printed(&d);
		for (const char *c = text; *c; c++)
			assert_in_range(*c, 0x20, 0x7e);
		assert_int_equal(disk_parse(slice_of(text), &again), 0);
		assert_memory_equal(&again, &d, sizeof(d));
		assert_int_equal(inventory_parse(slice_of(text), &scene.inventory, &line), 0);
		assert_int_equal(scene.inventory.count, 1);
	}
}

static void every_byte_comes_back(void **state)
{
	struct disk d = { .name = "vda" }, again;

	(void)state;
	for (int c = 1; c < 256; c++)
		d.label[c - 1] = (char)c;
	assert_int_equal(disk_parse(slice_of(printed(&d)), &again), 0);
	assert_memory_equal(&again, &d, sizeof(d));
}

static void malformed_lines(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"SERIAL=\"x\"",             /* no name */
		"NAME=\"\"",                /* an empty one */
		"NAME",                     /* no pair */
		"NAME=",                    /* nothing after it */
		"NAME=\"",                  /* not closed */
		"NAME=\"vda",               /* the same */
		"NAME=vda",                 /* no quotes */
		"NAME='vda'",               /* others */
		"name=\"vda\"",             /* another key */
		"NAME=\"vda\" COLOUR=\"\"", /* the same */
		"NAME=\"vda\" x",           /* something behind */
		"NAME=\"\\\"",              /* escapes that are none */
		"NAME=\"\\x\"",
		"NAME=\"\\x4\"",
		"NAME=\"\\x4g\"",
		"NAME=\"\\xg4\"",
		"NAME=\"\\X41\"",
		"NAME=\"a\\x00b\"",                          /* NUL would end it */
		"NAME=\"\\x4A\"",                            /* not as it is printed */
		"NAME=\"12345678901234567890123456789012\"", /* 32 bytes leave no room for the end */
		"NAME=\"a\" SIZE=\"\"",
		"NAME=\"a\" SIZE=\"-1\"",
		"NAME=\"a\" SIZE=\"18446744073709551616\"",
		"NAME=\"a\" DIRTY=\"2\"",
		"NAME=\"a\" DIRTY=\"no\"",
		"NAME=\"a\" ERROR=\"4097\"",
		"NAME=\"a\" KNOWN=\"8\"",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct disk d = { .error = 4711 };
		struct slice text = exact_copy(rows[i], strlen(rows[i]));
		if (disk_parse(text, &d) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
		free((char *)text.at);
		assert_int_equal(d.error, 4711);
	}
	static const char nul[] = "NAME=\"a\0b\"";
	struct disk d;
	assert_int_equal(disk_parse((struct slice){ .at = nul, .len = sizeof(nul) - 1 }, &d),
			 -EINVAL);
}

static void lines_for_readers(void **state)
{
	static const struct {
		const char *disk, *words;
	} rows[] = {
		{ "NAME=\"vda\" SERIAL=\"system\" FSTYPE=\"squashfs\" SIZE=\"78643200\"",
		  "vda (SERIAL=system squashfs 75 MiB)" },
		{ "NAME=\"vdb\" KNOWN=\"1\"", "vdb (0 bytes)" },
		{ "NAME=\"vdb\"", "vdb (not asked yet)" },
		{ "NAME=\"sda\" WWN=\"naa.5\" SIZE=\"512\"", "sda (WWN=naa.5 512 bytes)" },
		{ "NAME=\"sda\" SERIAL=\"a\" WWN=\"naa.5\" SIZE=\"512\"",
		  "sda (SERIAL=a 512 bytes)" },
		{ "NAME=\"vda1\" PARTLABEL=\"p\" LABEL=\"l\" FSTYPE=\"vfat\" SIZE=\"512\"",
		  "vda1 (PARTLABEL=p LABEL=l vfat 512 bytes)" },
		{ "NAME=\"vdc\" SERIAL=\"x\" ERROR=\"110\" SIZE=\"1024\"",
		  "vdc (SERIAL=x no answer 1 KiB)" },
		{ "NAME=\"vdc\" ERROR=\"5\" SIZE=\"1024\"", "vdc (unreadable 1 KiB)" },
		{ "NAME=\"vdc\" AMBIVALENT=\"1\" SIZE=\"1024\"", "vdc (ambivalent 1 KiB)" },
		{ "NAME=\"vdc\" LABEL=\"\\x1b[2J\\x0a\" SIZE=\"1024\"",
		  "vdc (LABEL=\\x1b[2J\\x0a 1 KiB)" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct disk d;
		assert_int_equal(disk_parse(slice_of(rows[i].disk), &d), 0);
		assert_string_equal(printed_short(&d), rows[i].words);
	}
}

static void disks_are_kept_in_order(void **state)
{
	static const char *const names[] = {
		"vdb", "vdaa", "nvme0n1p2", "vda", "vdz", "vdb", "sda"
	};
	static const char *const order[] = { "sda", "vda", "vdb", "vdz", "vdaa", "nvme0n1p2" };
	struct inventory *inv = &scene.inventory;

	(void)state;
	inv->count = 0;
	assert_null(inventory_find(inv, "vda"));
	for (size_t i = 0; i < ROWS(names); i++) {
		struct disk *d = inventory_add(inv, names[i]);
		assert_string_equal(d->name, names[i]);
		assert_int_equal(d->size, strcmp(names[i], "vdb") == 0 && i > 0 ? 7 : 0);
		d->size = 7;
	}
	assert_int_equal(inv->count, ROWS(order));
	for (size_t i = 0; i < ROWS(order); i++) {
		assert_string_equal(inv->disks[i].name, order[i]);
		assert_ptr_equal(inventory_find(inv, order[i]), &inv->disks[i]);
	}
	inventory_remove(inv, "vdx");
	inventory_remove(inv, "vdb");
	assert_int_equal(inv->count, ROWS(order) - 1);
	assert_null(inventory_find(inv, "vdb"));
	assert_string_equal(inv->disks[2].name, "vdz");
	for (size_t i = 0; i < ROWS(order); i++)
		inventory_remove(inv, order[i]);
	assert_int_equal(inv->count, 0);
}

static void there_is_an_end(void **state)
{
	struct inventory *inv = &scene.inventory;
	char name[33] = "12345678901234567890123456789012";

	(void)state;
	inv->count = 0;
	assert_null(inventory_add(inv, ""));
	assert_null(inventory_add(inv, name));
	name[31] = '\0';
	assert_non_null(inventory_add(inv, name));
	inv->count = 0;
	for (int i = 0; i < INVENTORY_DISKS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		assert_non_null(inventory_add(inv, name));
	}
	assert_int_equal(inv->count, 1024);
	assert_non_null(inventory_add(inv, "d5"));
	assert_null(inventory_add(inv, "a"));
	assert_null(inventory_add(inv, "dddddd"));
	assert_int_equal(inv->count, 1024);
	inventory_remove(inv, "d0");
	assert_non_null(inventory_add(inv, "dddddd"));
}

static void texts_of_many_lines(void **state)
{
	static const struct {
		const char *text;
		int result;
		size_t line, count;
	} rows[] = {
		{ "", 0, 0, 0 },
		{ "\n\n# NAME=\n  \n", 0, 0, 0 },
		{ "NAME=\"b\"\n  NAME=\"a\"\n# x\nNAME=\"c\"", 0, 0, 3 },
		{ "NAME=\"a\"\n\nNAME=\"b\" x\nNAME=\"c\"", -EINVAL, 3, 0 },
		{ "NAME=\"a\"\n#\n\nNAME=\"a\"\n", -EINVAL, 4, 0 },
		{ "NAME=\"a\"\r\n", -EINVAL, 1, 0 },
	};
	static char many[INVENTORY_DISKS_MAX * 16];
	struct builder b;
	size_t line;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		assert_int_equal(inventory_parse(text, &scene.inventory, &line), rows[i].result);
		free((char *)text.at);
		if (rows[i].result < 0)
			assert_int_equal(line, rows[i].line);
		else
			assert_int_equal(scene.inventory.count, rows[i].count);
	}
	builder_start(&b, many, sizeof(many));
	for (int i = 0; i < INVENTORY_DISKS_MAX; i++)
		builder_addf(&b, "NAME=\"d%d\"\n", i);
	assert_int_equal(inventory_parse(slice_of(many), &scene.inventory, &line), 0);
	assert_int_equal(scene.inventory.count, 1024);
	builder_add(&b, "NAME=\"e\"\n");
	assert_false(b.overflow);
	assert_int_equal(inventory_parse(slice_of(many), &scene.inventory, &line), -ENOSPC);
	assert_int_equal(line, 1025);
}

static const char whole[] =
	"NAME=\"vda\" FSTYPE=\"ext4\" SIZE=\"1\" KNOWN=\"7\"\n"
	"NAME=\"vdb\" SIZE=\"2\"\n"
	"LISTING=\"d/*.sb\" DISK=\"vda\"\n"
	"LISTING=\"e\" DISK=\"vda\" ERROR=\"2\"\n"
	"IMAGE=\"d/a \\x22b.sb\" DISK=\"vda\" FSTYPE=\"erofs\" DIGEST=\"sb-1\" SIZE=\"3\" "
	"AMBIVALENT=\"1\" DIRTY=\"1\" ERROR=\"5\"\n"
	"IMAGE=\"e\" DISK=\"vda\" SIZE=\"0\"\n"
	"MADE=\"web\" BASES=\"sb-1 sb-2\"\n"
	"STAMP=\"layerboot-top 1\\x0alayer a x\\x0a\" DISK=\"vdb\" USED=\"1\"\n";

static const char *printed_whole(void)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	inventory_print(&scene.inventory, &b);
	assert_false(b.overflow);
	return scene.words;
}

static void every_kind_of_line_comes_back(void **state)
{
	const struct inventory *inv = given_inventory(whole);

	(void)state;
	assert_string_equal(printed_whole(), whole);
	assert_int_equal(inv->listings_count, 2);
	assert_int_equal(inventory_listing(inv, "vda", "e")->error, ENOENT);
	assert_null(inventory_listing(inv, "vdb", "e"));
	assert_null(inventory_listing(inv, "vda", "d"));
	assert_int_equal(inv->images_count, 2);
	assert_string_equal(inv->images[0].path, "d/a \"b.sb");
	assert_string_equal(inv->images[0].type, "erofs");
	assert_string_equal(inv->images[0].digest, "sb-1");
	assert_true(inv->images[0].ambivalent && inv->images[0].dirty);
	assert_int_equal(inv->images[0].error, EIO);
	assert_true(inv->images[0].size == 3);
	assert_string_equal(inventory_made_on(inv, "web"), "sb-1 sb-2");
	assert_string_equal(inventory_made_on(inv, "we"), "");
	assert_true(inv->stamp.used);
	assert_string_equal(inv->stamp.text, "layerboot-top 1\nlayer a x\n");
	/* nothing of it is left in the next */
	given_inventory("");
	assert_string_equal(printed_whole(), "");
	assert_false(inv->stamp.used);
	assert_string_equal(inv->stamp.text, "");
	/* a disk whose top is new has an empty one */
	given_inventory("STAMP=\"\" DISK=\"vdb\"\n");
	assert_string_equal(printed_whole(), "STAMP=\"\" DISK=\"vdb\"\n");
}

static void later_lines_take_the_place_of_earlier_ones(void **state)
{
	struct inventory *inv = given_inventory(whole);

	(void)state;
	assert_int_equal(inventory_add_line(inv, slice_of("NAME=\"vda\" SIZE=\"9\"")), 0);
	assert_true(inv->disks[0].size == 9 && inv->count == 2);
	assert_int_equal(
		inventory_add_line(inv,
				   slice_of("IMAGE=\"e\" DISK=\"vda\" SIZE=\"9\" FSTYPE=\"xfs\"")),
		0);
	assert_true(inv->images[1].size == 9 && inv->images_count == 2);
	/* but not one that only lists a file which another has looked into */
	assert_int_equal(inventory_add_line(inv, slice_of("IMAGE=\"e\" DISK=\"vda\" SIZE=\"9\"")),
			 0);
	assert_string_equal(inv->images[1].type, "xfs");
	assert_int_equal(inventory_add_line(inv, slice_of("IMAGE=\"e\" DISK=\"vdb\" SIZE=\"9\"")),
			 0);
	assert_int_equal(inv->images_count, 3);
	assert_int_equal(inventory_add_line(inv, slice_of("LISTING=\"e\" DISK=\"vda\"")), 0);
	assert_int_equal(inv->listings_count, 2);
	assert_int_equal(inventory_add_line(inv, slice_of("STAMP=\"x\" DISK=\"vda\"")), 0);
	assert_string_equal(inv->stamp.disk, "vda");
	assert_false(inv->stamp.used);
}

static void malformed_lines_of_other_kinds(void **state)
{
	static const char *const rows[] = {
		"IMAGE=\"a\"",
		"IMAGE=\"\" DISK=\"vda\"",
		"IMAGE=\"a\" DISK=\"vda\" LABEL=\"x\"",
		"LISTING=\"a\"",
		"LISTING=\"a\" DISK=\"vda\" SIZE=\"1\"",
		"STAMP=\"a\" USED=\"2\"",
		"MADE=\"\" BASES=\"sb-1\"",
		"MADE=\"a\" USED=\"1\"",
		"STAMP=",
		"FILE=\"a\" DISK=\"vda\"",
	};

	(void)state;
	given_inventory("");
	for (size_t i = 0; i < ROWS(rows); i++)
		if (inventory_add_line(&scene.inventory, slice_of(rows[i])) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
	assert_int_equal(scene.inventory.images_count + scene.inventory.listings_count, 0);
}

static void files_and_listings_have_an_end(void **state)
{
	struct inventory *inv = given_inventory("");
	char line[64];

	(void)state;
	for (int i = 0; i <= INVENTORY_IMAGES_MAX; i++) {
		(void)snprintf(line, sizeof(line), "IMAGE=\"%d\" DISK=\"vda\"", i);
		assert_int_equal(inventory_add_line(inv, slice_of(line)),
				 i < INVENTORY_IMAGES_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(inventory_add_line(inv, slice_of("IMAGE=\"7\" DISK=\"vda\"")), 0);
	assert_int_equal(inv->images_count, 1024);
	for (int i = 0; i <= INVENTORY_LISTINGS_MAX; i++) {
		(void)snprintf(line, sizeof(line), "LISTING=\"%d\" DISK=\"vda\"", i);
		assert_int_equal(inventory_add_line(inv, slice_of(line)),
				 i < INVENTORY_LISTINGS_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(inv->listings_count, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read_and_printed),
		cmocka_unit_test(hostile_labels_come_back),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(malformed_lines),
		cmocka_unit_test(lines_for_readers),
		cmocka_unit_test(disks_are_kept_in_order),
		cmocka_unit_test(there_is_an_end),
		cmocka_unit_test(texts_of_many_lines),
		cmocka_unit_test(every_kind_of_line_comes_back),
		cmocka_unit_test(later_lines_take_the_place_of_earlier_ones),
		cmocka_unit_test(malformed_lines_of_other_kinds),
		cmocka_unit_test(files_and_listings_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
