#include "plan_modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "modules.h"
#include "needs.h"
#include "plan.h"
#include "text.h"

#define MODULES_MAX 256

static const struct {
	const char *bus;
	const char *modules[3];
} buses[] = {
	{ "virtio", { "virtio_pci", "virtio_blk" } },
	{ "scsi", { "virtio_pci", "virtio_scsi", "sd_mod" } },
	{ "nvme", { "nvme" } },
};

#define BUSES_COUNT (sizeof(buses) / sizeof(buses[0]))

static struct {
	struct {
		char name[64], path[512];
		const char *what; /* it is for */
	} modules[MODULES_MAX];
	size_t count;
	const char *what;
	const char *directory;
	int error;
} found;

static void listed(void *unused, const char *name, const char *path)
{
	(void)unused;
	for (size_t i = 0; i < found.count; i++)
		if (strcmp(found.modules[i].name, name) == 0)
			return;
	if (found.count == MODULES_MAX)
		return;
	text_print(found.modules[found.count].name, sizeof(found.modules[0].name), "%s", name);
	text_print(found.modules[found.count].path, sizeof(found.modules[0].path), "%s", path);
	found.modules[found.count++].what = found.what;
}

/* 1: WHAT needs no module, or none that is not listed already; else 0. */
static int list(const char *module, const char *what)
{
	found.what = what;
	int r = modules_list(found.directory, module, listed, NULL);
	if (r < 0 && r != -ENOENT)
		found.error = r;
	if (r == -ENOENT)
		(void)printf("%-22s %9s  %-18s %s\n", module, "absent", "-", what);
	else if (r == 1)
		(void)printf("%-22s %9s  %-18s %s\n", module, "built-in", "-", what);
	return r;
}

/* How many modules NAME would bring that are not listed. */
static size_t count_more(const char *name)
{
	size_t before = found.count;

	if (modules_list(found.directory, name, listed, NULL) < 0)
		return 0;
	size_t more = found.count - before;
	found.count = before;
	return more;
}

static bool holds(const char *text, size_t len, const char *part, size_t part_len)
{
	return memmem(text, len, part, part_len) != NULL;
}

/*
 * Appended are a PKCS#7 message, 12 bytes that end with its length (big endian), and a line (struct module_signature of
 * include/linux/module_signature.h). Told by the object identifiers in it.
 */
static const char *signature_kind(const char *path)
{
	static const char line[] = "~Module signature appended~\n";
	static char tail[8192];
	static char kind[32];
	FILE *f = fopen(path, "re");
	size_t len = 0;

	if (f && (fseek(f, -(long)sizeof(tail), SEEK_END) == 0 || fseek(f, 0, SEEK_SET) == 0))
		len = fread(tail, 1, sizeof(tail), f);
	if (f)
		(void)fclose(f);
	if (len < 4 + sizeof(line) - 1 ||
	    memcmp(tail + len - sizeof(line) + 1, line, sizeof(line) - 1) != 0) {
		const char *dot = strrchr(path, '.');
		return dot && strcmp(dot, ".ko") != 0 ? "(compressed)" : "none";
	}
	const unsigned char *size = (const unsigned char *)tail + len - sizeof(line) + 1 - 4;
	size_t signature = (size_t)size[2] << 8 | size[3];
	const char *from = (const char *)size - 8 - signature;
	if (signature > len - 12 - sizeof(line))
		return "unknown";
	bool rsa = holds(from, signature, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9);
	bool ecdsa = holds(from, signature, "\x2a\x86\x48\xce\x3d\x04\x03", 7);
	static const char hash[] = "\x60\x86\x48\x01\x65\x03\x04\x02";
	const char *at = memmem(from, signature, hash, 8);
	static const char *const sizes[] = { "?", "256", "384", "512", "224" };
	unsigned which = at ? (unsigned char)at[8] : 0;
	text_print(kind, sizeof(kind), "%s SHA-%s",
		   rsa     ? "RSA"
		   : ecdsa ? "ECDSA"
			   : "?",
		   sizes[which < 5 ? which : 0]);
	return kind;
}

static void print_all(void)
{
	long long total = 0;
	struct stat st;

	for (size_t i = 0; i < found.count; i++) {
		long long bytes = stat(found.modules[i].path, &st) == 0 ? (long long)st.st_size : 0;
		total += bytes;
		(void)printf("%-22s %9lld  %-18s %s\n", found.modules[i].name, bytes,
			     signature_kind(found.modules[i].path), found.modules[i].what);
	}
	(void)printf("%zu module%s, %lld bytes\n", found.count, found.count == 1 ? "" : "s", total);
}

/* The modules that are listed for WHAT alone. */
static size_t count_of(const char *what)
{
	size_t count = 0;

	for (size_t i = 0; i < found.count; i++)
		count += strcmp(found.modules[i].what, what) == 0;
	return count;
}

/* Of the layer types that Debian's kernels have, which is here without a module. */
static void advise_type(const char *const *types)
{
	static const char *const others[] = { "ext4", "squashfs", "erofs" };
	size_t most = 0;

	for (size_t i = 0; types[i]; i++)
		most += count_of(types[i]);
	for (size_t i = 0; most > 0 && i < sizeof(others) / sizeof(others[0]); i++) {
		size_t more = count_more(others[i]);
		bool same = types[0] && !types[1] && strcmp(types[0], others[i]) == 0;
		if (!same && more < most &&
		    modules_list(found.directory, others[i], listed, NULL) == 1)
			(void)printf("%s is built into this kernel: %zu module%s less\n", others[i],
				     most, most == 1 ? "" : "s");
	}
}

static void advise_bus(const char *bus)
{
	size_t now = count_of("disks");

	if (strcmp(bus, "nvme") != 0 && now > 0 &&
	    modules_list(found.directory, "nvme", listed, NULL) == 1)
		(void)printf(
			"nvme is built into this kernel: %zu module%s less with disks on NVMe\n",
			now, now == 1 ? "" : "s");
}

int print_modules(const struct manifest *m, const char *bus, const char *directory)
{
	const char *const *types = needed_types(m);
	struct stat st;

	if (stat(directory, &st) < 0) {
		(void)fprintf(stderr, "layerboot: plan: %s: %s\n", directory, strerror(errno));
		return 2;
	}
	found.directory = directory;
	for (size_t i = 0; i < BUSES_COUNT; i++)
		for (size_t k = 0; k < 3 && buses[i].modules[k]; k++)
			if (strcmp(bus, buses[i].bus) == 0)
				(void)list(buses[i].modules[k], "disks");
	(void)list(plan_union_module(m->union_kind), "the union");
	for (size_t i = 0; types[i]; i++)
		(void)list(strcmp(types[i], "iso9660") == 0 ? "isofs" : types[i], types[i]);
	if (found.error < 0) {
		(void)fprintf(stderr, "layerboot: plan: %s: %s\n", directory,
			      strerror(-found.error));
		return 1;
	}
	print_all();
	if (types[0] && types[1])
		(void)puts("of the types only those that the disks turn out to hold are loaded");
	advise_type(types);
	advise_bus(bus);
	return 0;
}
