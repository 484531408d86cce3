#include "shadow_merge.h"

#include <errno.h>
#include <string.h>

#include "entries.h"
#include "overlay_marks.h"
#include "sys.h"

int shadow_start(struct shadow_tree *t, const char *const *layers, size_t count,
		 struct shadow_stack *root)
{
	if (count > SHADOW_LAYERS_MAX)
		return -E2BIG;
	t->layers = layers;
	t->depth = 0;
	builder_start(&t->path, t->path_text, sizeof(t->path_text));
	root->count = count;
	for (size_t i = 0; i < count; i++)
		root->at[i] = (uint16_t)i;
	return 0;
}

bool shadow_enter(struct shadow_tree *t, const char *name)
{
	size_t len = t->path.len;

	builder_add(&t->path, "/");
	builder_add(&t->path, name);
	t->depth++;
	if (!t->path.overflow)
		return true;
	shadow_leave(t, len);
	return false;
}

void shadow_leave(struct shadow_tree *t, size_t len)
{
	t->path.len = len;
	t->path.at[len] = '\0';
	t->path.overflow = false;
	t->depth--;
}

int shadow_path_in(const struct shadow_tree *t, const char *layer, char ret[PATH_MAX])
{
	struct builder b;

	builder_start(&b, ret, PATH_MAX);
	builder_add(&b, layer);
	builder_add(&b, t->path.at);
	return b.overflow ? -ENAMETOOLONG : 0;
}

int shadow_stat(const struct shadow_tree *t, const char *layer, struct stat *ret)
{
	char path[PATH_MAX];
	int r = shadow_path_in(t, layer, path);

	if (r == 0)
		r = sys_fstatat(AT_FDCWD, path, ret);
	/* A name that one file system takes and another cannot hold; a file where another layer has a directory. */
	if (r == -ENOENT || r == -ENAMETOOLONG || r == -ENOTDIR)
		return 0;
	return r < 0 ? r : 1;
}

int shadow_is_whiteout(const struct shadow_tree *t, const char *layer, const struct stat *st)
{
	char path[PATH_MAX];
	int r = shadow_path_in(t, layer, path);

	if (r == 0)
		r = overlay_is_whiteout(st) ? 1 : overlay_is_xattr_whiteout(path, st);
	return r;
}

int shadow_is_opaque(const struct shadow_tree *t, const char *layer)
{
	char path[PATH_MAX];
	int fd = shadow_path_in(t, layer, path);

	if (fd == 0)
		fd = sys_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	int r = overlay_is_opaque(fd);
	(void)sys_close(fd);
	return r;
}

/* 1: what is there is a file or a directory; 0: a whiteout. */
static int is_present(const struct shadow_tree *t, const struct shadow_entry *e)
{
	int r = shadow_is_whiteout(t, e->layer, &e->st);

	return r < 0 ? r : !r;
}

int shadow_look(const struct shadow_tree *t, const struct shadow_stack *in,
		struct shadow_entry *ret)
{
	for (size_t i = 0; i < in->count; i++) {
		ret->layer = t->layers[in->at[i]];
		int r = shadow_stat(t, ret->layer, &ret->st);
		if (r > 0)
			return is_present(t, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

int shadow_descend(const struct shadow_tree *t, const struct shadow_stack *in,
		   struct shadow_stack *ret)
{
	struct stat st;

	ret->count = 0;
	for (size_t i = 0; i < in->count; i++) {
		const char *layer = t->layers[in->at[i]];
		int r = shadow_stat(t, layer, &st);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		/* A whiteout or a file ends the merge, too. */
		if (!S_ISDIR(st.st_mode))
			break;
		ret->at[ret->count++] = in->at[i];
		r = i + 1 < in->count ? shadow_is_opaque(t, layer) : 0;
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return 0;
}

/* 1: the path is IN's number I to show: no higher one has it, nor deletes it; *ret. */
static int is_shown(const struct shadow_tree *t, const struct shadow_stack *in, size_t i,
		    struct shadow_entry *ret)
{
	struct stat st;

	for (size_t higher = 0; higher < i; higher++) {
		int r = shadow_stat(t, t->layers[in->at[higher]], &st);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	ret->layer = t->layers[in->at[i]];
	int r = shadow_stat(t, ret->layer, &ret->st);
	return r <= 0 ? r : is_present(t, ret);
}

static int walk_entry(struct shadow_tree *t, const struct shadow_stack *in, size_t i,
		      shadow_visit *visit, void *arg)
{
	struct shadow_entry entry;
	int r = is_shown(t, in, i, &entry);

	if (r <= 0)
		return r;
	r = visit(arg, t, &entry);
	if (r != 0 || !S_ISDIR(entry.st.st_mode))
		return r;
	struct shadow_stack below;
	r = shadow_descend(t, in, &below);
	return r < 0 ? r : shadow_walk(t, &below, visit, arg);
}

static int walk_layer(struct shadow_tree *t, const struct shadow_stack *in, size_t i,
		      shadow_visit *visit, void *arg)
{
	char path[PATH_MAX];
	const char *name;
	struct entries directory;
	size_t len = t->path.len;
	int r = shadow_path_in(t, t->layers[in->at[i]], path);

	if (r < 0)
		return r == -ENAMETOOLONG ? 0 : r;
	r = entries_open(&directory, AT_FDCWD, path);
	while (r == 0 && (name = entries_next(&directory, &r))) {
		if (!shadow_enter(t, name))
			continue;
		r = walk_entry(t, in, i, visit, arg);
		if (r >= 0)
			shadow_leave(t, len);
	}
	entries_close(&directory);
	return r;
}

int shadow_walk(struct shadow_tree *t, const struct shadow_stack *in, shadow_visit *visit,
		void *arg)
{
	int r = t->depth > SHADOW_DEEPEST ? -ELOOP : 0;

	for (size_t i = 0; i < in->count && r == 0; i++)
		r = walk_layer(t, in, i, visit, arg);
	return r;
}
