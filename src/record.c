#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

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

static int set_field(void *to, const struct field *f, struct slice value)
{
	void *at = (char *)to + f->offset;
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

bool record_is(struct slice line, const char *key)
{
	size_t len = strlen(key);

	line = slice_trim(line);
	return slice_starts(line, key) && line.len > len && line.at[len] == '=';
}

int record_parse(struct slice line, const struct field *fields, size_t count, void *ret)
{
	struct slice key, value;

	line = slice_trim(line);
	while (line.len > 0) {
		const struct field *field = NULL;
		if (take_pair(&line, &key, &value) < 0)
			return -EINVAL;
		for (size_t i = 0; i < count; i++)
			if (slice_is(key, fields[i].key))
				field = &fields[i];
		if (!field || set_field(ret, field, value) < 0)
			return -EINVAL;
	}
	return 0;
}

void record_print(const void *from, const struct field *fields, size_t count, struct builder *b)
{
	const char *space = "";

	for (size_t i = 0; i < count; i++) {
		const void *at = (const char *)from + fields[i].offset;
		size_t before = b->len;
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
		if (b->len > before)
			space = " ";
	}
}
