#include "check_upgrade.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "layer_list.h"
#include "sys.h"

struct walk {
	const struct upgrade *u;
	char path[PATH_MAX];
	size_t len;
};

/* A path on one side; st.st_mode is 0 where there is nothing. */
struct side {
	int root;
	struct stat st;
};

static bool exists(const struct side *s)
{
	return s->st.st_mode != 0;
}

static bool is_directory(const struct side *s)
{
	return S_ISDIR(s->st.st_mode);
}

/* PARENT: whether this side has a directory there, through which the path may be looked up. */
static int look(const struct walk *w, int root, bool parent, struct side *ret)
{
	*ret = (struct side){ .root = root };
	if (!parent)
		return 0;
	int r = sys_fstatat(root, w->path + 1, &ret->st);
	if (r == 0 && S_ISCHR(ret->st.st_mode) && ret->st.st_rdev == 0)
		ret->st.st_mode = 0;
	if (r == -ENOENT)
		ret->st.st_mode = 0;
	return r == -ENOENT ? 0 : r;
}

static ssize_t read_full(int fd, char *buffer, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t r = sys_read(fd, buffer + len, size - len);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		len += (size_t)r;
	}
	return (ssize_t)len;
}

/* 1: the same bytes, 0: not, or -errno. */
static int same_content(int a, int b)
{
	static char first[65536], second[65536];

	for (;;) {
		ssize_t len = read_full(a, first, sizeof(first));
		ssize_t other = read_full(b, second, sizeof(second));
		if (len < 0 || other < 0)
			return (int)(len < 0 ? len : other);
		if (len != other || memcmp(first, second, (size_t)len) != 0)
			return 0;
		if (len == 0)
			return 1;
	}
}

static int same_file(const struct walk *w, int a_root, int b_root)
{
	int a = sys_open_in_root(a_root, w->path + 1, O_RDONLY | O_NOFOLLOW);
	int b = sys_open_in_root(b_root, w->path + 1, O_RDONLY | O_NOFOLLOW);
	int r = a < 0 ? a : b < 0 ? b : same_content(a, b);

	if (a >= 0)
		(void)sys_close(a);
	if (b >= 0)
		(void)sys_close(b);
	return r;
}

static int same_target(const struct walk *w, int a_root, int b_root)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t r = layer_list_symlink(a_root, w->path + 1, a, sizeof(a));

	if (r >= 0)
		r = layer_list_symlink(b_root, w->path + 1, b, sizeof(b));
	return r < 0 ? (int)r : strcmp(a, b) == 0;
}

static bool same_owner(const struct side *a, const struct side *b)
{
	return a->st.st_mode == b->st.st_mode && a->st.st_uid == b->st.st_uid &&
	       a->st.st_gid == b->st.st_gid;
}

/* 1: the same (of a directory itself, not of what it holds), 0: not, or -errno. */
static int same(const struct walk *w, const struct side *a, const struct side *b)
{
	if (!same_owner(a, b))
		return 0;
	if (S_ISREG(a->st.st_mode))
		return a->st.st_size == b->st.st_size ? same_file(w, a->root, b->root) : 0;
	if (S_ISLNK(a->st.st_mode))
		return same_target(w, a->root, b->root);
	return S_ISBLK(a->st.st_mode) || S_ISCHR(a->st.st_mode) ? a->st.st_rdev == b->st.st_rdev
								: 1;
}

static int push(struct walk *w, const char *name)
{
	size_t len = strlen(name);

	if (w->len + 1 + len >= sizeof(w->path))
		return -ENAMETOOLONG;
	w->path[w->len] = '/';
	memcpy(w->path + w->len + 1, name, len + 1);
	w->len += 1 + len;
	return 0;
}

static void pop(struct walk *w, size_t len)
{
	w->len = len;
	w->path[len] = '\0';
}

static bool has_name(const struct layer_list *l, const char *name)
{
	size_t low = 0, high = l ? l->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(layer_list_name(l, middle), name);
		if (r == 0)
			return true;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int changed_entry(struct walk *w, bool has_old);

/*
 * Whether the new system's directory at the path holds something that the old one's does not, or not the same; BUT are
 * names that do not count, or NULL. 1, 0 or -errno.
 */
static int changed_below(struct walk *w, bool has_old, const struct layer_list *but)
{
	struct layer_list list;
	size_t before = w->len;
	int r = layer_list(w->u->new_root, w->path + 1, NOTATION_OVERLAY, &list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count && r == 0; i++) {
		if (has_name(but, layer_list_name(&list, i)))
			continue;
		r = push(w, layer_list_name(&list, i));
		if (r == 0)
			r = changed_entry(w, has_old);
		if (r >= 0)
			pop(w, before);
	}
	layer_list_free(&list);
	return r;
}

static int changed_entry(struct walk *w, bool has_old)
{
	struct side old, new;
	int r = look(w, w->u->old_root, has_old, &old);

	if (r == 0)
		r = look(w, w->u->new_root, true, &new);
	if (r < 0 || !exists(&new))
		return r;
	if (!exists(&old))
		return 1;
	r = same(w, &old, &new);
	if (r <= 0)
		return r < 0 ? r : 1;
	return is_directory(&new) ? changed_below(w, true, NULL) : 0;
}

static int tell(struct walk *w, enum upgrade_how how)
{
	return w->u->found(w->u->context, w->len ? w->path : "/", how);
}

/* The top deleted the path, or has something else than a directory in place of one. */
static int compare_deleted(struct walk *w, const struct side *old, const struct side *new)
{
	if (!exists(new))
		return 0;
	if (!exists(old))
		return tell(w, UPGRADE_DELETED);
	if (is_directory(new) && is_directory(old)) {
		int r = changed_below(w, true, NULL);
		return r <= 0 ? r : tell(w, UPGRADE_HIDDEN);
	}
	int r = same(w, old, new);
	return r < 0 ? r : r == 1 ? 0 : tell(w, UPGRADE_DELETED);
}

static int compare_file(struct walk *w, const struct side *top, const struct side *old,
			const struct side *new)
{
	if (!exists(new))
		return exists(old) ? tell(w, UPGRADE_GONE) : 0;
	if (is_directory(new) && is_directory(old))
		return compare_deleted(w, old, new);
	int r = same(w, top, new);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!exists(old))
		return tell(w, UPGRADE_ADDED);
	r = same(w, old, new);
	if (r != 0)
		return r < 0 ? r : 0;
	r = same(w, top, old);
	return r < 0 ? r : tell(w, r == 1 ? UPGRADE_COPIED : UPGRADE_CHANGED);
}

static int compare_directory(struct walk *w, bool has_old, bool has_new);

static int compare_subdirectory(struct walk *w, const struct side *top, const struct side *old,
				const struct side *new)
{
	bool differs = exists(new) && !same_owner(top, new);
	int r = 0;

	if (differs && !exists(old))
		r = tell(w, UPGRADE_ADDED);
	/* What is no directory any more is hidden whoever changed the directory. */
	else if (differs && !same_owner(old, new) && !(is_directory(new) && same_owner(old, top)))
		r = tell(w, UPGRADE_CHANGED);
	else if (exists(old) && !exists(new) && !same_owner(old, top))
		r = tell(w, UPGRADE_GONE);
	return r != 0 ? r : compare_directory(w, is_directory(old), is_directory(new));
}

static int compare_entry(struct walk *w, unsigned char type, bool has_old, bool has_new)
{
	struct side top, old, new;
	int r = look(w, w->u->upper, type != DT_WHT, &top);

	if (r == 0)
		r = look(w, w->u->old_root, has_old, &old);
	if (r == 0)
		r = look(w, w->u->new_root, has_new, &new);
	if (r < 0)
		return r;
	if (type == DT_WHT)
		return compare_deleted(w, &old, &new);
	return is_directory(&top) ? compare_subdirectory(w, &top, &old, &new)
				  : compare_file(w, &top, &old, &new);
}

static int compare_directory(struct walk *w, bool has_old, bool has_new)
{
	struct layer_list list;
	size_t before = w->len;
	int r = layer_list(w->u->upper, w->len ? w->path + 1 : "", NOTATION_OVERLAY, &list);

	if (r < 0)
		return r;
	/* The top's directory replaced the one of the system. */
	if (list.opaque && has_new && w->len > 0) {
		r = changed_below(w, has_old, &list);
		if (r == 1)
			r = tell(w, UPGRADE_HIDDEN);
	}
	for (size_t i = 0; i < list.count && r == 0; i++) {
		r = push(w, layer_list_name(&list, i));
		if (r == 0)
			r = compare_entry(w, list.entries[i].type, has_old, has_new);
		if (r == 0)
			pop(w, before);
	}
	layer_list_free(&list);
	return r;
}

int upgrade_compare(const struct upgrade *u, struct builder *words)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->u = u;
	int r = compare_directory(w, true, true);
	/* The path stays where it failed. */
	if (r < 0)
		builder_add_escaped(words, w->path, "");
	free(w);
	return r;
}
