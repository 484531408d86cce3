#include "resolver.h"

#include <errno.h>
#include <string.h>

#include "match.h"

/* If the question cannot be put down, it is put again at the next call. */
void resolver_ask(struct resolver *r, struct question q)
{
	struct resolution *ret = r->ret;

	for (size_t i = 0; i < ret->questions_count; i++) {
		const struct question *o = &ret->questions[i];
		if (o->disk == q.disk && o->kind == q.kind && o->about == q.about &&
		    (!q.glob || strcmp(o->glob, q.glob) == 0))
			return;
	}
	if (ret->questions_count < RESOLVE_QUESTIONS_MAX)
		ret->questions[ret->questions_count++] = q;
}

/*
 * Asks what has not been said of a disk. Only a partition has a partition's label, and only an identified
 * disk is asked more, since it is the identity that says which it is.
 */
bool resolver_ask_needed(struct resolver *r, const struct disk *d, unsigned needs)
{
	static const enum known bits[] = { KNOWN_IDENTITY, KNOWN_SUPERBLOCK, KNOWN_PARTITION };
	bool asked = false;

	if (needs && !(d->known & KNOWN_IDENTITY))
		needs = KNOWN_IDENTITY;
	else if (!d->parent[0])
		needs &= ~(unsigned)KNOWN_PARTITION;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (needs & bits[i] & ~d->known) {
			resolver_ask(r, (struct question){ .disk = d,
							   .kind = QUESTION_DISK,
							   .about = bits[i] });
			asked = true;
		}
	return asked;
}

void resolver_wake(struct resolver *r, int64_t ms)
{
	if (r->ret->wake_ms < 0 || ms < r->ret->wake_ms)
		r->ret->wake_ms = ms;
}

bool resolver_stalls(struct resolver *r, const struct disk *d, int64_t timeout_ms)
{
	if (d->error != ETIMEDOUT || r->inv->elapsed_ms >= timeout_ms)
		return false;
	resolver_wake(r, timeout_ms);
	return true;
}

/*
 * Every disk has said who it is, and one of them does not answer any more: it is what keeps the others from settling, and
 * what it holds cannot be known.
 */
static bool stalled(const struct inventory *inv)
{
	bool found = false;

	for (size_t i = 0; i < inv->count; i++) {
		if (!(inv->disks[i].known & KNOWN_IDENTITY))
			return false;
		found |= inv->disks[i].error == ETIMEDOUT;
	}
	return found;
}

bool resolver_settled(const struct inventory *inv)
{
	return inv->settled || stalled(inv);
}

unsigned resolve_may_ask(const struct manifest *m, const struct disk *d, unsigned needs)
{
	if (!m || !(needs & KNOWN_SUPERBLOCK))
		return needs;
	for (size_t i = 0; i < m->layers_count; i++) {
		const struct layer *l = &m->layers[i];
		if (l->skipped || !l->type || l->image)
			continue;
		unsigned first = match_needs(&l->source) & ~(unsigned)KNOWN_SUPERBLOCK;
		if (!d->parent[0])
			first &= ~(unsigned)KNOWN_PARTITION;
		/* Only then is it known whether it is this one. */
		if (first & ~d->known)
			return (needs | first) & ~(unsigned)KNOWN_SUPERBLOCK;
		if (match_by_itself(&l->source, d))
			return needs & ~(unsigned)KNOWN_SUPERBLOCK;
	}
	return needs;
}

/* While there is nothing to do but wait, learn what the message of a failure will list. */
void resolver_ask_meanwhile(struct resolver *r)
{
	if (r->inv->settled)
		for (size_t i = 0; i < r->inv->count; i++)
			(void)resolver_ask_needed(r, &r->inv->disks[i],
						  resolve_may_ask(r->m, &r->inv->disks[i],
								  KNOWN_IDENTITY |
									  KNOWN_SUPERBLOCK));
}

/* How many disks SOURCE matches; *asked is set when some have not said yet. */
size_t resolver_look_for(struct resolver *r, const struct source *source,
			 const struct disk **matches, size_t max, bool *asked)
{
	*asked = false;
	for (size_t i = 0; i < r->inv->count; i++)
		if (resolver_ask_needed(r, &r->inv->disks[i],
					resolve_may_ask(r->m, &r->inv->disks[i],
							match_needs(source))))
			*asked = true;
	r->asked |= *asked;
	return match_disks(source, r->inv, matches, max);
}

int resolve_origin(const struct origin *origin, const struct inventory *inv, int64_t timeout_ms,
		   struct resolution *ret, const struct disk **ret_disk)
{
	struct resolver r = { .inv = inv, .ret = ret, .timeout_ms = timeout_ms };
	const struct disk *matches[CHECK_MATCHES_MAX];
	bool asked;

	ret->questions_count = ret->layers_count = 0;
	ret->wake_ms = -1;
	*ret_disk = NULL;
	size_t count = resolver_look_for(&r, &origin->source, matches, CHECK_MATCHES_MAX, &asked);
	if (count > 1)
		return check_duplicate(NULL, &origin->source, matches, count, &ret->failure);
	if (count == 0 && inv->elapsed_ms >= timeout_ms)
		return check_missing(FAILURE_MANIFEST_MISSING, NULL, &origin->source, timeout_ms,
				     inv, &ret->failure);
	if (count == 0) {
		resolver_wake(&r, timeout_ms);
		if (!asked)
			resolver_ask_meanwhile(&r);
		return 0;
	}
	/* Which a second disk could still be. */
	if ((asked || !resolver_settled(inv)) && inv->elapsed_ms < timeout_ms) {
		resolver_wake(&r, timeout_ms);
		return 0;
	}
	unsigned needs = origin->kind == ORIGIN_FILE ? KNOWN_SUPERBLOCK : 0;
	if (!resolver_ask_needed(&r, matches[0], KNOWN_IDENTITY | needs))
		*ret_disk = matches[0];
	return 0;
}
