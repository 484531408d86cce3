/* Counting calls and having one fail; descriptors, and what is opened. */
#include "fake_calls.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fake_boot *fake;

const struct fake_row fake_rows[FAKE_COUNT] = {
#define FAKE_ROW(name, ...) [FAKE_##name] = { #name, { __VA_ARGS__ } },
	FAKE_FUNCTIONS(FAKE_ROW)
#undef FAKE_ROW
};

/* By their numbers. */
struct fake_descriptor fake_descriptors[FAKE_DESCRIPTORS_MAX];

char *fake_print(char *ret, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(ret, size, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= size)
		abort();
	return ret;
}

void fake_finish(enum fake_end end, int value, const char *text)
{
	if (fake->end == FAKE_RUNNING) {
		fake->end = end;
		fake->end_value = value;
		(void)fake_print(fake->end_text, sizeof(fake->end_text), "%.200s",
				 text ? text : "");
	}
	_exit(0);
}

int fake_enter(enum fake_function function, const char *format, ...)
{
	const int64_t hang_us = 1000ll * 1000000;
	va_list args;

	if (fake->end != FAKE_RUNNING)
		_exit(0);
	fake->counts[function]++;
	fake->now_us += 10;
	fake_machine_tick();
	if (!fake_rows[function].errors[0])
		return 0;
	if (fake->calls == FAKE_CALLS_MAX || fake->now_us > hang_us)
		fake_finish(FAKE_HUNG, 0, "calls without end");
	struct fake_call *c = &fake->trace[fake->calls++];
	*c = (struct fake_call){ .function = function };
	va_start(args, format);
	(void)vsnprintf(c->detail, sizeof(c->detail), format, args);
	va_end(args);
	return fake->calls == fake->fail_at ? -fake->fail_with : 0;
}

long fake_result(long r)
{
	return r < 0 ? -errno : r;
}

const char *fake_descriptor(int fd)
{
	return fd >= 0 && fd < FAKE_DESCRIPTORS_MAX ? fake_descriptors[fd].path
	       : fd == AT_FDCWD                     ? ""
						    : "?";
}

bool fake_descriptor_is_disk(int fd)
{
	return fd >= 0 && fd < FAKE_DESCRIPTORS_MAX && fake_descriptors[fd].kind == FAKE_KIND_DISK;
}

int fake_take(int fd, enum fake_kind kind, const char *path)
{
	if (fd < 0)
		return -errno;
	if (fd >= FAKE_DESCRIPTORS_MAX)
		fake_finish(FAKE_MISUSED, fd, "descriptors leak");
	fake_descriptors[fd].kind = kind;
	fake_descriptors[fd].disk = NULL;
	(void)fake_print(fake_descriptors[fd].path, sizeof(fake_descriptors[fd].path), "%.180s",
			 path);
	return fd;
}

/* What stands for a device below /dev. */
static int open_device(const char *device, const char *path, const char *real, int flags)
{
	char file[PATH_MAX];

	if (strcmp(device, "null") == 0)
		return fake_take(open("/dev/null", flags), FAKE_KIND_FILE, path);
	if (strcmp(device, "console") == 0 || (strcmp(device, "kmsg") == 0 && (flags & O_WRONLY))) {
		(void)fake_print(file, sizeof(file), "%s/console", fake->directory);
		return fake_take(open(file, flags | O_APPEND), FAKE_KIND_FILE, path);
	}
	if (strcmp(device, "kmsg") == 0) {
		(void)fake_print(file, sizeof(file), "%s/kernel-log", fake->directory);
		return fake_take(open(file, flags), FAKE_KIND_KMSG, path);
	}
	const struct fake_disk *disk = NULL;
	for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++)
		if (strcmp(device, fake->machine->disks[i].name) == 0)
			disk = &fake->machine->disks[i];
	if (disk && !disk->writable && (flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	int fd = fake_take(open(real, flags & ~O_EXCL), FAKE_KIND_DISK, path);
	if (fd >= 0)
		fake_descriptors[fd].disk = disk;
	return fd;
}

bool fake_writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
}

/* A read-only mount; the fixtures are never written to, whatever is mounted. */
bool fake_read_only(const char *path)
{
	const struct fake_mount *m = fake_mount_of(path);

	return m && ((m->flags & MS_RDONLY) ||
		     strncmp(m->backing, fake->directory, strlen(fake->directory)) != 0);
}

int fake_open_path(const char *path, int flags, mode_t mode)
{
	char real[PATH_MAX], dev[PATH_MAX];

	(void)fake_print(dev, sizeof(dev), "%s/devtmpfs/", fake->directory);
	(void)fake_path(path, real, sizeof(real));
	if (strncmp(real, dev, strlen(dev)) == 0 && access(real, F_OK) == 0)
		return open_device(real + strlen(dev), path, real, flags | O_CLOEXEC);
	if (fake_writes(flags) && fake_read_only(path))
		return -EROFS;
	/* A file of /proc or /sys takes a new value as a whole. */
	if (fake_writes(flags) && strncmp(path, "/proc", 5) == 0)
		flags |= O_TRUNC;
	return fake_take(open(real, flags | O_CLOEXEC, mode), FAKE_KIND_FILE, path);
}

/* Where DIR and PATH lead; returns the directory to go with it. */
int fake_place(int dir, const char *path, char *real)
{
	if (dir != AT_FDCWD && path[0] != '/') {
		(void)fake_print(real, PATH_MAX, "%s", path);
		return dir;
	}
	(void)fake_path(path, real, PATH_MAX);
	return AT_FDCWD;
}

/* The path by which a name below DIR can be opened again. */
const char *fake_below(int dir, const char *path, char *ret)
{
	const char *from = fake_descriptor(dir);
	size_t len = strlen(from);

	if (dir == AT_FDCWD || path[0] == '/')
		return fake_print(ret, PATH_MAX, "%s", path);
	if (strcmp(path, ".") == 0)
		return fake_print(ret, PATH_MAX, "%s", from);
	return fake_print(ret, PATH_MAX, "%s%s%s", from, from[len - 1] == '/' ? "" : "/", path);
}

int sys_open(const char *path, int flags)
{
	ENTER(sys_open, "%s%s", path, fake_writes(flags) ? " for writing" : "");
	return fake_open_path(path, flags, 0644);
}

int sys_open_in_root(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char name[PATH_MAX];

	ENTER(sys_open_in_root, "%s", fake_below(dir, path, name));
	return fake_take((int)syscall(SYS_openat2, dir, path, &how, sizeof(how)), FAKE_KIND_FILE,
			 name);
}

int sys_open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	char name[PATH_MAX];

	ENTER(sys_open_beneath, "%s", fake_below(dir, path, name));
	return fake_take((int)syscall(SYS_openat2, dir, path, &how, sizeof(how)), FAKE_KIND_FILE,
			 name);
}

int sys_openat(int dir, const char *path, int flags)
{
	char name[PATH_MAX];

	ENTER(sys_openat, "%s", fake_below(dir, path, name));
	if (dir == AT_FDCWD || path[0] == '/')
		return fake_open_path(path, flags, 0);
	return fake_take(openat(dir, path, flags | O_CLOEXEC), FAKE_KIND_FILE, name);
}

int sys_openat_mode(int dir, const char *path, int flags, mode_t mode)
{
	char name[PATH_MAX];

	ENTER(sys_openat_mode, "%s", fake_below(dir, path, name));
	if (dir == AT_FDCWD || path[0] == '/')
		return fake_open_path(path, flags, mode);
	return fake_take(openat(dir, path, flags | O_CLOEXEC, mode), FAKE_KIND_FILE, name);
}

int sys_close(int fd)
{
	int injected = fake_enter(FAKE_sys_close, "%s", fake_descriptor(fd));

	/* The kernel gives the number back whatever it answers. */
	int r = (int)fake_result(close(fd));
	return injected < 0 ? injected : r;
}

/* /dev/kmsg gives one record at a time: its line, and those below it that begin with a blank. */
static ssize_t read_record(int fd, char *buffer, size_t size)
{
	ssize_t len = fake_result(read(fd, buffer, size)), end = 0;

	if (len <= 0)
		return len < 0 ? len : -EAGAIN;
	do {
		while (end < len && buffer[end++] != '\n')
			;
	} while (end < len && buffer[end] == ' ');
	return lseek(fd, end - len, SEEK_CUR) < 0 ? -errno : end;
}

ssize_t sys_read(int fd, void *buffer, size_t size)
{
	ENTER(sys_read, "%s", fake_descriptor(fd));
	if (fd >= 0 && fd < FAKE_DESCRIPTORS_MAX &&
	    fake_descriptors[fd].kind == FAKE_KIND_CONTEXT) {
		return fake_context_read(buffer);
	}
	if (fd >= 0 && fd < FAKE_DESCRIPTORS_MAX && fake_descriptors[fd].kind == FAKE_KIND_KMSG)
		return read_record(fd, buffer, size);
	return fake_result(read(fd, buffer, size));
}

ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset)
{
	ENTER(sys_pread, "%s", fake_descriptor(fd));
	const struct fake_disk *d = fd >= 0 && fd < FAKE_DESCRIPTORS_MAX ? fake_descriptors[fd].disk
									 : NULL;
	/* The parent goes on; whoever kills this process continues it, too. */
	if (d && (d->stalls || d->scan_stalls))
		(void)raise(SIGSTOP);
	const struct fake_map *map = fake_map_of(fake_descriptor(fd));
	if ((d && d->broken) || (map && map->corrupt))
		return -EIO;
	return fake_result(pread(fd, buffer, size, offset));
}

/* /sys/bus/BUS/drivers_probe */
static void probe_device(const char *path, const void *name, size_t len)
{
	char bus[16], device[64];

	if (sscanf(path, "/sys/bus/%15[^/]/drivers_%*s", bus) != 1 || len >= sizeof(device))
		return;
	(void)fake_print(device, sizeof(device), "%.*s", (int)len, (const char *)name);
	fake_device_probed(bus, device);
}

ssize_t sys_write(int fd, const void *buffer, size_t size)
{
	ENTER(sys_write, "%s", fake_descriptor(fd));
	/* Of the log's own lines the fake keeps a copy on its console alone (log.c does not come by here). */
	if (strcmp(fake_descriptor(fd), "/dev/kmsg") == 0 && size > 3)
		fake_kernel_says("15", (const char *)buffer + 3);
	ssize_t len = fake_result(write(fd, buffer, size));
	if (len > 0) {
		fake_resume(fd);
		probe_device(fake_descriptor(fd), buffer, size);
	}
	return len;
}

ssize_t sys_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	ENTER(sys_pwrite, "%s", fake_descriptor(fd));
	return fake_result(pwrite(fd, buffer, size, offset));
}

int sys_seek_end(int fd)
{
	ENTER(sys_seek_end, "%s", fake_descriptor(fd));
	return lseek(fd, 0, SEEK_END) < 0 ? -errno : 0;
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
	ENTER(sys_ioctl, "%#lx %s", request, fake_descriptor(fd));
	return fake_ioctl(fd, request, arg);
}

int sys_keep(int fd)
{
	ENTER(sys_keep, "%s", fake_descriptor(fd));
	return (int)fake_result(fcntl(fd, F_SETFD, 0));
}

int sys_insert_module(int fd, const char *options)
{
	const char *path = fake_descriptor(fd), *slash = strrchr(path, '/');
	char name[64];

	(void)options;
	(void)fake_print(name, sizeof(name), "%s", slash ? slash + 1 : path);
	name[strcspn(name, ".")] = '\0';
	ENTER(sys_insert_module, "%s", name);
	for (size_t i = 0; i < fake->modules_count; i++)
		if (strcmp(fake->modules[i], name) == 0)
			return -EEXIST;
	fake_module_loaded(name);
	return 0;
}

int sys_pipe(int ret[2])
{
	ENTER(sys_pipe, "-");
	int r = (int)fake_result(pipe2(ret, O_CLOEXEC | O_NONBLOCK));
	for (int i = 0; r == 0 && i < 2; i++)
		(void)fake_take(ret[i], FAKE_KIND_FILE, i ? "pipe for writing" : "pipe");
	return r;
}
