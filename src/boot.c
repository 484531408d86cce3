#include "boot.h"

#include <errno.h>
#include <string.h>

#include "cmdline.h"
#include "discover.h"
#include "disks.h"
#include "execute.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "manifest.h"
#include "manifest_find.h"
#include "modules.h"
#include "pages.h"
#include "report.h"
#include "rescue.h"
#include "root_steps.h"
#include "shutdown.h"
#include "switch_root.h"
#include "sys.h"
#include "systemd.h"
#include "text.h"

#define MANIFEST_PATH "/etc/layerboot/manifest"
#define DEVKMSG_LIMIT "/proc/sys/kernel/printk_devkmsg"

/* All of PID 1's state; pages that are not touched cost nothing. */
static ON_A_PAGE char memory[4 << 20];
static ON_A_PAGE struct {
	struct failure failure;
	int64_t start_us;
	struct arena arena;
	struct cmdline cmdline;
	const char *manifest_origin;
	struct modules *modules;
	struct report report;
	char release[65]; /* of the kernel, empty if it is not known */
	char devkmsg_limit[32];
	struct lock lock;
	struct manifest manifest;
	struct resolution resolution;
	struct inventory inventory;
	struct plan plan;
	struct root_steps root;
	char cmdline_text[65536]; /* a bootconfig may add more than COMMAND_LINE_SIZE */
} b;

static _Noreturn void fail(void)
{
	jobs_abandon(discover_jobs());
	rescue(&b.failure, &b.cmdline, b.modules);
}

/* Descriptors 0 to 2 are open even where the kernel found no console: nothing else may get these numbers. */
static void open_standard_descriptors(void)
{
	int fd;

	do {
		fd = sys_open("/dev/console", O_RDWR | O_NOCTTY);
		if (fd < 0)
			fd = sys_open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2 && sys_keep(fd) == 0);
	if (fd > 2)
		(void)sys_close(fd);
}

/* Without this the kernel drops all but ten lines in five seconds; put back before the real init. */
static void lift_limit(void)
{
	if (!b.devkmsg_limit[0] &&
	    file_read(DEVKMSG_LIMIT, b.devkmsg_limit, sizeof(b.devkmsg_limit)) > 0)
		(void)file_write(DEVKMSG_LIMIT, "on\n");
}

static void open_log(void)
{
	int fd = sys_open("/dev/kmsg", O_WRONLY);

	if (fd >= 0)
		log_target(fd, true);
	log_before_many(lift_limit);
}

static void bootstrap(void)
{
	struct builder none;
	char unused[1];

	builder_start(&none, unused, sizeof(unused));
	for (size_t i = 0; i < plan_bootstrap_count; i++) {
		int64_t start_us = sys_now_us();
		int r = execute_step(&plan_bootstrap[i], &none);
		report_step(&plan_bootstrap[i], start_us, sys_now_us() - start_us);
		if (r < 0) {
			(void)execute_failed(&plan_bootstrap[i], r, "", &b.failure);
			fail();
		}
		if (i == 0)
			open_standard_descriptors();
	}
	open_log();
}

static void read_cmdline(void)
{
	static const enum log_priority limits[] = {
		[LOG_QUIET] = LOG_PRIORITY_WARNING,
		[LOG_NORMAL] = LOG_PRIORITY_INFO,
		[LOG_DEBUG] = LOG_PRIORITY_DEBUG,
	};
	ssize_t len = file_read("/proc/cmdline", b.cmdline_text, sizeof(b.cmdline_text));
	struct slice s = { .at = b.cmdline_text, .len = len < 0 ? 0 : (size_t)len };

	if (len < 0) {
		(void)failure_set(&b.failure, FAILURE_CMDLINE, NULL, "/proc/cmdline: %s",
				  strerror((int)-len));
		fail();
	}
	int parsed = cmdline_parse(s, &b.arena, &b.cmdline, &b.failure);
	/* Of several failures this one is told. */
	int lock = lock_load(PATH_KEYS, PATH_POLICY, &b.arena, &b.lock, &b.failure);
	int checked = lock < 0 || parsed < 0
			      ? -1
			      : policy_check_cmdline(&b.lock.policy, &b.cmdline, &b.failure);
	/* Before the first failure that it could choose the end of. */
	policy_clamp(&b.lock.policy, &b.cmdline);
	if (checked < 0)
		fail();
	log_limit(limits[b.cmdline.log]);
	/* Children have lines to add then. */
	if (b.cmdline.log == LOG_DEBUG)
		lift_limit();
}

/* Asked before anything is mounted. How to fail is known only where whoever started this has a /proc. */
static void check_initramfs(void)
{
	int r = switch_root_check();

	if (r == 0)
		return;
	struct stat st;
	if (sys_stat("/proc/cmdline", &st) == 0)
		read_cmdline();
	(void)failure_set(&b.failure, FAILURE_NOT_INITRAMFS, NULL,
			  "/ is not a ramfs or tmpfs with an /init%s%s", r == -EXDEV ? "" : ": ",
			  r == -EXDEV ? "" : strerror(-r));
	fail();
}

static void open_modules(void)
{
	if (sys_release(b.release, sizeof(b.release)) < 0)
		b.release[0] = '\0';
	if (modules_open(&b.modules) == 0)
		return;
	b.modules = NULL;
	(void)failure_set(&b.failure, FAILURE_LIMIT, NULL, "libkmod: out of memory");
	fail();
}

static void start_discovery(void)
{
	if (discover_start(&b.cmdline, b.modules, b.release, &b.arena, &b.inventory, &b.resolution,
			   &b.failure) < 0)
		fail();
}

static void read_manifest(void)
{
	struct policy *policy = &b.lock.policy;
	struct slice text;

	if ((policy->locked &&
	     manifest_find_floor(b.modules, &policy->minimum_version, &b.failure) < 0) ||
	    manifest_find(&b.cmdline, b.modules, &text, &b.manifest_origin, &b.failure) < 0)
		fail();
	/* Of one that cannot be understood, too. */
	b.report.manifest_origin = b.manifest_origin;
	b.report.manifest_text = text;
	if (lock_read_manifest(&b.lock, text, b.manifest_origin, &b.cmdline, &b.arena, &b.manifest,
			       &b.report.signer, &b.failure) < 0)
		fail();
	log_line(LOG_PRIORITY_DEBUG, "manifest: %s%s%s", b.manifest_origin,
		 b.report.signer ? ", signed by " : "", b.report.signer ? b.report.signer : "");
}

static void find_layers(void)
{
	if (discover_layers(&b.manifest) < 0)
		fail();
}

static void say_layers(void)
{
	for (size_t i = 0; i < b.resolution.layers_count; i++) {
		const struct resolved_layer *l = &b.resolution.layers[i];
		const struct mounting *m = discover_mounting(MOUNTING_LAYER, l->name);
		if (l->state == LAYER_FOUND && m)
			log_line(LOG_PRIORITY_INFO, "layer %s: %s%s%s %s, %lld ms", l->name,
				 l->disk->name, l->image ? "/" : "", l->image ? l->image->path : "",
				 l->type, (long long)m->ms);
		else if (l->state == LAYER_SKIPPED)
			log_line(LOG_PRIORITY_INFO, "layer %s: skipped, as told", l->name);
		else
			/* Not with quiet, but in the kernel's log it stands out. */
			log_line(LOG_PRIORITY_NOTICE, "layer %s: absent, no disk with %s%s%s",
				 l->name, l->layer->source.text,
				 l->layer->image ? " that holds " : "",
				 l->layer->image ? l->layer->image : "");
	}
}

static void say_top(void)
{
	switch (b.manifest.top.kind) {
	case TOP_TMPFS:
		log_line(LOG_PRIORITY_INFO, "top: tmpfs, writes are lost at power-off");
		break;
	case TOP_NONE:
		log_line(LOG_PRIORITY_INFO, "top: none, the root is read-only");
		break;
	case TOP_DISK:
		log_line(LOG_PRIORITY_INFO, "top: %s %s, writes last", b.resolution.top.disk->name,
			 b.resolution.top.type);
		break;
	}
}

/* The disk that somebody means who asks for the one behind /: what is written to, or else what is at the bottom. */
static const char *root_device(void)
{
	static char device[64];
	const struct resolution *r = &b.resolution;
	const struct disk *disk = r->top.disk;

	for (size_t i = 0; i < r->layers_count && !disk; i++)
		disk = r->layers[i].disk;
	text_print(device, sizeof(device), "/dev/%s", disk ? disk->name : "");
	return disk ? device : NULL;
}

static void prepare_run(void)
{
	int r = systemd_prepare(&b.root.systemd, root_device());

	if (r < 0)
		log_line(LOG_PRIORITY_WARNING, "/run/systemd: %s", strerror(-r));
}

static void prepare_end(void)
{
	int r = shutdown_prepare();

	if (r < 0)
		log_line(LOG_PRIORITY_WARNING,
			 PATH_SHUTDOWN
			 ": %s; a top on a disk may not be cleanly unmounted at the end",
			 strerror(-r));
}

/* What happens after the first mount has moved can be said, but nothing of it can be undone. */
static void before_hand_over(void)
{
	say_layers();
	say_top();
	log_line(LOG_PRIORITY_INFO, "root ready in %lld ms",
		 (long long)((sys_now_us() - b.start_us) / 1000));
	report_write(NULL, b.modules);
	prepare_run();
	prepare_end();
	jobs_abandon(discover_jobs());
	log_before_many(NULL);
	if (b.devkmsg_limit[0])
		(void)file_write(DEVKMSG_LIMIT, b.devkmsg_limit);
}

/* What the kernel passed on, behind what systemd is told. */
static char **arguments(char **argv)
{
	static char *list[SYSTEMD_ARGUMENTS_MAX + 128];
	static char number[16];
	size_t at = 0;

	argv[0] = b.root.init;
	if (!b.root.systemd.is_init || systemd_arguments(b.root.init, b.start_us, number, list) < 0)
		return argv;
	while (list[at])
		at++;
	for (size_t i = 1; argv[i] && at + 1 < sizeof(list) / sizeof(list[0]); i++)
		list[at++] = argv[i];
	list[at] = NULL;
	return list;
}

static _Noreturn void become_init(char **argv, char **envp)
{
	(void)sys_unblock_signals();
	(void)sys_priority(0);
	int r = sys_execve(b.root.init, arguments(argv), envp);
	(void)failure_set(&b.failure, FAILURE_INIT_EXEC, NULL, "%s: %s", b.root.init, strerror(-r));
	b.modules = NULL;
	fail();
}

static void build_plan(void)
{
	const struct plan_input in = { .cmdline = &b.cmdline,
				       .manifest = &b.manifest,
				       .resolution = &b.resolution,
				       .stamp = &b.inventory.stamp,
				       .inventory = &b.inventory,
				       .release = b.release[0] ? b.release : NULL };

	if (plan_build(&in, &b.arena, &b.plan, &b.failure) < 0)
		fail();
}

void boot(char **argv, char **envp)
{
	arena_start(&b.arena, memory, sizeof(memory));
	b.start_us = sys_now_us();
	b.report = (struct report){ .cmdline = &b.cmdline,
				    .cmdline_text = b.cmdline_text,
				    .release = b.release,
				    .locked = &b.lock.policy.locked,
				    .manifest = &b.manifest,
				    .inventory = &b.inventory,
				    .resolution = &b.resolution,
				    .plan = &b.plan,
				    .start_us = b.start_us };
	report_about(&b.report);
	check_initramfs();
	/* A boot is what everybody waits for: not less of the processor than what the kernel does beside, as its tests of
	 * ciphers. */
	(void)sys_priority(-20);
	bootstrap();
	read_cmdline();
	disks_limit_types(b.lock.policy.types);
	open_modules();
	start_discovery();
	read_manifest();
	find_layers();
	build_plan();
	b.root = (struct root_steps){ .plan = &b.plan,
				      .jobs = discover_jobs(),
				      .patience_ms = cmdline_patience_ms(&b.cmdline),
				      .failure = &b.failure };
	for (size_t i = 0; i < b.plan.count;) {
		const struct step *s = &b.plan.steps[i];
		if (s->kind == STEP_MOVE && strcmp(s->source, "/dev") == 0)
			before_hand_over();
		if (s->kind == STEP_EXEC)
			become_init(argv, envp);
		size_t done = root_steps_do(&b.root, i);
		if (done == 0)
			fail();
		i += done;
	}
	(void)failure_set(&b.failure, FAILURE_INIT_EXEC, NULL, "the plan has no end");
	fail();
}
