#include "ed25519.h"

#include <signify/crypto_api.h>
#include <string.h>

_Static_assert(ED25519_KEY == crypto_sign_ed25519_PUBLICKEYBYTES, "its size");
_Static_assert(ED25519_SIGNATURE == crypto_sign_ed25519_BYTES, "its size");

bool ed25519_verifies(const unsigned char signature[ED25519_SIGNATURE],
		      const unsigned char key[ED25519_KEY], struct slice text, struct arena *arena)
{
	struct arena scratch = *arena;
	size_t size = ED25519_SIGNATURE + text.len;
	/* It wants the signature in front of the text, and as much room for a copy. */
	unsigned char *given = arena_alloc(&scratch, size);
	unsigned char *copy = arena_alloc(&scratch, size);
	unsigned long long len;

	if (!given || !copy)
		return false;
	memcpy(given, signature, ED25519_SIGNATURE);
	memcpy(given + ED25519_SIGNATURE, text.at, text.len);
	return crypto_sign_ed25519_open(copy, &len, given, size, key) == 0;
}
