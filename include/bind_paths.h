/* Paths of one mount bound on the same paths of another, without being led astray by what stands there. */
#pragma once

#include <stdbool.h>

#include "text.h"

/* Binds the directory PATH of the mount SOURCE on TARGET; symlinks in PATH stay inside SOURCE. 0 or -errno. */
MUST_CHECK int bind_subdir(const char *source, const char *path, const char *target);

/*
 * Binds PATH, absolute, of SOURCE on the same of ROOT, read-only. No symlink is followed in either. -ENOENT,
 * -ELOOP, -EINVAL (no regular file or directory), -ENOTDIR (not of one kind); WORDS say where.
 */
MUST_CHECK int bind_protect(const char *source, const char *root, const char *path,
			    struct builder *words);

/*
 * Binds PATH of SOURCE, which is written to, on the same of ROOT. What SOURCE does not have yet is copied from
 * ROOT, or made where that has it neither: /etc/machine-id as of a system that was never booted, all else as an empty
 * directory. What ROOT does not have is made there. The same errors.
 */
MUST_CHECK int bind_persistent(const char *source, const char *root, const char *path,
			       struct builder *words);
