#include "commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "host_disks.h"
#include "host_image.h"
#include "host_media.h"
#include "json.h"
#include "needs.h"
#include "plan_modules.h"
#include "plan_print.h"
#include "text.h"

static const char help[] =
	"usage: layerboot plan [OPTION]... [NAME=IMAGE]...\n"
	"\n"
	"Prints the steps that a boot would take, decided by the code that PID 1 runs.\n"
	"Each NAME=IMAGE is a disk with that serial, as scripts/run-vm attaches it.\n"
	"\n"
	"  --manifest FILE   the manifest; without it, that of layerboot.manifest= on one of the disks, or\n"
	"                    the built-in default\n"
	"  --cmdline TEXT    the kernel command line\n"
	"  --key FILE        hold the manifest to the public keys of an initramfs, as signify writes them\n"
	"  --policy FILE     hold both to the policy of an initramfs\n"
	"  --inventory FILE  disks as a boot saw them: its report (/run/layerboot/report.json), or a line\n"
	"                    of KEY=\"value\" pairs each\n"
	"  --kernel RELEASE  the kernel that would boot, for layers with kernel =\n"
	"  --bus BUS         of the images: virtio (default), scsi or nvme\n"
	"  --json            print the steps as JSON: an array of objects; or {\"failure\": {...}}\n"
	"  --mounts          print the mounts that the real init will find instead\n"
	"  --modules DIR     print the modules that it would load from DIR (.../lib/modules/RELEASE), with bytes\n"
	"                    and signature, and what would need fewer, instead\n"
	"  --needs           print what the initramfs must bring for this manifest instead\n"
	"\n"
	"exit status: 0 the boot would succeed, 1 it would fail (the error is the boot's own), 2 usage\n"
	"\n"
	"examples:\n"
	"  layerboot plan system=system.img user=user.img\n"
	"  layerboot plan --manifest m --cmdline 'layerboot.skip=user' system=system.img\n";

static struct host_disks h;
static struct resolution resolution;
static struct plan plan;

struct options {
	struct host_options host;
	const char *kernel, *modules;
	bool mounts, needs, json;
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "manifest", required_argument, NULL, 'm' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'y' },
		{ "policy", required_argument, NULL, 'p' },
		{ "inventory", required_argument, NULL, 'i' },
		{ "bus", required_argument, NULL, 'b' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ "mounts", no_argument, NULL, 'M' },
		{ "modules", required_argument, NULL, 'o' },
		{ "needs", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'm':
			o->host.manifest = optarg;
			break;
		case 'c':
			o->host.cmdline = optarg;
			break;
		case 'y':
			o->host.keys = optarg;
			break;
		case 'p':
			o->host.policy = optarg;
			break;
		case 'i':
			o->host.inventory_file = optarg;
			break;
		case 'b':
			o->host.bus = optarg;
			break;
		case 'k':
			o->kernel = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'M':
			o->mounts = true;
			break;
		case 'o':
			o->modules = optarg;
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
	if (strcmp(o->host.bus, "virtio") != 0 && strcmp(o->host.bus, "scsi") != 0 &&
	    strcmp(o->host.bus, "nvme") != 0)
		return host_complain(&o->host, o->host.bus, "expected virtio, scsi or nvme");
	if (o->json + o->mounts + o->needs > 1)
		return host_complain(&o->host, "--json, --mounts, --needs",
				     "only one of them can be printed");
	return 0;
}

/*
 * What a boot would ask of its disks is answered from the images. What stands on a disk for a top is not looked at:
 * without the report of a boot it is taken for unchanged.
 */
static int answer(const struct options *o)
{
	struct stamp *stamp = &h.inventory.stamp;
	bool root;

	for (;;) {
		char said[512];
		struct builder words;
		const struct question *q = NULL;
		resolve(&h.manifest, &h.inventory, h.cmdline.timeout_ms, &resolution);
		if (resolution.state != RESOLVE_WAIT)
			return 0;
		for (size_t i = 0; i < resolution.questions_count; i++)
			if (resolution.questions[i].kind != QUESTION_DISK)
				q = &resolution.questions[i];
		if (!q)
			return host_complain(&o->host, "--inventory",
					     "says too little of the disks; KNOWN=\"7\" is all");
		if (q->kind == QUESTION_STAMP) {
			text_print(stamp->disk, sizeof(stamp->disk), "%s", q->disk->name);
			stamp->used = q->disk->type[0] != '\0';
			continue;
		}
		builder_start(&words, said, sizeof(said));
		int r = host_image_enter(&root);
		if (r == 0)
			r = host_media_answer(&h, q, &words);
		if (r < 0)
			return host_complain(&o->host, q->glob, *said ? said : strerror(-r));
	}
}

/* The error is the boot's own; with --json it is told on both ways, as the report of the boot would have it. */
static int would_fail(const struct options *o, const struct failure *f)
{
	char out[8192];
	struct builder b;

	if (!o->json)
		return host_would_fail(f);
	builder_start(&b, out, sizeof(out));
	json_open(&b, "{");
	json_key(&b, "failure");
	json_open(&b, "{");
	json_member_string(&b, "word", failure_word(f->kind)->word);
	json_member_string(&b, "layer", f->layer);
	json_member_string(&b, "text", f->text);
	json_member_string(&b, "next", f->next[0] ? f->next : failure_word(f->kind)->next);
	json_close(&b, "}");
	json_close(&b, "}");
	(void)puts(out);
	return host_would_fail(f);
}

/* Whether RELEASE is that of a kernel before 6.7, which takes the layers of a union in one page of options. */
static bool lacks_lowerdir_plus(const char *release)
{
	unsigned major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 7));
}

static int check_page(const struct options *o)
{
	const size_t page = 4095;
	size_t bytes = plan_union_bytes(&plan);

	if (bytes <= page || h.manifest.union_kind != UNION_OVERLAY)
		return 0;
	if (o->kernel && lacks_lowerdir_plus(o->kernel)) {
		(void)failure_set(
			&h.failure, FAILURE_UNION_UNSUPPORTED, NULL,
			"kernel %s lacks lowerdir+, and the options need %zu bytes where mount(2) "
			"takes %zu",
			o->kernel, bytes, page);
		return would_fail(o, &h.failure);
	}
	if (!o->kernel)
		(void)fprintf(
			stderr,
			"layerboot: plan: note: the options of the union need %zu bytes; a kernel "
			"without lowerdir+ (before 6.7) takes %zu\n",
			bytes, page);
	return 0;
}

static int print(const struct options *o)
{
	static char out[8 << 20];
	struct builder b;

	builder_start(&b, out, sizeof(out));
	if (o->json)
		plan_print_json(&plan, &b);
	else if (o->mounts)
		plan_print_mounts(&plan, &b);
	else
		plan_print(&plan, &b);
	return fputs(out, stdout) < 0 || fflush(stdout) < 0 ? 1 : 0;
}

int command_plan(int argc, char **argv)
{
	struct options o = { .host = { .command = "plan", .bus = "virtio" } };
	int r = parse_options(argc, argv, &o);

	if (r == 0)
		r = host_read(&o.host, argc - optind, argv + optind, &h);
	if (r != 0)
		return r == 1 ? would_fail(&o, &h.failure) : r;
	if (o.needs)
		return print_needs(&h.manifest);
	if (o.modules)
		return print_modules(&h.manifest, o.host.bus, o.modules);
	r = answer(&o);
	if (r != 0)
		return r;
	const struct plan_input in = { .cmdline = &h.cmdline,
				       .manifest = &h.manifest,
				       .resolution = &resolution,
				       .stamp = &h.inventory.stamp,
				       .inventory = &h.inventory,
				       .release = o.kernel };
	if (resolution.state == RESOLVE_FAILED)
		return would_fail(&o, &resolution.failure);
	if (plan_build(&in, &h.arena, &plan, &h.failure) < 0)
		return would_fail(&o, &h.failure);
	r = check_page(&o);
	return r != 0 ? r : print(&o);
}
