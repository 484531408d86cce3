#include "jobs.h"

#include <errno.h>
#include <string.h>

#include "pages.h"
#include "sys.h"

/* Of each slot; there is one struct jobs in a process. */
static ON_A_PAGE char answers[JOBS_MAX][CHILD_ANSWER_MAX + 1];

void jobs_init(struct jobs *jobs, const struct arena *arena)
{
	jobs->arena = arena;
	jobs->one_cpu = sys_cpus() == 1;
}

static bool is_busy(const struct job *j)
{
	return j->child.pid != 0 && !j->child.idle;
}

/* Of a kind whose children may go on with another job, which is told by the job itself and a little news. */
static bool takes_workers(enum job_kind kind)
{
	return kind != JOB_LISTING && kind != JOB_TEXT;
}

static struct job *find_idle(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->used; i++)
		if (jobs->slots[i].child.idle && jobs->slots[i].epoch == jobs->epoch)
			return &jobs->slots[i];
	return NULL;
}

/* That busy children and this process have had of the processor so far; the number of those children. */
static size_t add_busy(const struct jobs *jobs, int64_t *cpu_us)
{
	size_t busy = 0;

	*cpu_us = sys_cpu_us(0);
	for (size_t i = 0; i < jobs->used; i++)
		if (is_busy(&jobs->slots[i])) {
			*cpu_us += sys_cpu_us(jobs->slots[i].child.pid);
			busy++;
		}
	return busy;
}

static bool hold_on(struct jobs *jobs, int64_t now_us, int64_t cpu_us, int64_t step_us)
{
	jobs->hold = (struct hold){ .from_us = now_us,
				    .until_us = now_us + step_us,
				    .cpu_us = cpu_us,
				    .since_us = jobs->hold.since_us };
	return true;
}

/*
 * On one CPU a second process is nothing but its price while the boot itself has most of the processor. It helps while the
 * first waits for a device, and where others compute (the kernel's own tests of its ciphers, from 6.12 on).
 */
static bool is_held(struct jobs *jobs)
{
	const int64_t first_us = 10000, longest_us = 2000000;
	const struct hold *h = &jobs->hold;
	int64_t cpu_us;

	if (!jobs->one_cpu)
		return false;
	int64_t now_us = sys_now_us();
	if (h->until_us > now_us)
		return true;
	if (add_busy(jobs, &cpu_us) == 0)
		return false;
	if (h->until_us == 0) {
		jobs->hold.since_us = now_us;
		return hold_on(jobs, now_us, cpu_us, first_us);
	}
	bool computes = (cpu_us - h->cpu_us) * 2 >= now_us - h->from_us;
	return computes && now_us - h->since_us < longest_us &&
	       hold_on(jobs, now_us, cpu_us, (h->until_us - h->from_us) * 2);
}

/* One that nobody is in; or else an idle child goes. */
static struct job *find_place(struct jobs *jobs)
{
	struct job *idle = NULL;

	for (size_t i = 0; i < jobs->used; i++) {
		if (jobs->slots[i].child.pid == 0)
			return &jobs->slots[i];
		if (jobs->slots[i].child.idle)
			idle = &jobs->slots[i];
	}
	if (jobs->used < JOBS_MAX)
		return &jobs->slots[jobs->used++];
	if (idle)
		child_abandon(&idle->child);
	return idle;
}

struct job *jobs_new(struct jobs *jobs, enum job_kind kind, size_t index)
{
	struct job *j = takes_workers(kind) ? find_idle(jobs) : NULL;

	if (!j && !is_held(jobs))
		j = find_place(jobs);
	if (!j)
		return NULL;
	jobs->hold.until_us = 0;
	j->kind = kind;
	j->index = index;
	j->told = false;
	j->early = false;
	j->child.answer = answers[j - jobs->slots];
	return j;
}

static int go_on(struct jobs *jobs, struct job *j, child_work *work, struct child_news news,
		 int64_t deadline_us)
{
	const struct child_news all[] = {
		{ j, sizeof(*j) },
		news,
		{ jobs->arena->base + j->arena_used, jobs->arena->used - j->arena_used },
	};

	return child_continue(&j->child, work, j, all, sizeof(all) / sizeof(all[0]), deadline_us);
}

int jobs_start(struct jobs *jobs, struct job *j, child_work *work, struct child_news news,
	       int64_t deadline_us)
{
	int r = j->child.idle ? go_on(jobs, j, work, news, deadline_us) : -ESRCH;

	if (r < 0) {
		child_abandon(&j->child);
		r = takes_workers(j->kind) ? child_start_worker(&j->child, work, j, deadline_us)
					   : child_start(&j->child, work, j, deadline_us);
		j->epoch = jobs->epoch;
	}
	j->arena_used = jobs->arena->used;
	if (r < 0)
		j->child.pid = 0;
	return r;
}

static bool learns(const struct job *j, const char *name)
{
	return is_busy(j) && j->kind == JOB_LEARN && strcmp(j->disk.name, name) == 0;
}

bool jobs_learning(const struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < jobs->used; i++)
		if (learns(&jobs->slots[i], name))
			return true;
	return false;
}

void jobs_announced(struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < jobs->used; i++)
		if (learns(&jobs->slots[i], name))
			jobs->slots[i].early = true;
}

bool jobs_listing(const struct jobs *jobs, const char *glob)
{
	for (size_t i = 0; i < jobs->used; i++) {
		const struct job *j = &jobs->slots[i];
		if (is_busy(j) && j->kind == JOB_LISTING && j->text == glob)
			return true;
	}
	return false;
}

/* Negative if ENDED was. */
static int collect(struct job *j, jobs_ended *ended, void *arg)
{
	int error = 0;

	switch (child_check(&j->child, sys_now_us(), &error)) {
	case CHILD_RUNNING:
	case CHILD_TOLD: /* none of these does */
		return 0;
	case CHILD_DONE:
		return ended(arg, j, error, j->child.answer);
	case CHILD_CRASHED:
		return ended(arg, j, -ECHILD, "");
	case CHILD_STALLED:
		return ended(arg, j, -ETIMEDOUT, "");
	}
	return 0;
}

int jobs_collect(struct jobs *jobs, jobs_ended *ended, void *arg)
{
	for (size_t i = 0; i < jobs->used; i++) {
		struct job *j = &jobs->slots[i];
		if (!is_busy(j) || (!j->told && sys_now_us() < j->child.deadline_us))
			continue;
		int r = collect(j, ended, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

void jobs_wait(struct jobs *jobs, struct pollfd first, int64_t until_us)
{
	struct pollfd fds[JOBS_MAX + 1];
	struct job *of[JOBS_MAX + 1];
	size_t count = 1;

	fds[0] = first;
	for (size_t i = 0; i < jobs->used; i++) {
		struct job *j = &jobs->slots[i];
		if (!is_busy(j))
			continue;
		of[count] = j;
		fds[count++] = (struct pollfd){ .fd = j->child.fd, .events = POLLIN };
		if (j->child.deadline_us < until_us)
			until_us = j->child.deadline_us;
	}
	int64_t now_us = sys_now_us();
	if (jobs->hold.until_us > now_us && jobs->hold.until_us < until_us)
		until_us = jobs->hold.until_us;
	int64_t ms = (until_us - now_us + 999) / 1000;
	int r = sys_poll(fds, count, ms > 0 ? (int)ms : 0);
	for (size_t i = 1; i < count; i++)
		of[i]->told = r > 0 && fds[i].revents != 0;
}

void jobs_stop(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->used; i++)
		if (is_busy(&jobs->slots[i]))
			child_abandon(&jobs->slots[i].child);
}

void jobs_abandon(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->used; i++)
		child_abandon(&jobs->slots[i].child);
}
