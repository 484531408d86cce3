#include "chains.h"

#include <errno.h>
#include <string.h>

#include "execute.h"
#include "record.h"
#include "sys.h"
#include "text.h"

/*
 * What the step has written becomes part of the facts that are told of every step, but for lines of the inventory:
 * facts of its own, or words, as those of a program that has repaired something.
 */
static void tell(const struct step *s, struct builder *own, uint64_t index, int64_t start_us)
{
	struct slice text = { .at = own->at, .len = own->len };
	bool inventory = record_is(text, "STAMP") || record_is(text, "IMAGE") ||
			 record_is(text, "LISTING");
	struct facts facts = { 0 };

	if (text.len > 0 && !inventory) {
		text.len -= text.at[text.len - 1] == '\n';
		if (facts_parse(text, &facts) < 0)
			text_print(facts.warning, sizeof(facts.warning), "%s: %.*s", s->source,
				   (int)text.len, text.at);
		own->len = 0;
	}
	facts.step = index;
	facts.start_us = (uint64_t)start_us;
	facts.us = (uint64_t)(sys_now_us() - start_us);
	facts_print(&facts, own);
}

int chain_run(const struct chain *c, struct builder *answer)
{
	for (size_t i = 0; i < c->count; i++) {
		int64_t start_us = sys_now_us();
		struct builder own;
		if (c->steps[i].kind == STEP_MODULE)
			continue;
		/* To a step its answer is empty at the start, and it may take back what it has said. */
		builder_start(&own, answer->at + answer->len, answer->size - answer->len);
		int r = execute_step(&c->steps[i], &own);
		if (r == 0)
			tell(&c->steps[i], &own, i, start_us);
		answer->len += own.len;
		answer->overflow |= own.overflow;
		if (r < 0)
			return r;
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
