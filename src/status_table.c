#include "status_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void add_name(const struct status_row *r, struct builder *b)
{
	builder_add_escaped(b, r->layer->name, "");
}

static void add_from(const struct status_row *r, struct builder *b)
{
	builder_add_escaped(b, r->layer->disk, "");
	if (*r->layer->image) {
		builder_add(b, " ");
		builder_add_escaped(b, r->layer->image, "");
	}
	if (*r->layer->subdir) {
		builder_add(b, " ");
		builder_add_escaped(b, r->layer->subdir, "");
	}
}

static void add_type(const struct status_row *r, struct builder *b)
{
	builder_add_escaped(b, r->layer->type, "");
}

static void add_size(const struct status_row *r, struct builder *b)
{
	if (r->size > 0)
		builder_add_bytes(b, r->size);
}

static void add_identity(const struct status_row *r, struct builder *b)
{
	builder_add_escaped(b, r->layer->identity, "");
}

static void add_time(const struct status_row *r, struct builder *b)
{
	if (r->layer->ms >= 0)
		builder_addf(b, "%" PRId64 " ms", r->layer->ms);
}

/* The widths add up to 80 columns, with two blanks between. */
static const struct column {
	const char *title;
	void (*add)(const struct status_row *r, struct builder *b);
	size_t width; /* at most; longer values are cut */
} columns[] = {
	{ "LAYER", add_name, 12 }, { "FROM", add_from, 16 },         { "TYPE", add_type, 8 },
	{ "SIZE", add_size, 8 },   { "IDENTITY", add_identity, 19 }, { "TIME", add_time, 7 },
};

static void cell_of(const struct status_row *r, const struct column *c, char *cell, size_t size)
{
	struct builder b;

	builder_start(&b, cell, size);
	c->add(r, &b);
	if (b.len > c->width)
		memcpy(cell + c->width - 2, "..", 3);
}

static void print_row(const struct status_row *r, const size_t *widths)
{
	char cell[512], line[1024];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	for (size_t c = 0; c < COUNT(columns); c++) {
		if (r)
			cell_of(r, &columns[c], cell, sizeof(cell));
		builder_addf(&b, "%-*s  ", (int)widths[c], r ? cell : columns[c].title);
	}
	while (b.len > 0 && line[b.len - 1] == ' ')
		line[--b.len] = '\0';
	(void)puts(line);
}

void status_table_print(const struct status_row *rows, size_t count)
{
	size_t widths[COUNT(columns)];
	char cell[512];

	for (size_t c = 0; c < COUNT(columns); c++) {
		widths[c] = strlen(columns[c].title);
		for (size_t row = 0; row < count; row++) {
			cell_of(&rows[row], &columns[c], cell, sizeof(cell));
			if (strlen(cell) > widths[c])
				widths[c] = strlen(cell);
		}
	}
	print_row(NULL, widths);
	for (size_t row = 0; row < count; row++)
		print_row(&rows[row], widths);
}
