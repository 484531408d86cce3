#include "boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmdline.h"
#include "discover.h"
#include "execute.h"
#include "file.h"
#include "log.h"
#include "manifest.h"
#include "modules.h"
#include "override.h"
#include "rescue.h"
#include "switch_root.h"
#include "sys.h"

#define MANIFEST_PATH "/etc/layerboot/manifest"
#define DEVKMSG_LIMIT "/proc/sys/kernel/printk_devkmsg"

/* All of PID 1's state; pages that are not touched cost nothing. */
static struct {
	char memory[1 << 20];
	struct arena arena;
	struct cmdline cmdline;
	struct manifest manifest;
	const char *manifest_origin;
	struct inventory inventory;
	struct resolution resolution;
	struct plan plan;
	struct modules *modules;
	struct failure failure;
	char devkmsg_limit[32];
	char init[1024];
	int64_t start_us;
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
		int r = execute_step(&plan_bootstrap[i], &none);
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
	static char text[65536]; /* a bootconfig may add more than COMMAND_LINE_SIZE */
	static const enum log_priority limits[] = {
		[LOG_QUIET] = LOG_PRIORITY_WARNING,
		[LOG_NORMAL] = LOG_PRIORITY_INFO,
		[LOG_DEBUG] = LOG_PRIORITY_DEBUG,
	};
	ssize_t len = file_read("/proc/cmdline", text, sizeof(text));
	struct slice s = { .at = text, .len = len < 0 ? 0 : (size_t)len };

	if (len < 0) {
		(void)failure_set(&b.failure, FAILURE_CMDLINE, NULL, "/proc/cmdline: %s",
				  strerror((int)-len));
		fail();
	}
	if (cmdline_parse(s, &b.arena, &b.cmdline, &b.failure) < 0)
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

static void read_manifest(void)
{
	static char text[MANIFEST_SIZE_MAX + 2];
	const char *path = b.cmdline.manifest ? b.cmdline.manifest : MANIFEST_PATH;
	ssize_t len = file_read(path, text, sizeof(text));
	struct slice s = { .at = text, .len = len < 0 ? 0 : (size_t)len };

	b.manifest_origin = path;
	if (len == -ENOENT && !b.cmdline.manifest) {
		b.manifest_origin = "built-in manifest";
		s = slice_of(manifest_default);
	} else if (len == -EFBIG) {
		s.len = sizeof(text) - 1; /* more than a manifest may have: the parser says so */
	} else if (len < 0) {
		(void)failure_set(&b.failure, FAILURE_MANIFEST_MISSING, NULL, "%s: %s", path,
				  strerror((int)-len));
		fail();
	}
	if (manifest_parse(s, b.manifest_origin, &b.arena, &b.manifest, &b.failure) < 0 ||
	    manifest_override(&b.manifest, &b.cmdline, &b.arena, &b.failure) < 0)
		fail();
	log_line(LOG_PRIORITY_DEBUG, "manifest: %s", b.manifest_origin);
}

static void find_layers(void)
{
	if (modules_open(&b.modules) < 0) {
		b.modules = NULL;
		(void)failure_set(&b.failure, FAILURE_LIMIT, NULL, "libkmod: out of memory");
		fail();
	}
	if (discover(&b.manifest, &b.cmdline, b.modules, &b.arena, &b.inventory, &b.resolution,
		     &b.failure) < 0)
		fail();
}

static void report_layers(void)
{
	for (size_t i = 0; i < b.resolution.layers_count; i++) {
		const struct resolved_layer *l = &b.resolution.layers[i];
		if (l->state == LAYER_FOUND)
			log_line(LOG_PRIORITY_INFO, "layer %s: %s %s, %lld ms", l->layer->name,
				 l->disk->name, l->type, (long long)discover_layer_ms(i));
		else if (l->state == LAYER_SKIPPED)
			log_line(LOG_PRIORITY_INFO, "layer %s: skipped, as told", l->layer->name);
		else
			log_line(LOG_PRIORITY_INFO, "layer %s: absent, no disk with %s",
				 l->layer->name, l->layer->source.text);
	}
	/* At the level that quiet lets through: who expects the writes to last has to know. */
	if (b.manifest.top.kind == TOP_TMPFS)
		log_line(LOG_PRIORITY_ERROR, "top: tmpfs, writes are lost at power-off");
	else
		log_line(LOG_PRIORITY_INFO, "top: none, the root is read-only");
}

/* What happens after the first mount has moved can be said, but nothing of it can be undone. */
static void before_hand_over(void)
{
	report_layers();
	log_line(LOG_PRIORITY_INFO, "root ready in %lld ms",
		 (long long)((sys_now_us() - b.start_us) / 1000));
	if (b.devkmsg_limit[0])
		(void)file_write(DEVKMSG_LIMIT, b.devkmsg_limit);
	modules_close(b.modules);
	b.modules = NULL;
}

static void do_root_step(const struct step *s)
{
	bool blocks = s->kind == STEP_UNION || s->kind == STEP_INIT;
	char answer[1024];
	struct builder a;
	int r;

	execute_announce(s);
	builder_start(&a, answer, sizeof(answer));
	r = blocks ? execute_guarded(s, cmdline_patience_ms(&b.cmdline), &a) : execute_step(s, &a);
	if (r < 0) {
		(void)execute_failed(s, r, answer, &b.failure);
		fail();
	}
	if (s->kind == STEP_INIT)
		(void)snprintf(b.init, sizeof(b.init), "%s", answer);
}

static _Noreturn void become_init(char **argv, char **envp)
{
	argv[0] = b.init;
	(void)sys_unblock_signals();
	int r = sys_execve(b.init, argv, envp);
	(void)failure_set(&b.failure, FAILURE_INIT_EXEC, NULL, "%s: %s", b.init, strerror(-r));
	b.modules = NULL;
	fail();
}

void boot(char **argv, char **envp)
{
	arena_start(&b.arena, b.memory, sizeof(b.memory));
	b.start_us = sys_now_us();
	check_initramfs();
	bootstrap();
	read_cmdline();
	read_manifest();
	find_layers();
	if (plan_build(&b.cmdline, &b.manifest, &b.resolution, &b.arena, &b.plan, &b.failure) < 0)
		fail();
	for (size_t i = 0; i < b.plan.count; i++) {
		const struct step *s = &b.plan.steps[i];
		if (s->phase != PHASE_ROOT)
			continue;
		if (s->kind == STEP_MOVE && strcmp(s->source, "/dev") == 0)
			before_hand_over();
		if (s->kind == STEP_EXEC)
			become_init(argv, envp);
		do_root_step(s);
	}
	(void)failure_set(&b.failure, FAILURE_INIT_EXEC, NULL, "the plan has no end");
	fail();
}
