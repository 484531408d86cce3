/*
 * The real init of bench-fleet: reads what a boot reads, writes what a guest writes, upgrades its system if it is told to
 * by upgrade=N, says what its disks have moved, and powers off.
 *
 * An upgrade is what a package manager does to files: of every twentieth regular file below /usr (which files, changes
 * from upgrade to upgrade) a new version of the same size is written beside it, and renamed over it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE 20
#define OWN   (4 << 20) /* bytes that each guest writes */

static char buffer[1 << 16];
static long long bytes_read, bytes_new;
static unsigned long number, upgrade;
static uint64_t noise = 88172645463325252;

static void say(const char *format, long long value)
{
	printf(format, value);
	fflush(stdout);
}

/* Content that neither a file system nor an image format can make smaller. */
static void fill(size_t size)
{
	for (size_t i = 0; i + sizeof(noise) <= size; i += sizeof(noise)) {
		noise ^= noise << 13;
		noise ^= noise >> 7;
		noise ^= noise << 17;
		memcpy(buffer + i, &noise, sizeof(noise));
	}
}

static int write_file(const char *path, long long size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	while (fd >= 0 && size > 0) {
		size_t part = size < (long long)sizeof(buffer) ? (size_t)size : sizeof(buffer);
		fill(part);
		ssize_t done = write(fd, buffer, part);
		if (done <= 0)
			break;
		size -= done;
	}
	return fd < 0 || close(fd) != 0 || size > 0 ? -1 : 0;
}

static int read_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd = type == FTW_F && S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t size;

	(void)ftw;
	while (fd >= 0 && (size = read(fd, buffer, sizeof(buffer))) > 0)
		bytes_read += size;
	if (fd >= 0)
		close(fd);
	return 0;
}

static int upgrade_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char fresh[4096];

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || (number++ + upgrade) % SHARE != 0)
		return 0;
	if (snprintf(fresh, sizeof(fresh), "%s.dpkg-new", path) >= (int)sizeof(fresh) ||
	    write_file(fresh, st->st_size, st->st_mode) != 0 || rename(fresh, path) != 0) {
		printf("fleet: failed: %s: %s\n", path, strerror(errno));
		return -1;
	}
	bytes_new += st->st_size;
	return 0;
}

/* /sys/block/NAME/stat (Documentation/block/stat.rst): the third field is sectors read, the seventh sectors written. */
static void say_disks(void)
{
	DIR *d = opendir("/sys/block");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[300], serial[64] = "-";
		unsigned long long rd = 0, wr = 0;
		FILE *f;
		if (strncmp(e->d_name, "vd", 2) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s/serial", e->d_name);
		if ((f = fopen(path, "re"))) {
			(void)!fscanf(f, "%63s", serial);
			fclose(f);
		}
		snprintf(path, sizeof(path), "/sys/block/%s/stat", e->d_name);
		if ((f = fopen(path, "re"))) {
			(void)!fscanf(f, "%*u %*u %llu %*u %*u %*u %llu", &rd, &wr);
			fclose(f);
		}
		printf("fleet: disk %s %llu %llu\n", serial, rd * 512, wr * 512);
	}
}

int main(int argc, char **argv)
{
	static const char *const read_at_boot[] = { "/usr/lib/systemd", "/usr/lib/x86_64-linux-gnu",
						    "/etc" };
	unsigned long upgrades = 0;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "upgrade=", 8) == 0)
			upgrades = strtoul(argv[i] + 8, NULL, 10);
	if (access("/proc/self", F_OK) != 0 && mount("proc", "/proc", "proc", 0, NULL) != 0)
		return 1;
	if (access("/sys/block", F_OK) != 0 && mount("sysfs", "/sys", "sysfs", 0, NULL) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(read_at_boot) / sizeof(*read_at_boot); i++)
		(void)nftw(read_at_boot[i], read_one, 64, FTW_PHYS);
	say("\nfleet: read %lld\n", bytes_read);
	if (write_file("/var/own", OWN, 0644) != 0)
		say("fleet: failed: /var/own: %lld\n", errno);
	for (upgrade = 0; upgrade < upgrades; upgrade++) {
		number = 0;
		if (nftw("/usr", upgrade_one, 64, FTW_PHYS) != 0)
			break;
		sync();
	}
	say("fleet: new %lld\n", bytes_new);
	sync();
	say_disks();
	say("fleet: end %lld\n", 0);
	(void)reboot(RB_POWER_OFF);
	return 1;
}
