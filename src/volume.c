#include "volume.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mount.h>

#include "fs_mount.h"
#include "program.h"
#include "sys.h"
#include "volume_superblock.h"

/* Not on the stack, and not constant: zeros would stand in the program. */
static char buffer[64 << 10];

static int write_mark(int fd, uint64_t size, const char *sector)
{
	ssize_t len = sys_pwrite(fd, sector, VOLUME_SECTOR, (off_t)(size - VOLUME_RESERVE));

	return len < 0 ? (int)len : len == VOLUME_SECTOR ? sys_fsync(fd) : -EIO;
}

static int size_of(int fd, uint64_t *ret)
{
	return sys_ioctl(fd, BLKGETSIZE64, ret);
}

/* The mark is on the disk before anything else changes. What an earlier try left must not outlive this one. */
static int begin_format(int fd, uint64_t size)
{
	int r = write_mark(fd, size, volume_mark);

	memset(buffer, 0, sizeof(buffer));
	for (off_t at = 0; at < VOLUME_START && r == 0; at += (off_t)sizeof(buffer)) {
		ssize_t len = sys_pwrite(fd, buffer, sizeof(buffer), at);
		r = len < 0 ? (int)len : len == sizeof(buffer) ? 0 : -EIO;
	}
	return r < 0 ? r : sys_fsync(fd);
}

/*
 * No discard: it would take the mark. Lazy inode tables: the kernel fills them while it is idle, and mke2fs
 * would else ask a module that may not be loaded yet. 4 KiB blocks also on small disks: mke2fs takes 1 KiB
 * there, for a disk that is to grow.
 */
static int run_mkfs(const char *path, const char *type, uint64_t size, struct builder *words)
{
	char bytes[32];
	struct builder b;
	uint64_t usable = (size - VOLUME_RESERVE) / 4096 * 4096;
	bool ext4 = strcmp(type, "ext4") == 0;
	const char *const mkfs_ext4[] = {
		"/sbin/mkfs.ext4",
		"-q",
		"-F",
		"-b",
		"4096",
		"-L",
		"layerboot",
		"-E",
		"nodiscard,lazy_itable_init=1",
		path,
		bytes,
		NULL,
	};
	const char *const mkfs_xfs[] = {
		"/sbin/mkfs.xfs", "-q", "-f", "-K", "-L", "layerboot", "-d", bytes, path, NULL,
	};

	builder_start(&b, bytes, sizeof(bytes));
	if (ext4)
		builder_addf(&b, "%lluk", (unsigned long long)usable / 1024);
	else
		builder_addf(&b, "size=%llu", (unsigned long long)usable);
	int r = program_run(ext4 ? mkfs_ext4 : mkfs_xfs, words);
	return r > 0 ? -EIO : r;
}

/* EXCL: not while it is mounted; mkfs opens it so itself, so it is closed in between. */
static int open_to_format(const char *path, uint64_t *ret_size)
{
	int fd = sys_open(path, O_RDWR | O_EXCL);

	if (fd < 0)
		return fd;
	int r = size_of(fd, ret_size);
	if (r == 0 && *ret_size < 2 * VOLUME_RESERVE)
		r = -ENOSPC;
	if (r < 0) {
		(void)sys_close(fd);
		return r;
	}
	return fd;
}

static int start_format(const char *path, uint64_t *ret_size, struct builder *words)
{
	enum volume_state state;
	char type[24];
	int fd = open_to_format(path, ret_size);

	if (fd < 0)
		return fd;
	int r = volume_examine_open(fd, *ret_size, &state, type, words);
	if (r == 0 && state != VOLUME_BLANK && state != VOLUME_TORN)
		r = -EEXIST;
	if (r == 0)
		r = begin_format(fd, *ret_size);
	(void)sys_close(fd);
	return r;
}

static int end_format(const char *path)
{
	static const char zero[VOLUME_SECTOR];
	uint64_t size;
	int fd = open_to_format(path, &size);

	if (fd < 0)
		return fd;
	/* What mkfs wrote is on the disk before the mark goes. */
	int r = sys_fsync(fd);
	if (r == 0)
		r = write_mark(fd, size, zero);
	(void)sys_close(fd);
	return r;
}

int volume_format(const char *path, const char *type, struct builder *words)
{
	struct stat st;
	uint64_t size;
	bool known = strcmp(type, "ext4") == 0 || strcmp(type, "xfs") == 0;
	int r = known ? sys_stat(type[0] == 'x' ? "/sbin/mkfs.xfs" : "/sbin/mkfs.ext4", &st)
		      : -EINVAL;

	if (r == 0)
		r = start_format(path, &size, words);
	if (r == 0)
		r = run_mkfs(path, type, size, words);
	return r < 0 ? r : end_format(path);
}

int volume_check(const char *path, const char *type, struct builder *words)
{
	const char *const e2fsck[] = { "/sbin/e2fsck", "-p", path, NULL };
	struct superblock sb;

	if (strcmp(type, "ext4") != 0)
		return 0;
	int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	int r = superblock_read(fd, type, &sb);
	(void)sys_close(fd);
	if (r < 0 || sb.clean)
		return r;
	r = program_run(e2fsck, words);
	if (r == -ENOENT)
		builder_add(words, "it was not cleanly unmounted, and there is no /sbin/e2fsck");
	/* e2fsck(8): 1 repaired, 2 and the system is to be rebooted if it was mounted, 4 and more not repaired */
	return r < 0 ? r : r < 4 ? 0 : -EUCLEAN;
}

int volume_mount(const char *path, const char *target, const char *type, struct builder *words)
{
	return fs_mount(path, target, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, words);
}
