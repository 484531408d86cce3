/*
 * The real init of the power-cut tests. Writes through the union without end and says after each fsync that what was
 * written is durable now: on the console, and by a record at the end of the top's disk, past its file system, that a
 * log of the disk's writes has in its order. At its start it verifies what an earlier boot was told.
 *
 *   init -- verify=N write=M    after step N everything up to it must be there; then steps N + 1 to M follow
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"

#define PLACE  "/var/power"
#define RECORD 4096
#define LOWER  64 /* files of the lower layer that are changed in place */

static int disk, dir;
static char record[RECORD] __attribute__((aligned(RECORD)));

static _Noreturn void end(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static _Noreturn void die(const char *what)
{
	say("trouble %s: %s", what, strerror(errno));
	end();
}

/* The content of step N: its length and bytes follow from N alone; tests/boot/power-cuts makes the same. */
static size_t content(unsigned n, char *to)
{
	size_t len = 1 + n * 2654435761u % 20000;
	uint32_t x = n + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		to[i] = (char)(x >> 24);
	}
	return len;
}

static void write_at(const char *path, int flags, const char *data, size_t len, off_t at)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0 || pwrite(fd, data, len, at) != (ssize_t)len || fsync(fd) < 0)
		die(path);
	close(fd);
}

/* One durable step: a new file; one replaced by renaming; a record appended; a file of the lower layer changed. */
static void step(unsigned n)
{
	static char data[20001];
	char path[64];
	size_t len = content(n, data);

	switch (n % 4) {
	case 0:
		(void)snprintf(path, sizeof(path), "new-%u", n);
		write_at(path, O_EXCL, data, len, 0);
		break;
	case 1:
		write_at("temporary", O_TRUNC, data, len, 0);
		if (renameat(dir, "temporary", dir, "replaced") < 0)
			die("rename");
		break;
	case 2:
		memset(record, (int)(n & 0xff), RECORD);
		(void)snprintf(record, RECORD, "record %u\n", n);
		write_at("appended", 0, record, RECORD, (off_t)(n / 4) * RECORD);
		break;
	default:
		(void)snprintf(path, sizeof(path), "/etc/lower-%u", n / 4 % LOWER);
		write_at(path, O_TRUNC, data, len, 0);
	}
	if (fsync(dir) < 0)
		die("fsync " PLACE);
}

static void mark(unsigned n)
{
	memset(record, 0, RECORD);
	(void)snprintf(record, RECORD, "durable %u\n", n);
	off_t size = lseek(disk, 0, SEEK_END);
	if (size < 0 || pwrite(disk, record, RECORD, size - RECORD) != RECORD)
		die("the mark");
	say("durable %u", n);
}

static int holds(const char *path, const char *data, size_t len, off_t at, int whole)
{
	static char found[20002];
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : pread(fd, found, whole ? sizeof(found) : len, at);

	if (fd >= 0)
		close(fd);
	return got == (ssize_t)len && memcmp(found, data, len) == 0;
}

/* What step N wrote, unless a later one of those up to LAST, or the one that was under way then, replaced it. */
static int is_there(unsigned n, unsigned last)
{
	static char data[20001], next[20001];
	char path[64];
	size_t len = content(n, data);

	switch (n % 4) {
	case 0:
		(void)snprintf(path, sizeof(path), "new-%u", n);
		return holds(path, data, len, 0, 1);
	case 1:
		if (n + 4 <= last)
			return 1;
		return holds("replaced", data, len, 0, 1) ||
		       holds("replaced", next, content(n + 4, next), 0, 1);
	case 2:
		memset(record, (int)(n & 0xff), RECORD);
		(void)snprintf(record, RECORD, "record %u\n", n);
		return holds("appended", record, RECORD, (off_t)(n / 4) * RECORD, 0);
	default:
		/*
		 * The step under way truncates the file first; it may be the second after LAST, where the cut has torn the
		 * line that told of the one before it.
		 */
		if (n + 4 * LOWER <= last + 2)
			return 1;
		(void)snprintf(path, sizeof(path), "/etc/lower-%u", n / 4 % LOWER);
		return holds(path, data, len, 0, 1);
	}
}

static int find_disk(void)
{
	char path[64], serial[32];

	for (char c = 'a'; c <= 'z'; c++) {
		(void)snprintf(path, sizeof(path), "/sys/block/vd%c/serial", c);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t len = fd < 0 ? 0 : read(fd, serial, sizeof(serial) - 1);
		if (fd >= 0)
			close(fd);
		if (len < 5 || strncmp(serial, "state", 5) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/dev/vd%c", c);
		return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
	}
	errno = ENODEV;
	return -1;
}

int main(int argc, char **argv)
{
	unsigned verify = 0, last = 0, missing = 0;

	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (say_everything(8) < 0)
		return 2;
	for (int i = 1; i < argc; i++) {
		(void)sscanf(argv[i], "verify=%u", &verify);
		(void)sscanf(argv[i], "write=%u", &last);
	}
	(void)mkdir(PLACE, 0755);
	dir = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	disk = find_disk();
	if (dir < 0 || disk < 0)
		die(dir < 0 ? PLACE : "the disk");
	for (unsigned n = 1; n <= verify; n++)
		if (!is_there(n, verify)) {
			say("missing %u", n);
			missing++;
		}
	say("verified %u, missing %u", verify, missing);
	if (missing)
		end();
	(void)unlinkat(dir, "temporary", 0);
	for (unsigned n = verify + 1; n <= last; n++) {
		/* A step that was under way at the cut may have left its file. */
		char path[64];
		(void)snprintf(path, sizeof(path), "new-%u", n);
		(void)unlinkat(dir, path, 0);
		step(n);
		mark(n);
	}
	say("end");
	end();
}
