#include "shutdown_plan.h"

#include <string.h>

#include "text.h"

#define NONE SHUTDOWN_MOUNTS_MAX

/* A line of mountinfo, and its place in the tree of mounts. */
struct node {
	struct shutdown_mount mount;
	uint64_t id;
	uint64_t parent_id;
	size_t parent, child, sibling;
	size_t place; /* in the plan */
};

struct tree {
	struct node nodes[SHUTDOWN_MOUNTS_MAX];
	size_t count;
	size_t top; /* the first of those whose parent is not in sight */
};

/* Without a disk, or a daemon, that would have to take what is still to be written. */
static bool is_memory(const char *type)
{
	static const char *const types[] = {
		"rootfs",   "tmpfs",       "ramfs",   "devtmpfs",   "proc",      "sysfs",
		"devpts",   "cgroup",      "cgroup2", "mqueue",     "hugetlbfs", "debugfs",
		"tracefs",  "securityfs",  "pstore",  "bpf",        "autofs",    "configfs",
		"efivarfs", "binfmt_misc", "fusectl", "rpc_pipefs", "selinuxfs", "nsfs",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

/* By path: a root that was left behind with its own /dev is below another path. */
static bool stays(const char *target)
{
	static const char *const needed[] = { "/", "/dev", "/proc", "/sys", "/run" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strcmp(needed[i], target) == 0)
			return true;
	return false;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Blanks, line feeds and backslashes stand as \OOO (fs/proc_namespace.c, mangle()). */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Cuts the next word off *rest. NULL: there is none. */
static char *next_word(char **rest)
{
	char *word = *rest;

	if (!word)
		return NULL;
	char *end = strchr(word, ' ');
	if (end)
		*end = '\0';
	*rest = end ? end + 1 : NULL;
	return word;
}

/* ID PARENT MAJOR:MINOR ROOT TARGET OPTIONS TAG... - TYPE SOURCE OPTIONS (Documentation/filesystems/proc.rst). */
static bool read_line(char *line, struct node *n)
{
	char *words[6] = { NULL }, *word;
	size_t count = 0;

	*n = (struct node){ .parent = NONE, .child = NONE, .sibling = NONE, .place = NONE };
	while (count < 6 && (word = next_word(&line)))
		words[count++] = word;
	while ((word = next_word(&line)) && strcmp(word, "-") != 0)
		;
	char *type = next_word(&line), *source = next_word(&line);
	if (!source || text_number(slice_of(words[0]), UINT64_MAX, &n->id) < 0 ||
	    text_number(slice_of(words[1]), UINT64_MAX, &n->parent_id) < 0)
		return false;
	unescape(words[4]);
	unescape(source);
	n->mount = (struct shutdown_mount){ .target = words[4],
					    .type = type,
					    .source = source,
					    .parent = NONE,
					    .memory = is_memory(type) };
	return true;
}

static void read_lines(char *text, struct tree *t)
{
	char *end;

	t->count = 0;
	for (char *line = text; (end = strchr(line, '\n')) && t->count < SHUTDOWN_MOUNTS_MAX;
	     line = end + 1) {
		*end = '\0';
		if (read_line(line, &t->nodes[t->count]))
			t->count++;
	}
}

static size_t find(const struct tree *t, uint64_t id)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->nodes[i].id == id)
			return i;
	return NONE;
}

/*
 * Siblings stand last listed first: what was mounted over a directory hides the mounts below it, which can be reached
 * again only after it has gone.
 */
static void link_nodes(struct tree *t)
{
	t->top = NONE;
	for (size_t i = 0; i < t->count; i++) {
		struct node *n = &t->nodes[i];
		if (n->parent_id != n->id)
			n->parent = find(t, n->parent_id);
		size_t *first = n->parent == NONE ? &t->top : &t->nodes[n->parent].child;
		n->sibling = *first;
		*first = i;
	}
}

static size_t deepest(const struct tree *t, size_t at)
{
	while (at != NONE && t->nodes[at].child != NONE)
		at = t->nodes[at].child;
	return at;
}

void shutdown_plan(char *text, struct shutdown_plan *ret)
{
	static struct tree t;

	read_lines(text, &t);
	link_nodes(&t);
	ret->count = 0;
	for (size_t at = deepest(&t, t.top); at != NONE;) {
		struct node *n = &t.nodes[at];
		if (!stays(n->mount.target)) {
			n->place = ret->count;
			ret->mounts[ret->count++] = n->mount;
		}
		at = n->sibling != NONE ? deepest(&t, n->sibling) : n->parent;
	}
	for (size_t i = 0; i < t.count; i++) {
		const struct node *n = &t.nodes[i];
		if (n->place == NONE || n->parent == NONE || t.nodes[n->parent].place == NONE)
			continue;
		ret->mounts[n->place].parent = t.nodes[n->parent].place;
		ret->mounts[t.nodes[n->parent].place].children++;
	}
}
