/* What the files that resolve share. Pure. */
#pragma once

#include "resolve_checks.h"

struct resolver {
	const struct manifest *m; /* NULL: it is looked for itself */
	const struct inventory *inv;
	struct resolution *ret;
	int64_t timeout_ms;
	bool asked; /* a disk has not said yet whether it is one of those that are looked for */
};

/* If the question cannot be put down, it is put again at the next call. */
void resolver_ask(struct resolver *r, struct question q);

/* Asks what has not been said of a disk, enum known; whether something was. */
bool resolver_ask_needed(struct resolver *r, const struct disk *d, unsigned needs);

/* While there is nothing to do but wait, what the message of a failure will list. */
void resolver_ask_meanwhile(struct resolver *r);

/* How many disks SOURCE matches, at most MAX of them in MATCHES; *asked is set when some have not said yet. */
size_t resolver_look_for(struct resolver *r, const struct source *source,
			 const struct disk **matches, size_t max, bool *asked);

void resolver_wake(struct resolver *r, int64_t ms);

/* Whether the disk does not answer, and may still do so before TIMEOUT_MS are over. */
bool resolver_stalls(struct resolver *r, const struct disk *d, int64_t timeout_ms);

/* No disk is expected any more that was there at the start; or only what one that has stalled keeps back. */
bool resolver_settled(const struct inventory *inv);

/* Finds the disks of the top and of the binds, and who shares one. 0, or -1 with r->ret->failure set. */
MUST_CHECK int resolver_volumes(struct resolver *r, const struct manifest *m);
