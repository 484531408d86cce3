#include "layer_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "overlay_marks.h"
#include "sys.h"
#include "text.h"

#define WH_PREFIX ".wh."
#define WH_OPAQUE ".wh..wh..opq"

/* Longer than any name of a file system that can be a layer; squashfs has names of 256 bytes. */
#define NAME_SIZE 512

struct lister {
	int fd;
	enum layer_notation notation;
	bool xattr_whiteouts; /* trusted.overlay.opaque is "x" */
	struct layer_list list;
	size_t entries_size, names_len, names_size;
};

static int add_entry(struct lister *l, const char *name, unsigned char type)
{
	struct layer_list *list = &l->list;
	size_t len = strlen(name) + 1;

	if (list->count == l->entries_size) {
		size_t size = l->entries_size ? l->entries_size * 2 : 64;
		void *more = realloc(list->entries, size * sizeof(*list->entries));
		if (!more)
			return -ENOMEM;
		list->entries = more;
		l->entries_size = size;
	}
	if (l->names_len + len > l->names_size) {
		size_t size = l->names_size ? l->names_size * 2 : 4096;
		void *more = size < UINT32_MAX ? realloc(list->names, size) : NULL;
		if (!more)
			return -ENOMEM;
		list->names = more;
		l->names_size = size;
	}
	memcpy(list->names + l->names_len, name, len);
	list->entries[list->count++] =
		(struct layer_entry){ .name = (uint32_t)l->names_len, .type = type };
	l->names_len += len;
	return 0;
}

/* As the path of a system call that has no variant for a directory's descriptor. */
static int is_xattr_whiteout(int dir, const char *name, const struct stat *st)
{
	char path[NAME_SIZE + 32];
	struct builder b;

	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/proc/self/fd/%d/%s", dir, name);
	return b.overflow ? -ENAMETOOLONG : overlay_is_xattr_whiteout(path, st);
}

/* 1, 0 or -errno. ATTRIBUTES: also those that are no device. */
static int is_whiteout(int dir, const char *name, const struct stat *st, bool attributes)
{
	if (overlay_is_whiteout(st))
		return 1;
	return attributes ? is_xattr_whiteout(dir, name, st) : 0;
}

/* Only what readdir leaves open is asked for: which kind of device, and a type that it does not know. */
static int add_dirent(struct lister *l, const struct dirent *e)
{
	unsigned char type = e->d_type;
	struct stat st;

	if (l->notation == NOTATION_WH && strncmp(e->d_name, WH_PREFIX, strlen(WH_PREFIX)) == 0) {
		if (strcmp(e->d_name, WH_OPAQUE) == 0)
			l->list.opaque = true;
		/* Others that begin with .wh..wh. are bookkeeping of aufs. */
		return strncmp(e->d_name, WH_PREFIX WH_PREFIX, 2 * strlen(WH_PREFIX)) == 0
			       ? 0
			       : add_entry(l, e->d_name + strlen(WH_PREFIX), DT_WHT);
	}
	if (type == DT_UNKNOWN || type == DT_CHR || (type == DT_REG && l->xattr_whiteouts)) {
		int r = sys_fstatat(l->fd, e->d_name, &st);
		if (r < 0)
			return r;
		type = (unsigned char)IFTODT(st.st_mode);
		if (l->notation == NOTATION_OVERLAY)
			r = is_whiteout(l->fd, e->d_name, &st, l->xattr_whiteouts);
		if (r < 0)
			return r;
		type = r > 0 ? DT_WHT : type;
	}
	return add_entry(l, e->d_name, type);
}

static int read_entries(struct lister *l)
{
	_Alignas(struct dirent) char buffer[8192];
	ssize_t len;

	while ((len = sys_getdents(l->fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < len;) {
			const struct dirent *e = (const struct dirent *)(const void *)(buffer + at);
			at += e->d_reclen;
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			int r = strlen(e->d_name) < NAME_SIZE ? add_dirent(l, e) : -ENAMETOOLONG;
			if (r < 0)
				return r;
		}
	}
	return (int)len;
}

/* A whiteout comes after what has its name. */
static int compare(const void *a, const void *b, void *names)
{
	const struct layer_entry *x = a, *y = b;
	int r = strcmp((const char *)names + x->name, (const char *)names + y->name);

	return r ? r : (x->type == DT_WHT) - (y->type == DT_WHT);
}

static void sort(struct layer_list *l)
{
	size_t kept = 0;

	if (l->count > 0)
		qsort_r(l->entries, l->count, sizeof(*l->entries), compare, l->names);
	for (size_t i = 0; i < l->count; i++) {
		if (kept > 0 && strcmp(layer_list_name(l, kept - 1), layer_list_name(l, i)) == 0)
			l->entries[kept - 1].replaces = l->entries[kept - 1].type != DT_WHT;
		else
			l->entries[kept++] = l->entries[i];
	}
	l->count = kept;
}

int layer_list_is_opaque(int root, const char *path, enum layer_notation notation)
{
	struct stat st;
	int fd = sys_open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	/* No directory hides nothing. */
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
	int r = notation == NOTATION_WH ? sys_fstatat(fd, WH_OPAQUE, &st) : overlay_is_opaque(fd);
	(void)sys_close(fd);
	if (notation == NOTATION_WH)
		return r == 0 ? 1 : r == -ENOENT ? 0 : r;
	return r;
}

int layer_list(int root, const char *path, enum layer_notation notation, struct layer_list *ret)
{
	struct lister l = { .notation = notation };
	char mark = '\0';

	l.fd = sys_open_in_root(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (l.fd < 0)
		return l.fd;
	int r = notation == NOTATION_OVERLAY ? overlay_opaque(l.fd, &mark) : 0;
	l.list.opaque = mark == 'y';
	l.xattr_whiteouts = mark == 'x';
	if (r == 0)
		r = read_entries(&l);
	(void)sys_close(l.fd);
	if (r < 0) {
		layer_list_free(&l.list);
		return r;
	}
	sort(&l.list);
	*ret = l.list;
	return 0;
}

void layer_list_free(struct layer_list *l)
{
	free(l->entries);
	free(l->names);
	*l = (struct layer_list){ 0 };
}

int layer_list_look(int dir, const char *name, enum layer_notation notation, struct stat *ret)
{
	char mark[NAME_SIZE];
	struct builder b;
	struct stat st;
	int r = sys_fstatat(dir, name, &st);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		r = notation == NOTATION_OVERLAY ? is_whiteout(dir, name, &st, true) : 0;
		if (r != 0)
			return r < 0 ? r : LAYER_SAYS_DELETED;
		*ret = st;
		return LAYER_SAYS_PRESENT;
	}
	builder_start(&b, mark, sizeof(mark));
	builder_addf(&b, WH_PREFIX "%s", name);
	if (notation == NOTATION_WH && !b.overflow && sys_fstatat(dir, mark, &st) == 0)
		return LAYER_SAYS_DELETED;
	return LAYER_SAYS_NOTHING;
}

ssize_t layer_list_symlink(int root, const char *path, char *ret, size_t size)
{
	int fd = sys_open_in_root(root, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	ssize_t len = sys_readlinkat(fd, "", ret, size);
	(void)sys_close(fd);
	if (len < 0)
		return len;
	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	ret[len] = '\0';
	return len;
}
