#include "whiteouts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "directory_copy.h"
#include "sys.h"
#include "tree.h"

struct translation {
	enum whiteouts_kind kind;
	size_t entries_max;
	struct whiteouts_made made;
	struct builder *words;
};

/* A directory of the layer, and its images above and below, which are made when something is put there. */
struct level {
	struct tree tree;
	struct level *parent;
	struct stat st;
	int above, below; /* -1: not made */
	bool gone_below; /* BELOW has a whiteout of this directory or of one above it: all is hidden */
};

static int failure_at(struct translation *t, const struct level *l, const char *name,
		      const char *doing, int error)
{
	tree_path(&l->tree, name, t->words);
	builder_add(t->words, ": ");
	builder_add(t->words, doing);
	return error;
}

static int open_directory(int parent, const char *name)
{
	return sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

static int make_directory(int parent, const char *name)
{
	int r = sys_mkdirat(parent, name, 0700);

	return r < 0 ? r : open_directory(parent, name);
}

static int make_whiteout(int parent, const char *name)
{
	return sys_mknodat(parent, name, S_IFCHR, makedev(0, 0));
}

/* What is made first at the deepest level is made at the ones above it before. */
static int need_above(struct level *l)
{
	if (l->above >= 0)
		return 0;
	int r = need_above(l->parent);
	if (r < 0)
		return r;
	r = make_directory(l->parent->above, l->tree.name);
	if (r < 0)
		return r;
	l->above = r;
	return 0;
}

/* 0 also when BELOW hides this directory already: then l->gone_below is true and l->below stays -1. */
static int need_below(struct level *l)
{
	if (l->below >= 0 || l->gone_below)
		return 0;
	int r = need_below(l->parent);
	if (r < 0)
		return r;
	l->gone_below = l->parent->gone_below;
	if (l->gone_below)
		return 0;
	r = make_directory(l->parent->below, l->tree.name);
	/* Nothing else that is made there comes before the directory: .wh.NAME was seen beside NAME. */
	if (r == -EEXIST) {
		l->gone_below = true;
		return 0;
	}
	if (r < 0)
		return r;
	l->below = r;
	return 0;
}

static int hide(struct translation *t, struct level *l, const char *name)
{
	int r = need_above(l);

	if (r == 0)
		r = make_whiteout(l->above, name);
	if (r < 0)
		return failure_at(t, l, name, "hiding it by a whiteout in memory", r);
	t->made.hidden++;
	return 0;
}

static int set_opaque(int fd)
{
	return sys_fsetxattr(fd, "trusted.overlay.opaque", "y", 1);
}

/* NAME of the layer's directory L hides what lower layers hold of its own name. */
static int delete_below(struct translation *t, struct level *l, const char *name)
{
	int r = need_below(l);

	if (r < 0 || l->gone_below)
		return r;
	r = make_whiteout(l->below, name);
	/*
	 * The layer has a directory of this name, too, and with deletions in it, seen before: opaque, it ends
	 * the merge as a whiteout does.
	 */
	if (r == -EEXIST) {
		int fd = open_directory(l->below, name);
		if (fd < 0)
			return fd;
		r = set_opaque(fd);
		(void)sys_close(fd);
	}
	if (r == 0)
		t->made.whiteouts++;
	return r;
}

static int make_opaque(struct translation *t, struct level *l)
{
	int r = need_below(l);

	if (r < 0 || l->gone_below)
		return r;
	r = set_opaque(l->below);
	if (r == 0)
		t->made.opaques++;
	return r;
}

/* NAME starts with ".wh.". */
static int take_wh(struct translation *t, struct level *l, const char *name)
{
	const char *deleted = name + strlen(".wh.");
	int r = 0;

	if (strcmp(deleted, "") == 0 || strcmp(deleted, ".") == 0 || strcmp(deleted, "..") == 0)
		return failure_at(t, l, name, "a whiteout without a name", -EINVAL);
	if (strcmp(name, ".wh..wh..opq") == 0) {
		/* Overlay does not look whether a layer's root is opaque. */
		if (!l->parent)
			return failure_at(t, l, name, "a layer that hides all layers below it",
					  -EINVAL);
		r = make_opaque(t, l);
	} else if (!slice_starts(slice_of(deleted), ".wh.")) {
		r = delete_below(t, l, deleted);
	} /* else a name of aufs's own: .wh..wh.aufs, .wh..wh.orph, .wh..wh.plnk */
	if (r < 0)
		return failure_at(t, l, name, "making a whiteout in memory", r);
	return hide(t, l, name);
}

/* 1 when NAME was such a file. */
static int take_xattr(struct translation *t, struct level *l, const char *name)
{
	struct stat st;
	int r = tree_work_in(&l->tree);

	if (r == 0)
		r = sys_fstatat(l->tree.fd, name, &st);
	if (r < 0)
		return failure_at(t, l, name, "looking at it", r);
	if (!S_ISREG(st.st_mode) || st.st_size != 0)
		return 0;
	ssize_t len = sys_lgetxattr(name, "trusted.overlay.whiteout", NULL, 0);
	if (len == -ENODATA || len == -EOPNOTSUPP)
		return 0;
	if (len < 0)
		return failure_at(t, l, name, "reading an attribute", (int)len);
	r = hide(t, l, name);
	return r < 0 ? r : 1;
}

static int is_directory(const struct level *l, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	int r = sys_fstatat(l->tree.fd, e->d_name, &st);
	return r < 0 ? r : S_ISDIR(st.st_mode);
}

static int translate_below(struct translation *t, struct level *parent, const char *name);

static int translate_entry(struct translation *t, struct level *l, const struct dirent *e)
{
	int r = is_directory(l, e);

	if (t->made.entries >= t->entries_max)
		return failure_at(t, l, e->d_name, "beyond the limit of entries", -E2BIG);
	t->made.entries++;
	if (t->kind == WHITEOUTS_WH && slice_starts(slice_of(e->d_name), ".wh."))
		return take_wh(t, l, e->d_name);
	if (r < 0)
		return failure_at(t, l, e->d_name, "looking at it", r);
	if (r > 0)
		return translate_below(t, l, e->d_name);
	if (t->kind == WHITEOUTS_XATTR && (e->d_type == DT_REG || e->d_type == DT_UNKNOWN)) {
		r = take_xattr(t, l, e->d_name);
		return r < 0 ? r : 0;
	}
	return 0;
}

/* Bottom up: a directory's times are set when all that is in it is made. */
static int finish(struct translation *t, struct level *l)
{
	int images[] = { l->above, l->below };

	for (size_t i = 0; i < 2; i++) {
		int r = images[i] < 0 ? 0 : directory_copy(l->tree.fd, &l->st, images[i]);
		if (r < 0)
			return failure_at(t, l, NULL, "copying its attributes to memory", r);
	}
	return 0;
}

static int translate(struct translation *t, struct level *l)
{
	const struct dirent *e;
	int r = sys_fstat(l->tree.fd, &l->st); /* before reading changes the time of access */

	if (r < 0)
		return failure_at(t, l, NULL, "looking at it", r);
	while ((r = tree_next(&l->tree, &e)) > 0) {
		r = translate_entry(t, l, e);
		if (r < 0)
			return r;
	}
	return r < 0 ? failure_at(t, l, NULL, "reading the directory", r) : finish(t, l);
}

static void close_level(struct level *l)
{
	tree_close(&l->tree);
	if (l->above >= 0)
		(void)sys_close(l->above);
	if (l->below >= 0)
		(void)sys_close(l->below);
}

static int translate_below(struct translation *t, struct level *parent, const char *name)
{
	struct level l;
	int r = tree_open(&l.tree, &parent->tree, name);

	l.parent = parent;
	l.above = l.below = -1;
	l.gone_below = false;
	if (r < 0)
		r = failure_at(t, parent, name,
			       r == -ELOOP ? "directories nested too deep" : "opening it", r);
	else
		r = translate(t, &l);
	close_level(&l);
	return r;
}

int whiteouts_translate(const char *layer, const char *above, const char *below,
			enum whiteouts_kind kind, size_t entries_max, struct whiteouts_made *ret,
			struct builder *words)
{
	struct translation t = { .kind = kind, .entries_max = entries_max, .words = words };
	struct level root = { .above = sys_open(above, O_RDONLY | O_DIRECTORY),
			      .below = sys_open(below, O_RDONLY | O_DIRECTORY) };
	int r = tree_open_root(&root.tree, layer);

	if (r < 0)
		r = failure_at(&t, &root, NULL, "opening it", r);
	else if (root.above < 0 || root.below < 0)
		r = failure_at(&t, &root, NULL, "opening its directories in memory",
			       root.above < 0 ? root.above : root.below);
	else
		r = translate(&t, &root);
	close_level(&root);
	if (r < 0)
		return r;
	*ret = t.made;
	return 0;
}
