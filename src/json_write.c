#include <string.h>

#include "json.h"

/* The last byte tells whether something stands before: a string ends with its quote. */
static void separate(struct builder *b)
{
	char last = b->len > 0 ? b->at[b->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':' && last != '\n')
		builder_add_char(b, ',');
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
	builder_add_char(b, '"');
	builder_add(b, key);
	builder_add_char(b, '"');
	builder_add_char(b, ':');
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

static void add_special(struct builder *b, unsigned char c)
{
	const char escaped[2] = { '\\', c == '\n' ? 'n' : c == '\t' ? 't' : (char)c };

	if (c < 0x20 && escaped[1] == (char)c)
		builder_addf(b, "\\u%04x", c);
	else
		builder_add_slice(b, (struct slice){ escaped, sizeof(escaped) });
}

/* How much of it stands for itself: printable ASCII but a quote and a backslash. */
static size_t plain_length(struct slice s)
{
	size_t len = 0;

	while (len < s.len && (unsigned char)(s.at[len] - 0x20) < 0x5f && s.at[len] != '"' &&
	       s.at[len] != '\\')
		len++;
	return len;
}

/* Of the well-formed sequence at its start; 0 if there is none. */
static size_t sequence_length(struct slice s)
{
	for (size_t len = 1; len <= 4 && len <= s.len; len++)
		if (slice_utf8_end((struct slice){ s.at, len }) == len)
			return len;
	return 0;
}

void json_text(struct builder *b, struct slice text)
{
	separate(b);
	builder_add_char(b, '"');
	while (text.len > 0) {
		unsigned char c = (unsigned char)text.at[0];
		size_t len = plain_length(text);
		if (len == 0 && c >= 0x7f)
			len = sequence_length(text);
		builder_add_slice(b, (struct slice){ text.at, len });
		if (len == 0 && c >= 0x7f)
			builder_add(b, "\\ufffd");
		else if (len == 0)
			add_special(b, c);
		len += len == 0;
		text.at += len;
		text.len -= len;
	}
	builder_add_char(b, '"');
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
