#include "volume_examine.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "child.h"
#include "disks.h"
#include "sys.h"
#include "volume_superblock.h"

/* mkfs.xfs zeroes the last 128 KiB of a disk whatever size it is told: not there. */
const char volume_mark[VOLUME_SECTOR] = "layerboot: this disk was being formatted\n";

static int is_zero(int fd, uint64_t from, uint64_t to)
{
	/* Not on the stack, and not constant: zeros would stand in the program. */
	static char buffer[64 << 10];

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
	char sector[VOLUME_SECTOR];

	if (size < 2 * VOLUME_RESERVE)
		return 0;
	ssize_t len = sys_pread(fd, sector, sizeof(sector), (off_t)(size - VOLUME_RESERVE));
	return len < 0 ? (int)len
		       : len == sizeof(sector) && memcmp(sector, volume_mark, sizeof(sector)) == 0;
}

/*
 * The first sectors are what mkfs.ext4 with blocks of 4 KiB and mkfs.xfs write there, each of them or none: partition
 * tables, LUKS, LVM, swap, FAT and NTFS have their own in one of these. An ext4's superblock is two of them.
 */
static int starts_as_ours(int fd)
{
	static const struct {
		unsigned sector, offset;
		const char *magic;
	} ours[] = { { 0, 0, "XFSB" },
		     { 1, 0, "XAGF" },
		     { 2, 0, "XAGI" },
		     { 2, 56, "\x53\xef" },
		     { 3, 0, "" } };
	char start[8 * VOLUME_SECTOR];
	ssize_t len = sys_pread(fd, start, sizeof(start), 0);

	if (len != sizeof(start))
		return len < 0 ? (int)len : -EIO;
	for (unsigned i = 0; i < 8; i++) {
		const char *at = start + (size_t)i * VOLUME_SECTOR;
		bool good = at[0] == '\0' && memcmp(at, at + 1, VOLUME_SECTOR - 1) == 0;
		for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
			good |= ours[k].sector == i && memcmp(at + ours[k].offset, ours[k].magic,
							      strlen(ours[k].magic)) == 0;
		if (!good)
			return 0;
	}
	return 1;
}

/* Where a disk holds something else or more than a broken-off mkfs leaves, a mark is somebody's data. */
static int is_torn(int fd, uint64_t size, const char *signature)
{
	static const char *const ours[] = { "", "ext2", "ext3", "ext4", "xfs" };
	struct superblock sb;
	int r = has_mark(fd, size);

	if (r > 0)
		r = starts_as_ours(fd);
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

static int is_blank(int fd, uint64_t size)
{
	uint64_t start = size < VOLUME_START ? size : VOLUME_START;
	uint64_t end = size < VOLUME_RESERVE ? 0 : size - VOLUME_RESERVE;
	int r = is_zero(fd, 0, start);

	return r > 0 ? is_zero(fd, end, size) : r;
}

/* What FD holds beside or instead of *D: 1 and its name, 0, or -errno. */
static int find_other(int fd, const struct disk *d, char signature[24])
{
	int found = disk_signature(fd, signature);

	if (found != 0 || !d->type[0])
		return found;
	/* Of the types that may be looked for. */
	memcpy(signature, d->type, sizeof(d->type));
	return 1;
}

/* A negative state is an error. */
static int look(int fd, uint64_t size, char type[24], struct builder *words)
{
	struct disk d = { 0 };
	char signature[24] = "";
	int found, torn, r = disk_probe(fd, 0, 0, &d);

	if (r < 0)
		return r;
	found = find_other(fd, &d, signature);
	torn = found < 0 ? found : is_torn(fd, size, signature);
	if (torn != 0)
		return torn < 0 ? torn : VOLUME_TORN;
	if (!d.ambivalent && is_supported(d.type)) {
		memcpy(type, d.type, sizeof(d.type));
		return VOLUME_FILESYSTEM;
	}
	if (found || d.ambivalent) {
		builder_addf(words, "it holds %s",
			     d.ambivalent   ? "more than one file system"
			     : signature[0] ? signature
					    : "something");
		return VOLUME_FOREIGN;
	}
	r = is_blank(fd, size);
	if (r == 0)
		builder_add(words, "it holds data of an unknown kind");
	return r < 0 ? r : r > 0 ? VOLUME_BLANK : VOLUME_FOREIGN;
}

struct subject {
	int fd;
	uint64_t size;
};

/* Answers with a line that is the type, and the words. */
static int work_look(void *arg, struct builder *answer)
{
	const struct subject *s = arg;
	char type[24] = "", said[256] = "";
	struct builder words;
	int r = child_confine();

	builder_start(&words, said, sizeof(said));
	if (r == 0)
		r = look(s->fd, s->size, type, &words);
	builder_addf(answer, "%s\n%s", type, said);
	return r;
}

int volume_examine_open(int fd, uint64_t size, enum volume_state *ret, char type[24],
			struct builder *words)
{
	const int64_t patience_ms = 60000;
	struct subject s = { .fd = fd, .size = size };
	char text[512];
	struct builder answer, to;

	builder_start(&answer, text, sizeof(text));
	int r = child_run(work_look, &s, patience_ms, &answer);
	if (r < 0)
		return r;
	struct slice rest = { answer.at, answer.len }, line = { 0 };
	(void)slice_next(&rest, '\n', &line);
	builder_start(&to, type, 24);
	builder_add_slice(&to, line);
	builder_add_slice(words, rest);
	*ret = (enum volume_state)r;
	return 0;
}

int volume_examine(const char *path, enum volume_state *ret, char type[24], struct builder *words)
{
	uint64_t size;
	int fd = sys_open(path, O_RDONLY);

	if (fd < 0)
		return fd;
	int r = sys_ioctl(fd, BLKGETSIZE64, &size);
	if (r == 0)
		r = volume_examine_open(fd, size, ret, type, words);
	(void)sys_close(fd);
	return r;
}
