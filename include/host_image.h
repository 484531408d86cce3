/* Images on a host as directories, in a mount namespace that ends with the process: nothing is left behind. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct host_image {
	int fd;                /* open for reading only */
	uint64_t offset, size; /* of the part that is meant; size 0: to the end */
	const char *type;      /* of its file system */
	const char *options;   /* beside those that leave the image's bytes as they are, or NULL */
};

/*
 * Enters the namespace, before anything is mounted, and does nothing if it has been entered; paths below /sys are then gone. As root the kernel mounts;
 * others get a user namespace, *ret_root is false, and FUSE programs do. 0 or -errno.
 */
MUST_CHECK int host_image_enter(bool *ret_root);

/*
 * Mounts *image read-only. A descriptor of its root, or -errno with the reason in WORDS. What is mounted stays
 * until the process ends.
 */
MUST_CHECK int host_image_mount(const struct host_image *image, struct builder *words);
