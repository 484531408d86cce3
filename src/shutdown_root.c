#include "shutdown_root.h"

#include <errno.h>
#include <sys/mount.h>

#include "switch_root.h"
#include "sys.h"

#define STORE "/" SWITCH_ROOT_KEEPS

static int link_program(void)
{
	return sys_link("/init", STORE "/shutdown");
}

/* mkinitramfs has made them already. */
static int make_store(void)
{
	static const char *const directories[] = {
		STORE,
		/* mount points */
		STORE "/dev",
		STORE "/proc",
		STORE "/sys",
		STORE "/run",
		STORE PATH_OLD_ROOT,
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]) && r == 0; i++)
		r = sys_mkdir(directories[i], 0755);
	return r;
}

/*
 * The program stays where the kernel has unpacked it, in a directory that is not emptied: to copy it would cost every
 * boot a million instructions. systemd binds the directory alone, without what is mounted below it (MS_BIND without
 * MS_REC in its switch_root()), so it is the directory that is a mount and not the program.
 */
int shutdown_root_prepare(void)
{
	int r = link_program();

	if (r == -ENOENT) {
		r = make_store();
		if (r == 0)
			r = link_program();
	}
	if (r == 0)
		r = sys_mkdir(PATH_SHUTDOWN_ROOT, 0755);
	return r < 0 ? r : sys_mount(STORE, PATH_SHUTDOWN_ROOT, NULL, MS_BIND, NULL);
}

/* Whoever entered by itself, as systemd does, has the initramfs as its root again. */
static bool is_entered(void)
{
	struct stat st;

	return switch_root_in_memory() == 0 && sys_stat("/shutdown", &st) == 0;
}

int shutdown_root_enter(void)
{
	/* New mounts of the same: whoever comes from an init that unmounts all it can has none that could be moved. */
	static const struct {
		const char *type, *target;
	} needed[] = {
		{ "devtmpfs", PATH_SHUTDOWN_ROOT "/dev" },
		{ "proc", PATH_SHUTDOWN_ROOT "/proc" },
		{ "sysfs", PATH_SHUTDOWN_ROOT "/sys" },
	};

	if (is_entered())
		return 0;
	/* pivot_root(2) takes no shared mounts. */
	int r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r == 0)
		r = sys_mount(PATH_SHUTDOWN_ROOT, PATH_SHUTDOWN_ROOT, NULL, MS_BIND, NULL);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && r == 0; i++)
		r = sys_mount(needed[i].type, needed[i].target, needed[i].type, 0, NULL);
	if (r == 0)
		r = sys_pivot_root(PATH_SHUTDOWN_ROOT, PATH_SHUTDOWN_ROOT PATH_OLD_ROOT);
	(void)sys_chdir("/");
	return r;
}

void shutdown_root_console(void)
{
	int fd = sys_open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = sys_open("/dev/null", O_RDWR);
	for (int i = 0; i <= 2 && fd >= 0; i++)
		(void)sys_duplicate(fd, i);
	(void)sys_close_from(3);
}
