#include "volume.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "file.h"
#include "kernel_log.h"
#include "sys.h"
#include "volume_superblock.h"

/* Less is not worth the ioctl, and XFS drops an allocation group of less than 64 blocks. */
#define GAIN_MIN (1 << 20)

/* fs/ext4/ext4.h; Documentation/filesystems/ext4 has no header for users */
#define EXT4_RESIZE _IOW('f', 16, uint64_t)

/* fs/xfs/libxfs/xfs_fs.h, XFS_IOC_FSGEOMETRY_V1 and XFS_IOC_FSGROWFSDATA */
struct xfs_geometry {
	uint32_t block, extent, group_blocks, groups, log_blocks, sector, inode, inodes_percent;
	uint64_t blocks, others[3];
	uint8_t uuid[16];
	uint32_t more[7];
};
struct xfs_growth {
	uint64_t blocks;
	uint32_t inodes_percent;
};
#define XFS_GEOMETRY _IOR('X', 100, struct xfs_geometry)
#define XFS_GROW     _IOW('X', 110, struct xfs_growth)

struct mounted {
	int fd;          /* of the root of the file system */
	dev_t disk;      /* that it is on */
	uint64_t target; /* bytes */
};

static int attribute(dev_t disk, const char *name, char *text, size_t size)
{
	char path[64];
	struct builder b;

	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/sys/dev/block/%u:%u/%s", major(disk), minor(disk), name);
	ssize_t len = file_read(path, text, size);
	return len == -ENOENT ? -ENOTBLK : len < 0 ? (int)len : 0;
}

static int device_size(dev_t disk, uint64_t *ret)
{
	char text[32];
	uint64_t sectors;
	int r = attribute(disk, "size", text, sizeof(text));

	if (r == 0)
		r = text_number((struct slice){ .at = text, .len = strcspn(text, "\n") },
				UINT64_MAX / 512, &sectors);
	if (r == 0)
		*ret = sectors * 512;
	return r;
}

/* The kernel's own copy: the superblock's buffer is in the disk's page cache (fs/ext4/super.c, sb_bread). */
static int read_ext4(dev_t disk, struct superblock *ret)
{
	char text[1024], path[64];
	struct builder b;
	int r = attribute(disk, "uevent", text, sizeof(text));
	const char *name = r == 0 ? strstr(text, "DEVNAME=") : NULL;

	if (!name)
		return r < 0 ? r : -ENODEV;
	name += strlen("DEVNAME=");
	builder_start(&b, path, sizeof(path));
	builder_add(&b, "/dev/");
	builder_add_slice(&b, (struct slice){ .at = name, .len = strcspn(name, "\n") });
	int fd = b.overflow ? -ENAMETOOLONG : sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	r = superblock_read(fd, "ext4", ret);
	(void)sys_close(fd);
	return r == 0 && ret->bytes == 0 ? -EUCLEAN : r;
}

static int grow_ext4(const struct mounted *m, struct volume_size *ret)
{
	struct superblock sb;
	int r = read_ext4(m->disk, &sb);

	if (r < 0)
		return r;
	ret->before = ret->after = sb.bytes;
	uint64_t blocks = m->target / sb.block, rest = blocks % sb.group;
	/* The kernel takes a last group that is too small for its own tables, and makes an error of it. */
	if (rest < sb.overhead)
		blocks -= rest;
	if (blocks * sb.block < sb.bytes + GAIN_MIN)
		return 0;
	r = sys_ioctl(m->fd, EXT4_RESIZE, &blocks);
	if (r == 0)
		r = read_ext4(m->disk, &sb);
	if (r == 0)
		ret->after = sb.bytes;
	return r;
}

static int grow_xfs(const struct mounted *m, struct volume_size *ret)
{
	struct xfs_geometry geometry;
	int r = sys_ioctl(m->fd, XFS_GEOMETRY, &geometry);

	if (r < 0)
		return r;
	ret->before = ret->after = geometry.blocks * geometry.block;
	if (m->target < ret->before + GAIN_MIN)
		return 0;
	struct xfs_growth growth = { .blocks = m->target / geometry.block,
				     .inodes_percent = geometry.inodes_percent };
	r = sys_ioctl(m->fd, XFS_GROW, &growth);
	if (r == 0)
		r = sys_ioctl(m->fd, XFS_GEOMETRY, &geometry);
	if (r == 0)
		ret->after = geometry.blocks * geometry.block;
	return r;
}

static int grow(struct mounted *m, const char *mounted_at, struct volume_size *ret)
{
	struct statfs fs;
	struct stat st;
	int r = sys_fstat(m->fd, &st);

	if (r == 0)
		r = sys_statfs(mounted_at, &fs);
	if (r < 0)
		return r;
	m->disk = st.st_dev;
	if (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_SUPER_MAGIC)
		return -EOPNOTSUPP;
	r = device_size(m->disk, &ret->device);
	if (r < 0 || ret->device < 2 * VOLUME_RESERVE)
		return r;
	m->target = ret->device - VOLUME_RESERVE;
	return fs.f_type == EXT4_SUPER_MAGIC ? grow_ext4(m, ret) : grow_xfs(m, ret);
}

int volume_grow(const char *mounted_at, struct volume_size *ret, struct builder *words)
{
	struct mounted m = { 0 };
	struct volume_size size = { 0 };

	m.fd = sys_open(mounted_at, O_RDONLY | O_DIRECTORY);
	if (m.fd < 0)
		return m.fd;
	int64_t start_us = sys_now_us();
	int r = grow(&m, mounted_at, &size);
	if (r < 0)
		kernel_log_since(start_us, words);
	(void)sys_close(m.fd);
	if (r == 0)
		*ret = size;
	return r;
}
