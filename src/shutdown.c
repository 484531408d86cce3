#include "shutdown.h"

#include <errno.h>
#include <string.h>
#include <sys/reboot.h>

#include "failure.h"
#include "file.h"
#include "log.h"
#include "shutdown_root.h"
#include "shutdown_unmount.h"
#include "sys.h"

struct ending {
	const char *verb;
	int command;
	const char *says;
};

static const struct ending endings[] = {
	{ "poweroff", RB_POWER_OFF, "powering off" },
	{ "reboot", RB_AUTOBOOT, "rebooting" },
	{ "halt", RB_HALT_SYSTEM, "halting" },
	{ "kexec", RB_KEXEC, "starting the kernel that kexec has loaded" },
	/* Only a container can exit. */
	{ "exit", RB_POWER_OFF, "powering off" },
};

int shutdown_prepare(void)
{
	return shutdown_root_prepare();
}

static int refuse(void)
{
	struct failure failure;
	char line[512];
	struct builder b;

	(void)failure_set(&failure, FAILURE_NOT_PID1, NULL, "this is process %d, not the first",
			  (int)sys_getpid());
	builder_start(&b, line, sizeof(line));
	failure_print(&failure, &b);
	log_line(LOG_PRIORITY_ERROR, "%s", line);
	return 1;
}

static void open_log(void)
{
	int fd = sys_open("/dev/kmsg", O_WRONLY);

	if (fd >= 0)
		log_target(fd, true);
	/* Else the kernel drops all but ten lines in five seconds. */
	(void)file_write("/proc/sys/kernel/printk_devkmsg", "on\n");
}

static const struct ending *find_ending(const char *verb)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(endings[i].verb, verb) == 0)
			return &endings[i];
	log_line(LOG_PRIORITY_ERROR, "shutdown: \"%s\" is none of poweroff, reboot, halt and kexec",
		 verb);
	return &endings[0];
}

static int work_sync(void *arg, struct builder *unused)
{
	(void)arg;
	(void)unused;
	sys_sync();
	return 0;
}

static void sync_disks(void)
{
	if (shutdown_guarded(work_sync, NULL) < 0)
		log_line(LOG_PRIORITY_ERROR,
			 "shutdown: a disk does not take what is to be written");
}

/*
 * Read-only whoever uses it (fs/super.c, emergency_remount()), and so also the file system of a top whose union is in
 * use: no mount is left by which it could be reached. The kernel does it on its own time, and says when it has.
 */
static void remount_by_force(void)
{
	const int tick_ms = 50, ticks = 100;
	char record[8192];
	int log = sys_open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (log < 0)
		return;
	(void)sys_seek_end(log);
	int r = file_write("/proc/sysrq-trigger", "u\n");
	for (int i = 0; i < ticks && r == 0;) {
		ssize_t len = sys_read(log, record, sizeof(record) - 1);
		if (len > 0) {
			record[len] = '\0';
			r = strstr(record, "Emergency Remount complete") != NULL;
		} else {
			(void)sys_poll(NULL, 0, tick_ms);
			i++;
		}
	}
	(void)sys_close(log);
	log_line(LOG_PRIORITY_ERROR, "shutdown: %s",
		 r == 1  ? "every disk that is in use was made read-only by force"
		 : r < 0 ? "a disk that is in use is not cleanly unmounted: the kernel has no sysrq"
			 : "a disk that is in use may not be cleanly unmounted");
}

static int work_reboot(void *arg, struct builder *unused)
{
	(void)unused;
	return sys_reboot(*(const int *)arg);
}

/* Returns when the kernel has refused, or waits for a device that does not answer. */
static void end_machine(const struct ending *e)
{
	const int64_t patience_ms = 10000;
	int command = e->command;
	struct builder unused;
	char nothing[1];

	builder_start(&unused, nothing, sizeof(nothing));
	int r = child_run(work_reboot, &command, patience_ms, &unused);
	log_line(LOG_PRIORITY_ERROR, "shutdown: %s: %s", e->says,
		 r == -ETIMEDOUT ? "the kernel waits for a device" : strerror(-r));
}

static _Noreturn void end(const struct ending *e)
{
	static const struct ending again = { "reboot", RB_AUTOBOOT, "rebooting" };

	end_machine(e);
	if (e->command == RB_KEXEC)
		end_machine(&again);
	/* The host has no other sign than a panic; leave that by a reset. */
	(void)file_write("/proc/sys/kernel/panic", "5\n");
	log_line(LOG_PRIORITY_ERROR, "shutdown: panicking instead");
	for (;;)
		sys_exit(1);
}

int shutdown_main(int argc, char **argv)
{
	int64_t start_us = sys_now_us();
	struct unmounting u;

	if (sys_getpid() != 1)
		return refuse();
	int entered = shutdown_root_enter();
	shutdown_root_console();
	open_log();
	const struct ending *e = find_ending(argc > 1 ? argv[1] : "");
	if (entered < 0)
		log_line(LOG_PRIORITY_ERROR,
			 "shutdown: " PATH_SHUTDOWN_ROOT ": %s; / stays mounted",
			 strerror(-entered));
	sync_disks();
	shutdown_unmount(&u);
	sync_disks();
	if (u.stuck || entered < 0)
		remount_by_force();
	log_line(LOG_PRIORITY_INFO, "shutdown: %zu mounts undone in %lld ms; %s", u.done,
		 (long long)((sys_now_us() - start_us) / 1000), e->says);
	end(e);
}
