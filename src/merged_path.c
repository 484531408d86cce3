#include "merged_path.h"

#include <errno.h>
#include <string.h>

#include "sys.h"
#include "text.h"

#define SYMLINKS_MAX 40 /* of one path, as in the kernel */

enum answer {
	ANSWER_NOTHING, /* ask the next layer */
	ANSWER_END,     /* neither this layer nor one below it has the path */
	ANSWER_FOUND,
};

/* Where one layer's walk along the path stands. */
struct step_through {
	int dir;
	bool opaque; /* what is above the path ends the search at this layer */
};

/* One part of the path in one layer; an answer, or -errno. 0 (ANSWER_NOTHING) with *more: go on below it. */
static int look_at_part(struct step_through *s, const struct merge_layer *layer, struct slice part,
			bool last, bool *more, struct stat *st)
{
	char name[NAME_MAX + 2];
	struct builder b;

	*more = false;
	builder_start(&b, name, sizeof(name));
	builder_add_slice(&b, part);
	if (b.overflow)
		return -ENAMETOOLONG;
	int state = layer_list_look(s->dir, name, layer->notation, st);
	if (state < 0)
		return state;
	if (state == LAYER_SAYS_NOTHING)
		return s->opaque ? ANSWER_END : ANSWER_NOTHING;
	if (state == LAYER_SAYS_DELETED)
		return ANSWER_END;
	if (last)
		return ANSWER_FOUND;
	/* A directory of an upper layer stands before this. */
	if (!S_ISDIR(st->st_mode))
		return ANSWER_END;
	int opaque = layer_list_is_opaque(s->dir, name, layer->notation);
	if (opaque < 0)
		return opaque;
	s->opaque |= opaque > 0;
	int next = sys_openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (next < 0)
		return next;
	(void)sys_close(s->dir);
	s->dir = next;
	*more = true;
	return ANSWER_NOTHING;
}

static int look_in_layer(const struct merge_layer *layer, const char *path, struct stat *st)
{
	struct slice rest = slice_of(path + 1), part;
	struct step_through s = { .dir = sys_openat(layer->root, ".", O_RDONLY | O_DIRECTORY) };
	bool more = true;
	int r = ANSWER_NOTHING;

	if (s.dir < 0)
		return s.dir;
	while (more && slice_next(&rest, '/', &part))
		r = look_at_part(&s, layer, part, !rest.at, &more, st);
	(void)sys_close(s.dir);
	return r;
}

int merged_find(const struct merge_layer *layers, size_t count, const char *path,
		struct merged_path *ret)
{
	struct stat st;
	int r = ANSWER_NOTHING;

	if (strcmp(path, "/") == 0) {
		*ret = (struct merged_path){ .path = "/", .layer = layers };
		return sys_fstat(layers->root, &ret->st);
	}
	for (size_t i = 0; i < count && r == ANSWER_NOTHING; i++) {
		r = look_in_layer(&layers[i], path, &st);
		if (r == ANSWER_FOUND) {
			ret->layer = &layers[i];
			ret->st = st;
			struct builder b;
			builder_start(&b, ret->path, sizeof(ret->path));
			builder_add(&b, path);
			return b.overflow ? -ENAMETOOLONG : 0;
		}
	}
	return r < 0 ? r : -ENOENT;
}

/* The parent directory of a path that stands in B. */
static void drop_last(struct builder *b)
{
	while (b->len > 0 && b->at[b->len - 1] != '/')
		b->len--;
	if (b->len > 0)
		b->len--;
	b->at[b->len] = '\0';
}

/* The text of the symlink that was found, before what is LEFT of the path. */
static int splice_symlink(const struct merged_path *link, struct slice left, char *text,
			  size_t size)
{
	char target[PATH_MAX];
	struct builder b;
	ssize_t len = layer_list_symlink(link->layer->root, link->path + 1, target, sizeof(target));

	if (len < 0)
		return (int)len;
	builder_start(&b, text, size);
	builder_add_slice(&b, (struct slice){ .at = target, .len = (size_t)len });
	builder_add(&b, "/");
	if (left.at)
		builder_add_slice(&b, left);
	return b.overflow ? -ENAMETOOLONG : 0;
}

int merged_open(const struct merged_path *found, int flags)
{
	return sys_open_in_root(found->layer->root, found->path[1] ? found->path + 1 : ".", flags);
}

/* One part after the other; SOFAR has no symlink in it. */
static int resolve_parts(const struct merge_layer *layers, size_t count, char *text,
			 struct merged_path *ret)
{
	char sofar[PATH_MAX], next[PATH_MAX];
	struct builder b;
	struct slice rest = slice_of(text), part;
	int symlinks = 0, r = merged_find(layers, count, "/", ret);

	builder_start(&b, sofar, sizeof(sofar));
	while (r == 0 && slice_next(&rest, '/', &part)) {
		if (part.len == 0 || slice_is(part, "."))
			continue;
		if (!S_ISDIR(ret->st.st_mode))
			return -ENOTDIR;
		if (slice_is(part, "..")) {
			drop_last(&b);
		} else {
			builder_add(&b, "/");
			builder_add_slice(&b, part);
		}
		if (b.overflow)
			return -ENAMETOOLONG;
		r = merged_find(layers, count, b.len ? sofar : "/", ret);
		if (r < 0 || !S_ISLNK(ret->st.st_mode))
			continue;
		if (++symlinks > SYMLINKS_MAX)
			return -ELOOP;
		r = splice_symlink(ret, rest, next, sizeof(next));
		memcpy(text, next, sizeof(next));
		rest = slice_of(text);
		if (text[0] == '/')
			b.len = 0;
		else
			drop_last(&b);
		sofar[b.len] = '\0';
		if (r == 0)
			r = merged_find(layers, count, b.len ? sofar : "/", ret);
	}
	return r;
}

int merged_resolve(const struct merge_layer *layers, size_t count, const char *path,
		   struct merged_path *ret)
{
	char text[PATH_MAX];
	struct builder b;

	builder_start(&b, text, sizeof(text));
	builder_add(&b, path);
	return b.overflow ? -ENAMETOOLONG : resolve_parts(layers, count, text, ret);
}
