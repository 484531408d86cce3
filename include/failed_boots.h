/* How many boots in a row have failed, kept on the disk of a persistent top. */
#pragma once

#include <stdint.h>

#include "text.h"

/* Counts this boot as failed. 0 and how many there are now, 0 of them where there is no such disk; or -errno. */
MUST_CHECK int failed_boots_count(uint64_t *ret);

/* Forgets them, in DIR, the directory of the top. 0 or -errno. */
MUST_CHECK int failed_boots_forget(const char *dir);
