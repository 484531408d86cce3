/* Carries out steps. */
#pragma once

#include "plan.h"

/*
 * Does one step in this process. ANSWER takes the kernel's words of a failure, or what the step found (of
 * STEP_INIT: lines with the path, "systemd" and "remounts-root" where so). 0 or -errno. STEP_MODULE and STEP_EXEC are not for this function.
 */
MUST_CHECK int execute_step(const struct step *s, struct builder *answer);

/* Says the step, where every step is to be said. */
void execute_announce(const struct step *s);

/* Says what the failure of a step means. WORDS are the kernel's, or empty. Always returns -1. */
int execute_failed(const struct step *s, int error, const char *words, struct failure *failure);
