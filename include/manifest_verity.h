/* The keys of a layer that is verified: verity, verity-hash-source ... on-corruption. Pure. */
#pragma once

#include "manifest_keys.h"

key_setter set_verity, set_verity_hash_source, set_verity_hash_offset, set_verity_data_size,
	set_verity_block_size, set_verity_hash_block_size, set_verity_salt, set_verity_algorithm,
	set_on_corruption;

/* What no single key of the layer can say; NULL: nothing. */
const char *layer_verity_problem(const struct layer *layer);
