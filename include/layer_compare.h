/* Whether two layers hold the same under one name. */
#pragma once

#include "layer_stack.h"

/*
 * Compares what is no directory in both: kind, mode, owner, and content, target or device. Files of one size are read.
 * 1: they differ, 0, or -errno.
 */
MUST_CHECK int layer_compare(const struct guest_directory *over, const struct entry *over_entry,
			     const struct guest_directory *under, const struct entry *under_entry,
			     const char *path);
