#include "signature.h"

#include <errno.h>
#include <string.h>

#define COMMENT   "untrusted comment: "
#define ALGORITHM "Ed"
#define HEAD      10 /* algorithm and number */

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Exactly SIZE bytes, padded as base64 is (RFC 4648). */
static int decode(struct slice s, unsigned char *ret, size_t size)
{
	size_t pads = (3 - size % 3) % 3, len = 0;
	unsigned bits = 0, held = 0;

	if (s.len != (size + 2) / 3 * 4)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (i >= s.len - pads) {
			if (s.at[i] != '=')
				return -EINVAL;
			continue;
		}
		int value = digit(s.at[i]);
		if (value < 0)
			return -EINVAL;
		held = held << 6 | (unsigned)value;
		bits += 6;
		if (bits >= 8 && len < size) {
			bits -= 8;
			ret[len++] = (unsigned char)(held >> bits);
		}
	}
	/* What is left over is zero, so that a text has one form only. */
	return held & ((1u << bits) - 1) ? -EINVAL : 0;
}

/* The two lines in front; SIZE bytes of content after the head. */
static int take(struct slice *text, unsigned char *ret, size_t size)
{
	struct slice rest = *text, comment, line;

	if (!slice_starts(rest, COMMENT) || !slice_next(&rest, '\n', &comment) ||
	    !slice_next(&rest, '\n', &line) || decode(line, ret, HEAD + size) < 0 ||
	    memcmp(ret, ALGORITHM, strlen(ALGORITHM)) != 0)
		return -EINVAL;
	*text = rest.at ? rest : (struct slice){ line.at + line.len, 0 };
	return 0;
}

int signature_take_key(struct slice *text, struct signature_key *ret)
{
	unsigned char bytes[HEAD + sizeof(ret->key)];

	if (text->len == 0)
		return -ENOENT;
	int r = take(text, bytes, sizeof(ret->key));
	if (r < 0)
		return r;
	memcpy(ret->number, bytes + 2, sizeof(ret->number));
	memcpy(ret->key, bytes + HEAD, sizeof(ret->key));
	return 0;
}

int signature_split(struct slice all, struct signature *ret, struct slice *ret_text)
{
	unsigned char bytes[HEAD + sizeof(ret->bytes)];

	*ret_text = all;
	if (!slice_starts(all, COMMENT))
		return -ENOENT;
	int r = take(ret_text, bytes, sizeof(ret->bytes));
	if (r < 0)
		return r;
	memcpy(ret->number, bytes + 2, sizeof(ret->number));
	memcpy(ret->bytes, bytes + HEAD, sizeof(ret->bytes));
	return 0;
}

void signature_print_number(const unsigned char number[8], struct builder *b)
{
	for (size_t i = 0; i < 8; i++)
		builder_addf(b, "%02x", number[i]);
}
