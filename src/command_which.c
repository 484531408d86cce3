#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "guest_command.h"
#include "layer_stack.h"
#include "merged_root.h"
#include "sys.h"
#include "text.h"

static const char usage[] =
	"usage: layerboot which [OPTION]... PATH...\n"
	"\n"
	"Prints for each path which layer supplies it and what that shadows in the layers below.\n"
	"Symbolic links are followed; a path whose last part is one gets a line of its own.\n"
	"\n"
	"  --run DIR   where the boot left its state (default /run/layerboot)\n"
	"  --root DIR  the merged root (default /)\n"
	"\n"
	"exit status: 0, also for a deleted path; 1 a path is in no layer, or this failed; 2 usage\n"
	"\n"
	"examples:\n"
	"  layerboot which /etc/motd /bin/ls\n"
	"  cd /etc && layerboot which passwd\n";

/* One path that is asked for, and what the layers say of it. */
struct question {
	const struct guest *g;
	const char *path;       /* in the merged root, without symlinks */
	struct entry *entries;  /* one of each directory of the stack, as if it were alone */
	bool *seen;             /* those that the union shows */
	struct merge in, out;   /* room for the walk */
	const char *deleted_by; /* the layer that hides the highest that is not seen */
};

static void add_path(struct builder *b, const char *path)
{
	builder_add_escaped(b, path, "");
}

static const char *kind_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFREG:
		return "file";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "device";
	}
}

/* user (file, 34 bytes) */
static void add_entry(struct builder *b, const struct question *q, size_t i)
{
	const struct guest_directory *d = &q->g->stack[i];
	const struct entry *e = &q->entries[i];
	char target[PATH_MAX];

	builder_addf(b, "%s (%s", d->layer, kind_name(e->st.st_mode));
	if (e->kind == ENTRY_OPAQUE)
		builder_add(b, ", opaque");
	if (S_ISREG(e->st.st_mode)) {
		builder_add(b, ", ");
		builder_add_bytes(b, (uint64_t)e->st.st_size);
	}
	if (S_ISLNK(e->st.st_mode)) {
		int fd = sys_open_beneath(d->fd, q->path, O_PATH | O_NOFOLLOW);
		ssize_t len = fd < 0 ? fd : sys_readlinkat(fd, "", target, sizeof(target) - 1);
		if (fd >= 0)
			(void)sys_close(fd);
		if (len >= 0) {
			target[len] = '\0';
			builder_add(b, " to ");
			add_path(b, target);
		}
	}
	builder_add(b, ")");
}

static bool has(const struct question *q, size_t i)
{
	return q->entries[i].kind != ENTRY_ABSENT && q->entries[i].kind != ENTRY_WHITEOUT;
}

/* Follows PATH from the root through the merged directories; marks what is seen at its end. */
static int walk(struct question *q)
{
	char part[PATH_MAX];
	size_t highest = 0;
	struct entry e;
	int stop;

	while (highest < q->g->stack_count && !has(q, highest))
		highest++;
	q->in.count = q->g->stack_count;
	for (size_t i = 0; i < q->in.count; i++)
		q->in.at[i] = (uint16_t)i;
	for (const char *end = q->path; q->in.count > 0; end++) {
		end += strcspn(end, "/");
		text_print(part, sizeof(part), "%.*s", (int)(end - q->path), q->path);
		int r = merge_look(q->g, &q->in, part, &e, &q->out, &stop);
		if (r < 0)
			return r;
		if (stop >= 0 && (size_t)stop < highest && !q->deleted_by)
			q->deleted_by = q->g->stack[stop].layer;
		struct merge swap = q->in;
		q->in = q->out;
		q->out = swap;
		if (!*end || !entry_is_directory(&e)) {
			if (*end)
				q->in.count = 0;
			break;
		}
	}
	for (size_t i = 0; i < q->in.count; i++)
		q->seen[q->in.at[i]] = true;
	return 0;
}

/* A layer of several directories is named once. */
static bool named_before(const struct question *q, size_t i)
{
	return i > 0 && has(q, i - 1) && q->seen[i - 1] == q->seen[i] &&
	       entry_is_directory(&q->entries[i]) &&
	       strcmp(q->g->stack[i - 1].layer, q->g->stack[i].layer) == 0;
}

/* The layers that have the path and are, or are not, SEEN, with WORD before the first. */
static size_t add_layers(struct builder *b, const struct question *q, bool seen, const char *word)
{
	size_t count = 0;

	for (size_t i = 0; i < q->g->stack_count; i++) {
		if (!has(q, i) || q->seen[i] != seen || named_before(q, i))
			continue;
		builder_add(b, count == 0 ? word : ", ");
		add_entry(b, q, i);
		count++;
	}
	return count;
}

static int ask(struct question *q)
{
	for (size_t i = 0; i < q->g->stack_count; i++) {
		int r = layer_look(&q->g->stack[i], q->path, &q->entries[i]);
		if (r < 0)
			return r;
		q->seen[i] = false;
	}
	q->deleted_by = NULL;
	return 0;
}

/* A protected path is a mount of one layer's version, whatever the union holds there. */
static bool keep_protected(struct question *q, const struct guest_claim *claim)
{
	for (size_t i = 0; i < q->g->stack_count; i++)
		if (has(q, i) && strcmp(q->g->stack[i].layer, claim->owner) == 0) {
			q->seen[i] = true;
			return true;
		}
	return false;
}

/* What the layers say of q->path; -ENOENT when it is in none. */
static int answer(struct question *q, struct builder *b)
{
	char absolute[PATH_MAX + 1];

	text_print(absolute, sizeof(absolute), "/%s", q->path);
	const struct guest_claim *claim =
		guest_claim_of(q->g->protects, q->g->protects_count, absolute);
	int r = ask(q);
	if (r < 0)
		return r;
	if (claim && keep_protected(q, claim)) {
		(void)add_layers(b, q, true, "");
		builder_add(b, ", protected");
		(void)add_layers(b, q, false, "; hides ");
		return 0;
	}
	r = walk(q);
	if (r < 0)
		return r;
	if (add_layers(b, q, true, "") > 0) {
		(void)add_layers(b, q, false, "; shadows ");
	} else if (q->deleted_by) {
		builder_addf(b, "deleted by %s", q->deleted_by);
		(void)add_layers(b, q, false, "; was in ");
	} else {
		builder_add(b, "in no layer");
		return -ENOENT;
	}
	return 0;
}

/* A line of output for what was found. Returns what answer() does. */
static int print_found(struct question *q, const struct place *p, const char *asked,
		       const struct found *f)
{
	static char line[1 << 17];
	struct builder b;
	int r = 0;

	builder_start(&b, line, sizeof(line));
	add_path(&b, asked);
	if (strcmp(asked, *f->path ? f->path : "/") != 0) {
		builder_add(&b, " -> ");
		add_path(&b, *f->path ? f->path : "/");
	}
	builder_add(&b, ": ");
	const struct guest_claim *bind = guest_claim_of(q->g->binds, q->g->binds_count, f->path);
	if (f->mount != p->mount &&
	    !guest_claim_of(q->g->protects, q->g->protects_count, f->path)) {
		builder_add(&b, f->exists ? "not of the union: " : "not there; not of the union: ");
		if (bind)
			builder_addf(&b, "bind %s, ", bind->owner);
		place_add_mount(f->mount, &b);
		r = f->exists ? 0 : -ENOENT;
	} else {
		q->path = f->path[0] ? f->path + 1 : PATH_ROOT;
		r = answer(q, &b);
	}
	if (r == 0 || r == -ENOENT)
		(void)printf("%s\n", line);
	return r;
}

static int which(struct question *q, const struct place *p, const char *asked)
{
	struct found f;
	int r = place_find(p, asked, false, &f);

	if (r == 0)
		r = print_found(q, p, asked, &f);
	if (r < 0 || !f.symlink)
		return r;
	r = place_find(p, asked, true, &f);
	return r == 0 && f.exists ? print_found(q, p, asked, &f) : r;
}

static int start_question(struct question *q, struct guest *g)
{
	size_t count = g->stack_count;

	*q = (struct question){ .g = g };
	q->entries = arena_alloc(&g->arena, count * sizeof(*q->entries));
	q->seen = arena_alloc(&g->arena, count * sizeof(*q->seen));
	q->in.at = arena_alloc(&g->arena, count * sizeof(*q->in.at));
	q->out.at = arena_alloc(&g->arena, count * sizeof(*q->out.at));
	return q->entries && q->seen && q->in.at && q->out.at ? 0 : -ENOMEM;
}

int command_which(int argc, char **argv)
{
	static struct guest guest;
	static struct place place;
	struct guest_command c = { .name = "which", .usage = usage, .takes_root = true };
	struct question q;
	int status = guest_start(&c, argc, argv, &guest);

	if (status >= 0)
		return status;
	status = 0;
	if (optind == argc) {
		(void)fputs("layerboot which: which path? try: layerboot which --help\n", stderr);
		return guest_end(&c, &guest, 2);
	}
	int r = place_open(c.root, &place);
	if (r < 0)
		status = guest_complain(&c, c.root, r, "is /proc mounted?");
	else if ((r = start_question(&q, &guest)) < 0)
		status = guest_complain(&c, "memory", r, NULL);
	for (int i = optind; r == 0 && i < argc; i++) {
		int found = which(&q, &place, argv[i]);
		if (found < 0)
			status = 1;
		if (found < 0 && found != -ENOENT)
			(void)guest_complain(&c, argv[i], found, NULL);
	}
	place_close(&place);
	return guest_end(&c, &guest, status);
}
