#include "json.h"

#include <errno.h>
#include <string.h>

static void skip(struct slice *s, size_t len)
{
	s->at += len;
	s->len -= len;
}

static bool take(struct slice *s, char c)
{
	if (s->len == 0 || s->at[0] != c)
		return false;
	skip(s, 1);
	return true;
}

static void skip_blanks(struct slice *s)
{
	while (take(s, ' ') || take(s, '\t') || take(s, '\n') || take(s, '\r'))
		;
}

static bool take_digit(struct slice *s)
{
	if (s->len == 0 || s->at[0] < '0' || s->at[0] > '9')
		return false;
	skip(s, 1);
	return true;
}

static size_t skip_digits(struct slice *s)
{
	size_t len = 0;

	while (take_digit(s))
		len++;
	return len;
}

static bool skip_number(struct slice *s)
{
	(void)take(s, '-');
	if (!take(s, '0') && skip_digits(s) == 0)
		return false;
	if (take(s, '.') && skip_digits(s) == 0)
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			(void)take(s, '-');
		return skip_digits(s) > 0;
	}
	return true;
}

/* The four digits of \uXXXX. */
static bool take_hex(struct slice *s, uint32_t *ret)
{
	uint32_t value = 0;

	if (s->len < 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		char c = s->at[i];
		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	skip(s, 4);
	*ret = value;
	return true;
}

static bool skip_string(struct slice *s)
{
	static const char escapes[] = "\"\\/bfnrtu";
	uint32_t ignored;

	if (!take(s, '"'))
		return false;
	while (s->len > 0) {
		char c = s->at[0];
		skip(s, 1);
		if (c == '"')
			return true;
		if ((unsigned char)c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (s->len == 0 || !memchr(escapes, s->at[0], sizeof(escapes) - 1))
			return false;
		c = s->at[0];
		skip(s, 1);
		if (c == 'u' && !take_hex(s, &ignored))
			return false;
	}
	return false;
}

static bool skip_word(struct slice *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_starts(*s, words[i])) {
			skip(s, strlen(words[i]));
			return true;
		}
	return skip_number(s);
}

static bool skip_value(struct slice *s, int depth);

static bool skip_inside(struct slice *s, char end, int depth)
{
	skip_blanks(s);
	if (take(s, end))
		return true;
	for (;;) {
		skip_blanks(s);
		if (end == '}') {
			if (!skip_string(s))
				return false;
			skip_blanks(s);
			if (!take(s, ':'))
				return false;
			skip_blanks(s);
		}
		if (!skip_value(s, depth))
			return false;
		skip_blanks(s);
		if (!take(s, ','))
			return take(s, end);
	}
}

static bool skip_value(struct slice *s, int depth)
{
	if (s->len > 0 && s->at[0] == '"')
		return skip_string(s);
	bool object = take(s, '{');
	if (object || take(s, '['))
		return depth > 0 && skip_inside(s, object ? '}' : ']', depth - 1);
	return skip_word(s);
}

static bool take_value(struct slice *s, struct slice *ret)
{
	struct slice rest = *s;

	if (!skip_value(&rest, JSON_DEPTH_MAX))
		return false;
	*ret = (struct slice){ .at = s->at, .len = s->len - rest.len };
	*s = rest;
	return true;
}

int json_parse(struct slice text, struct slice *ret)
{
	struct slice value;

	if (slice_utf8_end(text) != text.len)
		return -EINVAL;
	skip_blanks(&text);
	if (!take_value(&text, &value))
		return -EINVAL;
	skip_blanks(&text);
	if (text.len > 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

static bool name_is(struct slice string, const char *name)
{
	char plain[64];
	struct builder b;

	builder_start(&b, plain, sizeof(plain));
	return json_unescape(string, &b) == 0 && !b.overflow && strcmp(plain, name) == 0;
}

bool json_member(struct slice object, const char *name, struct slice *ret)
{
	struct slice key, value;

	if (!take(&object, '{'))
		return false;
	do {
		skip_blanks(&object);
		key = object;
		if (!skip_string(&object))
			return false;
		key.len -= object.len;
		skip_blanks(&object);
		if (!take(&object, ':'))
			return false;
		skip_blanks(&object);
		if (!take_value(&object, &value))
			return false;
		if (name_is(key, name)) {
			*ret = value;
			return true;
		}
		skip_blanks(&object);
	} while (take(&object, ','));
	return false;
}

struct slice json_array(struct slice value)
{
	return take(&value, '[') ? value : (struct slice){ 0 };
}

bool json_next(struct slice *rest, struct slice *ret)
{
	skip_blanks(rest);
	if (!take_value(rest, ret))
		return false;
	skip_blanks(rest);
	(void)take(rest, ',');
	return true;
}

bool json_is_true(struct slice value)
{
	return slice_is(value, "true");
}

int json_integer(struct slice value, int64_t *ret)
{
	bool negative = take(&value, '-');
	uint64_t number;
	int r = text_number(value, (uint64_t)INT64_MAX + negative, &number);

	if (r == 0)
		*ret = (int64_t)(negative ? 0 - number : number);
	return r;
}

static void add_code_point(struct builder *b, uint32_t c)
{
	static const struct {
		uint32_t end;
		unsigned first, len;
	} forms[] = {
		{ 0x80, 0, 1 }, { 0x800, 0xc0, 2 }, { 0x10000, 0xe0, 3 }, { 0x110000, 0xf0, 4 }
	};
	char bytes[4];
	size_t i = 0;

	while (c >= forms[i].end)
		i++;
	for (size_t k = forms[i].len - 1; k > 0; k--, c >>= 6)
		bytes[k] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(forms[i].first | c);
	builder_add_slice(b, (struct slice){ .at = bytes, .len = forms[i].len });
}

/* What follows \u. A pair of surrogates is one character above U+FFFF. */
static int unescape_code_point(struct slice *s, struct builder *b)
{
	uint32_t c, low;

	if (!take_hex(s, &c) || c == 0)
		return -EINVAL;
	if (c >= 0xd800 && c <= 0xdbff && slice_starts(*s, "\\u")) {
		struct slice after = { .at = s->at + 2, .len = s->len - 2 };
		if (take_hex(&after, &low) && low >= 0xdc00 && low <= 0xdfff) {
			*s = after;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	add_code_point(b, c >= 0xd800 && c <= 0xdfff ? 0xfffd : c);
	return 0;
}

int json_unescape(struct slice value, struct builder *b)
{
	static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	struct slice s = value;

	if (!skip_string(&s) || s.len > 0)
		return -EINVAL;
	s = (struct slice){ .at = value.at + 1, .len = value.len - 2 };
	while (s.len > 0) {
		const char *escape = memchr(s.at, '\\', s.len);
		size_t plain = escape ? (size_t)(escape - s.at) : s.len;
		builder_add_slice(b, (struct slice){ .at = s.at, .len = plain });
		skip(&s, plain);
		if (s.len == 0)
			break;
		const char *name = memchr(names, s.at[1], sizeof(names) - 1);
		struct slice c = { .at = name ? bytes + (name - names) : s.at + 1, .len = 1 };
		bool code_point = s.at[1] == 'u';
		skip(&s, 2);
		if (!code_point)
			builder_add_slice(b, c);
		else if (unescape_code_point(&s, b) < 0)
			return -EINVAL;
	}
	return 0;
}

char *json_copy(struct slice value, struct arena *a)
{
	struct builder b;

	/* No text is longer than it is escaped; what is left over is given back. */
	if (a->size - a->used <= value.len)
		return NULL;
	builder_start(&b, a->base + a->used, value.len + 1);
	if (json_unescape(value, &b) < 0)
		return NULL;
	a->used += b.len + 1;
	return b.at;
}
