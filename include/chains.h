/* Steps that belong together, carried out by one child; it tells of each how it went. */
#pragma once

#include "facts.h"
#include "plan.h"

/*
 * Carries out the steps in their order, but for the modules, which are loaded beforehand. ANSWER gets a line of
 * facts for each, lines of the inventory, and after a step that failed the kernel's words. 0 or -errno.
 */
MUST_CHECK int chain_run(const struct chain *c, struct builder *answer);

/* Called for each step that went well, and for each other line (STEP is then NULL). */
typedef void chain_told(void *arg, const struct step *step, const struct facts *facts,
			struct slice line);

/* Reads an answer. The step that failed, if one did: the one after those that are told; *words is what is left. */
const struct step *chain_read(const struct chain *c, const char *answer, chain_told *told,
			      void *arg, const char **words);
