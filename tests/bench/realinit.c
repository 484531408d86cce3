/*
 * The real init of the boot benchmark: says on CLOCK_MONOTONIC when it and the init before it (tests/bench/start.c)
 * have started, and powers off. One record of the kernel's log:
 *
 *   bench start_ns=N init_ns=N modules_ns=N layer=TEXT
 *
 * modules_ns is what the floor says of itself, or -; layer is the first line of /etc/bench-layer, which tells whether
 * the upper layer is on top. What /bench-command of the root says (a path, no arguments) is executed in place of the
 * power-off, for a look around.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* For tests/bench/count.c. */
#define MARK_READY __asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n\t.ascii \"LBRD\"")

static void first_line(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, size - 1);

	text[len < 0 ? 0 : len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	const char *modules = getenv("BENCH_MODULES_NS");
	char line[512], layer[64];
	struct utsname names;
	struct timespec t;
	int fd;

	MARK_READY;
	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0 || uname(&names) < 0)
		return 1;
	first_line("/etc/bench-layer", layer, sizeof(layer));
	int len = snprintf(line, sizeof(line),
			   "<1>bench start_ns=%s init_ns=%lld modules_ns=%s layer=%s\n",
			   names.domainname, (long long)t.tv_sec * 1000000000 + t.tv_nsec,
			   modules ? modules : "-", layer[0] ? layer : "-");
	/* Not every contender has moved /dev in. */
	if ((fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC)) < 0 &&
	    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) == 0)
		fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		return 2;
	first_line("/bench-command", line, sizeof(line));
	if (line[0])
		(void)execl(line, line, (char *)NULL);
	(void)reboot(RB_POWER_OFF);
	return 3;
}
