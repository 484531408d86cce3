#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sys.h"

static int start(struct tree *t, struct tree *root, int fd)
{
	t->root = root;
	t->len = t->at = 0;
	t->fd = fd;
	return fd < 0 ? fd : 0;
}

int tree_open_root(struct tree *t, const char *path)
{
	t->parent = NULL;
	t->name = "";
	t->depth = 0;
	t->began = -1;
	t->here = NULL;
	return start(t, t, sys_open(path, O_RDONLY | O_DIRECTORY));
}

int tree_open(struct tree *t, const struct tree *parent, const char *name)
{
	t->parent = parent;
	t->name = name;
	t->depth = parent->depth + 1;
	if (t->depth > TREE_DEEPEST)
		return start(t, parent->root, -ELOOP);
	return start(t, parent->root,
		     sys_openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

void tree_close(struct tree *t)
{
	struct tree *root = t->root;

	if (root->here == t)
		root->here = NULL;
	if (t == root && t->began >= 0) {
		(void)sys_fchdir(t->began);
		(void)sys_close(t->began);
	}
	if (t->fd >= 0)
		(void)sys_close(t->fd);
}

int tree_work_in(const struct tree *t)
{
	struct tree *root = t->root;

	if (root->here == t)
		return 0;
	if (root->began < 0)
		root->began = sys_open(".", O_PATH | O_DIRECTORY);
	if (root->began < 0)
		return root->began;
	root->here = NULL;
	int r = sys_fchdir(t->fd);
	if (r == 0)
		root->here = t;
	return r;
}

int tree_next(struct tree *t, const struct dirent **ret)
{
	for (;;) {
		if (t->at >= t->len) {
			t->at = 0;
			t->len = sys_getdents(t->fd, t->entries, sizeof(t->entries));
			if (t->len <= 0)
				return (int)t->len;
		}
		const struct dirent *e = (const void *)(t->entries + t->at);
		t->at += e->d_reclen;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			*ret = e;
			return 1;
		}
	}
}

static void add_level(const struct tree *t, struct builder *b)
{
	if (!t->parent)
		return;
	add_level(t->parent, b);
	builder_add(b, "/");
	builder_add_escaped(b, t->name, "");
}

void tree_path(const struct tree *t, const char *name, struct builder *words)
{
	size_t room = words->size - words->len, reserve = room / 2 < 128 ? room / 2 : 128;
	struct builder path;

	if (room < 8) {
		words->overflow = true;
		return;
	}
	builder_start(&path, words->at + words->len, room - reserve);
	add_level(t, &path);
	if (name || !t->parent)
		builder_add(&path, "/");
	if (name)
		builder_add_escaped(&path, name, "");
	words->len += path.len;
	if (path.overflow)
		builder_add(words, "...");
}
