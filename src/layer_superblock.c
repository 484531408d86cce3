#include "layer_superblock.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "sys.h"

static uint64_t little_endian(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

int layer_is_dirty(int fd, uint64_t offset, const char *type)
{
	bool ext4 = strcmp(type, "ext4") == 0;
	unsigned char sb[1024];

	if (!ext4 && strcmp(type, "btrfs") != 0)
		return 0;
	ssize_t len = sys_pread(fd, sb, sizeof(sb), (off_t)offset + (ext4 ? 1024 : 65536));
	if (len != sizeof(sb))
		return len < 0 ? (int)len : -EIO;
	/* fs/ext4/ext4.h: s_state at 0x3a, bit 0 is clean; s_feature_incompat at 0x60, bit 2 is recover */
	if (ext4)
		return !(little_endian(sb + 0x3a, 2) & 1) || (little_endian(sb + 0x60, 4) & 4);
	/* btrfs_tree.h: log_root at 96 of the superblock, which is at 64 KiB; 0 when there is no log tree */
	return little_endian(sb + 96, 8) != 0;
}

/* Where each type keeps its superblock, and with it times, sizes, UUID and checksums of the image. */
static const struct {
	const char *type;
	off_t offset;
} superblocks[] = {
	{ "squashfs", 0 }, { "erofs", 0 },     { "ext4", 0 },
	{ "xfs", 0 },      { "btrfs", 65536 }, { "iso9660", 32768 },
};

/* A product does not carry what is high in a word to what is low. */
static uint64_t add_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x100000001b3;
	return hash ^ hash >> 32;
}

/* As FNV-1a, eight bytes at a time: told apart are images, not forgeries. */
static uint64_t hash_words(const unsigned char *at, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325, word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = add_word(hash, le64toh(word));
	}
	return len > 0 ? add_word(hash, little_endian(at, len)) : hash;
}

static void print_digest(uint64_t hash, char ret[24])
{
	memcpy(ret, "sb-", 3);
	for (size_t i = 0; i < 16; i++)
		ret[3 + i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
	ret[19] = '\0';
}

int layer_digest(int fd, uint64_t offset, const char *type, char ret[24])
{
	unsigned char block[4096];

	ret[0] = '\0';
	for (size_t i = 0; i < sizeof(superblocks) / sizeof(superblocks[0]); i++) {
		if (strcmp(type, superblocks[i].type) != 0)
			continue;
		/* A small image ends before. */
		ssize_t len =
			sys_pread(fd, block, sizeof(block), (off_t)offset + superblocks[i].offset);
		if (len <= 0)
			return len < 0 ? (int)len : -EIO;
		print_digest(hash_words(block, (size_t)len), ret);
	}
	return 0;
}
