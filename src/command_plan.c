#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "disks.h"
#include "file.h"
#include "manifest.h"
#include "override.h"
#include "plan_print.h"
#include "sys.h"

#define PARTS_MAX 128

static const char help[] =
	"usage: layerboot plan [OPTION]... [NAME=IMAGE]...\n"
	"\n"
	"Prints the steps that a boot would take, decided by the code that PID 1 runs.\n"
	"Each NAME=IMAGE is a disk with that serial, as scripts/run-vm attaches it.\n"
	"\n"
	"  --manifest FILE   the manifest; without it, the built-in default\n"
	"  --cmdline TEXT    the kernel command line\n"
	"  --inventory FILE  disks as a boot saw them, a line of KEY=\"value\" pairs each\n"
	"  --bus BUS         of the images: virtio (default), scsi or nvme\n"
	"  --mounts          print the mounts that the real init will find instead\n"
	"  --needs           print what the initramfs must bring for this manifest instead\n"
	"\n"
	"exit status: 0 the boot would succeed, 1 it would fail (the error is the boot's own), 2 usage\n"
	"\n"
	"examples:\n"
	"  layerboot plan system=system.img user=user.img\n"
	"  layerboot plan --manifest m --cmdline 'layerboot.skip=user' system=system.img\n";

static struct {
	char memory[4 << 20];
	char manifest_text[MANIFEST_SIZE_MAX + 2];
	char inventory_text[2 << 20];
	char out[2 << 20];
	struct arena arena;
	struct cmdline cmdline;
	struct manifest manifest;
	struct inventory inventory;
	struct resolution resolution;
	struct plan plan;
	struct failure failure;
} p;

struct options {
	const char *manifest, *cmdline, *inventory, *bus;
	bool mounts, needs;
};

static int complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "layerboot: plan: %s: %s\n", what, why);
	return 2;
}

static int would_fail(void)
{
	char line[4096];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	failure_print(&p.failure, &b);
	(void)fprintf(stderr, "layerboot: %s\n", line);
	return 1;
}

static int read_manifest(const struct options *o)
{
	struct slice text = slice_of(manifest_default);
	const char *origin = o->manifest ? o->manifest : "built-in manifest";
	const char *cmdline = o->cmdline ? o->cmdline : "";

	if (o->manifest) {
		ssize_t len = file_read(o->manifest, p.manifest_text, sizeof(p.manifest_text));
		if (len < 0 && len != -EFBIG)
			return complain(o->manifest, strerror((int)-len));
		text = (struct slice){ p.manifest_text,
				       len < 0 ? sizeof(p.manifest_text) - 1 : (size_t)len };
	}
	if (cmdline_parse(slice_of(cmdline), &p.arena, &p.cmdline, &p.failure) < 0 ||
	    manifest_parse(text, origin, &p.arena, &p.manifest, &p.failure) < 0 ||
	    manifest_override(&p.manifest, &p.cmdline, &p.arena, &p.failure) < 0)
		return would_fail();
	return 0;
}

/* vda, vdb ...; sda ...; nvme0n1, nvme1n1 ... */
static void name_disk(char *to, size_t size, const char *bus, size_t index)
{
	char letters[8];
	size_t at = sizeof(letters) - 1;

	if (strcmp(bus, "nvme") == 0) {
		(void)snprintf(to, size, "nvme%zun1", index);
		return;
	}
	letters[at] = '\0';
	for (size_t n = index + 1; n > 0 && at > 0; n = (n - 1) / 26)
		letters[--at] = (char)('a' + (n - 1) % 26);
	(void)snprintf(to, size, "%s%s", strcmp(bus, "scsi") == 0 ? "sd" : "vd", letters + at);
}

static void add_parts(const struct disk *whole, int fd, const char *bus)
{
	static struct disk_part parts[PARTS_MAX];
	int count = disk_partitions(fd, parts, PARTS_MAX);

	for (int i = 0; i < count; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%.24s%s%u", whole->name,
			       strcmp(bus, "nvme") == 0 ? "p" : "", parts[i].number);
		struct disk *d = inventory_add(&p.inventory, name);
		if (!d)
			return;
		(void)snprintf(d->parent, sizeof(d->parent), "%s", whole->name);
		(void)snprintf(d->transport, sizeof(d->transport), "%s", bus);
		(void)snprintf(d->part_label, sizeof(d->part_label), "%s", parts[i].label);
		(void)snprintf(d->part_uuid, sizeof(d->part_uuid), "%s", parts[i].uuid);
		d->size = parts[i].size;
		d->error = -disk_probe(fd, parts[i].offset, parts[i].size, d);
		d->known = KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION;
	}
}

/* What the guest would learn of an image that is attached as a disk. */
static int add_image(const char *argument, const char *bus, size_t index)
{
	const char *equals = strchr(argument, '=');
	struct disk disk = { .known = KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION };
	struct stat st;

	if (!equals || equals == argument)
		return complain(argument, "expected NAME=IMAGE");
	size_t serial = (size_t)(equals - argument);
	if (serial > 20 && strcmp(bus, "virtio") == 0)
		return complain(argument, "a virtio serial has at most 20 bytes");
	int fd = sys_open(equals + 1, O_RDONLY);
	if (fd < 0)
		return complain(equals + 1, strerror(-fd));
	if (sys_fstat(fd, &st) == 0)
		disk.size = (uint64_t)st.st_size / 512 * 512;
	name_disk(disk.name, sizeof(disk.name), bus, index);
	(void)snprintf(disk.transport, sizeof(disk.transport), "%s", bus);
	(void)snprintf(disk.serial, sizeof(disk.serial), "%.*s", (int)serial, argument);
	if (disk.size > 0)
		disk.error = -disk_probe(fd, 0, 0, &disk);
	struct disk *place = inventory_add(&p.inventory, disk.name);
	if (place) {
		*place = disk;
		if (disk.size > 0)
			add_parts(&disk, fd, bus);
	}
	(void)sys_close(fd);
	return place ? 0 : complain(argument, "too many disks");
}

static int read_disks(const struct options *o, int argc, char **argv)
{
	if (o->inventory) {
		size_t line;
		ssize_t len = file_read(o->inventory, p.inventory_text, sizeof(p.inventory_text));
		if (len < 0)
			return complain(o->inventory, strerror((int)-len));
		struct slice text = { p.inventory_text, (size_t)len };
		if (inventory_parse(text, &p.inventory, &line) < 0) {
			(void)fprintf(
				stderr,
				"layerboot: plan: %s:%zu: expected NAME=\"...\" KEY=\"...\"\n",
				o->inventory, line);
			return 2;
		}
	}
	for (int i = 0; i < argc; i++) {
		int r = add_image(argv[i], o->bus, (size_t)i);
		if (r != 0)
			return r;
	}
	return 0;
}

/* One line each: "fs TYPE" and "union NAME"; mkinitramfs turns them into modules. */
static int print_needs(void)
{
	for (size_t t = 0; manifest_types[t]; t++)
		for (size_t i = 0; i < p.manifest.layers_count; i++) {
			const struct layer *l = &p.manifest.layers[i];
			if (!l->type || strcmp(l->type, manifest_types[t]) == 0) {
				(void)printf("fs %s\n", manifest_types[t]);
				break;
			}
		}
	(void)printf("union overlay\n");
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "manifest", required_argument, NULL, 'm' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "inventory", required_argument, NULL, 'i' },
		{ "bus", required_argument, NULL, 'b' },
		{ "mounts", no_argument, NULL, 'M' },
		{ "needs", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'm':
			o->manifest = optarg;
			break;
		case 'c':
			o->cmdline = optarg;
			break;
		case 'i':
			o->inventory = optarg;
			break;
		case 'b':
			o->bus = optarg;
			break;
		case 'M':
			o->mounts = true;
			break;
		case 'n':
			o->needs = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			exit(0);
		default:
			(void)fputs("try: layerboot plan --help\n", stderr);
			return 2;
		}
	}
	if (strcmp(o->bus, "virtio") != 0 && strcmp(o->bus, "scsi") != 0 &&
	    strcmp(o->bus, "nvme") != 0)
		return complain(o->bus, "expected virtio, scsi or nvme");
	return 0;
}

int command_plan(int argc, char **argv)
{
	struct options o = { .bus = "virtio" };
	struct builder b;
	int r = parse_options(argc, argv, &o);

	arena_start(&p.arena, p.memory, sizeof(p.memory));
	if (r == 0)
		r = read_manifest(&o);
	if (r != 0)
		return r;
	if (o.needs)
		return print_needs();
	r = read_disks(&o, argc - optind, argv + optind);
	if (r != 0)
		return r;
	/* All disks are there, and no other will come. */
	p.inventory.settled = true;
	p.inventory.elapsed_ms = INT64_MAX;
	resolve(&p.manifest, &p.inventory, p.cmdline.timeout_ms, &p.resolution);
	if (p.resolution.state == RESOLVE_FAILED) {
		p.failure = p.resolution.failure;
		return would_fail();
	}
	if (p.resolution.state == RESOLVE_WAIT)
		return complain("--inventory", "says too little of the disks; KNOWN=\"7\" is all");
	if (plan_build(&p.cmdline, &p.manifest, &p.resolution, &p.arena, &p.plan, &p.failure) < 0)
		return would_fail();
	builder_start(&b, p.out, sizeof(p.out));
	if (o.mounts)
		plan_print_mounts(&p.plan, &b);
	else
		plan_print(&p.plan, &b);
	return fputs(p.out, stdout) < 0 || fflush(stdout) < 0 ? 1 : 0;
}
