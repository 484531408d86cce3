#include "commands.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_command.h"
#include "layer_compare.h"
#include "sys.h"
#include "text.h"

/* For the names of the directories on the way to the current one: two million of them. */
#define NAMES_MAX ((size_t)64 << 20)

static const char usage[] =
	"usage: layerboot diff [OPTION]... [LAYER]\n"
	"\n"
	"Prints what LAYER (without it: the writable top) changes against all layers below it:\n"
	"A added, C changed (content, mode, owner or kind), D deleted, one path a line, sorted.\n"
	"Directories stand there when they are added, deleted or in place of something else; of a\n"
	"deleted directory only itself. Bytes that are not printable ASCII are written as \\xHH.\n"
	"\n"
	"  --json     as one object\n"
	"  --run DIR  where the boot left its state (default /run/layerboot)\n"
	"\n"
	"exit status: 0, with and without changes; 1 this failed; 2 usage\n"
	"\n"
	"examples:\n"
	"  layerboot diff\n"
	"  layerboot diff --json user | jq -r '.changes[].path'\n";

struct diff {
	const struct guest *g;
	const struct guest_command *command;
	struct arena names;
	char path[PATH_MAX]; /* the current one, relative; PATH_ROOT for the root */
	size_t path_len;     /* 0 for the root */
	bool any, failed;
};

/* The layer and those below it at one path. */
struct sides {
	struct merge over, under;
	bool hidden; /* of those below nothing shows through here */
};

/* A top in use changes while it is looked through. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

static void print_change(struct diff *d, char change)
{
	static char line[PATH_MAX * 6 + 64];
	char path[PATH_MAX + 1];
	struct builder b;

	text_print(path, sizeof(path), "/%s", d->path);
	builder_start(&b, line, sizeof(line));
	if (d->command->json) {
		builder_add(&b, d->any ? ",\n" : "\n");
		json_open(&b, "{");
		json_member_string(&b, "change",
				   change == 'A'   ? "added"
				   : change == 'C' ? "changed"
						   : "deleted");
		json_member_string(&b, "path", path);
		json_close(&b, "}");
	} else {
		builder_addf(&b, "%c ", change);
		builder_add_escaped(&b, path, "");
		builder_add(&b, "\n");
	}
	(void)fputs(line, stdout);
	d->any = true;
}

static int diff_directory(struct diff *d, const struct sides *in);

/* One name, whose parents are IN; OUT has room for what is merged there. */
static int diff_name(struct diff *d, const struct sides *in, struct sides *out)
{
	struct entry over, under;
	int stop, ignored;
	int r = merge_look(d->g, &in->over, d->path, &over, &out->over, &stop);

	if (r == 0)
		r = merge_look(d->g, &in->under, d->path, &under, &out->under, &ignored);
	if (r < 0)
		return r;
	if (over.kind == ENTRY_ABSENT) {
		if (under.kind != ENTRY_ABSENT && (in->hidden || stop >= 0))
			print_change(d, 'D');
		return 0;
	}
	if (under.kind == ENTRY_ABSENT)
		print_change(d, 'A');
	else if (!entry_is_directory(&over) || !entry_is_directory(&under)) {
		r = layer_compare(&d->g->stack[out->over.at[0]], &over,
				  &d->g->stack[out->under.at[0]], &under, d->path);
		if (r > 0)
			print_change(d, 'C');
		if (is_gone(r))
			r = 0;
	}
	if (r < 0 || !entry_is_directory(&over))
		return r < 0 ? r : 0;
	if (!entry_is_directory(&under))
		out->under.count = 0;
	out->hidden = in->hidden || stop >= 0;
	return diff_directory(d, out);
}

static int read_names(struct diff *d, size_t layer, size_t *count)
{
	static _Alignas(struct dirent) char buffer[32768];
	ssize_t len;
	int r = 0, fd = sys_open_beneath(d->g->stack[layer].fd, d->path,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		return is_gone(fd) ? 0 : fd;
	while (r == 0 && (len = sys_getdents(fd, buffer, sizeof(buffer))) != 0) {
		const struct dirent *e;
		if (len < 0)
			r = (int)len;
		for (ssize_t at = 0; r == 0 && at < len; at += e->d_reclen) {
			e = (const struct dirent *)(const void *)(buffer + at);
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			if (!arena_copy(&d->names, slice_of(e->d_name)))
				r = -ENOMEM;
			++*count;
		}
	}
	(void)sys_close(fd);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the directories, sorted; one that several have comes as often. */
static int list_names(struct diff *d, const struct sides *in, char ***ret, size_t *ret_count)
{
	size_t count = 0, start = d->names.used;
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->over.count; i++)
		r = read_names(d, in->over.at[i], &count);
	for (size_t i = 0; r == 0 && in->hidden && i < in->under.count; i++)
		r = read_names(d, in->under.at[i], &count);
	if (r < 0)
		return r;
	char *name = d->names.base + start;
	char **names = arena_alloc(&d->names, count * sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++, name += strlen(name) + 1)
		names[i] = name;
	qsort(names, count, sizeof(*names), compare_names);
	*ret = names;
	*ret_count = count;
	return 0;
}

static int start_merge(struct diff *d, struct merge *m, size_t room)
{
	m->count = 0;
	m->at = arena_alloc(&d->names, room * sizeof(*m->at));
	return m->at ? 0 : -ENOMEM;
}

static int push_name(struct diff *d, const char *name)
{
	size_t len = strlen(name), slash = d->path_len > 0;

	if (d->path_len + slash + len >= sizeof(d->path))
		return -ENAMETOOLONG;
	if (slash)
		d->path[d->path_len] = '/';
	memcpy(d->path + d->path_len + slash, name, len + 1);
	d->path_len += slash + len;
	return 0;
}

static void pop_to(struct diff *d, size_t len)
{
	d->path_len = len;
	if (len > 0)
		d->path[len] = '\0';
	else
		memcpy(d->path, PATH_ROOT, sizeof(PATH_ROOT));
}

static int diff_directory(struct diff *d, const struct sides *in)
{
	size_t start = d->names.used, len = d->path_len, count = 0;
	struct sides out;
	char **names;
	int r = start_merge(d, &out.over, in->over.count);

	if (r == 0)
		r = start_merge(d, &out.under, in->under.count);
	if (r == 0)
		r = list_names(d, in, &names, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
			continue;
		r = push_name(d, names[i]);
		if (r == 0)
			r = diff_name(d, in, &out);
		/* One path that cannot be read, or is too long, does not keep the others from being said. */
		if (r < 0 && r != -ENOMEM) {
			d->failed = true;
			(void)guest_complain(d->command, d->path, r, NULL);
			r = 0;
		}
		if (r == 0)
			pop_to(d, len);
	}
	d->names.used = start;
	return r;
}

/* The directories of the layer NAME are next to each other in the stack. */
static int choose_layer(struct diff *d, const char *name, struct sides *ret)
{
	const struct guest *g = d->g;
	size_t first = 0, end;

	while (first < g->stack_count && strcmp(g->stack[first].layer, name) != 0)
		first++;
	if (first == g->stack_count) {
		(void)fprintf(stderr, "layerboot diff: %s is not in the union; there are:", name);
		for (size_t i = 0; i < g->stack_count; i++)
			if (i == 0 || strcmp(g->stack[i - 1].layer, g->stack[i].layer) != 0)
				(void)fprintf(stderr, " %s", g->stack[i].layer);
		(void)fputs("\n", stderr);
		return -ENOENT;
	}
	for (end = first; end < g->stack_count && strcmp(g->stack[end].layer, name) == 0; end++)
		if (first == 0 && g->has_top && end == 1)
			break;
	if (start_merge(d, &ret->over, end - first) < 0 ||
	    start_merge(d, &ret->under, g->stack_count - end) < 0)
		return guest_complain(d->command, "memory", -ENOMEM, NULL), -ENOMEM;
	for (size_t i = first; i < end; i++)
		ret->over.at[ret->over.count++] = (uint16_t)i;
	for (size_t i = end; i < g->stack_count; i++)
		ret->under.at[ret->under.count++] = (uint16_t)i;
	return 0;
}

static int run_diff(struct diff *d, const char *layer)
{
	struct sides sides = { .hidden = false };
	char head[512];
	struct builder b;

	if (choose_layer(d, layer, &sides) < 0)
		return 1;
	builder_start(&b, head, sizeof(head));
	json_open(&b, "{");
	json_member_string(&b, "layer", layer);
	json_key(&b, "changes");
	json_open(&b, "[");
	if (d->command->json)
		(void)fputs(head, stdout);
	pop_to(d, 0);
	int r = diff_directory(d, &sides);
	if (r < 0)
		return guest_complain(d->command, d->path, r, NULL);
	if (d->command->json)
		(void)fputs(d->any ? "\n]}\n" : "]}\n", stdout);
	return d->failed;
}

int command_diff(int argc, char **argv)
{
	static struct guest guest;
	static struct diff d;
	struct guest_command c = { .name = "diff", .usage = usage, .takes_json = true };
	int status = guest_start(&c, argc, argv, &guest);

	if (status >= 0)
		return status;
	d = (struct diff){ .g = &guest, .command = &c };
	if (argc - optind > 1) {
		(void)fputs("layerboot diff: one layer at most; try: layerboot diff --help\n",
			    stderr);
		return guest_end(&c, &guest, 2);
	}
	if (optind == argc && !guest.has_top) {
		(void)fputs("layerboot diff: this root has no writable top; name a layer\n",
			    stderr);
		return guest_end(&c, &guest, 1);
	}
	void *memory = malloc(NAMES_MAX);
	if (memory) {
		arena_start(&d.names, memory, NAMES_MAX);
		status = run_diff(&d, optind < argc ? argv[optind] : GUEST_TOP);
	} else {
		status = guest_complain(&c, "memory", -ENOMEM, NULL);
	}
	free(memory);
	return guest_end(&c, &guest, status);
}
