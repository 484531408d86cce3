#include "bases.h"
#include "planner.h"

/* As a failure is written, but for its first word. */
static int add_warning(struct planner *p, const struct failure *f)
{
	const struct failure_word *word = failure_word(f->kind);
	const char *text = arena_printf(p->arena, "warning[%s]: layer \"%s\": %s; %s", word->word,
					f->layer, f->text, word->next);

	if (!text)
		return planner_no_memory(p);
	planner_add_root(p, (struct step){ .kind = STEP_WARN, .failure = f->kind, .source = text });
	return 0;
}

int planner_add_bases(struct planner *p)
{
	const struct resolution *r = p->in->resolution;
	struct failure mismatch;

	for (size_t i = 0; p->in->inventory && i < r->layers_count; i++) {
		if (r->layers[i].state != LAYER_FOUND ||
		    !bases_mismatch(r, p->in->inventory, i, &mismatch))
			continue;
		if (r->layers[i].layer->base_strict) {
			*p->failure = mismatch;
			return -1;
		}
		if (add_warning(p, &mismatch) < 0)
			return -1;
	}
	return 0;
}
