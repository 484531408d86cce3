#include <string.h>

#include "json.h"

/* The last byte tells whether something stands before: a string ends with its quote. */
static void separate(struct builder *b)
{
	char last = b->len > 0 ? b->at[b->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':' && last != '\n')
		builder_add(b, ",");
}

void json_open(struct builder *b, const char *bracket)
{
	separate(b);
	builder_add(b, bracket);
}

void json_close(struct builder *b, const char *bracket)
{
	builder_add(b, bracket);
}

/* Keys are names of this program. */
void json_key(struct builder *b, const char *key)
{
	separate(b);
	builder_add(b, "\"");
	builder_add(b, key);
	builder_add(b, "\":");
}

void json_number(struct builder *b, int64_t number)
{
	separate(b);
	builder_add_number(b, number);
}

void json_bool(struct builder *b, bool value)
{
	separate(b);
	builder_add(b, value ? "true" : "false");
}

void json_raw(struct builder *b, struct slice value)
{
	separate(b);
	builder_add_slice(b, value);
}

static void add_utf8(struct builder *b, struct slice s)
{
	size_t plain = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		builder_add_slice(b, (struct slice){ .at = s.at + plain, .len = i - plain });
		plain = i + 1;
		if (c == '\n' || c == '\t')
			builder_add(b, c == '\n' ? "\\n" : "\\t");
		else if (c < 0x20)
			builder_addf(b, "\\u%04x", c);
		else
			builder_addf(b, "\\%c", c);
	}
	builder_add_slice(b, (struct slice){ .at = s.at + plain, .len = s.len - plain });
}

void json_text(struct builder *b, struct slice text)
{
	separate(b);
	builder_add(b, "\"");
	while (text.len > 0) {
		size_t good = slice_utf8_end(text);
		add_utf8(b, (struct slice){ .at = text.at, .len = good });
		if (good < text.len)
			builder_add(b, text.at[good++] == '\0' ? "\\u0000" : "\\ufffd");
		text.at += good;
		text.len -= good;
	}
	builder_add(b, "\"");
}

void json_string(struct builder *b, const char *text)
{
	json_text(b, slice_of(text));
}

void json_member_string(struct builder *b, const char *key, const char *value)
{
	json_key(b, key);
	if (value)
		json_string(b, value);
	else
		builder_add(b, "null");
}

void json_member_number(struct builder *b, const char *key, int64_t number)
{
	json_key(b, key);
	json_number(b, number);
}
