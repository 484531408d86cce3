/* What the files that resolve share. Pure. */
#pragma once

#include "resolve_checks.h"

struct resolver {
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
