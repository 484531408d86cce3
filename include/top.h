/*
 * What stands on the volume of a persistent top, in DIR: its mount point and the subdir of the manifest. upper and
 * work are overlay's; stamp says which layers they were used over; index is shadow_index.h's. A top that is
 * put away is parked/N with upper, stamp and index; trash is on its way out. upper goes first and stamp last, so a
 * stamp without an upper is a move that was broken off.
 */
#pragma once

#include <stdbool.h>

#include "text.h"

#define TOP_STAMP_MAX 40960

struct top_state {
	bool used;  /* upper and stamp are there */
	bool trash; /* top_clean() has something to do */
	char stamp[TOP_STAMP_MAX];
};

/*
 * Finishes a park or a reset that was broken off, then reads the stamp. Without one, no upper or an empty one is a
 * top not yet used. 0 (also where DIR is missing); -EUCLEAN: an upper with something in it and no stamp, or a
 * sick stamp, told in WORDS; or another -errno.
 */
MUST_CHECK int top_read(const char *dir, struct top_state *ret, struct builder *words);

/*
 * Makes what is missing of DIR, upper and work. The root of the union shows the upper's own owner, mode, times
 * and attributes; as long as there is no stamp they are made those of LIKE, the root of the highest layer below.
 */
MUST_CHECK int top_prepare(const char *dir, const char *like, struct builder *words);

/*
 * Replaces the stamp; the old one stays until the new one and everything before it is on the disk. 0 or -errno:
 * -ENOSPC on a full disk. After -errno of a first use the upper must not be used: it would have no stamp.
 */
MUST_CHECK int top_stamp(const char *dir, const char *stamp, struct builder *words);

/* Puts the top away; with 0 WORDS is where it is kept, "parked/1". -ENOENT: there is no upper. */
MUST_CHECK int top_park(const char *dir, struct builder *words);

/* Puts the top into the trash, and cleans. A crash, or an error after the first step, leaves that to the next boot. */
MUST_CHECK int top_reset(const char *dir, struct builder *words);

/*
 * Deletes the trash: in bounded memory whatever is in it and however deep, through no symlink and into no other file
 * system. 0 or -errno; what is left is deleted by the next call.
 */
MUST_CHECK int top_clean(const char *dir, struct builder *words);
