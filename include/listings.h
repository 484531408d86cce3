/* Which files of a mounted disk are images of layers. */
#pragma once

#include "text.h"

/*
 * Adds the lines of the inventory that answer for GLOB, a path below DIRECTORY, where the disk NAME is mounted: a
 * LISTING, and an IMAGE for each file that matches. PROBE: each is asked what it is, else for its size alone.
 * -ENOBUFS when they do not fit.
 */
MUST_CHECK int listing_read(const char *directory, const char *name, const char *glob, bool probe,
			    struct builder *answer);
