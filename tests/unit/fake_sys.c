/* include/sys.h on the fake machine. */
#include "fake_sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sys.h"

struct fake_boot *fake;

const struct fake_row fake_rows[FAKE_COUNT] = {
#define FAKE_ROW(name, ...) [FAKE_##name] = { #name, { __VA_ARGS__ } },
	FAKE_FUNCTIONS(FAKE_ROW)
#undef FAKE_ROW
};

/* What the descriptors of this process are, by their number. */
enum kind {
	KIND_FILE,
	KIND_KMSG,
	KIND_DISK,
	KIND_EVENTS,
	KIND_CONTEXT,
	KIND_MOUNT
};

#define DESCRIPTORS_MAX 256

static struct {
	enum kind kind;
	char path[192];
	const struct fake_disk *disk;
} descriptors[DESCRIPTORS_MAX];

/* Of the one context of the new mount API that is open. */
static struct {
	char type[16];
	size_t lowers;
	bool upper, created;
	char words[64];
} context;

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

#define ENTER(name, ...)                                             \
	do {                                                         \
		int injected = fake_enter(FAKE_##name, __VA_ARGS__); \
		if (injected < 0)                                    \
			return injected;                             \
	} while (0)

static long result(long r)
{
	return r < 0 ? -errno : r;
}

static const char *path_of(int fd)
{
	return fd >= 0 && fd < DESCRIPTORS_MAX ? descriptors[fd].path : fd == AT_FDCWD ? "" : "?";
}

const char *fake_descriptor(int fd)
{
	return path_of(fd);
}

bool fake_descriptor_is_disk(int fd)
{
	return fd >= 0 && fd < DESCRIPTORS_MAX && descriptors[fd].kind == KIND_DISK;
}

static int take(int fd, enum kind kind, const char *path)
{
	if (fd < 0)
		return -errno;
	if (fd >= DESCRIPTORS_MAX)
		fake_finish(FAKE_MISUSED, fd, "descriptors leak");
	descriptors[fd].kind = kind;
	descriptors[fd].disk = NULL;
	(void)fake_print(descriptors[fd].path, sizeof(descriptors[fd].path), "%.180s", path);
	return fd;
}

/* What stands for a device below /dev. */
static int open_device(const char *device, const char *path, const char *real, int flags)
{
	char file[PATH_MAX];

	if (strcmp(device, "null") == 0)
		return take(open("/dev/null", flags), KIND_FILE, path);
	if (strcmp(device, "console") == 0 || (strcmp(device, "kmsg") == 0 && (flags & O_WRONLY))) {
		(void)fake_print(file, sizeof(file), "%s/console", fake->directory);
		return take(open(file, flags | O_APPEND), KIND_FILE, path);
	}
	if (strcmp(device, "kmsg") == 0) {
		(void)fake_print(file, sizeof(file), "%s/kernel-log", fake->directory);
		return take(open(file, flags), KIND_KMSG, path);
	}
	const struct fake_disk *disk = NULL;
	for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++)
		if (strcmp(device, fake->machine->disks[i].name) == 0)
			disk = &fake->machine->disks[i];
	if (disk && !disk->writable && (flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	int fd = take(open(real, flags & ~O_EXCL), KIND_DISK, path);
	if (fd >= 0)
		descriptors[fd].disk = disk;
	return fd;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
}

/* A read-only mount; the fixtures are never written to, whatever is mounted. */
static bool read_only(const char *path)
{
	const struct fake_mount *m = fake_mount_of(path);

	return m && ((m->flags & MS_RDONLY) ||
		     strncmp(m->backing, fake->directory, strlen(fake->directory)) != 0);
}

static int open_path(const char *path, int flags, mode_t mode)
{
	char real[PATH_MAX], dev[PATH_MAX];

	(void)fake_print(dev, sizeof(dev), "%s/devtmpfs/", fake->directory);
	(void)fake_path(path, real, sizeof(real));
	if (strncmp(real, dev, strlen(dev)) == 0 && access(real, F_OK) == 0)
		return open_device(real + strlen(dev), path, real, flags | O_CLOEXEC);
	if (writes(flags) && read_only(path))
		return -EROFS;
	/* A file of /proc or /sys takes a new value as a whole. */
	if (writes(flags) && strncmp(path, "/proc", 5) == 0)
		flags |= O_TRUNC;
	return take(open(real, flags | O_CLOEXEC, mode), KIND_FILE, path);
}

/* Where DIR and PATH lead; returns the directory to go with it. */
static int place(int dir, const char *path, char *real)
{
	if (dir != AT_FDCWD && path[0] != '/') {
		(void)fake_print(real, PATH_MAX, "%s", path);
		return dir;
	}
	(void)fake_path(path, real, PATH_MAX);
	return AT_FDCWD;
}

/* The path by which a name below DIR can be opened again. */
static const char *below(int dir, const char *path, char *ret)
{
	const char *from = path_of(dir);
	size_t len = strlen(from);

	if (dir == AT_FDCWD || path[0] == '/')
		return fake_print(ret, PATH_MAX, "%s", path);
	if (strcmp(path, ".") == 0)
		return fake_print(ret, PATH_MAX, "%s", from);
	return fake_print(ret, PATH_MAX, "%s%s%s", from, from[len - 1] == '/' ? "" : "/", path);
}

int sys_open(const char *path, int flags)
{
	ENTER(sys_open, "%s%s", path, writes(flags) ? " for writing" : "");
	return open_path(path, flags, 0644);
}

int sys_open_in_root(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char name[PATH_MAX];

	ENTER(sys_open_in_root, "%s", below(dir, path, name));
	return take((int)syscall(SYS_openat2, dir, path, &how, sizeof(how)), KIND_FILE, name);
}

int sys_open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	char name[PATH_MAX];

	ENTER(sys_open_beneath, "%s", below(dir, path, name));
	return take((int)syscall(SYS_openat2, dir, path, &how, sizeof(how)), KIND_FILE, name);
}

int sys_openat(int dir, const char *path, int flags)
{
	char name[PATH_MAX];

	ENTER(sys_openat, "%s", below(dir, path, name));
	if (dir == AT_FDCWD || path[0] == '/')
		return open_path(path, flags, 0);
	return take(openat(dir, path, flags | O_CLOEXEC), KIND_FILE, name);
}

int sys_openat_mode(int dir, const char *path, int flags, mode_t mode)
{
	char name[PATH_MAX];

	ENTER(sys_openat_mode, "%s", below(dir, path, name));
	if (dir == AT_FDCWD || path[0] == '/')
		return open_path(path, flags, mode);
	return take(openat(dir, path, flags | O_CLOEXEC, mode), KIND_FILE, name);
}

int sys_close(int fd)
{
	int injected = fake_enter(FAKE_sys_close, "%s", path_of(fd));

	/* The kernel gives the number back whatever it answers. */
	int r = (int)result(close(fd));
	return injected < 0 ? injected : r;
}

ssize_t sys_read(int fd, void *buffer, size_t size)
{
	ENTER(sys_read, "%s", path_of(fd));
	if (fd >= 0 && fd < DESCRIPTORS_MAX && descriptors[fd].kind == KIND_CONTEXT) {
		size_t len = strlen(context.words);
		if (len == 0)
			return -ENODATA;
		memcpy(buffer, context.words, len);
		context.words[0] = '\0';
		return (ssize_t)len;
	}
	ssize_t len = read(fd, buffer, size);
	if (len == 0 && descriptors[fd].kind == KIND_KMSG)
		return -EAGAIN;
	return result(len);
}

ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset)
{
	ENTER(sys_pread, "%s", path_of(fd));
	const struct fake_disk *d = fd >= 0 && fd < DESCRIPTORS_MAX ? descriptors[fd].disk : NULL;
	/* The parent goes on; whoever kills this process continues it, too. */
	if (d && d->stalls)
		(void)raise(SIGSTOP);
	if (d && d->broken)
		return -EIO;
	return result(pread(fd, buffer, size, offset));
}

ssize_t sys_write(int fd, const void *buffer, size_t size)
{
	ENTER(sys_write, "%s", path_of(fd));
	return result(write(fd, buffer, size));
}

ssize_t sys_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	ENTER(sys_pwrite, "%s", path_of(fd));
	return result(pwrite(fd, buffer, size, offset));
}

int sys_seek_end(int fd)
{
	ENTER(sys_seek_end, "%s", path_of(fd));
	return lseek(fd, 0, SEEK_END) < 0 ? -errno : 0;
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
	ENTER(sys_ioctl, "%#lx %s", request, path_of(fd));
	return fake_ioctl(fd, request, arg);
}

int sys_keep(int fd)
{
	ENTER(sys_keep, "%s", path_of(fd));
	return (int)result(fcntl(fd, F_SETFD, 0));
}

int sys_pipe(int ret[2])
{
	ENTER(sys_pipe, "-");
	int r = (int)result(pipe2(ret, O_CLOEXEC | O_NONBLOCK));
	for (int i = 0; r == 0 && i < 2; i++)
		(void)take(ret[i], KIND_FILE, i ? "pipe for writing" : "pipe");
	return r;
}

int sys_mkdir(const char *path, mode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
	char real[PATH_MAX], name[PATH_MAX];
	struct stat st;

	if (dir == AT_FDCWD)
		ENTER(sys_mkdir, "%s", path);
	else
		ENTER(sys_mkdirat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	if (fstatat(dir, real, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (dir == AT_FDCWD && read_only(path))
		return -EROFS;
	return (int)result(mkdirat(dir, real, mode));
}

int sys_stat(const char *path, struct stat *ret)
{
	char real[PATH_MAX];

	ENTER(sys_stat, "%s", path);
	return (int)result(stat(fake_path(path, real, sizeof(real)), ret));
}

int sys_fstat(int fd, struct stat *ret)
{
	ENTER(sys_fstat, "%s", path_of(fd));
	int r = (int)result(fstat(fd, ret));
	if (r == 0 && descriptors[fd].kind == KIND_DISK)
		ret->st_mode = (ret->st_mode & ~(mode_t)S_IFMT) | S_IFBLK;
	return r;
}

int sys_fstatat(int dir, const char *path, struct stat *ret)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_fstatat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	return (int)result(fstatat(dir, real, ret, AT_SYMLINK_NOFOLLOW));
}

int sys_statfs(const char *path, struct statfs *ret)
{
	char real[PATH_MAX];

	ENTER(sys_statfs, "%s", path);
	int r = (int)result(statfs(fake_path(path, real, sizeof(real)), ret));
	const struct fake_mount *m = fake_mount_of(path);
	const char *type = m ? m->type : "";
	if (r == 0 && !m)
		ret->f_type = fake->machine->not_initramfs ? EXT4_SUPER_MAGIC : RAMFS_MAGIC;
	else if (r == 0)
		ret->f_type = strcmp(type, "tmpfs") == 0  ? TMPFS_MAGIC
			      : strcmp(type, "ext4") == 0 ? EXT4_SUPER_MAGIC
			      : strcmp(type, "fuse") == 0 ? FUSE_SUPER_MAGIC
							  : ret->f_type;
	return r;
}

int sys_unlinkat(int dir, const char *path, bool directory)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_unlinkat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	return (int)result(unlinkat(dir, real, directory ? AT_REMOVEDIR : 0));
}

ssize_t sys_readlink(const char *path, char *buffer, size_t size)
{
	char real[PATH_MAX];

	ENTER(sys_readlink, "%s", path);
	return result(readlink(fake_path(path, real, sizeof(real)), buffer, size));
}

int sys_chdir(const char *path)
{
	ENTER(sys_chdir, "%s", path);
	return fake_chdir(path);
}

int sys_fchdir(int fd)
{
	ENTER(sys_fchdir, "%s", path_of(fd));
	return fake_chdir(path_of(fd));
}

int sys_chroot(const char *path)
{
	ENTER(sys_chroot, "%s", path);
	return fake_chroot(path);
}

ssize_t sys_getdents(int fd, void *buffer, size_t size)
{
	ENTER(sys_getdents, "%s", path_of(fd));
	return result(syscall(SYS_getdents64, fd, buffer, size));
}

/* trusted.* is for root only, and a test is none. */
static const char *attribute(const char *name, char *ret, size_t size)
{
	bool trusted = strncmp(name, "trusted.", 8) == 0;

	(void)fake_print(ret, size, "%s%s", trusted ? "user." : "", name);
	return ret;
}

ssize_t sys_fgetxattr(int fd, const char *name, void *buffer, size_t size)
{
	char own[XATTR_NAME_MAX + 1];

	ENTER(sys_fgetxattr, "%s %s", name, path_of(fd));
	return result(fgetxattr(fd, attribute(name, own, sizeof(own)), buffer, size));
}

ssize_t sys_lgetxattr(const char *path, const char *name, void *buffer, size_t size)
{
	char own[XATTR_NAME_MAX + 1], real[PATH_MAX];

	ENTER(sys_lgetxattr, "%s %s", name, path);
	return result(lgetxattr(fake_path(path, real, sizeof(real)),
				attribute(name, own, sizeof(own)), buffer, size));
}

/* The list as root would read it. */
static ssize_t plain_list(char *buffer, size_t size, ssize_t len)
{
	static const char prefix[] = "user.trusted.";
	const size_t cut = strlen("user.");
	ssize_t used = 0;

	if (len < 0)
		return -errno;
	if (size == 0)
		return len;
	for (ssize_t at = 0; at < len;) {
		const char *one = buffer + at;
		size_t one_len = strlen(one) + 1, skip = 0;
		if (strncmp(one, prefix, strlen(prefix)) == 0)
			skip = cut;
		memmove(buffer + used, one + skip, one_len - skip);
		used += (ssize_t)(one_len - skip);
		at += (ssize_t)one_len;
	}
	return used;
}

ssize_t sys_flistxattr(int fd, char *buffer, size_t size)
{
	ENTER(sys_flistxattr, "%s", path_of(fd));
	return plain_list(buffer, size, flistxattr(fd, buffer, size));
}

ssize_t sys_llistxattr(const char *path, char *buffer, size_t size)
{
	char real[PATH_MAX];

	ENTER(sys_llistxattr, "%s", path);
	return plain_list(buffer, size,
			  llistxattr(fake_path(path, real, sizeof(real)), buffer, size));
}

int sys_fsetxattr(int fd, const char *name, const void *value, size_t size)
{
	char own[XATTR_NAME_MAX + 1];

	ENTER(sys_fsetxattr, "%s %s", name, path_of(fd));
	return (int)result(fsetxattr(fd, attribute(name, own, sizeof(own)), value, size, 0));
}

int sys_mknodat(int dir, const char *path, mode_t mode, dev_t device)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_mknodat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	return (int)result(mknodat(dir, real, mode, device));
}

int sys_symlinkat(const char *target, int dir, const char *path)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_symlinkat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	return (int)result(symlinkat(target, dir, real));
}

ssize_t sys_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_readlinkat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	return result(readlinkat(dir, real, buffer, size));
}

/* Owners are root's to give. */

int sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	char real[PATH_MAX], name[PATH_MAX];
	struct stat st;

	(void)uid, (void)gid;
	ENTER(sys_fchownat, "%s", below(dir, path, name));
	dir = place(dir, path, real);
	return (int)result(fstatat(dir, real, &st, AT_SYMLINK_NOFOLLOW));
}

int sys_fchown(int fd, uid_t uid, gid_t gid)
{
	(void)uid, (void)gid;
	ENTER(sys_fchown, "%s", path_of(fd));
	return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
}

int sys_fchmod(int fd, mode_t mode)
{
	ENTER(sys_fchmod, "%s", path_of(fd));
	return (int)result(fchmod(fd, mode));
}

int sys_futimens(int fd, const struct timespec times[2])
{
	ENTER(sys_futimens, "%s", path_of(fd));
	return (int)result(futimens(fd, times));
}

int sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char real_from[PATH_MAX], real_to[PATH_MAX], name[PATH_MAX];

	ENTER(sys_renameat, "%s", below(from_dir, from, name));
	from_dir = place(from_dir, from, real_from);
	to_dir = place(to_dir, to, real_to);
	return (int)result(renameat(from_dir, real_from, to_dir, real_to));
}

int sys_fsync(int fd)
{
	ENTER(sys_fsync, "%s", path_of(fd));
	return (int)result(fsync(fd));
}

int sys_unmount(const char *target, int flags)
{
	(void)flags;
	ENTER(sys_unmount, "%s", target);
	return fake_do_unmount(target);
}

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	      const char *options)
{
	ENTER(sys_mount, "%s %s %s", type ? type : "-", source ? source : "-", target);
	return fake_do_mount(source, target, type, flags, options);
}

int sys_fsopen(const char *type)
{
	ENTER(sys_fsopen, "%s", type);
	memset(&context, 0, sizeof(context));
	(void)fake_print(context.type, sizeof(context.type), "%s", type);
	return take(open("/dev/null", O_RDWR | O_CLOEXEC), KIND_CONTEXT, type);
}

int sys_fsconfig(int fd, unsigned command, const char *key, const char *value)
{
	const unsigned create = 6; /* FSCONFIG_CMD_CREATE */
	char real[PATH_MAX];

	ENTER(sys_fsconfig, "%s=%s", key ? key : "create", value ? value : "");
	if (descriptors[fd].kind != KIND_CONTEXT)
		return -EINVAL;
	if (key && strcmp(key, "lowerdir+") == 0) {
		if (fake->machine->no_lowerdir_plus)
			return 0;
		context.lowers++;
		return (int)result(access(fake_path(value, real, sizeof(real)), F_OK));
	}
	if (key && (strcmp(key, "upperdir") == 0 || strcmp(key, "workdir") == 0))
		return (int)result(access(fake_path(value, real, sizeof(real)), F_OK));
	if (command == create) {
		if (fake->machine->union_refused)
			(void)fake_print(context.words, sizeof(context.words),
					 "e overlay: refused by the test\n");
		return fake->machine->union_refused || context.lowers == 0 ? -EINVAL : 0;
	}
	return 0;
}

int sys_fsmount(int fd, unsigned attributes)
{
	(void)fd;
	ENTER(sys_fsmount, "%s", path_of(fd));
	return take(open("/dev/null", O_RDWR | O_CLOEXEC), KIND_MOUNT,
		    attributes ? "read-only union" : "union");
}

int sys_move_mount(int fd, const char *target)
{
	ENTER(sys_move_mount, "%s", target);
	if (descriptors[fd].kind != KIND_MOUNT)
		return -EINVAL;
	return fake_add_union(target, "overlay", strcmp(path_of(fd), "union") == 0 ? 0 : MS_RDONLY);
}

int sys_uevent_socket(void)
{
	ENTER(sys_uevent_socket, "-");
	return take(open("/dev/null", O_RDWR | O_CLOEXEC), KIND_EVENTS, "uevents");
}

static bool event_waits(void)
{
	return fake->events_taken < fake->events_count;
}

ssize_t sys_recv(int fd, void *buffer, size_t size, unsigned *ret_sender)
{
	ENTER(sys_recv, "%s", path_of(fd));
	if (!event_waits())
		return -EAGAIN;
	const struct fake_event *e = &fake->events[fake->events_taken++];
	size_t len = e->len < size ? e->len : size;
	memcpy(buffer, e->text, len);
	*ret_sender = 0;
	return (ssize_t)len;
}

/* The next moment at which something happens by itself; INT64_MAX: never. */
static int64_t next_us(void)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++) {
		const struct fake_disk *d = &fake->machine->disks[i];
		int64_t at = d->at_ms * 1000ll, gone = d->gone_ms * 1000ll;
		if (at > fake->now_us && at < next)
			next = at;
		if (gone > fake->now_us && gone < next)
			next = gone;
	}
	return next;
}

static int ready(struct pollfd *fds, size_t count)
{
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		struct pollfd one = { .fd = fds[i].fd, .events = fds[i].events };
		bool events = descriptors[fds[i].fd].kind == KIND_EVENTS;
		if (events)
			one.revents = event_waits() ? POLLIN : 0;
		else if (poll(&one, 1, 0) < 0)
			return -errno;
		fds[i].revents = one.revents;
		n += one.revents != 0;
	}
	return n;
}

int sys_poll(struct pollfd *fds, size_t count, int timeout_ms)
{
	ENTER(sys_poll, "%zu", count);
	int n = ready(fds, count);
	if (n != 0)
		return n;
	int64_t next = next_us(), until = fake->now_us + timeout_ms * 1000ll;
	if (timeout_ms < 0 && next == INT64_MAX)
		fake_finish(FAKE_HUNG, 0, "waits for ever");
	fake->now_us = timeout_ms < 0 || next < until ? next : until;
	fake_machine_tick();
	return ready(fds, count);
}

pid_t sys_fork(void)
{
	const int sanitizer = 99;
	siginfo_t info = { 0 };

	ENTER(sys_fork, "-");
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT) < 0 && errno == EINTR)
		;
	if (fake->end != FAKE_RUNNING)
		_exit(0);
	if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED ||
	    (info.si_code == CLD_EXITED && info.si_status == sanitizer))
		(void)fake_print(fake->crash, sizeof(fake->crash), "a helper ended with %d/%d",
				 info.si_code, info.si_status);
	return pid;
}

pid_t sys_getpid(void)
{
	(void)fake_enter(FAKE_sys_getpid, "-");
	return fake->machine->not_first ? 77 : getpid() == fake->init ? 1 : getpid();
}

uid_t sys_geteuid(void)
{
	(void)fake_enter(FAKE_sys_geteuid, "-");
	return 0;
}

int sys_wait(pid_t pid, int *ret_status)
{
	ENTER(sys_wait, "-");
	return (int)result(waitpid(pid, ret_status, 0));
}

int sys_kill(pid_t pid, int signal)
{
	int injected = fake_enter(FAKE_sys_kill, "%d", signal);

	if (pid <= 1)
		fake_finish(FAKE_MISUSED, pid, "kill");
	/* The failure is that it has ended already. */
	int r = (int)result(kill(pid, signal));
	return injected < 0 ? injected : r;
}

void sys_exit(int status)
{
	(void)fake_enter(FAKE_sys_exit, "-");
	if (getpid() == fake->init)
		fake_finish(FAKE_PANICKED, status, NULL);
	_exit(status);
}

int sys_execve(const char *path, char *const argv[], char *const envp[])
{
	char real[PATH_MAX];

	(void)envp;
	ENTER(sys_execve, "%s", path);
	if (access(fake_path(path, real, sizeof(real)), X_OK) < 0)
		return -errno;
	if (getpid() != fake->init)
		fake_program(path, argv);
	if (fake->machine->exec_refused)
		return -ENOEXEC;
	/* Nothing of the init is handed on but what every program has. */
	for (int fd = 3; fd < DESCRIPTORS_MAX; fd++)
		if (fcntl(fd, F_GETFD) == 0)
			fake_finish(FAKE_MISUSED, fd, "an open descriptor is handed over");
	siginfo_t left = { 0 };
	if (waitid(P_ALL, 0, &left, WSTOPPED | WNOHANG | WNOWAIT) == 0 && left.si_pid != 0)
		fake_finish(FAKE_MISUSED, left.si_pid, "a helper outlives the hand-over");
	fake_finish(FAKE_HANDED_OVER, 0, path);
}

int sys_reboot(int command)
{
	ENTER(sys_reboot, "%#x", (unsigned)command);
	if (fake->machine->reboot_hangs)
		(void)raise(SIGSTOP);
	fake_finish(FAKE_MACHINE_ENDED, command, NULL);
}

int sys_console_level(int level)
{
	ENTER(sys_console_level, "%d", level);
	return 0;
}

int64_t sys_now_us(void)
{
	(void)fake_enter(FAKE_sys_now_us, "-");
	return fake->now_us;
}

int sys_unblock_signals(void)
{
	ENTER(sys_unblock_signals, "-");
	return 0;
}

int sys_duplicate(int fd, int to)
{
	ENTER(sys_duplicate, "%s", path_of(fd));
	return (int)result(dup2(fd, to));
}

int sys_io_flusher(void)
{
	ENTER(sys_io_flusher, "-");
	return 0;
}

int sys_unshare(int flags)
{
	ENTER(sys_unshare, "%#x", (unsigned)flags);
	return 0;
}

int sys_die_with_parent(void)
{
	ENTER(sys_die_with_parent, "-");
	return 0;
}

int sys_machine(char *buffer, size_t size)
{
	ENTER(sys_machine, "-");
	(void)fake_print(buffer, size, "x86_64");
	return 0;
}

int sys_release(char *buffer, size_t size)
{
	ENTER(sys_release, "-");
	(void)fake_print(buffer, size, "6.1.0-fake");
	return 0;
}

int sys_close_from(int first)
{
	ENTER(sys_close_from, "%d", first);
	return (int)result(syscall(SYS_close_range, first, ~0U, 0));
}

int sys_setsid(void)
{
	ENTER(sys_setsid, "-");
	return getpid();
}

int sys_adopt_orphans(void)
{
	ENTER(sys_adopt_orphans, "-");
	return 0;
}

int sys_wait_stopped(pid_t *ret_pid)
{
	siginfo_t info = { 0 };

	ENTER(sys_wait_stopped, "-");
	if (waitid(P_ALL, 0, &info, WSTOPPED | WEXITED) < 0)
		return -errno;
	*ret_pid = info.si_pid;
	return info.si_code == CLD_STOPPED;
}

int sys_continue_every(int ms)
{
	ENTER(sys_continue_every, "%d", ms);
	return 0;
}
