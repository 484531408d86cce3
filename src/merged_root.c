#include "merged_root.h"

#include <errno.h>
#include <string.h>

#include "file.h"
#include "sys.h"
#include "text.h"

static int path_of(int fd, char *path, size_t size)
{
	char link[40];

	text_print(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = sys_readlink(link, path, size - 1);
	if (len < 0)
		return (int)len;
	path[len] = '\0';
	if (strcmp(path, "/") == 0)
		path[0] = '\0';
	return 0;
}

static int mount_of(int fd, uint64_t *ret)
{
	static const char key[] = "mnt_id:";
	char path[40], text[512];
	struct slice rest, line;

	text_print(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	ssize_t len = file_read(path, text, sizeof(text));
	if (len < 0)
		return (int)len;
	rest = (struct slice){ .at = text, .len = (size_t)len };
	while (slice_next(&rest, '\n', &line))
		if (slice_starts(line, key)) {
			line.at += sizeof(key) - 1;
			line.len -= sizeof(key) - 1;
			return text_number(slice_trim(line), UINT32_MAX, ret);
		}
	return -ENOTSUP;
}

int place_open(const char *path, struct place *ret)
{
	ret->fd = sys_open(path, O_PATH | O_DIRECTORY);
	if (ret->fd < 0)
		return ret->fd;
	int r = path_of(ret->fd, ret->path, sizeof(ret->path));
	return r < 0 ? r : mount_of(ret->fd, &ret->mount);
}

void place_close(struct place *p)
{
	if (p->fd >= 0)
		(void)sys_close(p->fd);
}

/* PATH as it is below the merged root: -EXDEV when it is outside. */
static int strip_root(const struct place *p, char *path)
{
	size_t len = strlen(p->path);

	if (strncmp(path, p->path, len) != 0 || (path[len] && path[len] != '/'))
		return -EXDEV;
	memmove(path, path + len, strlen(path + len) + 1);
	return 0;
}

static int make_absolute(const struct place *p, const char *path, char *ret, size_t size)
{
	struct builder b;
	int r = 0;

	builder_start(&b, ret, size);
	if (*path != '/') {
		int fd = sys_open(".", O_PATH | O_DIRECTORY);
		r = fd < 0 ? fd : path_of(fd, ret, size);
		if (fd >= 0)
			(void)sys_close(fd);
		if (r == 0)
			r = strip_root(p, ret);
		b.len = strlen(ret);
		builder_add(&b, "/");
	}
	builder_add(&b, path);
	return r == 0 && b.overflow ? -ENAMETOOLONG : r;
}

static int find_open(const struct place *p, int fd, struct found *ret)
{
	struct stat st;
	int r = sys_fstat(fd, &st);

	if (r == 0)
		r = path_of(fd, ret->path, sizeof(ret->path));
	if (r == 0)
		r = mount_of(fd, &ret->mount);
	if (r == 0)
		r = strip_root(p, ret->path);
	if (r == 0)
		ret->symlink = S_ISLNK(st.st_mode);
	return r;
}

int place_find(const struct place *p, const char *asked, bool follow, struct found *ret)
{
	char path[PATH_MAX], parent[PATH_MAX];
	int flags = O_PATH | (follow ? 0 : O_NOFOLLOW), fd;
	int r = make_absolute(p, asked, path, sizeof(path));

	if (r < 0)
		return r;
	memcpy(parent, path, sizeof(parent));
	while ((fd = sys_open_in_root(p->fd, *parent ? parent : "/", flags)) == -ENOENT ||
	       fd == -ENOTDIR) {
		char *slash = strrchr(parent, '/');
		if (!slash)
			return fd;
		*slash = '\0';
		flags = O_PATH;
	}
	if (fd < 0)
		return fd;
	r = find_open(p, fd, ret);
	(void)sys_close(fd);
	const char *rest = path + strlen(parent);
	ret->exists = *rest == '\0';
	size_t at = strlen(ret->path);
	if (r == 0 && at + strlen(rest) >= sizeof(ret->path))
		return -ENAMETOOLONG;
	if (r == 0)
		memcpy(ret->path + at, rest, strlen(rest) + 1);
	return r;
}

void place_add_mount(uint64_t mount, struct builder *b)
{
	static char text[1 << 18];
	struct slice rest = { 0 }, line, fields[64];
	uint64_t number;
	ssize_t len = file_read("/proc/self/mountinfo", text, sizeof(text));

	if (len >= 0)
		rest = (struct slice){ .at = text, .len = (size_t)len };
	while (slice_next(&rest, '\n', &line)) {
		size_t count = 0, dash = 0;
		while (count < 64 && slice_next(&line, ' ', &fields[count])) {
			if (slice_is(fields[count], "-"))
				dash = count;
			count++;
		}
		if (dash < 5 || dash + 1 >= count ||
		    text_number(fields[0], UINT32_MAX, &number) < 0 || number != mount)
			continue;
		builder_add_slice(b, fields[dash + 1]);
		builder_add(b, " on ");
		builder_add_slice(b, fields[4]);
		return;
	}
	builder_add(b, "another mount");
}
