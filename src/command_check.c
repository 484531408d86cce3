#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_layers.h"
#include "command_upgrade.h"
#include "executable.h"
#include "host_image.h"
#include "host_media.h"
#include "plan.h"
#include "sys.h"
#include "text.h"

static const char help[] =
	"usage: layerboot check [OPTION]... [NAME=IMAGE]...\n"
	"       layerboot check --upgrade [--subdir DIR] [--json] OLD NEW TOP\n"
	"\n"
	"Says beforehand what a boot would complain about. Without images: the manifest and the command line.\n"
	"With images, each a disk with the serial NAME, what they hold when they are merged; the disks of [top]\n"
	"and [bind] need not be given. Images are only read. Root's kernel mounts them in a namespace of its own;\n"
	"other users need squashfuse, fuse2fs (ext4) or erofsfuse, and what trusted.* attributes hide is then not seen.\n"
	"\n"
	"  --manifest FILE      the manifest; without it, the built-in default\n"
	"  --cmdline TEXT       the kernel command line\n"
	"  --key FILE           hold the manifest to the public keys of an initramfs, as signify writes them\n"
	"  --policy FILE        hold both to the policy of an initramfs\n"
	"  --bus BUS            of the images: virtio (default), scsi or nvme\n"
	"  --kernel RELEASE     the kernel that will boot: are its modules there?\n"
	"  --kernel-image FILE  the same from a bzImage or an arm64 Image, and the machine it is for;\n"
	"                       without it, that of this host\n"
	"  --list               name every shadowed and deleted path\n"
	"  --json               all of it as JSON\n"
	"\n"
	"exit status: 0 nothing, or warnings only; 1 errors: the boot would fail; 2 usage, or images that this\n"
	"user cannot read\n"
	"\n"
	"  --upgrade            list the paths that were changed both in the persistent top TOP and between the\n"
	"                       system images OLD and NEW: images or directories\n"
	"  --subdir DIR         of the top's file system, as in [top]\n"
	"\n"
	"exit status: 0 no such path; 1 some; 2 usage, or something cannot be read\n"
	"\n"
	"examples:\n"
	"  layerboot check --manifest layers.conf\n"
	"  layerboot check --list system=system.img user=user.img\n"
	"  layerboot check --upgrade system-1.img system-2.img state.img\n";

static struct host_disks h;
static struct resolution resolution;
static struct plan plan;

struct options {
	struct host_options host;
	const char *release, *kernel_image, *subdir;
	bool json, list, upgrade;
	char machine[65], image_release[128];
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "manifest", required_argument, NULL, 'm' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'y' },
		{ "policy", required_argument, NULL, 'p' },
		{ "bus", required_argument, NULL, 'b' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "kernel-image", required_argument, NULL, 'K' },
		{ "subdir", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "upgrade", no_argument, NULL, 'u' },
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
		case 'b':
			o->host.bus = optarg;
			break;
		case 'k':
			o->release = optarg;
			break;
		case 'K':
			o->kernel_image = optarg;
			break;
		case 's':
			o->subdir = optarg;
			break;
		case 'l':
			o->list = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'u':
			o->upgrade = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			exit(0);
		default:
			(void)fputs("try: layerboot check --help\n", stderr);
			return 2;
		}
	}
	if (!host_bus_is_known(o->host.bus))
		return host_complain(&o->host, o->host.bus, "expected virtio, scsi or nvme");
	return 0;
}

/* The machine and the release of the kernel that will boot. */
static int learn_kernel(struct options *o)
{
	static char head[EXECUTABLE_HEAD_MAX];
	struct kernel_image image;

	if (!o->kernel_image) {
		int r = sys_machine(o->machine, sizeof(o->machine));
		return r < 0 ? host_complain(&o->host, "uname", strerror(-r)) : 0;
	}
	int fd = sys_open(o->kernel_image, O_RDONLY);
	ssize_t len = fd < 0 ? fd : sys_pread(fd, head, sizeof(head), 0);
	if (fd >= 0)
		(void)sys_close(fd);
	if (len < 0)
		return host_complain(&o->host, o->kernel_image, strerror((int)-len));
	if (kernel_image_parse((struct slice){ .at = head, .len = (size_t)len }, &image) < 0)
		return host_complain(
			&o->host, o->kernel_image,
			"expected a bzImage, or an arm64 Image that is not compressed");
	text_print(o->machine, sizeof(o->machine), "%s", image.machine);
	text_print(o->image_release, sizeof(o->image_release), "%s", image.release);
	if (!o->release && image.release[0])
		o->release = o->image_release;
	return 0;
}

static bool enter(struct check_report *report)
{
	char text[128];
	bool root = false;
	int r = host_image_enter(&root);

	if (r < 0) {
		text_print(text, sizeof(text), "images cannot be mounted: %s", strerror(-r));
		check_report_unread(report, NULL, text);
	} else if (!root) {
		check_report_note(
			report,
			"without root, trusted.* attributes cannot be read: what opaque "
			"directories hide is not seen, nor trusted.overlay.* in untrusted layers");
	}
	return root;
}

/*
 * The layers, with what the disks that hold image files say. False when the boot would fail before it has them.
 */
static bool find_layers(struct check_report *report)
{
	for (;;) {
		char why[1024];
		struct builder words;
		resolve(&h.manifest, &h.inventory, h.cmdline.timeout_ms, &resolution);
		if (resolution.state != RESOLVE_WAIT)
			break;
		builder_start(&words, why, sizeof(why));
		int r = resolution.questions_count == 0
				? -EIO
				: host_media_answer(&h, &resolution.questions[0], &words);
		if (r < 0) {
			(void)failure_set(&resolution.failure, FAILURE_LAYER_MOUNT,
					  resolution.questions_count ? resolution.questions[0].layer
								     : NULL,
					  "its source cannot be read: %s%s%s", strerror(-r),
					  why[0] ? ": " : "", why);
			resolution.state = RESOLVE_FAILED;
			break;
		}
	}
	if (resolution.state == RESOLVE_FAILED)
		check_report_failure(report, &resolution.failure);
	return resolution.state == RESOLVE_READY;
}

static void check_images(const struct options *o, struct check_report *report)
{
	const struct plan_input plan_input = { .cmdline = &h.cmdline,
					       .manifest = &h.manifest,
					       .resolution = &resolution,
					       .stamp = &h.inventory.stamp,
					       .release = o->release };
	struct check_input in = { .host = &h,
				  .resolution = &resolution,
				  .release = o->release,
				  .machine = o->machine,
				  .writable = h.manifest.top.kind != TOP_NONE };

	/* It is the layers that are looked at; the other disks may well be somewhere else. */
	if (h.manifest.top.kind == TOP_DISK)
		h.manifest.top = (struct top){ .kind = TOP_TMPFS };
	h.manifest.binds_count = 0;
	in.root = enter(report);
	if (report->errors > 0 || !find_layers(report))
		return;
	if (plan_build(&plan_input, &h.arena, &plan, &h.failure) < 0)
		check_report_failure(report, &h.failure);
	check_layers(&in, report);
}

int command_check(int argc, char **argv)
{
	static struct check_report report;
	struct options o = { .host = { .command = "check", .bus = "virtio" } };
	int r = parse_options(argc, argv, &o);

	if (r != 0)
		return r;
	if (o.upgrade)
		return command_upgrade(argc - optind, argv + optind, o.subdir, o.json);
	report.json = o.json;
	report.list = o.list;
	r = learn_kernel(&o);
	if (r == 0)
		r = host_read(&o.host, argc - optind, argv + optind, &h);
	if (r > 1)
		return r;
	if (r == 1)
		check_report_failure(&report, &h.failure);
	else if (optind < argc)
		check_images(&o, &report);
	else
		report.layers_count = h.manifest.layers_count;
	return check_report_print(&report);
}
