#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "directory_copy.h"
#include "sys.h"

#define DEEPEST 128

struct copying {
	struct builder *words;
	int depth;
};

static int copy_any(struct copying *c, int from, const char *name, int to, const char *new_name);

static int copy_content(int in, int out)
{
	char buffer[65536];
	ssize_t len;

	while ((len = sys_read(in, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0; done < len;) {
			ssize_t n = sys_write(out, buffer + done, (size_t)(len - done));
			if (n < 0)
				return (int)n;
			done += n;
		}
	return (int)len;
}

static int copy_file(int from, const char *name, int to, const char *new_name)
{
	struct stat st;
	int in = sys_openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	if (in < 0)
		return in;
	int out = sys_openat_mode(to, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	int r = out < 0 ? out : sys_fstat(in, &st);
	if (r >= 0)
		r = copy_content(in, out);
	/* The attributes of a file are those of a directory; owner and mode come after the content. */
	if (r >= 0)
		r = directory_copy(in, &st, out);
	if (r >= 0)
		r = sys_fsync(out);
	if (out >= 0)
		(void)sys_close(out);
	(void)sys_close(in);
	return r;
}

static int copy_symlink(int from, const char *name, int to, const char *new_name,
			const struct stat *st)
{
	char target[4096];
	ssize_t len = sys_readlinkat(from, name, target, sizeof(target) - 1);

	if (len < 0)
		return (int)len;
	target[len] = '\0';
	int r = sys_symlinkat(target, to, new_name);
	return r < 0 ? r : sys_fchownat(to, new_name, st->st_uid, st->st_gid);
}

static int copy_entries(struct copying *c, int from, int to)
{
	char buffer[4096];
	ssize_t len;

	while ((len = sys_getdents(from, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < len;) {
			struct dirent *e = (struct dirent *)(void *)(buffer + at);
			at += e->d_reclen;
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			int r = copy_any(c, from, e->d_name, to, e->d_name);
			if (r < 0)
				return r;
		}
	}
	return (int)len;
}

static int copy_directory(struct copying *c, int from, const char *name, int to,
			  const char *new_name)
{
	struct stat st;
	int in = -1, out = -1;
	int r = c->depth == DEEPEST ? -ELOOP : sys_mkdirat(to, new_name, 0700);

	if (r < 0)
		return r;
	c->depth++;
	in = sys_openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	out = sys_openat(to, new_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	r = in < 0 ? in : out < 0 ? out : sys_fstat(in, &st);
	if (r >= 0)
		r = copy_entries(c, in, out);
	if (r >= 0)
		r = directory_copy(in, &st, out);
	if (r >= 0)
		r = sys_fsync(out);
	if (in >= 0)
		(void)sys_close(in);
	if (out >= 0)
		(void)sys_close(out);
	c->depth--;
	return r;
}

static int copy_any(struct copying *c, int from, const char *name, int to, const char *new_name)
{
	struct stat st;
	int r = sys_fstatat(from, name, &st);

	if (r >= 0 && S_ISDIR(st.st_mode))
		r = copy_directory(c, from, name, to, new_name);
	else if (r >= 0 && S_ISREG(st.st_mode))
		r = copy_file(from, name, to, new_name);
	else if (r >= 0 && S_ISLNK(st.st_mode))
		r = copy_symlink(from, name, to, new_name, &st);
	if (r < 0 && c->words->len == 0)
		builder_addf(c->words, "copying %s", name);
	return r < 0 ? r : 0;
}

int copy_entry(int from, const char *name, int to, const char *new_name, struct builder *words)
{
	struct copying c = { .words = words };
	int r = copy_any(&c, from, name, to, new_name);

	return r < 0 ? r : sys_fsync(to);
}
