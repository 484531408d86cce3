#include "layer_compare.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sys.h"

static int open_file(const struct guest_directory *d, const char *path)
{
	/* A fifo in its place, by a race in the top, would block. */
	return sys_open_beneath(d->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

static ssize_t read_full(int fd, char *buffer, size_t size)
{
	size_t len = 0;
	ssize_t r = 1;

	while (len < size && r > 0) {
		r = sys_read(fd, buffer + len, size - len);
		if (r < 0)
			return r;
		len += (size_t)r;
	}
	return (ssize_t)len;
}

/* 1: the contents differ, 0, or -errno. */
static int compare_contents(int over, int under)
{
	static char buffers[2][65536];

	for (;;) {
		ssize_t a = read_full(over, buffers[0], sizeof(buffers[0]));
		ssize_t b = read_full(under, buffers[1], sizeof(buffers[1]));
		if (a < 0 || b < 0)
			return (int)(a < 0 ? a : b);
		if (a != b || memcmp(buffers[0], buffers[1], (size_t)a) != 0)
			return 1;
		if (a == 0)
			return 0;
	}
}

static int compare_files(const struct guest_directory *over, const struct guest_directory *under,
			 const char *path)
{
	int a = open_file(over, path);
	int b = a < 0 ? a : open_file(under, path);
	int r = b < 0 ? b : compare_contents(a, b);

	if (a >= 0)
		(void)sys_close(a);
	if (b >= 0)
		(void)sys_close(b);
	return r;
}

static ssize_t read_link(const struct guest_directory *d, const char *path, char *target,
			 size_t size)
{
	int fd = sys_open_beneath(d->fd, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	ssize_t len = sys_readlinkat(fd, "", target, size);
	(void)sys_close(fd);
	return len;
}

static int compare_links(const struct guest_directory *over, const struct guest_directory *under,
			 const char *path)
{
	static char targets[2][PATH_MAX];
	ssize_t a = read_link(over, path, targets[0], PATH_MAX);
	ssize_t b = read_link(under, path, targets[1], PATH_MAX);

	if (a < 0 || b < 0)
		return (int)(a < 0 ? a : b);
	return a != b || memcmp(targets[0], targets[1], (size_t)a) != 0;
}

int layer_compare(const struct guest_directory *over, const struct entry *over_entry,
		  const struct guest_directory *under, const struct entry *under_entry,
		  const char *path)
{
	const struct stat *a = &over_entry->st, *b = &under_entry->st;

	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return 1;
	if (S_ISREG(a->st_mode))
		return a->st_size != b->st_size ? 1 : compare_files(over, under, path);
	if (S_ISLNK(a->st_mode))
		return compare_links(over, under, path);
	return a->st_rdev != b->st_rdev;
}
