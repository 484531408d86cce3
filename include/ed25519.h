/* Signatures, by signify's own source; nobody else includes it. No system call: a function of bytes. */
#pragma once

#include "arena.h"

#define ED25519_KEY       32
#define ED25519_SIGNATURE 64

/* Whether SIGNATURE is KEY's of the text. Works in memory of ARENA; false also where that is used up. */
bool ed25519_verifies(const unsigned char signature[ED25519_SIGNATURE],
		      const unsigned char key[ED25519_KEY], struct slice text, struct arena *arena);
