/* Loop devices for images that are files. */
#pragma once

#include "text.h"

/*
 * Puts SIZE bytes (0: all) from OFFSET on of the open file FILE on a free loop device, read-only, which goes with its
 * last user. A descriptor of the device, to be kept until it is mounted, and the device's path in RET; or -errno.
 */
MUST_CHECK int loop_attach(int file, uint64_t offset, uint64_t size, char ret[32]);
