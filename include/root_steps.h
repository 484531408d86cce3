/* The steps from the union to the hand-over, in the plan's order. */
#pragma once

#include "failure.h"
#include "jobs.h"
#include "plan.h"
#include "systemd.h"

struct root_steps {
	const struct plan *plan;
	struct jobs *jobs;   /* whose idle child carries out what may wait */
	int64_t patience_ms; /* that a mount may take */
	struct failure *failure;
	/* What they told: the real init, and what it expects. */
	char init[1024];
	struct systemd systemd;
};

/*
 * Carries out the step at AT, if it is one of these, and with one that may wait for a disk those that follow and may, too:
 * they share a child. Returns how many it were; 0 if one failed, with *r->failure set.
 */
MUST_CHECK size_t root_steps_do(struct root_steps *r, size_t at);
