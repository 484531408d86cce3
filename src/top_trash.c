#include "top_trash.h"

#include <errno.h>
#include <string.h>

#include "entries.h"
#include "sys.h"

struct trash {
	struct entries top; /* DIR/trash */
	dev_t device;
	unsigned number; /* of the last name given */
};

/* A new name in TO; a rename onto a directory that is not empty fails, and one onto an empty one is as good. */
static int lift(int from, const char *name, int to, unsigned *number)
{
	char new_name[24];
	struct builder b;
	int r;

	do {
		builder_start(&b, new_name, sizeof(new_name));
		builder_addf(&b, "%u", ++*number);
		r = sys_renameat(from, name, to, new_name);
	} while (r == -ENOTEMPTY || r == -EEXIST || r == -ENOTDIR);
	return r;
}

int trash_take(int dir, const char *name)
{
	unsigned number = 0;
	struct stat st;
	int r = sys_fstatat(dir, name, &st);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = sys_mkdirat(dir, "trash", 0700);
	if (r < 0 && r != -EEXIST)
		return r;
	int trash = sys_openat(dir, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (trash < 0)
		return trash;
	r = lift(dir, name, trash, &number);
	if (r == 0)
		r = sys_fsync(trash);
	(void)sys_close(trash);
	return r < 0 ? r : sys_fsync(dir);
}

/* 1: it is a directory with something in it. */
static int delete (int dir, const char *name)
{
	int r = sys_unlinkat(dir, name, false);

	if (r == -EISDIR)
		r = sys_unlinkat(dir, name, true);
	return r == -ENOTEMPTY || r == -EEXIST ? 1 : r;
}

static int is_same_device(const struct trash *t, int fd)
{
	struct stat st;
	int r = sys_fstat(fd, &st);

	return r < 0 ? r : st.st_dev == t->device ? 0 : -EXDEV;
}

/* Deletes what is in the directory NAME of the trash; directories that are not empty go up beside it. */
static int flatten(struct trash *t, const char *name)
{
	const char *entry;
	struct entries level;
	int r = entries_open(&level, t->top.fd, name);

	if (r == 0)
		r = is_same_device(t, level.fd);
	while (r == 0 && (entry = entries_next(&level, &r))) {
		r = delete (level.fd, entry);
		if (r == 1)
			r = lift(level.fd, entry, t->top.fd, &t->number);
	}
	entries_close(&level);
	return r;
}

/* 1: there was something; entries that come while a directory is read may or may not be seen. */
static int pass(struct trash *t, int dir)
{
	const char *entry;
	struct stat st = { 0 };
	bool any = false;
	int r = entries_open(&t->top, dir, "trash");

	if (r == 0)
		r = sys_fstat(t->top.fd, &st);
	t->device = st.st_dev;
	while (r == 0 && (entry = entries_next(&t->top, &r))) {
		any = true;
		r = delete (t->top.fd, entry);
		if (r == 1)
			r = flatten(t, entry);
	}
	entries_close(&t->top);
	return r < 0 ? r : any;
}

int trash_empty(int dir)
{
	struct trash t = { 0 };
	int r;

	do
		r = pass(&t, dir);
	while (r == 1);
	/* It stays itself: a reset of a full disk needs it. */
	return r == -ENOENT ? 0 : r;
}
