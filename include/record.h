/*
 * A line of KEY="value" pairs, as lsblk -P prints it: the form of the inventory and of the helpers' answers to
 * PID 1. Pure.
 */
#pragma once

#include "text.h"

enum field_kind {
	FIELD_TEXT,   /* char[size], terminated */
	FIELD_SIZE,   /* uint64_t */
	FIELD_FLAG,   /* bool */
	FIELD_NUMBER, /* int, from 0 to size */
};

/* Where a key's value goes in a struct. */
struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	size_t size;
};

/* Whether LINE begins with KEY=. */
bool record_is(struct slice line, const char *key);

/* Sets the members of *ret, which is zero, from LINE. -EINVAL: something else stands there, or is too long. */
MUST_CHECK int record_parse(struct slice line, const struct field *fields, size_t count, void *ret);

/* Members that are empty or zero are left out, but for a FIELD_SIZE. Bytes out of ASCII as \xHH. */
void record_print(const void *from, const struct field *fields, size_t count, struct builder *b);
