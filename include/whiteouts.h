/*
 * Deletions that overlay does not know, turned into its own notation: two small layers in memory, lowerdirs
 * right above and right below the layer that marks them.
 */
#pragma once

#include <stddef.h>

#include "text.h"

enum whiteouts_kind {
	WHITEOUTS_WH, /* .wh.NAME and .wh..wh..opq, as in container images and aufs */
	WHITEOUTS_XATTR, /* trusted.overlay.whiteout on an empty file, which kernels before 6.8 do not know */
};

struct whiteouts_made {
	size_t entries;   /* looked at */
	size_t hidden;    /* names of the layer that ABOVE hides; 0: the union needs no ABOVE */
	size_t whiteouts; /* in BELOW (WHITEOUTS_XATTR: none, ABOVE hides what is below, too) */
	size_t opaques; /* directories of BELOW; no whiteouts and no opaques: the union needs no BELOW */
};

/*
 * LAYER is a mounted layer, ABOVE and BELOW are empty directories on a tmpfs. The directories made in them,
 * and they themselves, get owner, mode, times and attributes of the layer's. 0, -E2BIG for more than
 * ENTRIES_MAX, -EINVAL for a deletion without a name or of everything, or another -errno; then WORDS names
 * the path in the layer and what was being done, and ABOVE and BELOW are half made.
 */
MUST_CHECK int whiteouts_translate(const char *layer, const char *above, const char *below,
				   enum whiteouts_kind kind, size_t entries_max,
				   struct whiteouts_made *ret, struct builder *words);
