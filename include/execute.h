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

/* Steps that may block on a disk, and so are carried out in a child: one for all of them. */
struct guarded {
	const struct step *steps;
	size_t count;
	void *arg;                                               /* of the two below */
	int64_t (*patience_ms)(void *arg, const struct step *s); /* that one may take */
	/* One has been carried out, with this answer. */
	void (*done)(void *arg, const struct step *s, int64_t start_us, const char *answer);
	size_t at; /* the one that is being carried out, or has failed */
	int64_t start_us;
};

/* -ETIMEDOUT if one did not end in time, -ECHILD if it crashed, or its -errno: then WORDS are the kernel's. */
MUST_CHECK int execute_guarded(struct guarded *g, struct builder *words);

/* Says what the failure of a step means. WORDS are the kernel's, or empty. Always returns -1. */
int execute_failed(const struct step *s, int error, const char *words, struct failure *failure);
