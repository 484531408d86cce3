#include "inventory.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum field_kind {
	FIELD_TEXT,
	FIELD_SIZE,
	FIELD_FLAG,
	FIELD_NUMBER,
};

#define TEXT_FIELD(key, member)                                                                    \
	{                                                                                          \
		key, FIELD_TEXT, offsetof(struct disk, member), sizeof(((struct disk *)0)->member) \
	}

static const struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	size_t size;
} fields[] = {
	TEXT_FIELD("NAME", name),
	TEXT_FIELD("PKNAME", parent),
	TEXT_FIELD("TRAN", transport),
	TEXT_FIELD("SERIAL", serial),
	TEXT_FIELD("PARTLABEL", part_label),
	TEXT_FIELD("PARTUUID", part_uuid),
	TEXT_FIELD("FSTYPE", type),
	TEXT_FIELD("LABEL", label),
	TEXT_FIELD("UUID", uuid),
	{ "SIZE", FIELD_SIZE, offsetof(struct disk, size), 0 },
	{ "AMBIVALENT", FIELD_FLAG, offsetof(struct disk, ambivalent), 0 },
	{ "DIRTY", FIELD_FLAG, offsetof(struct disk, dirty), 0 },
	{ "ERROR", FIELD_NUMBER, offsetof(struct disk, error), 4096 },
	{ "KNOWN", FIELD_NUMBER, offsetof(struct disk, known),
	  KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION },
};

#define FIELDS_COUNT (sizeof(fields) / sizeof(fields[0]))

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Undoes builder_add_escaped into DST. */
static int unescape(struct slice s, char *dst, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '\\') {
			if (s.len - i < 4 || s.at[i + 1] != 'x')
				return -EINVAL;
			int high = hex(s.at[i + 2]), low = hex(s.at[i + 3]);
			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 3;
		}
		if (c == '\0' || len + 1 >= size)
			return -EINVAL;
		dst[len++] = c;
	}
	memset(dst + len, 0, size - len);
	return 0;
}

static int set_field(struct disk *d, const struct field *f, struct slice value)
{
	void *at = (char *)d + f->offset;
	uint64_t number;
	int r;

	if (f->kind == FIELD_TEXT)
		return unescape(value, at, f->size);
	r = text_number(value,
			f->kind == FIELD_SIZE   ? UINT64_MAX
			: f->kind == FIELD_FLAG ? 1
						: f->size,
			&number);
	if (r < 0)
		return -EINVAL;
	if (f->kind == FIELD_SIZE)
		*(uint64_t *)at = number;
	else if (f->kind == FIELD_FLAG)
		*(bool *)at = number == 1;
	else
		*(int *)at = (int)number;
	return 0;
}

/* Takes KEY="value" off *line. */
static int take_pair(struct slice *line, struct slice *key, struct slice *value)
{
	const char *equals = memchr(line->at, '=', line->len);
	const char *end = line->at + line->len;

	if (!equals || end - equals < 3 || equals[1] != '"')
		return -EINVAL;
	const char *quote = memchr(equals + 2, '"', (size_t)(end - equals - 2));
	if (!quote)
		return -EINVAL;
	*key = (struct slice){ .at = line->at, .len = (size_t)(equals - line->at) };
	*value = (struct slice){ .at = equals + 2, .len = (size_t)(quote - equals - 2) };
	*line = slice_trim((struct slice){ .at = quote + 1, .len = (size_t)(end - quote - 1) });
	return 0;
}

int disk_parse(struct slice line, struct disk *ret)
{
	struct disk d = { 0 };
	struct slice key, value;

	line = slice_trim(line);
	while (line.len > 0) {
		const struct field *field = NULL;
		if (take_pair(&line, &key, &value) < 0)
			return -EINVAL;
		for (size_t i = 0; i < FIELDS_COUNT; i++)
			if (slice_is(key, fields[i].key))
				field = &fields[i];
		if (!field || set_field(&d, field, value) < 0)
			return -EINVAL;
	}
	if (!d.name[0])
		return -EINVAL;
	*ret = d;
	return 0;
}

void disk_print(const struct disk *d, struct builder *b)
{
	for (size_t i = 0; i < FIELDS_COUNT; i++) {
		const void *at = (const char *)d + fields[i].offset;
		const char *space = i ? " " : "";
		if (fields[i].kind == FIELD_TEXT && *(const char *)at) {
			builder_addf(b, "%s%s=\"", space, fields[i].key);
			builder_add_escaped(b, at, "\"");
			builder_add(b, "\"");
		} else if (fields[i].kind == FIELD_SIZE) {
			builder_addf(b, "%s%s=\"%" PRIu64 "\"", space, fields[i].key,
				     *(const uint64_t *)at);
		} else if (fields[i].kind == FIELD_FLAG && *(const bool *)at) {
			builder_addf(b, "%s%s=\"1\"", space, fields[i].key);
		} else if (fields[i].kind == FIELD_NUMBER && *(const int *)at) {
			builder_addf(b, "%s%s=\"%d\"", space, fields[i].key, *(const int *)at);
		}
	}
}

static void add_tag(struct builder *b, const char *tag, const char *value)
{
	if (!*value)
		return;
	builder_add(b, tag);
	builder_add_escaped(b, value, "");
	builder_add(b, " ");
}

void disk_print_short(const struct disk *d, struct builder *b)
{
	builder_addf(b, "%s (", d->name);
	add_tag(b, "SERIAL=", d->serial);
	add_tag(b, "PARTLABEL=", d->part_label);
	add_tag(b, "LABEL=", d->label);
	if (d->error == ETIMEDOUT)
		builder_add(b, "no answer ");
	else if (d->error)
		builder_addf(b, "unreadable ");
	else if (d->ambivalent)
		builder_add(b, "ambivalent ");
	add_tag(b, "", d->type);
	builder_add_bytes(b, d->size);
	builder_add(b, ")");
}

static int compare_names(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	return a_len != b_len ? (a_len < b_len ? -1 : 1) : strcmp(a, b);
}

/* Index of the first disk whose name is not before NAME. */
static size_t position(const struct inventory *inv, const char *name)
{
	size_t low = 0, high = inv->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_names(inv->disks[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct disk *inventory_find(struct inventory *inv, const char *name)
{
	size_t at = position(inv, name);

	return at < inv->count && strcmp(inv->disks[at].name, name) == 0 ? &inv->disks[at] : NULL;
}

struct disk *inventory_add(struct inventory *inv, const char *name)
{
	size_t at = position(inv, name), len = strlen(name);
	struct disk *d = &inv->disks[at];

	if (at < inv->count && strcmp(d->name, name) == 0)
		return d;
	if (inv->count == INVENTORY_DISKS_MAX || len == 0 || len >= sizeof(d->name))
		return NULL;
	memmove(d + 1, d, (inv->count - at) * sizeof(*d));
	inv->count++;
	*d = (struct disk){ 0 };
	memcpy(d->name, name, len);
	return d;
}

void inventory_remove(struct inventory *inv, const char *name)
{
	struct disk *d = inventory_find(inv, name);

	if (!d)
		return;
	inv->count--;
	memmove(d, d + 1, (size_t)(inv->disks + inv->count - d) * sizeof(*d));
}

int inventory_parse(struct slice text, struct inventory *ret, size_t *line)
{
	struct slice one;
	struct disk d;

	ret->count = 0;
	for (*line = 1; slice_next(&text, '\n', &one); (*line)++) {
		one = slice_trim(one);
		if (one.len == 0 || one.at[0] == '#')
			continue;
		if (disk_parse(one, &d) < 0 || inventory_find(ret, d.name))
			return -EINVAL;
		struct disk *to = inventory_add(ret, d.name);
		if (!to)
			return -ENOSPC;
		*to = d;
	}
	return 0;
}
