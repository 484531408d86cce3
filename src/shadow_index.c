#include "shadow_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "shadow_pairs.h"
#include "sys.h"

bool shadow_is_database(const char *path)
{
	/* A directory with its slash; else a file, and what its name begins: passwd-, dpkg's status-old. */
	static const char *const prefixes[] = {
		"/var/lib/dpkg/",     "/var/lib/apt/", "/var/lib/rpm",
		"/usr/lib/sysimage/", "/lib/apk/",     "/usr/lib/apk/",
		"/var/lib/pacman/",   "/var/lib/dnf/", "/etc/passwd",
		"/etc/group",         "/etc/shadow",   "/etc/gshadow",
		"/etc/subuid",        "/etc/subgid",   "/etc/ld.so.cache",
		"/etc/alternatives/", "/etc/shells",   "/var/lib/systemd/catalog/",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (slice_starts(slice_of(path), prefixes[i]))
			return true;
	return false;
}

static int failed_at(const struct shadow_tree *t, int error, struct builder *words)
{
	if (error < 0) {
		builder_add_escaped(words, t->path.len ? t->path.at : "/", "");
		if (error == -ELOOP)
			builder_addf(words, ": deeper than %d directories", SHADOW_DEEPEST);
	}
	return error;
}

struct indexing {
	struct shadow_pairs pairs;
	size_t max;
};

static int index_entry(void *arg, const struct shadow_tree *t, const struct shadow_entry *entry)
{
	struct indexing *i = arg;
	struct shadow_pair pair = { .path = shadow_hash_path(t->path.at) };
	int r = i->pairs.count < i->max ? shadow_hash_what(t, entry, &pair.what) : -E2BIG;

	return r < 0 ? r : shadow_pairs_add(&i->pairs, pair);
}

int shadow_index_write(const char *dir, const char *const *lowers, size_t count, size_t entries_max,
		       size_t *ret_entries, struct builder *words)
{
	struct indexing i = { .max = entries_max };
	struct shadow_stack root;
	struct shadow_tree t;
	int r = shadow_start(&t, lowers, count, &root);

	if (r == 0)
		r = failed_at(&t, shadow_walk(&t, &root, index_entry, &i), words);
	if (r == -E2BIG)
		builder_addf(words, ": more than %zu entries or %d layers", entries_max,
			     SHADOW_LAYERS_MAX);
	if (r == 0) {
		r = shadow_pairs_write(&i.pairs, dir);
		if (r < 0)
			builder_addf(words, "%s/index", dir);
		else
			*ret_entries = i.pairs.count;
	}
	shadow_pairs_free(&i.pairs);
	return r;
}

/* A path that was found, one after the other in memory that moves when it grows. */
struct finding {
	enum shadow_how how;
	bool database;
	size_t path;
};

struct comparison {
	struct shadow_pairs index;
	struct shadow_tree tree;
	const char *upper;
	struct finding *findings;
	size_t count, room;
	char *paths;
	size_t used, size;
};

static int find(struct comparison *c, enum shadow_how how)
{
	const char *path = c->tree.path.at;
	size_t len = strlen(path) + 1;

	if (c->count == c->room) {
		size_t room = c->room ? 2 * c->room : 256;
		struct finding *more = reallocarray(c->findings, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->findings = more;
		c->room = room;
	}
	if (c->used + len > c->size) {
		size_t size = 2 * c->size + len + 8192;
		char *more = realloc(c->paths, size);
		if (!more)
			return -ENOMEM;
		c->paths = more;
		c->size = size;
	}
	memcpy(c->paths + c->used, path, len);
	c->findings[c->count++] = (struct finding){ .how = how,
						    .database = shadow_is_database(path),
						    .path = c->used };
	c->used += len;
	return 0;
}

/* What the layers have at the path now, and had. */
struct difference {
	bool now, differs;
	bool directory; /* now */
	enum shadow_how how;
	uint64_t what;
	const struct shadow_pair *before;
};

static int compare_entry(const struct comparison *c, const struct shadow_entry *now,
			 struct difference *ret)
{
	*ret = (struct difference){ .now = now };
	ret->before = shadow_pairs_find(&c->index, shadow_hash_path(c->tree.path.at));
	if (now) {
		int r = shadow_hash_what(&c->tree, now, &ret->what);
		if (r < 0)
			return r;
		ret->directory = S_ISDIR(now->st.st_mode);
		ret->differs = !ret->before || ret->before->what != ret->what;
		ret->how = ret->before ? SHADOW_CHANGED : SHADOW_ADDED;
	} else {
		ret->differs = ret->before;
		ret->how = SHADOW_GONE;
	}
	return 0;
}

/* 1: new in the layers, and not to be seen because a directory of the top covers it. */
static int is_hidden(void *arg, const struct shadow_tree *t, const struct shadow_entry *entry)
{
	struct comparison *c = arg;
	struct difference d;
	struct stat st;
	int r = compare_entry(c, entry, &d);

	if (r < 0 || !d.differs)
		return r;
	r = shadow_stat(t, c->upper, &st);
	return r < 0 ? r : r == 0;
}

/* The layers have changed; the upper hides that, unless it was changed in the same way. */
static int upper_counts(const struct comparison *c, const struct stat *st,
			const struct difference *d)
{
	const struct shadow_entry upper = { .layer = c->upper, .st = *st };
	uint64_t what;
	int r = shadow_hash_what(&c->tree, &upper, &what);

	if (r < 0)
		return r;
	if (d->now && d->what == what)
		return 0;
	if (!S_ISDIR(st->st_mode) || (d->now && !d->directory))
		return 1;
	/* A directory is copied up if anything in it was written to. */
	return !d->before || d->before->what != what;
}

static int judge(struct comparison *c, const struct stat *st, const struct shadow_stack *in,
		 struct shadow_stack *below)
{
	struct shadow_entry now;
	struct difference d;
	int whiteout = shadow_is_whiteout(&c->tree, c->upper, st);
	bool directory = whiteout == 0 && S_ISDIR(st->st_mode);
	int r = whiteout < 0 ? whiteout : shadow_look(&c->tree, in, &now);

	if (r >= 0)
		r = compare_entry(c, r ? &now : NULL, &d);
	if (r == 0 && d.differs)
		r = whiteout ? d.now : upper_counts(c, st, &d);
	if (r != 0)
		return r < 0 ? r : find(c, d.how);
	r = d.directory && directory ? shadow_is_opaque(&c->tree, c->upper) : d.directory;
	if (r <= 0)
		return r;
	r = shadow_descend(&c->tree, in, below);
	if (r == 0)
		r = shadow_walk(&c->tree, below, is_hidden, c);
	return r > 0 ? find(c, SHADOW_HIDDEN) : r;
}

static int compare_directory(struct comparison *c, const struct shadow_stack *in);

static int compare_path(struct comparison *c, const struct shadow_stack *in)
{
	struct shadow_stack below;
	struct stat st;
	int r = shadow_stat(&c->tree, c->upper, &st);

	if (r <= 0)
		return r;
	r = judge(c, &st, in, &below);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	r = shadow_descend(&c->tree, in, &below);
	return r < 0 ? r : compare_directory(c, &below);
}

static int compare_directory(struct comparison *c, const struct shadow_stack *in)
{
	char path[PATH_MAX];
	const char *name;
	struct entries directory;
	size_t len = c->tree.path.len;
	int r = shadow_path_in(&c->tree, c->upper, path);

	if (r < 0 || c->tree.depth > SHADOW_DEEPEST)
		return r < 0 ? r : -ELOOP;
	r = entries_open(&directory, AT_FDCWD, path);
	while (r == 0 && (name = entries_next(&directory, &r))) {
		if (!shadow_enter(&c->tree, name))
			continue;
		r = compare_path(c, in);
		if (r == 0)
			shadow_leave(&c->tree, len);
	}
	entries_close(&directory);
	return r;
}

/* qsort(3) takes no argument for the comparison; the paths have moved while they were found. */
static const char *sorted_paths;

static int order(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->database != y->database)
		return x->database ? -1 : 1;
	return strcmp(sorted_paths + x->path, sorted_paths + y->path);
}

static int tell(struct comparison *c, shadow_found *found, void *arg)
{
	int r = 0;

	sorted_paths = c->paths;
	if (c->count)
		qsort(c->findings, c->count, sizeof(*c->findings), order);
	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = found(arg, c->paths + c->findings[i].path, c->findings[i].how);
	return r < 0 ? r : 0;
}

int shadow_index_compare(const char *dir, const char *upper, const char *const *lowers,
			 size_t count, shadow_found *found, void *arg, struct builder *words)
{
	struct comparison c = { .upper = upper };
	struct shadow_stack root;
	int r = shadow_pairs_read(&c.index, dir);

	if (r < 0) {
		builder_addf(words, "%s/index", dir);
		return r;
	}
	r = shadow_start(&c.tree, lowers, count, &root);
	if (r == 0)
		r = failed_at(&c.tree, compare_directory(&c, &root), words);
	if (r == 0)
		r = tell(&c, found, arg);
	shadow_pairs_free(&c.index);
	free(c.findings);
	free(c.paths);
	return r;
}
