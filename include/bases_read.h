/* Reads what a layer was made on from the layer. */
#pragma once

#include "text.h"

/*
 * Adds the identities of all records of the layer in the directory ROOT (bases.h) to RET, which stays empty without one.
 * Nothing is read through a symlink, and nothing but regular files. WORDS takes what is wrong with a record that cannot
 * be understood, which is no error. 0 or -errno.
 */
MUST_CHECK int bases_read(int root, struct builder *ret, struct builder *words);
