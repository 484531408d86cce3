/* What overlay's marks of a layer delete, said in the notation of unionfs-fuse: small branches in memory. */
#pragma once

#include <stddef.h>

#include "text.h"

struct unionfs_marks {
	size_t above; /* names that a branch above the layer hides, in the layer, too; 0: it is not needed */
	size_t below; /* directories whose lower ones a branch below the layer hides; 0: the same */
};

/*
 * LAYER is a mounted layer, ABOVE and BELOW are empty directories. Turns whiteouts (also those in extended
 * attributes) and opaque directories; the attribute is read with CAP_SYS_ADMIN only. 0 or -errno; then WORDS
 * names the path in the layer.
 */
MUST_CHECK int unionfs_marks_make(const char *layer, const char *above, const char *below,
				  struct unionfs_marks *ret, struct builder *words);
