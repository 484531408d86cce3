#include "top.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "directory_copy.h"
#include "entries.h"
#include "sys.h"
#include "top_move.h"
#include "top_trash.h"

static int failed(struct builder *words, const char *what, int error)
{
	if (error < 0)
		builder_addf(words, "%s%s", words->len ? "; " : "", what);
	return error;
}

static int is_empty(int dir, const char *name)
{
	struct entries e;
	int r = entries_open(&e, dir, name);

	if (r == 0 && !entries_next(&e, &r))
		r = r == 0 ? 1 : r;
	entries_close(&e);
	return r;
}

static int read_stamp(int dir, char stamp[TOP_STAMP_MAX])
{
	size_t len = 0;
	ssize_t r;
	int fd = sys_openat(dir, "stamp", O_RDONLY | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	while ((r = sys_read(fd, stamp + len, TOP_STAMP_MAX - len)) > 0) {
		len += (size_t)r;
		if (len == TOP_STAMP_MAX)
			break;
	}
	(void)sys_close(fd);
	if (r < 0)
		return (int)r;
	if (len == 0 || len == TOP_STAMP_MAX || memchr(stamp, '\0', len))
		return -EUCLEAN;
	stamp[len] = '\0';
	return 0;
}

static int read_top(int dir, struct top_state *ret, struct builder *words)
{
	int r = failed(words, "finishing a park or reset that was broken off",
		       top_finish_move(dir));

	if (r < 0)
		return r;
	ret->trash = is_empty(dir, "trash") == 0;
	int upper = top_has(dir, "upper");
	if (upper < 0)
		return failed(words, "upper", upper);
	r = read_stamp(dir, ret->stamp);
	ret->used = upper && r == 0;
	if (r != -ENOENT)
		return failed(words, "stamp: not a text as layerboot writes it", r);
	r = upper ? is_empty(dir, "upper") : 1;
	if (r < 0)
		return failed(words, "upper", r);
	if (r == 0)
		return failed(words, "upper is not empty and has no stamp: not made by layerboot",
			      -EUCLEAN);
	return 0;
}

int top_read(const char *dir, struct top_state *ret, struct builder *words)
{
	int fd = sys_open(dir, O_RDONLY | O_DIRECTORY);

	ret->used = ret->trash = false;
	ret->stamp[0] = '\0';
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int r = read_top(fd, ret, words);
	(void)sys_close(fd);
	return r;
}

/* DIR with its parents. */
static int make_path(const char *dir)
{
	char path[PATH_MAX];
	size_t len = strlen(dir);

	if (len >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		int r = sys_mkdir(path, 0755);
		if (r < 0 && r != -EEXIST)
			return r;
		path[i] = dir[i];
	}
	return 0;
}

static int copy_root(int dir, const char *like)
{
	struct stat st;
	int from = sys_open(like, O_RDONLY | O_DIRECTORY), to = -1;

	if (from < 0)
		return from;
	int r = sys_fstat(from, &st);
	if (r == 0)
		r = to = top_open_below(dir, "upper");
	if (to >= 0) {
		r = directory_copy(from, &st, to);
		(void)sys_close(to);
	}
	(void)sys_close(from);
	return r;
}

static int prepare(int dir, const char *like, struct builder *words)
{
	int r = failed(words, "upper", top_make_directory(dir, "upper", 0755));

	if (r == 0)
		r = failed(words, "work", top_make_directory(dir, "work", 0755));
	/* So that a reset of a full disk needs no new block. */
	if (r == 0)
		r = failed(words, "trash", top_make_directory(dir, "trash", 0700));
	if (r < 0)
		return r;
	r = top_has(dir, "stamp");
	return r == 0 ? failed(words, "copying owner and mode of the root", copy_root(dir, like))
		      : failed(words, "stamp", r < 0 ? r : 0);
}

int top_prepare(const char *dir, const char *like, struct builder *words)
{
	int r = make_path(dir);
	int fd = r < 0 ? r : sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return failed(words, dir, fd);
	r = prepare(fd, like, words);
	(void)sys_close(fd);
	return r;
}

static int write_stamp(int dir, const char *stamp)
{
	size_t len = strlen(stamp), done = 0;
	int fd = sys_openat_mode(dir, "stamp.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fd;
	int r = 0;
	while (done < len && r == 0) {
		ssize_t n = sys_write(fd, stamp + done, len - done);
		r = n < 0 ? (int)n : 0;
		done += n < 0 ? 0 : (size_t)n;
	}
	if (r == 0)
		r = sys_fsync(fd);
	(void)sys_close(fd);
	if (r == 0)
		r = sys_renameat(dir, "stamp.new", dir, "stamp");
	if (r < 0)
		(void)sys_unlinkat(dir, "stamp.new", false);
	return r;
}

int top_stamp(const char *dir, const char *stamp, struct builder *words)
{
	size_t len = strlen(stamp);
	int fd;

	if (len == 0 || len >= TOP_STAMP_MAX)
		return failed(words, "stamp", -EINVAL);
	fd = sys_open(dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return failed(words, dir, fd);
	int r = write_stamp(fd, stamp);
	if (r == 0)
		r = sys_fsync(fd);
	(void)sys_close(fd);
	return failed(words, "writing the stamp", r);
}

int top_park(const char *dir, struct builder *words)
{
	char name[24];
	int fd = sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return failed(words, dir, fd);
	int r = top_move_to_park(fd, name);
	/* What overlay left in it belongs to the upper that has gone. */
	if (r == 0)
		r = trash_take(fd, "work");
	(void)sys_close(fd);
	if (r == 0)
		builder_addf(words, "parked/%s", name);
	return failed(words, "parking the top", r);
}

int top_reset(const char *dir, struct builder *words)
{
	int fd = sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : failed(words, dir, fd);
	int r = failed(words, "putting the top into the trash", top_move_to_trash(fd));
	(void)sys_close(fd);
	return r < 0 ? r : top_clean(dir, words);
}

int top_clean(const char *dir, struct builder *words)
{
	int fd = sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : failed(words, dir, fd);
	int r = failed(words, "deleting the trash", trash_empty(fd));
	(void)sys_close(fd);
	return r;
}
