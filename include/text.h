/* Slices of text, a bounded builder, numbers. Pure: nothing here allocates or asks the system. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a prototype: the caller must look at what is returned. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Part of a text that somebody else owns; not terminated. */
struct slice {
	const char *at;
	size_t len;
};

/* Text put together in the caller's memory; always terminated, never written past. */
struct builder {
	char *at;
	size_t len;
	size_t size;
	bool overflow; /* something did not fit: what stands there is cut, do not use it as a value */
};

struct slice slice_of(const char *text);
bool slice_is(struct slice s, const char *text);
bool slice_starts(struct slice s, const char *prefix);

/* Without blanks (space, tab) at both ends. */
struct slice slice_trim(struct slice s);

/* Takes what stands before the next SEPARATOR off *rest. False when *rest is used up: its at is NULL. */
bool slice_next(struct slice *rest, char separator, struct slice *head);

/* Offset of the first byte that is not well-formed UTF-8 (RFC 3629) or is NUL; s.len if there is none. */
size_t slice_utf8_end(struct slice s);

void builder_start(struct builder *b, char *memory, size_t size);
void builder_add(struct builder *b, const char *text);
void builder_add_char(struct builder *b, char c);
void builder_add_slice(struct builder *b, struct slice s);
void builder_add_number(struct builder *b, int64_t number);
void builder_addf(struct builder *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void builder_addv(struct builder *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Copies at most LEN bytes without blanks and newlines at their ends; devices fill what they say up with these. */
void text_copy_trimmed(char *to, size_t size, const char *from, size_t len);

/* As snprintf(3), for who knows that it fits, or can do with less. */
void text_print(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Every byte outside printable ASCII, and the bytes in SPECIAL, as \xHH: as lsblk and udev write names. */
void builder_add_escaped(struct builder *b, const char *text, const char *special);

/* Bytes as "75 MiB": a larger unit from 10 of it on, or where nothing is left over. */
void builder_add_bytes(struct builder *b, uint64_t bytes);

/* Milliseconds as "10 s" or "250 ms". */
void builder_add_duration(struct builder *b, int64_t ms);

/* Decimal digits only. -EINVAL if there is anything else, -ERANGE above MAX. */
MUST_CHECK int text_number(struct slice s, uint64_t max, uint64_t *ret);

/* "10", "10s", "500ms", "2min": milliseconds, at most a day. -EINVAL, -ERANGE. */
MUST_CHECK int text_duration(struct slice s, int64_t *ret_ms);

/* True for a size as tmpfs takes it: digits, then one of k m g t p e or %, or nothing. */
bool text_is_tmpfs_size(struct slice s, bool percent);

/* Compares as names are told apart in GPT and UUIDs: ASCII letters in either case are equal. */
bool text_equal_nocase(const char *a, const char *b);
