/* What the kernel says while a call fails: on 6.1 the reason for a refused mount stands only in its log. */
#pragma once

#include <stdint.h>

#include "text.h"

/*
 * Adds the texts of the warnings and errors since START_US of sys_now_us(), "; " between them. Only for what has
 * failed: each reader of /dev/kmsg costs the kernel 8 to 32 KiB that it clears.
 */
void kernel_log_since(int64_t start_us, struct builder *words);
