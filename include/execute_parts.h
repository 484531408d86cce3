/* The steps that execute.c leaves to files of their own. */
#pragma once

#include "plan.h"

/*
 * What a step found out, or the kernel's words of its failure, goes into ANSWER; as a line of facts (facts.h)
 * where it succeeded. 0 or -errno.
 */
MUST_CHECK int execute_layer(const struct step *s, struct builder *answer);
MUST_CHECK int execute_volume(const struct step *s, struct builder *answer);
MUST_CHECK int execute_top(const struct step *s, struct builder *answer);
