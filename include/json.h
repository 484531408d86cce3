/* JSON text (RFC 8259): a writer onto a builder and a reader that allocates nothing. Pure. */
#pragma once

#include "arena.h"

/* Arrays and objects inside each other; a text that nests deeper is refused. */
#define JSON_DEPTH_MAX 32

/* Each writes the comma that its place needs. BRACKET is one of { } [ ]. */
void json_open(struct builder *b, const char *bracket);
void json_close(struct builder *b, const char *bracket);
void json_key(struct builder *b, const char *key);
void json_number(struct builder *b, int64_t number);
void json_bool(struct builder *b, bool value);
void json_raw(struct builder *b, struct slice value); /* is JSON already */

/*
 * A byte that is not UTF-8, as file names may have, becomes U+FFFD: every reader takes that, while a lone
 * surrogate is refused by many and U+00XX cannot be told from the letter.
 */
void json_text(struct builder *b, struct slice text);
void json_string(struct builder *b, const char *text);

/* A key with a string; without a value when VALUE is NULL. */
void json_member_string(struct builder *b, const char *key, const char *value);
void json_member_number(struct builder *b, const char *key, int64_t number);

/*
 * Checks TEXT as a whole, UTF-8 too: *ret is its value, without the blanks around it. -EINVAL. What follows takes
 * values out of it, and comes to no harm with others.
 */
MUST_CHECK int json_parse(struct slice text, struct slice *ret);

/* Finds a member; the first of several. False when there is none, or OBJECT is no object; *ret is then untouched. */
bool json_member(struct slice object, const char *name, struct slice *ret);

/* The inside of an array, for json_next; of anything else: nothing. */
struct slice json_array(struct slice value);

/* Takes the next element off *rest. */
bool json_next(struct slice *rest, struct slice *ret);

bool json_is_true(struct slice value);

/* -EINVAL for anything but an integer, -ERANGE. */
MUST_CHECK int json_integer(struct slice value, int64_t *ret);

/* Appends the text of a string. -EINVAL for anything else, and for a NUL in it; a lone surrogate becomes U+FFFD. */
MUST_CHECK int json_unescape(struct slice value, struct builder *b);

/* The same as a terminated copy; NULL when it is no string, or there is no room. */
char *json_copy(struct slice value, struct arena *a);
