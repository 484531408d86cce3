#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_command.h"
#include "status_table.h"
#include "sys.h"
#include "text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define CHANGED_MAX  10 /* lines of the table; --json has all */

static const char usage[] =
	"usage: layerboot status [OPTION]...\n"
	"\n"
	"Prints what the root of this guest is made of: its layers, the highest first, the writable\n"
	"top, what is bound or protected, and what deserves attention.\n"
	"\n"
	"  --json     as one object, nothing cut\n"
	"  --run DIR  where the boot left its state (default /run/layerboot)\n"
	"\n"
	"exit status: 0; 1 this failed; 2 usage\n"
	"\n"
	"examples:\n"
	"  layerboot status\n"
	"  layerboot status --json | jq -r '.layers[] | .name + \" \" + .identity'\n";

struct space {
	uint64_t size, free; /* bytes; size 0: not known */
};

struct status {
	struct guest *g;
	const struct guest_command *command;
	struct slice top;
	struct guest_layer top_row; /* the top, where a layer is expected */
};

static struct space space_of(const char *path)
{
	struct statfs fs;

	if (sys_statfs(path, &fs) < 0)
		return (struct space){ 0 };
	return (struct space){
		.size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize,
		.free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize,
	};
}

static bool is_found(const struct guest_layer *l)
{
	return strcmp(l->state, "found") == 0;
}

static struct space layer_space(const struct status *s, const struct guest_layer *l)
{
	char path[4096];

	if (l == &s->top_row)
		return space_of(s->g->stack[0].path);
	if (!is_found(l))
		return (struct space){ 0 };
	text_print(path, sizeof(path), "%s/layers/%s", s->command->run, l->name);
	return space_of(path);
}

static const char *text_of(struct guest *g, struct slice object, const char *name)
{
	struct slice value;
	const char *text = json_member(object, name, &value) ? json_copy(value, &g->arena) : NULL;

	return text ? text : "";
}

static bool number_of(struct slice object, const char *name, int64_t *ret)
{
	struct slice value;

	return json_member(object, name, &value) && json_integer(value, ret) == 0;
}

/* From the highest: the top, where there is one, and the layers that are there. */
static int print_table(const struct status *s)
{
	struct guest *g = s->g;
	struct status_row *rows = arena_alloc(&g->arena, (g->layers_count + 1) * sizeof(*rows));
	struct guest_layer top = s->top_row;
	size_t count = 0;

	if (!rows)
		return -ENOMEM;
	if (!*top.disk)
		top.disk = "memory";
	if (g->has_top)
		rows[count++] = (struct status_row){ &top, layer_space(s, &s->top_row).size };
	for (size_t i = g->layers_count; i-- > 0;)
		if (is_found(&g->layers[i]))
			rows[count++] = (struct status_row){ &g->layers[i],
							     layer_space(s, &g->layers[i]).size };
	status_table_print(rows, count);
	(void)puts("");
	return 0;
}

/* absent: user (SERIAL=user) */
static void print_missing(const struct status *s)
{
	char line[4096];

	for (size_t i = s->g->layers_count; i-- > 0;) {
		const struct guest_layer *l = &s->g->layers[i];
		struct builder b;
		if (is_found(l))
			continue;
		builder_start(&b, line, sizeof(line));
		builder_add_escaped(&b, *l->state ? l->state : "unknown", "");
		builder_add(&b, ": ");
		builder_add_escaped(&b, l->name, "");
		builder_add(&b, " (");
		builder_add_escaped(&b, l->source, "");
		builder_add(&b, ")");
		(void)puts(line);
	}
}

static bool top_lasts(const struct status *s)
{
	struct slice lasts = { 0 };

	return json_member(s->top, "lasts", &lasts) && json_is_true(lasts);
}

static void print_top(const struct status *s)
{
	char line[512];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	if (!s->g->has_top) {
		(void)puts("top: none, the root is read-only");
		return;
	}
	builder_add(&b, "top: ");
	builder_add_escaped(&b, s->top_row.type, "");
	builder_add(&b, top_lasts(s) ? ", writes last" : ", writes are lost at power-off");
	struct space space = layer_space(s, &s->top_row);
	if (space.size > 0) {
		builder_add(&b, "; ");
		builder_add_bytes(&b, space.size > space.free ? space.size - space.free : 0);
		builder_add(&b, " used, ");
		builder_add_bytes(&b, space.free);
		builder_add(&b, " free");
	}
	(void)puts(line);
}

static void print_claims(const char *what, const struct guest_claim *claims, size_t count)
{
	char line[8192];

	for (size_t i = 0; i < count; i++) {
		struct builder b;
		builder_start(&b, line, sizeof(line));
		builder_add(&b, what);
		builder_add_escaped(&b, claims[i].owner, "");
		builder_add(&b, ": ");
		builder_add_escaped(&b, claims[i].path, "");
		(void)puts(line);
	}
}

static void print_warnings(const struct status *s)
{
	struct slice changed = { 0 }, rest, one;
	char path[4096], line[16384 + 64];
	size_t count = 0;

	if (strcmp(text_of(s->g, s->g->report, "result"), "ok") != 0)
		(void)puts("warning: the boot report says that the boot did not succeed");
	(void)json_member(s->g->report, "changed_on_both_sides", &changed);
	for (rest = json_array(changed); json_next(&rest, &one); count++) {
		struct builder b, to;
		builder_start(&to, path, sizeof(path));
		if (count >= CHANGED_MAX || json_unescape(one, &to) < 0)
			continue;
		builder_start(&b, line, sizeof(line));
		builder_add(&b,
			    "warning: changed in the top and in the layers since, the top wins: ");
		builder_add_escaped(&b, path, "");
		(void)puts(line);
	}
	if (count > CHANGED_MAX)
		(void)printf("warning: %zu more such paths; --json has all\n", count - CHANGED_MAX);
}

static void print_boot(const struct status *s)
{
	struct slice report = s->g->report, manifest = { 0 };
	int64_t start, ready;
	char line[1024];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	builder_add(&b, "boot: ");
	if (number_of(report, "init_us", &start) && number_of(report, "ready_us", &ready) &&
	    start >= 0 && ready >= start)
		builder_addf(&b, "%" PRId64 " ms, ready %" PRId64 " ms after the kernel; ",
			     (ready - start) / 1000, ready / 1000);
	(void)json_member(report, "manifest", &manifest);
	builder_add(&b, "layerboot ");
	builder_add_escaped(&b, text_of(s->g, report, "layerboot"), "");
	builder_add(&b, "\nmanifest: ");
	builder_add_escaped(&b, text_of(s->g, manifest, "origin"), "");
	(void)puts(line);
}

static void add_layer(const struct status *s, const struct guest_layer *l, struct builder *b)
{
	struct space space = layer_space(s, l);

	json_open(b, "{");
	json_member_string(b, "name", l->name);
	json_member_string(b, "state", l->state);
	json_member_string(b, "source", l->source);
	json_member_string(b, "disk", l->disk);
	json_member_string(b, "image", l->image);
	json_member_string(b, "subdir", l->subdir);
	json_member_string(b, "type", l->type);
	json_member_string(b, "identity", l->identity);
	json_member_string(b, "trust", l->trust);
	json_member_number(b, "size", (int64_t)space.size);
	json_member_number(b, "ms", l->ms);
	json_close(b, "}");
}

static void add_top(const struct status *s, struct builder *b)
{
	json_key(b, "top");
	json_open(b, "{");
	json_member_string(b, "type", s->g->has_top ? s->top_row.type : "none");
	json_key(b, "lasts");
	json_bool(b, top_lasts(s));
	if (s->g->has_top) {
		struct space space = layer_space(s, &s->top_row);
		json_member_string(b, "disk", s->top_row.disk);
		json_member_number(b, "size", (int64_t)space.size);
		json_member_number(b, "free", (int64_t)space.free);
	}
	json_close(b, "}");
}

static int print_json(const struct status *s)
{
	static const char *const copied[] = {
		"layerboot", "result",   "kernel", "manifest", "union",
		"init_us",   "ready_us", "binds",  "protect",  "changed_on_both_sides"
	};
	size_t size = s->g->report.len * 4 + 65536;
	char *text = malloc(size);
	struct builder b;
	struct slice value;

	if (!text)
		return guest_complain(s->command, "memory", -ENOMEM, NULL);
	builder_start(&b, text, size);
	json_open(&b, "{");
	for (size_t i = 0; i < COUNT(copied); i++)
		if (json_member(s->g->report, copied[i], &value)) {
			json_key(&b, copied[i]);
			json_raw(&b, value);
		}
	add_top(s, &b);
	json_key(&b, "layers");
	json_open(&b, "[");
	for (size_t i = s->g->layers_count; i-- > 0;)
		add_layer(s, &s->g->layers[i], &b);
	json_close(&b, "]");
	json_close(&b, "}");
	int status = b.overflow ? guest_complain(s->command, "report", -ENOSPC, NULL)
				: puts(text) < 0;
	free(text);
	return status;
}

int command_status(int argc, char **argv)
{
	static struct guest guest;
	struct guest_command c = { .name = "status", .usage = usage, .takes_json = true };
	struct status s = { .g = &guest, .command = &c };
	int status = guest_start(&c, argc, argv, &guest);

	if (status >= 0)
		return status;
	if (optind < argc) {
		(void)fputs("layerboot status takes no argument; try: layerboot status --help\n",
			    stderr);
		return guest_end(&c, &guest, 2);
	}
	(void)json_member(guest.report, "top", &s.top);
	s.top_row = (struct guest_layer){
		.name = GUEST_TOP,
		.state = "found",
		.source = "",
		.image = "",
		.subdir = "",
		.identity = "",
		.trust = "",
		.ms = -1,
		.type = text_of(&guest, s.top, "type"),
		.disk = text_of(&guest, s.top, "disk"),
	};
	if (c.json)
		return guest_end(&c, &guest, print_json(&s));
	if (print_table(&s) < 0)
		return guest_end(&c, &guest, guest_complain(&c, "memory", -ENOMEM, NULL));
	print_top(&s);
	print_missing(&s);
	print_claims("bound by ", guest.binds, guest.binds_count);
	print_claims("protected by ", guest.protects, guest.protects_count);
	print_boot(&s);
	print_warnings(&s);
	return guest_end(&c, &guest, 0);
}
