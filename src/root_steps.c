#include "root_steps.h"

#include <errno.h>
#include <string.h>

#include "execute.h"
#include "facts.h"
#include "log.h"
#include "report.h"
#include "sys.h"
#include "text.h"

/* What may wait for a disk, and how much longer than a mount it may take. */
static int64_t patience_of(const struct root_steps *r, const struct step *s)
{
	const int slow_factor = 60;

	switch (s->kind) {
	case STEP_UNION:
	case STEP_INIT:
	case STEP_PROTECT:
		return r->patience_ms;
	case STEP_TOP_RESET:
	case STEP_TOP_PARK:
	case STEP_TOP_COMPARE:
	case STEP_TOP_PREPARE:
	case STEP_TOP_STAMP:
	case STEP_TOP_GOOD:
	case STEP_BIND:
		return r->patience_ms * slow_factor;
	case STEP_DIR:
	case STEP_MODULE:
	case STEP_MOUNT:
	case STEP_MEDIUM:
	case STEP_LAYER:
	case STEP_SUBDIR:
	case STEP_WALK:
	case STEP_WHITEOUTS:
	case STEP_VERITY:
	case STEP_WARN:
	case STEP_KERNEL:
	case STEP_FORMAT:
	case STEP_FSCK:
	case STEP_VOLUME:
	case STEP_GROW:
	case STEP_TOP_READ:
	case STEP_READONLY:
	case STEP_MOVE:
	case STEP_SWITCH:
	case STEP_EXEC:
		break;
	}
	return 0;
}

/* Lines: the path, and what there is to know of it. */
static void take_init(struct root_steps *r, const char *answer)
{
	struct slice rest = slice_of(answer), path = { 0 }, line;

	(void)slice_next(&rest, '\n', &path);
	text_print(r->init, sizeof(r->init), "%.*s", (int)path.len, path.at);
	while (slice_next(&rest, '\n', &line)) {
		r->systemd.is_init |= slice_is(line, "systemd");
		r->systemd.remounts_root |= slice_is(line, "remounts-root");
	}
}

static void done(struct root_steps *r, const struct step *s, int64_t start_us, const char *answer)
{
	struct facts facts;

	report_step(s, start_us, sys_now_us() - start_us);
	if (s->kind == STEP_INIT)
		take_init(r, answer);
	else if (s->kind == STEP_TOP_PARK)
		log_line(LOG_PRIORITY_NOTICE, "top: the old one is kept as %s of its disk", answer);
	else if (facts_parse((struct slice){ answer, strcspn(answer, "\n") }, &facts) == 0 &&
		 facts.warning[0])
		report_warning(facts.warning);
}

static bool may_wait(struct root_steps *r, size_t at)
{
	return at < r->plan->count && r->plan->steps[at].phase == PHASE_ROOT &&
	       patience_of(r, &r->plan->steps[at]) > 0;
}

static int do_one(struct root_steps *r, const struct step *s, struct builder *answer)
{
	int64_t start_us = sys_now_us();

	execute_announce(s);
	int error = execute_step(s, answer);
	if (error == 0)
		done(r, s, start_us, answer->at);
	return error;
}

/* In the child. */
static int work_steps(void *arg, struct builder *answer)
{
	const struct job *j = arg;

	for (size_t i = 0;; i++) {
		int r = execute_step(&j->steps[i], answer);
		if (r < 0 || i + 1 == j->index)
			return r;
		child_tell(r, answer);
	}
}

/* Steps that a child carries out, one after the other. */
struct guarded {
	struct root_steps *r;
	const struct step *step; /* that is being carried out, or has failed */
	int64_t start_us;
};

static int64_t begin(struct guarded *g)
{
	g->start_us = sys_now_us();
	execute_announce(g->step);
	return patience_of(g->r, g->step);
}

static int64_t told(void *arg, const char *answer)
{
	struct guarded *g = arg;

	done(g->r, g->step++, g->start_us, answer);
	return begin(g);
}

static int do_guarded(struct guarded *g, size_t count, struct builder *answer)
{
	const struct child_news news = { g->step, count * sizeof(*g->step) };
	struct job *j = jobs_new(g->r->jobs, JOB_ROOT, count);
	int64_t patience_ms = begin(g);

	if (!j)
		return -EAGAIN;
	j->steps = g->step;
	int r = jobs_start(g->r->jobs, j, work_steps, news, g->start_us + patience_ms * 1000);
	if (r == 0)
		r = child_wait(&j->child, told, g, answer);
	if (r == 0)
		done(g->r, g->step, g->start_us, answer->at);
	return r;
}

size_t root_steps_do(struct root_steps *r, size_t at)
{
	static char text[CHILD_ANSWER_MAX];
	struct guarded g = { .r = r, .step = &r->plan->steps[at] };
	struct builder answer;
	size_t count = 0;

	if (g.step->phase != PHASE_ROOT)
		return 1;
	builder_start(&answer, text, sizeof(text));
	while (may_wait(r, at + count))
		count++;
	int error = count > 0 ? do_guarded(&g, count, &answer) : do_one(r, g.step, &answer);
	if (error < 0) {
		(void)execute_failed(g.step, error, text, r->failure);
		return 0;
	}
	return count > 0 ? count : 1;
}
