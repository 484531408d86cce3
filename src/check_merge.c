#include "check_merge.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The longest name that overlay takes; squashfs has one more byte. */
#define NAME_LONGEST 255

/* What becomes of the paths that a part of the walk comes to. */
enum fate {
	FATE_VISIBLE,
	FATE_HIDDEN,  /* counted for the event that hides them */
	FATE_NOWHERE, /* hidden twice: only counted as entries of their layer */
};

struct walk {
	struct merge_layer *layers;
	size_t count;
	merge_tell *tell;
	void *context;
	char path[PATH_MAX];
	size_t path_len;
	size_t entries;
	size_t hidden;
};

/* One layer's say in a name. */
struct candidate {
	size_t layer;
	unsigned char type;
	bool cuts; /* nothing below it shows through: an opaque directory, or one beside its whiteout */
};

/* One directory that several layers hold, its lists read side by side. */
struct level {
	struct layer_list *lists;
	size_t *next; /* index into each list */
	struct candidate *here;
	size_t count;
};

static void event(struct walk *w, struct merge_event e)
{
	w->path[w->path_len] = '\0';
	e.path = w->path_len ? w->path : "/";
	w->tell(w->context, &e);
}

static int merge_directory(struct walk *w, const struct candidate *from, size_t count,
			   enum fate fate);
static int merge_name(struct walk *w, const struct candidate *c, size_t count, enum fate fate);

/* What lies below the topmost of a name: counted, and told once as hidden by that one. */
static int hide(struct walk *w, const struct candidate *top, const struct candidate *rest,
		size_t count, enum fate fate, enum merge_kind kind)
{
	size_t before = w->hidden;
	bool inside = count > 0 && top->type == DT_DIR && rest->type == DT_DIR;

	if (count == 0)
		return 0;
	int r = merge_name(w, rest, count, fate == FATE_VISIBLE ? FATE_HIDDEN : FATE_NOWHERE);
	if (r < 0 || fate != FATE_VISIBLE)
		return r;
	size_t paths = w->hidden - before - (inside ? 1 : 0);
	w->hidden = before;
	if (paths > 0)
		event(w, (struct merge_event){ .kind = kind,
					       .upper = &w->layers[top->layer],
					       .lower = &w->layers[rest->layer],
					       .paths = paths,
					       .inside = inside });
	return 0;
}

static void warn(struct walk *w, enum fate fate, enum merge_kind kind, const struct candidate *top,
		 const struct candidate *below)
{
	if (fate == FATE_VISIBLE)
		event(w, (struct merge_event){ .kind = kind,
					       .upper = &w->layers[top->layer],
					       .lower = below ? &w->layers[below->layer] : NULL });
}

/* The directories of this name down to the first thing that ends the merge, and what that hides. */
static int merge_directories(struct walk *w, const struct candidate *c, size_t count,
			     enum fate fate)
{
	enum merge_kind kind = MERGE_SHADOWED;
	size_t group = 1;

	while (group < count && c[group].type == DT_DIR && !c[group - 1].cuts)
		group++;
	const struct candidate *last = &c[group - 1], *rest = c + group;
	size_t left = count - group;

	if (last->cuts) {
		kind = MERGE_DELETED;
	} else if (left > 0 && rest->type == DT_WHT) {
		kind = MERGE_DELETED;
		last = rest++;
		left--;
	} else if (left > 0) {
		warn(w, fate,
		     rest->type == DT_LNK ? MERGE_DIRECTORY_OVER_SYMLINK
					  : MERGE_DIRECTORY_OVER_FILE,
		     last, rest);
	}
	int r = hide(w, last, rest, left, fate, kind);
	return r < 0 ? r : merge_directory(w, c, group, fate);
}

/* One name; C are the layers that have it, the highest first. */
static int merge_name(struct walk *w, const struct candidate *c, size_t count, enum fate fate)
{
	const struct candidate *rest = c + 1;
	size_t left = count - 1;

	if (c->type != DT_WHT && fate == FATE_HIDDEN)
		w->hidden++;
	if (c->type == DT_DIR)
		return merge_directories(w, c, count, fate);
	if (c->type == DT_WHT) {
		if (left == 0 || rest->type == DT_WHT)
			warn(w, fate, MERGE_DELETES_NOTHING, c, NULL);
		return hide(w, c, rest, left, fate, MERGE_DELETED);
	}
	/* A whiteout right below has done its work; what it hides is no news. */
	if (left > 0 && rest->type == DT_DIR)
		warn(w, fate, MERGE_FILE_OVER_DIRECTORY, c, rest);
	return hide(w, c, rest, left, fate, MERGE_SHADOWED);
}

static int read_level(struct walk *w, struct level *l, const struct candidate *from, size_t count)
{
	l->lists = calloc(count, sizeof(*l->lists));
	l->next = calloc(count, sizeof(*l->next));
	l->here = calloc(count, sizeof(*l->here));
	if (!l->lists || !l->next || !l->here)
		return -ENOMEM;
	l->count = count;
	w->path[w->path_len] = '\0';
	for (size_t i = 0; i < count; i++) {
		struct merge_layer *layer = &w->layers[from[i].layer];
		int r = layer_list(layer->root, w->path_len ? w->path + 1 : "", layer->notation,
				   &l->lists[i]);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			event(w, (struct merge_event){
					 .kind = MERGE_UNREADABLE, .upper = layer, .error = -r });
		w->entries += l->lists[i].count;
		for (size_t k = 0; k < l->lists[i].count; k++)
			layer->files += l->lists[i].entries[k].type != DT_DIR &&
					l->lists[i].entries[k].type != DT_WHT;
	}
	return w->entries > MERGE_ENTRIES_MAX ? -E2BIG : 0;
}

static void free_level(struct level *l)
{
	for (size_t i = 0; i < l->count; i++)
		layer_list_free(&l->lists[i]);
	free(l->lists);
	free(l->next);
	free(l->here);
}

/* The first name of all lists; its say of each layer goes into l->here. Their number, 0 at the end. */
static size_t take_name(struct level *l, const struct candidate *from, const char **name)
{
	size_t found = 0;

	*name = NULL;
	for (size_t i = 0; i < l->count; i++) {
		if (l->next[i] == l->lists[i].count)
			continue;
		const char *candidate = layer_list_name(&l->lists[i], l->next[i]);
		if (!*name || strcmp(candidate, *name) < 0)
			*name = candidate;
	}
	for (size_t i = 0; i < l->count && *name; i++) {
		if (l->next[i] == l->lists[i].count ||
		    strcmp(layer_list_name(&l->lists[i], l->next[i]), *name) != 0)
			continue;
		const struct layer_entry *e = &l->lists[i].entries[l->next[i]++];
		l->here[found++] = (struct candidate){ .layer = from[i].layer,
						       .type = e->type,
						       .cuts = e->replaces };
	}
	return found;
}

/* Opaqueness stands in the directory itself: asked for where something lies below it. */
static void mark_opaque(struct walk *w, struct candidate *c, size_t count)
{
	for (size_t i = 0; i + 1 < count && c[i].type == DT_DIR && !c[i].cuts; i++) {
		const struct merge_layer *layer = &w->layers[c[i].layer];
		w->path[w->path_len] = '\0';
		int opaque = layer_list_is_opaque(layer->root, w->path + 1, layer->notation);
		if (opaque < 0)
			event(w, (struct merge_event){ .kind = MERGE_UNREADABLE,
						       .upper = layer,
						       .error = -opaque });
		c[i].cuts = opaque > 0;
	}
}

static int merge_entry(struct walk *w, const char *name, struct candidate *c, size_t count,
		       enum fate fate)
{
	size_t before = w->path_len, len = strlen(name);

	if (before + 1 + len >= sizeof(w->path)) {
		event(w, (struct merge_event){ .kind = MERGE_UNREADABLE,
					       .upper = &w->layers[c->layer],
					       .error = ENAMETOOLONG });
		return 0;
	}
	w->path[w->path_len++] = '/';
	memcpy(w->path + w->path_len, name, len);
	w->path_len += len;
	if (len > NAME_LONGEST)
		warn(w, fate, MERGE_NAME_TOO_LONG, c, NULL);
	mark_opaque(w, c, count);
	int r = merge_name(w, c, count, fate);
	w->path_len = before;
	return r;
}

static int merge_directory(struct walk *w, const struct candidate *from, size_t count,
			   enum fate fate)
{
	struct level l = { 0 };
	const char *name;
	size_t found;
	int r = read_level(w, &l, from, count);

	while (r == 0 && (found = take_name(&l, from, &name)) > 0)
		r = merge_entry(w, name, l.here, found, fate);
	free_level(&l);
	return r;
}

int merge_layers(struct merge_layer *layers, size_t count, merge_tell *tell, void *context)
{
	struct walk *w = calloc(1, sizeof(*w));
	struct candidate *roots = calloc(count + 1, sizeof(*roots));
	int r = -ENOMEM;

	if (w && roots) {
		*w = (struct walk){
			.layers = layers, .count = count, .tell = tell, .context = context
		};
		for (size_t i = 0; i < count; i++)
			roots[i] = (struct candidate){ .layer = i, .type = DT_DIR };
		r = merge_directory(w, roots, count, FATE_VISIBLE);
	}
	free(roots);
	free(w);
	return r;
}
