/* Programs of the initramfs: mkfs, fsck. */
#pragma once

#include "text.h"

/*
 * Runs the program ARGV[0], an absolute path, and waits for it; it is killed when its parent ends. Its exit
 * status; -ENOENT if there is no such program, -EINTR if a signal ended it, or another -errno. What it wrote,
 * on one line, is added to WORDS, cut where that is full.
 */
MUST_CHECK int program_run(const char *const *argv, struct builder *words);
