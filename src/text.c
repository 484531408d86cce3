#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct slice slice_of(const char *text)
{
	return (struct slice){ .at = text, .len = strlen(text) };
}

bool slice_is(struct slice s, const char *text)
{
	for (size_t i = 0; i < s.len; i++)
		/* A terminator is followed by nothing that could be read. */
		if (text[i] != s.at[i] || text[i] == '\0')
			return false;
	return text[s.len] == '\0';
}

bool slice_starts(struct slice s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && memcmp(s.at, prefix, len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool slice_next(struct slice *rest, char separator, struct slice *head)
{
	if (!rest->at)
		return false;
	const char *end = memchr(rest->at, separator, rest->len);
	if (!end) {
		*head = *rest;
		*rest = (struct slice){ 0 };
		return true;
	}
	*head = (struct slice){ .at = rest->at, .len = (size_t)(end - rest->at) };
	rest->len -= head->len + 1;
	rest->at = end + 1;
	return true;
}

/* Length of the well-formed sequence of several bytes at P (Unicode 15, table 3-7), 0 if there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last || forms[i].len > left)
			continue;
		if (p[1] < forms[i].low || p[1] > forms[i].high)
			continue;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

size_t slice_utf8_end(struct slice s)
{
	size_t at = 0;

	while (at < s.len) {
		if ((unsigned char)(s.at[at] - 1) < 0x7f) {
			at++;
			continue;
		}
		size_t len = utf8_length((const unsigned char *)s.at + at, s.len - at);
		if (len == 0)
			return at;
		at += len;
	}
	return at;
}

void builder_start(struct builder *b, char *memory, size_t size)
{
	*b = (struct builder){ .at = memory, .size = size };
	memory[0] = '\0';
}

void builder_add_slice(struct builder *b, struct slice s)
{
	size_t room = b->size - b->len - 1;

	if (s.len > room) {
		b->overflow = true;
		s.len = room;
	}
	memcpy(b->at + b->len, s.at, s.len);
	b->len += s.len;
	b->at[b->len] = '\0';
}

void builder_add_char(struct builder *b, char c)
{
	if (b->size - b->len <= 1) {
		b->overflow = true;
		return;
	}
	b->at[b->len++] = c;
	b->at[b->len] = '\0';
}

void builder_add(struct builder *b, const char *text)
{
	builder_add_slice(b, slice_of(text));
}

static void add_digits(struct builder *b, uint64_t number, bool negative)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	if (negative)
		builder_add(b, "-");
	builder_add_slice(b, (struct slice){ digits + at, sizeof(digits) - at });
}

void builder_add_number(struct builder *b, int64_t number)
{
	add_digits(b, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0);
}

/* va_list may be an array, of which a function gets only a pointer to the first. */
struct arguments {
	va_list list;
};

/* As add_plain(), for what follows the first l of a conversion. */
static const char *add_long(struct builder *b, const char *spec, struct arguments *a)
{
	const bool twice = *spec == 'l';

	spec += twice;
	if (*spec == 'd')
		builder_add_number(b, twice ? va_arg(a->list, long long) : va_arg(a->list, long));
	else if (*spec == 'u')
		add_digits(b,
			   twice ? va_arg(a->list, unsigned long long)
				 : va_arg(a->list, unsigned long),
			   false);
	else
		return NULL;
	return spec + 1;
}

/* Adds what the conversion at SPEC, after its percent sign, stands for, and returns what follows; NULL: it is another. */
static const char *add_plain(struct builder *b, const char *spec, struct arguments *a)
{
	const char *text;

	switch (*spec) {
	case 's':
		text = va_arg(a->list, const char *);
		builder_add(b, text ? text : "(null)"); /* as the library does */
		return spec + 1;
	case 'd':
		builder_add_number(b, va_arg(a->list, int));
		return spec + 1;
	case 'u':
		add_digits(b, va_arg(a->list, unsigned), false);
		return spec + 1;
	case 'z':
		if (spec[1] != 'u')
			return NULL;
		add_digits(b, va_arg(a->list, size_t), false);
		return spec + 2;
	case 'l':
		return add_long(b, spec + 1, a);
	default:
		return NULL;
	}
}

__attribute__((format(printf, 2, 0))) static void add_by_library(struct builder *b,
								 const char *format, va_list args)
{
	size_t room = b->size - b->len;
	int len = vsnprintf(b->at + b->len, room, format, args);

	if (len < 0) {
		b->at[b->len] = '\0';
		b->overflow = true;
	} else if ((size_t)len >= room) {
		b->len = b->size - 1;
		b->overflow = true;
	} else {
		b->len += (size_t)len;
	}
}

/* The library goes through a format twice, and takes hundreds of instructions for each; most are but texts and numbers. */
void builder_addv(struct builder *b, const char *format, va_list args)
{
	const char *percent, *next = format;
	struct arguments a;

	va_copy(a.list, args);
	while (next && (percent = strchr(next, '%'))) {
		builder_add_slice(b, (struct slice){ next, (size_t)(percent - next) });
		format = percent;
		next = add_plain(b, percent + 1, &a);
	}
	if (next)
		builder_add(b, next);
	else
		add_by_library(b, format, a.list);
	va_end(a.list);
}

void text_print(char *buffer, size_t size, const char *format, ...)
{
	struct builder b;
	va_list args;

	builder_start(&b, buffer, size);
	va_start(args, format);
	builder_addv(&b, format, args);
	va_end(args);
}

void builder_addf(struct builder *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	builder_addv(b, format, args);
	va_end(args);
}

void builder_add_escaped(struct builder *b, const char *text, const char *special)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 0x20 || c > 0x7e || c == '\\' || strchr(special, c))
			builder_addf(b, "\\x%02x", c);
		else
			builder_add_slice(b, (struct slice){ .at = p, .len = 1 });
	}
}

void builder_add_bytes(struct builder *b, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t unit = 0;

	while (bytes >= 1024 && (bytes >= 10240 || bytes % 1024 == 0) && unit < 6) {
		bytes = bytes / 1024 + (bytes % 1024 >= 512);
		unit++;
	}
	builder_addf(b, "%" PRIu64 " %s", bytes, units[unit]);
}

void builder_add_duration(struct builder *b, int64_t ms)
{
	if (ms % 1000 == 0)
		builder_addf(b, "%" PRId64 " s", ms / 1000);
	else
		builder_addf(b, "%" PRId64 " ms", ms);
}

int text_number(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit = (uint64_t)(s.at[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret = value;
	return 0;
}

int text_duration(struct slice s, int64_t *ret_ms)
{
	static const struct {
		const char *suffix;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "min", 60000 }, { "s", 1000 }, { "", 1000 } };
	const uint64_t day_ms = 86400000;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].suffix);
		if (s.len <= len || memcmp(s.at + s.len - len, units[i].suffix, len) != 0)
			continue;
		uint64_t value;
		int r = text_number((struct slice){ .at = s.at, .len = s.len - len },
				    day_ms / (uint64_t)units[i].ms, &value);
		if (r < 0)
			return r;
		*ret_ms = (int64_t)value * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

bool text_is_tmpfs_size(struct slice s, bool percent)
{
	uint64_t ignored;

	if (s.len == 0)
		return false;
	char last = s.at[s.len - 1];
	if ((last && strchr("kKmMgGtTpPeE", last)) || (percent && last == '%'))
		s.len--;
	return text_number(s, percent && last == '%' ? 100 : UINT64_MAX, &ignored) == 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_equal_nocase(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

void text_copy_trimmed(char *to, size_t size, const char *from, size_t len)
{
	struct slice s = { .at = from, .len = strnlen(from, len) };
	struct builder b;

	while (s.len > 0 && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == ' '))
		s.len--;
	builder_start(&b, to, size);
	builder_add_slice(&b, slice_trim(s));
}
