/* What the files that make a plan share. Pure. */
#pragma once

#include "plan.h"

struct planner {
	const struct plan_input *in;
	struct plan *plan;
	struct arena *arena;
	struct failure *failure;
	bool full; /* a step did not fit */
};

/* Adds a step of PHASE_ROOT. */
void planner_add_root(struct planner *p, struct step step);

/* Always returns -1. */
int planner_no_memory(struct planner *p);

/* Adds a warning for each layer that was made on other images than those below it, or fails where one may not be. */
MUST_CHECK int planner_add_bases(struct planner *p);

/*
 * Adds what makes the top and puts it into the union JOIN, whose lowers are there already. 0, or -1 with the
 * failure set.
 */
MUST_CHECK int planner_add_top(struct planner *p, struct step *join);
