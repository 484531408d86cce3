/* Loop devices for images that are files. */
#pragma once

#include "text.h"

/*
 * Puts the file PATH on a free loop device, read-only, which goes with its last user. A descriptor of the device,
 * to be kept until it is mounted, and the device's path in RET; or -errno.
 */
MUST_CHECK int loop_attach(const char *path, char ret[32]);
