/*
 * Keys and signed texts in signify's format (signify(1), base64 of "Ed", 8 bytes that number the key, the key or the
 * signature): what signify -S -e makes, the signature in front of the text. Pure; ed25519.h checks.
 */
#pragma once

#include "text.h"

struct signature_key {
	unsigned char number[8];
	unsigned char key[32];
};

struct signature {
	unsigned char number[8]; /* of the key that made it */
	unsigned char bytes[64];
};

/* Takes one public key off *text: a line with a comment, a line of base64. -EINVAL; -ENOENT: nothing is left. */
MUST_CHECK int signature_take_key(struct slice *text, struct signature_key *ret);

/*
 * Tells the signature from the text that it signs. -ENOENT: there is none, *ret_text is all of it; -EINVAL: what
 * begins as one is none.
 */
MUST_CHECK int signature_split(struct slice all, struct signature *ret, struct slice *ret_text);

/* The number of a key as 16 digits. */
void signature_print_number(const unsigned char number[8], struct builder *b);
