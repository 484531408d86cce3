#include "shell.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "sys.h"

static _Noreturn void become_shell(const char *path)
{
	const char *const arguments[] = { "sh", NULL };
	const char *const environment[] = { "HOME=/", "TERM=linux", "PATH=/bin:/sbin", NULL };
	int fd = -1;

	/* A session of its own, which the terminal behind the console then belongs to. */
	(void)sys_setsid();
	fd = sys_open("/dev/console", O_RDWR);
	if (fd >= 0) {
		(void)sys_ioctl(fd, TIOCSCTTY, NULL);
		for (int to = 0; to <= 2; to++)
			(void)sys_duplicate(fd, to);
	}
	(void)sys_unblock_signals();
	(void)sys_priority(0);
	sys_exit(sys_execve(path, (char *const *)arguments, (char *const *)environment) < 0 ? 127
											    : 0);
}

int shell_run(const char *path)
{
	int status = 0;
	pid_t pid = sys_fork();

	if (pid == 0)
		become_shell(path);
	if (pid < 0)
		return pid;
	int r = sys_wait(pid, &status);
	return r < 0 ? r : status >> 8 == 127 ? -ENOEXEC : 0;
}
