/* What PID 1 does when it cannot go on. */
#pragma once

#include "cmdline.h"
#include "modules.h"

/* Says what failed and acts as the policy of C tells. MODULES may be NULL. */
_Noreturn void rescue(const struct failure *failure, const struct cmdline *c,
		      struct modules *modules);
