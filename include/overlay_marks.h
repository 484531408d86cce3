/* Overlay's own notation for what a layer deletes (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* A character device 0:0. */
bool overlay_is_whiteout(const struct stat *st);

/*
 * An empty regular file with the attribute trusted.overlay.whiteout, which kernels from 6.8 on take for a
 * whiteout in a directory whose trusted.overlay.opaque is "x". PATH is not followed.
 */
bool overlay_is_xattr_whiteout(const char *path, const struct stat *st);

/* Whether the directory FD hides the ones of this name below it: trusted.overlay.opaque is "y". */
bool overlay_is_opaque(int fd);
