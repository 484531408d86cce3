#include "volume.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mount.h>

#include "disks.h"
#include "fs_mount.h"
#include "program.h"
#include "sys.h"
#include "volume_superblock.h"

/* A sector is written whole or not at all. */
#define SECTOR      512
#define BLANK_START (1 << 20)  /* where partition tables and superblocks begin */
#define BLANK_END   (64 << 10) /* where RAID, GPT and ZFS keep theirs */

/* The reserve begins with it. mkfs.xfs zeroes the last 128 KiB of a disk whatever size it is told. */
static const char mark[SECTOR] = "layerboot: this disk was being formatted\n";

/* Not on the stack, and not constant: zeros would stand in the program. */
static char buffer[64 << 10];

static int is_zero(int fd, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to;) {
		size_t size = to - at < sizeof(buffer) ? (size_t)(to - at) : sizeof(buffer);
		ssize_t len = sys_pread(fd, buffer, size, (off_t)at);
		if (len <= 0)
			return len < 0 ? (int)len : -EIO;
		if (buffer[0] != '\0' || memcmp(buffer, buffer + 1, (size_t)len - 1) != 0)
			return 0;
		at += (uint64_t)len;
	}
	return 1;
}

static int has_mark(int fd, uint64_t size)
{
	char sector[SECTOR];

	if (size < 2 * VOLUME_RESERVE)
		return 0;
	ssize_t len = sys_pread(fd, sector, sizeof(sector), (off_t)(size - VOLUME_RESERVE));
	return len < 0 ? (int)len : len == SECTOR && memcmp(sector, mark, SECTOR) == 0;
}

static int write_mark(int fd, uint64_t size, const char *sector)
{
	ssize_t len = sys_pwrite(fd, sector, SECTOR, (off_t)(size - VOLUME_RESERVE));

	return len < 0 ? (int)len : len == SECTOR ? sys_fsync(fd) : -EIO;
}

/* Where a disk holds something else or more than a broken-off mkfs leaves, a mark is somebody's data. */
static int is_torn(int fd, uint64_t size, const char *signature)
{
	static const char *const ours[] = { "", "ext2", "ext3", "ext4", "xfs" };
	struct superblock sb;
	int r = has_mark(fd, size);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(signature, ours[i]) != 0)
			continue;
		r = superblock_read(fd, signature, &sb);
		return r < 0 ? r : sb.bytes <= size - VOLUME_RESERVE;
	}
	return 0;
}

static bool is_supported(const char *type)
{
	return strcmp(type, "ext4") == 0 || strcmp(type, "xfs") == 0 || strcmp(type, "btrfs") == 0;
}

static int examine(int fd, uint64_t size, enum volume_state *ret, char type[24],
		   struct builder *words)
{
	struct disk d = { 0 };
	char signature[24] = "";
	int torn, found = disk_signature(fd, signature);

	if (found < 0)
		return found;
	torn = is_torn(fd, size, signature);
	int r = torn < 0 ? torn : disk_probe(fd, 0, 0, &d);
	if (r < 0)
		return r;
	type[0] = '\0';
	if (torn) {
		*ret = VOLUME_TORN;
		return 0;
	}
	*ret = VOLUME_FOREIGN;
	if (!d.ambivalent && is_supported(d.type)) {
		memcpy(type, d.type, sizeof(d.type));
		*ret = VOLUME_FILESYSTEM;
	} else if (found || d.ambivalent) {
		builder_addf(words, "it holds %s",
			     d.ambivalent   ? "more than one file system"
			     : signature[0] ? signature
					    : "something");
	} else {
		uint64_t start = size < BLANK_START ? size : BLANK_START;
		uint64_t end = size < BLANK_END ? 0 : size - BLANK_END;
		r = is_zero(fd, 0, start);
		if (r > 0)
			r = is_zero(fd, end, size);
		if (r < 0)
			return r;
		if (r > 0)
			*ret = VOLUME_BLANK;
		else
			builder_add(words, "it holds data of an unknown kind");
	}
	return 0;
}

static int size_of(int fd, uint64_t *ret)
{
	return sys_ioctl(fd, BLKGETSIZE64, ret);
}

int volume_examine(const char *path, enum volume_state *ret, char type[24], struct builder *words)
{
	uint64_t size;
	int fd = sys_open(path, O_RDONLY);

	if (fd < 0)
		return fd;
	int r = size_of(fd, &size);
	if (r == 0)
		r = examine(fd, size, ret, type, words);
	(void)sys_close(fd);
	return r;
}

/* The mark is on the disk before anything else changes. What an earlier try left must not outlive this one. */
static int begin_format(int fd, uint64_t size)
{
	int r = write_mark(fd, size, mark);

	memset(buffer, 0, sizeof(buffer));
	for (off_t at = 0; at < BLANK_START && r == 0; at += (off_t)sizeof(buffer)) {
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
	int r = examine(fd, *ret_size, &state, type, words);
	if (r == 0 && state != VOLUME_BLANK && state != VOLUME_TORN)
		r = -EEXIST;
	if (r == 0)
		r = begin_format(fd, *ret_size);
	(void)sys_close(fd);
	return r;
}

static int end_format(const char *path)
{
	static const char zero[SECTOR];
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
