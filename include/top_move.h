/* How a top is put away in its directory DIR so that a crash in between can be told and finished. */
#pragma once

#include <sys/types.h>

#include "text.h"

/* 1, 0 or -errno. */
int top_has(int dir, const char *name);
int top_open_below(int dir, const char *name);
int top_make_directory(int dir, const char *name, mode_t mode); /* also 0 when it is there */

/* What was begun: the stamp goes where the upper has gone. 0 or -errno. */
MUST_CHECK int top_finish_move(int dir);

/* NAME: of the directory in parked. 0, -ENOENT without an upper, or another -errno. */
MUST_CHECK int top_move_to_park(int dir, char name[24]);
MUST_CHECK int top_move_to_trash(int dir);
