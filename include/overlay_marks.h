/* Overlay's own notation for what a layer deletes (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "text.h"

/* A character device 0:0. */
bool overlay_is_whiteout(const struct stat *st);

/*
 * The following are 1, 0, or -errno where the attribute cannot be read: that says nothing of what is deleted.
 *
 * An empty regular file with the attribute trusted.overlay.whiteout, which kernels from 6.8 on take for a
 * whiteout in a directory whose trusted.overlay.opaque is "x". PATH is not followed.
 */
MUST_CHECK int overlay_is_xattr_whiteout(const char *path, const struct stat *st);

/* Whether the directory FD hides the ones of this name below it: trusted.overlay.opaque is "y". */
MUST_CHECK int overlay_is_opaque(int fd);

/* The first and only byte of the attribute, or NUL: "y", or "x" where whiteouts may be attributes. 0 or -errno. */
MUST_CHECK int overlay_opaque(int fd, char *ret);
