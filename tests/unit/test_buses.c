#include "check.h"

#include "buses.h"

static void what_may_lead_to_a_disk_is_wanted(void **state)
{
	static const struct {
		const char *bus, *modalias;
		bool wanted;
	} rows[] = {
		{ "pci", "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00", true },
		{ "pci", "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02", true },
		{ "pci", "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00", false },
		{ "pci", "pci:v00001B36d00000011sv00001AF4sd00001100bc05sc00i00", false },
		{ "virtio", "virtio:d00000002v00001AF4", true },
		{ "virtio", "virtio:d00000008v00001AF4", true },
		{ "virtio", "virtio:d00000001v00001AF4", false },
		{ "platform", "acpi:LNRO0005:", true },
		{ "platform", "of:Nvirtio_mmioT(null)Cvirtio,mmio", true },
		{ "platform", "of:NrtcT(null)Carm,pl031", false },
		{ "scsi", "scsi:t-0x00", true },
		{ "scsi", "scsi:t-0x05", true },
		{ "scsi", "scsi:t-0x03", false },
		{ "usb", "scsi:t-0x00", false },
		{ "scsi", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (bus_wants(rows[i].bus, rows[i].modalias) != rows[i].wanted)
			fail_msg("%s %s", rows[i].bus, rows[i].modalias);
}

static void what_cannot_lead_to_a_disk_is_not_looked_at(void **state)
{
	static const struct {
		const char *bus, *name;
		bool wanted;
	} rows[] = {
		{ "pci", "0000:00:02.0", true },
		{ "virtio", "virtio0", true },
		{ "scsi", "0:0:0:0", true },
		{ "platform", "LNRO0005:00", true },
		{ "platform", "a000000.virtio_mmio", true },
		{ "platform", "PNP0C0C:00", false },
		{ "platform", "serial8250", false },
		{ "usb", "1-1", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (bus_may_want(rows[i].bus, rows[i].name) != rows[i].wanted)
			fail_msg("%s %s", rows[i].bus, rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_lead_to_a_disk_is_wanted),
		cmocka_unit_test(what_cannot_lead_to_a_disk_is_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
