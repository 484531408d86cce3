/* What the kernel command line changes of a manifest. Pure. */
#pragma once

#include "cmdline.h"
#include "manifest.h"

/* Applies layerboot.layer=, .skip= and .top= to *m. Returns 0, or -1 with *failure set. */
MUST_CHECK int manifest_override(struct manifest *m, const struct cmdline *c, struct arena *arena,
				 struct failure *failure);
