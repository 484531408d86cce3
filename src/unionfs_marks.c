#include "unionfs_marks.h"

#include <errno.h>
#include <string.h>

#include "overlay_marks.h"
#include "sys.h"
#include "tree.h"

/* METANAME and HIDETAG of unionfs-fuse 1.0: META/PATH_HIDDEN~ in a branch hides PATH in those below it. */
#define META   ".unionfs-fuse"
#define HIDDEN "_HIDDEN~"

enum image {
	ABOVE,
	BELOW,
	IMAGES,
};

/* A directory of the layer, and its place among the marks: -1 until something is put there. */
struct level {
	struct tree tree;
	struct level *parent;
	int images[IMAGES];
};

static int failure_at(const struct level *l, const char *name, struct builder *words, int error)
{
	tree_path(&l->tree, name, words);
	return error;
}

static int make_directory(int parent, const char *name)
{
	int r = sys_mkdirat(parent, name, 0700);

	return r < 0 ? r : sys_openat(parent, name, O_RDONLY | O_DIRECTORY);
}

/* What is made first at the deepest level is made at the ones above it before. */
static int need(struct level *l, enum image image)
{
	if (l->images[image] >= 0)
		return 0;
	int r = need(l->parent, image);
	if (r == 0)
		r = make_directory(l->parent->images[image], l->tree.name);
	if (r < 0)
		return r;
	l->images[image] = r;
	return 0;
}

static int mark(struct level *l, enum image image, const char *name)
{
	char marked[300];
	struct builder b;
	int r = need(l, image);

	builder_start(&b, marked, sizeof(marked));
	builder_addf(&b, "%s" HIDDEN, name);
	if (r == 0)
		r = b.overflow ? -ENAMETOOLONG
			       : sys_openat_mode(l->images[image], marked,
						 O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (r < 0)
		return r;
	(void)sys_close(r);
	return 0;
}

/* 1: a whiteout. */
static int is_whiteout(struct level *l, const char *name, const struct stat *st)
{
	if (overlay_is_whiteout(st))
		return 1;
	if (!S_ISREG(st->st_mode) || st->st_size != 0)
		return 0;
	int r = tree_work_in(&l->tree);
	return r < 0 ? r : overlay_is_xattr_whiteout(name, st);
}

static int translate(struct level *l, struct unionfs_marks *made, struct builder *words);

static int translate_below(struct level *parent, const char *name, struct unionfs_marks *made,
			   struct builder *words)
{
	struct level l = { .parent = parent, .images = { -1, -1 } };
	int r = tree_open(&l.tree, &parent->tree, name);

	if (r == 0)
		r = overlay_is_opaque(l.tree.fd);
	if (r > 0) {
		r = mark(parent, BELOW, name);
		made->below++;
	}
	if (r < 0)
		r = failure_at(parent, name, words, r);
	else
		r = translate(&l, made, words);
	tree_close(&l.tree);
	for (size_t i = 0; i < IMAGES; i++)
		if (l.images[i] >= 0)
			(void)sys_close(l.images[i]);
	return r;
}

static int translate(struct level *l, struct unionfs_marks *made, struct builder *words)
{
	const struct dirent *e;
	int r;

	while ((r = tree_next(&l->tree, &e)) > 0) {
		struct stat st;
		r = sys_fstatat(l->tree.fd, e->d_name, &st);
		int whiteout = r < 0 ? r : is_whiteout(l, e->d_name, &st);
		r = whiteout > 0 ? mark(l, ABOVE, e->d_name) : whiteout;
		if (r < 0)
			return failure_at(l, e->d_name, words, r);
		made->above += whiteout > 0;
		if (!S_ISDIR(st.st_mode))
			continue;
		r = translate_below(l, e->d_name, made, words);
		if (r < 0)
			return r;
	}
	return r < 0 ? failure_at(l, NULL, words, r) : 0;
}

static int open_image(const char *directory)
{
	int fd = sys_open(directory, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	int r = make_directory(fd, META);
	(void)sys_close(fd);
	return r;
}

int unionfs_marks_make(const char *layer, const char *above, const char *below,
		       struct unionfs_marks *ret, struct builder *words)
{
	struct level root = { .images = { open_image(above), open_image(below) } };
	struct unionfs_marks made = { 0 };
	int r = tree_open_root(&root.tree, layer);

	for (size_t i = 0; i < IMAGES && r == 0; i++)
		r = root.images[i] < 0 ? root.images[i] : 0;
	if (r == 0)
		r = translate(&root, &made, words);
	tree_close(&root.tree);
	for (size_t i = 0; i < IMAGES; i++)
		if (root.images[i] >= 0)
			(void)sys_close(root.images[i]);
	if (r == 0)
		*ret = made;
	return r;
}
