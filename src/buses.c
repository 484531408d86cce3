#include "buses.h"

#include <string.h>

/* Modaliases as scripts/mod/file2alias.c of the kernel writes them. */
const struct bus buses[] = {
	{ "pci", "pci:", "bc01sc", "" }, /* class 01: mass storage, virtio-blk's and NVMe's too */
	{ "virtio", "virtio:d00000002v", "", "" }, /* virtio-blk */
	{ "virtio", "virtio:d00000008v", "", "" }, /* virtio-scsi */
	/* virtio over MMIO, named by ACPI, and by a device tree (virtio_mmio@a000000) */
	{ "platform", "acpi:LNRO0005:", "", "LNRO0005" },
	{ "platform", "of:", "Cvirtio,mmio", "virtio" },
	{ "scsi", "scsi:t-0x00", "", "" }, /* disk */
	{ "scsi", "scsi:t-0x05", "", "" }, /* CD-ROM */
};

const size_t buses_count = sizeof(buses) / sizeof(buses[0]);

bool bus_may_want(const char *subsystem, const char *name)
{
	for (size_t i = 0; i < buses_count; i++)
		if (strcmp(subsystem, buses[i].name) == 0 && strstr(name, buses[i].device))
			return true;
	return false;
}

bool bus_wants(const char *subsystem, const char *modalias)
{
	for (size_t i = 0; i < buses_count; i++)
		if (strcmp(subsystem, buses[i].name) == 0 &&
		    strncmp(modalias, buses[i].prefix, strlen(buses[i].prefix)) == 0 &&
		    strstr(modalias, buses[i].part))
			return true;
	return false;
}
