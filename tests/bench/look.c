/*
 * What the real init of the boot benchmark executes once it has told the time (/bench-command): says on the console, for
 * all contenders in the same way, what they have made of the root and which modules they have loaded, and powers off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

static FILE *out;

/* What a contender has not left mounted is mounted here. */
static void mount_missing(const char *there, const char *type, const char *on)
{
	if (access(there, F_OK) != 0 && mount(type, on, type, 0, NULL) != 0)
		fprintf(stderr, "bench: failed: mount %s: %s\n", on, strerror(errno));
}

static void copy_lines(const char *path, const char *name)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		fprintf(out, "bench: %s %.*s\n", name, (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

/* What the root is: which images are in it, and whether it can be written. */
static void describe_root(void)
{
	int fd = open("/bench/written", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	fprintf(out, "bench: layers %d\n",
		(access("/bench/system", F_OK) == 0) + (access("/bench/user", F_OK) == 0));
	fprintf(out, "bench: writable %d\n", fd >= 0);
	if (fd >= 0)
		close(fd);
	copy_lines("/proc/self/mountinfo", "mount");
}

int main(void)
{
	mount_missing("/dev/console", "devtmpfs", "/dev");
	mount_missing("/proc/self", "proc", "/proc");
	out = fopen("/dev/console", "we");
	if (!out)
		return 1; /* a panic, which ends the run */
	describe_root();
	copy_lines("/proc/modules", "module");
	copy_lines("/run/layerboot/report.json", "report");
	fprintf(out, "bench: end\n");
	fclose(out);
	(void)reboot(RB_POWER_OFF);
	return 1;
}
