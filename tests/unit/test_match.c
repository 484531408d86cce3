#include "check.h"

#include "match.h"

static struct source given_source(const char *text)
{
	const char *expected;
	struct source source;
	size_t at;

	if (source_parse(slice_of(text), fresh_arena(), &source, &expected, &at) < 0)
		fail_msg("%s: %s", text, expected);
	return source;
}

/* lsblk and the cloud's consoles write 0x5000..., sysfs naa.5000...; NVMe has eui.0025... */
static void world_wide_names(void **state)
{
	static const struct {
		const char *selector, *wwn;
		bool matches;
	} rows[] = {
		{ "WWN=0x5000c500a1b2c3d4", "0x5000c500a1b2c3d4", true },
		{ "WWN=0x5000c500a1b2c3d4", "naa.5000c500a1b2c3d4", true },
		{ "WWN=naa.5000c500a1b2c3d4", "0x5000c500a1b2c3d4", true },
		{ "WWN=5000C500A1B2C3D4", "naa.5000c500a1b2c3d4", true },
		{ "WWN=0x5000C500a1b2c3d4", "0x5000c500A1B2C3D4", true },
		{ "WWN=eui.0025385b71b00f2a", "eui.0025385B71B00F2A", true },
		{ "WWN=0025385b71b00f2a", "eui.0025385b71b00f2a", false },
		{ "WWN=0x5000c500a1b2c3d", "0x5000c500a1b2c3d4", false },
		{ "WWN=0x5000c500a1b2c3d4e", "0x5000c500a1b2c3d4", false },
		{ "WWN=0x", "", false },
		{ "WWN=t10.ATA", "t10.ATA", true },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct source source = given_source(rows[i].selector);
		const struct disk *found[2];
		struct disk *d;
		scene.inventory.count = 0;
		d = inventory_add(&scene.inventory, "sda");
		strcpy(d->wwn, rows[i].wwn);
		/* a partition has no name of its own, whatever stands there */
		d = inventory_add(&scene.inventory, "sda1");
		strcpy(d->wwn, rows[i].wwn);
		strcpy(d->parent, "sda");
		if (match_disks(&source, &scene.inventory, found, 2) != rows[i].matches)
			fail_msg("%s %s", rows[i].selector, rows[i].wwn);
		if (rows[i].matches)
			assert_string_equal(found[0]->name, "sda");
		assert_false(match_by_cut(&source, d));
	}
}

static void what_must_be_known(void **state)
{
	static const struct {
		const char *source;
		unsigned needs;
	} rows[] = {
		{ "SERIAL=a", KNOWN_IDENTITY },
		{ "WWN=a", KNOWN_IDENTITY },
		{ "LABEL=a", KNOWN_SUPERBLOCK },
		{ "UUID=a", KNOWN_SUPERBLOCK },
		{ "PARTLABEL=a", KNOWN_PARTITION },
		{ "PARTUUID=a", KNOWN_PARTITION },
		{ "/dev/a", 0 },
		{ "/dev/a | WWN=b | UUID=c | PARTUUID=d",
		  KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct source source = given_source(rows[i].source);
		assert_int_equal(match_needs(&source), rows[i].needs);
	}
}

static void serials_that_were_cut(void **state)
{
	static const struct {
		const char *source, *transport, *serial;
		bool cut;
	} rows[] = {
		{ "SERIAL=12345678901234567890x", "virtio", "12345678901234567890", true },
		{ "LABEL=a | SERIAL=12345678901234567890x", "virtio", "12345678901234567890",
		  true },
		{ "SERIAL=12345678901234567890", "virtio", "12345678901234567890", false },
		{ "SERIAL=12345678901234567890x", "scsi", "12345678901234567890", false },
		{ "SERIAL=12345678901234567890x", "virtio", "1234567890123456789", false },
		{ "SERIAL=X2345678901234567890x", "virtio", "12345678901234567890", false },
		{ "LABEL=12345678901234567890x", "virtio", "12345678901234567890", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct source source = given_source(rows[i].source);
		struct disk d = { .name = "vda" };
		strcpy(d.transport, rows[i].transport);
		strcpy(d.serial, rows[i].serial);
		if (match_by_cut(&source, &d) != rows[i].cut)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(world_wide_names),
		cmocka_unit_test(what_must_be_known),
		cmocka_unit_test(serials_that_were_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
