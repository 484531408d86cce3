/* A directory's owner, mode, times and attributes on another one. */
#pragma once

#include <sys/stat.h>

#include "text.h"

/*
 * The attributes of the directory FROM, but overlay's own and those of one file system, on TO; then owner,
 * mode and times as ST says: last, when nothing more is made in TO. 0 or -errno.
 */
MUST_CHECK int directory_copy(int from, const struct stat *st, int to);
