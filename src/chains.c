#include "chains.h"

#include <errno.h>
#include <string.h>

#include "execute.h"
#include "record.h"
#include "sys.h"

/* Facts and lines of the inventory that the step itself has written behind BEFORE; facts become part of its own. */
static void tell(struct builder *answer, size_t before, uint64_t index, int64_t start_us)
{
	struct facts facts = { 0 };
	struct slice own = { .at = answer->at + before, .len = answer->len - before };

	if (own.len > 0 && own.at[own.len - 1] == '\n' && !record_is(own, "STAMP") &&
	    facts_parse((struct slice){ own.at, own.len - 1 }, &facts) == 0)
		answer->len = before;
	facts.step = index;
	facts.start_us = (uint64_t)start_us;
	facts.us = (uint64_t)(sys_now_us() - start_us);
	facts_print(&facts, answer);
}

int chain_run(const struct chain *c, struct builder *answer)
{
	for (size_t i = 0; i < c->count; i++) {
		int64_t start_us = sys_now_us();
		size_t before = answer->len;
		if (c->steps[i].kind == STEP_MODULE)
			continue;
		int r = execute_step(&c->steps[i], answer);
		if (r < 0)
			return r;
		tell(answer, before, i, start_us);
	}
	return answer->overflow ? -ENOBUFS : 0;
}

/* The first step that is to be carried out from INDEX on, or NULL. */
static const struct step *step_from(const struct chain *c, size_t index)
{
	while (index < c->count && c->steps[index].kind == STEP_MODULE)
		index++;
	return index < c->count ? &c->steps[index] : NULL;
}

const struct step *chain_read(const struct chain *c, const char *answer, chain_told *told,
			      void *arg, const char **words)
{
	const struct step *next = step_from(c, 0);
	struct slice rest = slice_of(answer), line;
	struct facts facts;

	*words = answer;
	while (slice_next(&rest, '\n', &line)) {
		if (record_is(line, "STEP") && facts_parse(line, &facts) == 0 &&
		    facts.step < c->count) {
			told(arg, &c->steps[facts.step], &facts, line);
			next = step_from(c, facts.step + 1);
		} else if (record_is(line, "STAMP") || record_is(line, "IMAGE") ||
			   record_is(line, "LISTING")) {
			told(arg, NULL, NULL, line);
		} else {
			break;
		}
		*words = rest.at ? rest.at : "";
	}
	return next;
}
