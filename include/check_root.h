/* What a boot needs of the merged root: an init that this kernel runs, places for the API file systems, modules. */
#pragma once

#include "check_layers.h"
#include "merged_path.h"

/* LAYERS, the highest first, and where each comes from. */
void check_root(const struct check_input *in, const struct merge_layer *layers,
		const struct resolved_layer *const *resolved, size_t count,
		struct check_report *report);
