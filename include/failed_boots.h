/* How many boots in a row have failed, kept on the disk of a persistent top. */
#pragma once

#include <stdint.h>

#include "text.h"

/* Counts this boot as failed: how many there are now; 0 where there is no such disk, or it cannot be written to. */
uint64_t failed_boots_count(void);

/* Forgets them, in DIR, the directory of the top. 0 or -errno. */
MUST_CHECK int failed_boots_forget(const char *dir);
