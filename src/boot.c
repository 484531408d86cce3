#include "boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmdline.h"
#include "discover.h"
#include "disks.h"
#include "execute.h"
#include "facts.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "manifest.h"
#include "manifest_find.h"
#include "modules.h"
#include "report.h"
#include "rescue.h"
#include "shutdown.h"
#include "switch_root.h"
#include "sys.h"
#include "systemd.h"

#define MANIFEST_PATH "/etc/layerboot/manifest"
#define DEVKMSG_LIMIT "/proc/sys/kernel/printk_devkmsg"

/* All of PID 1's state; pages that are not touched cost nothing. */
static char memory[4 << 20];
static struct {
	struct arena arena;
	struct cmdline cmdline;
	struct lock lock;
	struct manifest manifest;
	const char *manifest_origin;
	char cmdline_text[65536]; /* a bootconfig may add more than COMMAND_LINE_SIZE */
	char release[65];         /* of the kernel, empty if it is not known */
	struct inventory inventory;
	struct resolution resolution;
	struct plan plan;
	struct modules *modules;
	struct failure failure;
	char devkmsg_limit[32];
	char init[1024];
	struct systemd systemd;
	int64_t start_us;
	struct report report;
} b;

static _Noreturn void fail(void)
{
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

static void open_log(void)
{
	int fd = sys_open("/dev/kmsg", O_WRONLY);

	if (fd >= 0)
		log_target(fd, true);
	/* Without this the kernel drops all but ten lines in five seconds; put back before the real init. */
	if (file_read(DEVKMSG_LIMIT, b.devkmsg_limit, sizeof(b.devkmsg_limit)) > 0)
		(void)file_write(DEVKMSG_LIMIT, "on\n");
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
	struct failure open, refused;
	int lock = lock_load(PATH_KEYS, PATH_POLICY, &b.arena, &b.lock, &open);

	if (len < 0) {
		(void)failure_set(&b.failure, FAILURE_CMDLINE, NULL, "/proc/cmdline: %s",
				  strerror((int)-len));
		fail();
	}
	int parsed = cmdline_parse(s, &b.arena, &b.cmdline, &b.failure);
	int checked = policy_check_cmdline(&b.lock.policy, &b.cmdline, &refused);
	/* Before the first failure that it could choose the end of. */
	policy_clamp(&b.lock.policy, &b.cmdline);
	if (lock < 0 || (parsed == 0 && checked < 0))
		b.failure = lock < 0 ? open : refused;
	if (lock < 0 || parsed < 0 || checked < 0)
		fail();
	log_limit(limits[b.cmdline.log]);
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
	     manifest_find_floor(b.modules, b.release, &policy->minimum_version, &b.failure) < 0) ||
	    manifest_find(&b.cmdline, b.modules, b.release, &text, &b.manifest_origin, &b.failure) <
		    0)
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
	(void)snprintf(device, sizeof(device), "/dev/%s", disk ? disk->name : "");
	return disk ? device : NULL;
}

static void prepare_run(void)
{
	int r = systemd_prepare(&b.systemd, root_device());

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
	if (b.devkmsg_limit[0])
		(void)file_write(DEVKMSG_LIMIT, b.devkmsg_limit);
	modules_close(b.modules);
	b.modules = NULL;
}

/* What may wait for a disk, and how much longer than a mount it may take. */
static int64_t patience_of(const struct step *s)
{
	const int slow_factor = 60;
	int64_t patience_ms = cmdline_patience_ms(&b.cmdline);

	switch (s->kind) {
	case STEP_UNION:
	case STEP_INIT:
	case STEP_PROTECT:
		return patience_ms;
	case STEP_TOP_RESET:
	case STEP_TOP_PARK:
	case STEP_TOP_COMPARE:
	case STEP_TOP_PREPARE:
	case STEP_TOP_STAMP:
	case STEP_TOP_GOOD:
	case STEP_BIND:
		return patience_ms * slow_factor;
	case STEP_DIR:
	case STEP_MODULE:
	case STEP_MOUNT:
	case STEP_MEDIUM:
	case STEP_LAYER:
	case STEP_SUBDIR:
	case STEP_WALK:
	case STEP_WHITEOUTS:
	case STEP_VERITY:
	case STEP_WARN:
	case STEP_KERNEL:
	case STEP_FORMAT:
	case STEP_FSCK:
	case STEP_VOLUME:
	case STEP_GROW:
	case STEP_TOP_READ:
	case STEP_READONLY:
	case STEP_MOVE:
	case STEP_SWITCH:
	case STEP_EXEC:
		break;
	}
	return 0;
}

/* Lines: the path, and what there is to know of it. */
static void take_init(const char *answer)
{
	struct slice rest = slice_of(answer), path = { 0 }, line;

	(void)slice_next(&rest, '\n', &path);
	(void)snprintf(b.init, sizeof(b.init), "%.*s", (int)path.len, path.at);
	while (slice_next(&rest, '\n', &line)) {
		b.systemd.is_init |= slice_is(line, "systemd");
		b.systemd.remounts_root |= slice_is(line, "remounts-root");
	}
}

static void take_answer(const struct step *s, const char *answer)
{
	struct facts facts;

	if (s->kind == STEP_INIT)
		take_init(answer);
	else if (s->kind == STEP_TOP_PARK)
		log_line(LOG_PRIORITY_NOTICE, "top: the old one is kept as %s of its disk", answer);
	else if (facts_parse((struct slice){ answer, strcspn(answer, "\n") }, &facts) == 0 &&
		 facts.warning[0])
		report_warning(facts.warning);
}

static void root_step_done(const struct step *s, int64_t start_us, const char *answer)
{
	report_step(s, start_us, sys_now_us() - start_us);
	take_answer(s, answer);
}

static void root_step_failed(const struct step *s, int error, const char *words)
{
	(void)execute_failed(s, error, words, &b.failure);
	fail();
}

static bool is_root_step(size_t at)
{
	return at < b.plan.count && b.plan.steps[at].phase == PHASE_ROOT;
}

/* Carries out the step at AT, or with it those that follow and may wait for a disk, too. Returns how many. */
static size_t do_root_steps(size_t at)
{
	static char answer[CHILD_ANSWER_MAX];
	const struct step *s = &b.plan.steps[at];
	struct guarded g = { .steps = s, .patience_ms = patience_of, .done = root_step_done };
	struct builder a;
	int r;

	builder_start(&a, answer, sizeof(answer));
	while (is_root_step(at + g.count) && patience_of(&s[g.count]) > 0)
		g.count++;
	if (g.count > 0) {
		r = execute_guarded(&g, &a);
		if (r < 0)
			root_step_failed(&s[g.at], r, answer);
		return g.count;
	}
	int64_t start_us = sys_now_us();
	execute_announce(s);
	r = execute_step(s, &a);
	if (r < 0)
		root_step_failed(s, r, answer);
	root_step_done(s, start_us, answer);
	return 1;
}

/* What the kernel passed on, behind what systemd is told. */
static char **arguments(char **argv)
{
	static char *list[SYSTEMD_ARGUMENTS_MAX + 128];
	static char number[16];
	size_t at = 0;

	argv[0] = b.init;
	if (!b.systemd.is_init || systemd_arguments(b.init, b.start_us, number, list) < 0)
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
	int r = sys_execve(b.init, arguments(argv), envp);
	(void)failure_set(&b.failure, FAILURE_INIT_EXEC, NULL, "%s: %s", b.init, strerror(-r));
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
	bootstrap();
	read_cmdline();
	disks_limit_types(b.lock.policy.types);
	open_modules();
	start_discovery();
	read_manifest();
	find_layers();
	build_plan();
	for (size_t i = 0; i < b.plan.count;) {
		const struct step *s = &b.plan.steps[i];
		if (s->kind == STEP_MOVE && strcmp(s->source, "/dev") == 0)
			before_hand_over();
		if (s->kind == STEP_EXEC)
			become_init(argv, envp);
		i += is_root_step(i) ? do_root_steps(i) : 1;
	}
	(void)failure_set(&b.failure, FAILURE_INIT_EXEC, NULL, "the plan has no end");
	fail();
}
