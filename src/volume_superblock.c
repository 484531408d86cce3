#include "volume_superblock.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

static uint64_t little(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

static uint64_t big(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* fs/ext4/ext4.h, struct ext4_super_block: where a field is, in bytes */
enum {
	EXT4_INODES_PER_GROUP = 0x28,
	EXT4_BLOCKS_LOW = 0x04,
	EXT4_LOG_BLOCK = 0x18,
	EXT4_BLOCKS_PER_GROUP = 0x20,
	EXT4_MAGIC = 0x38,
	EXT4_STATE = 0x3a,
	EXT4_INODE_SIZE = 0x58,
	EXT4_INCOMPATIBLE = 0x60,
	EXT4_RESERVED_GDT = 0xce,
	EXT4_BLOCKS_HIGH = 0x150,
};

static void take_ext4(const unsigned char *sb, struct superblock *ret)
{
	const unsigned valid = 1, error = 2, recover = 4, wide = 0x80;
	uint64_t state = little(sb + EXT4_STATE, 2), features = little(sb + EXT4_INCOMPATIBLE, 4);
	uint64_t log = little(sb + EXT4_LOG_BLOCK, 4),
		 group = little(sb + EXT4_BLOCKS_PER_GROUP, 4);
	uint64_t blocks = little(sb + EXT4_BLOCKS_LOW, 4);

	if (little(sb + EXT4_MAGIC, 2) != 0xef53 || log > 6 || group == 0)
		return;
	if (features & wide)
		blocks |= little(sb + EXT4_BLOCKS_HIGH, 4) << 32;
	ret->block = 1024U << log;
	ret->bytes = blocks * ret->block;
	ret->clean = (state & valid) && !(state & error) && !(features & recover);
	ret->group = group;
	/* Superblock, descriptors and those reserved, two bitmaps, inodes (resize2fs wants 50 more). */
	ret->overhead = 1 + blocks / group * 64 / ret->block + 1 +
			little(sb + EXT4_RESERVED_GDT, 2) + 2 +
			little(sb + EXT4_INODES_PER_GROUP, 4) * little(sb + EXT4_INODE_SIZE, 2) /
				ret->block +
			50;
}

/* fs/xfs/libxfs/xfs_format.h, struct xfs_dsb: magic, block size, blocks */
static void take_xfs(const unsigned char *sb, struct superblock *ret)
{
	if (memcmp(sb, "XFSB", 4) != 0)
		return;
	ret->block = (uint32_t)big(sb + 4, 4);
	ret->bytes = big(sb + 8, 8) * ret->block;
	ret->clean = true;
}

int superblock_read(int fd, const char *type, struct superblock *ret)
{
	unsigned char sb[1024];
	bool xfs = strcmp(type, "xfs") == 0;

	*ret = (struct superblock){ 0 };
	if (!xfs && strncmp(type, "ext", 3) != 0)
		return 0;
	ssize_t len = sys_pread(fd, sb, sizeof(sb), xfs ? 0 : 1024);
	if (len != sizeof(sb))
		return len < 0 ? (int)len : -EIO;
	if (xfs)
		take_xfs(sb, ret);
	else
		take_ext4(sb, ret);
	return 0;
}
