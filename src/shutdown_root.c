#include "shutdown_root.h"

#include <errno.h>
#include <sys/mount.h>

#include "sys.h"

#define PROGRAM PATH_SHUTDOWN_ROOT "/shutdown"

static int copy_program(void)
{
	const size_t all = 1 << 30;
	ssize_t len = 0;
	int in = sys_open("/init", O_RDONLY);

	if (in < 0)
		return in;
	int out = sys_open(PROGRAM, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	int r = out < 0 ? out : 0;
	/* Half the cost of read(2) and write(2), and every boot pays it. */
	while (r == 0 && (len = sys_sendfile(out, in, all)) > 0)
		;
	if (r == 0)
		r = len < 0 ? (int)len : sys_fchmod(out, 0755);
	if (out >= 0)
		(void)sys_close(out);
	(void)sys_close(in);
	return r;
}

int shutdown_root_prepare(void)
{
	static const char *const directories[] = {
		PATH_SHUTDOWN_ROOT,
		/* mount points */
		PATH_SHUTDOWN_ROOT "/dev",
		PATH_SHUTDOWN_ROOT "/proc",
		PATH_SHUTDOWN_ROOT "/sys",
		PATH_SHUTDOWN_ROOT "/run",
		PATH_SHUTDOWN_ROOT PATH_OLD_ROOT,
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]) && r == 0; i++)
		r = sys_mkdir(directories[i], 0755);
	return r < 0 ? r : copy_program();
}

/* systemd has bound /run into the new root: there its own directory is / too. */
static bool is_entered(void)
{
	struct stat root, prepared;

	if (sys_stat("/", &root) < 0 || sys_stat(PATH_SHUTDOWN_ROOT, &prepared) < 0)
		return true;
	return root.st_dev == prepared.st_dev && root.st_ino == prepared.st_ino;
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
