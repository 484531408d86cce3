/* What the kernel says while a call fails: on 6.1 the reason for a refused mount stands only in its log. */
#pragma once

#include "text.h"

/* Opens /dev/kmsg behind its last record. A descriptor or -errno. */
int kernel_log_open(void);

/* Adds the texts of the warnings and errors since then, "; " between them, and closes FD. */
void kernel_log_take(int fd, struct builder *words);
