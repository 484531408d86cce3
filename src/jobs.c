#include "jobs.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

/* Of each slot; there is one struct jobs in a process. */
static char answers[JOBS_MAX][CHILD_ANSWER_MAX + 1];

struct job *jobs_new(struct jobs *jobs, enum job_kind kind, size_t index)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs->slots[i];
		if (j->child.pid != 0)
			continue;
		j->kind = kind;
		j->index = index;
		j->told = false;
		j->early = false;
		j->child.answer = answers[i];
		return j;
	}
	return NULL;
}

int jobs_start(struct job *j, child_work *work, int64_t deadline_us)
{
	int r = child_start(&j->child, work, j, deadline_us);

	if (r < 0)
		j->child.pid = 0;
	return r;
}

static bool learns(const struct job *j, const char *name)
{
	return j->child.pid != 0 && j->kind == JOB_LEARN && strcmp(j->disk.name, name) == 0;
}

bool jobs_learning(const struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (learns(&jobs->slots[i], name))
			return true;
	return false;
}

void jobs_announced(struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (learns(&jobs->slots[i], name))
			jobs->slots[i].early = true;
}

bool jobs_listing(const struct jobs *jobs, const char *glob)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		const struct job *j = &jobs->slots[i];
		if (j->child.pid != 0 && j->kind == JOB_LISTING && j->text == glob)
			return true;
	}
	return false;
}

/* Negative if ENDED was. */
static int collect(struct job *j, jobs_ended *ended, void *arg)
{
	for (;;) {
		int error = 0;
		enum child_state state = child_check(&j->child, sys_now_us(), &error);

		j->goes_on = state == CHILD_TOLD;
		switch (state) {
		case CHILD_RUNNING:
			return 0;
		case CHILD_TOLD:
			if (ended(arg, j, error, j->child.answer) < 0)
				return -1;
			break;
		case CHILD_DONE:
			return ended(arg, j, error, j->child.answer);
		case CHILD_CRASHED:
			return ended(arg, j, -ECHILD, "");
		case CHILD_STALLED:
			return ended(arg, j, -ETIMEDOUT, "");
		}
	}
}

int jobs_collect(struct jobs *jobs, jobs_ended *ended, void *arg)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs->slots[i];
		if (j->child.pid == 0 || (!j->told && sys_now_us() < j->child.deadline_us))
			continue;
		int r = collect(j, ended, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

void jobs_wait(struct jobs *jobs, struct pollfd first, int64_t until_us)
{
	struct pollfd fds[JOBS_MAX + 1] = { first };
	struct job *of[JOBS_MAX + 1];
	size_t count = 1;

	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs->slots[i];
		if (j->child.pid == 0)
			continue;
		of[count] = j;
		fds[count++] = (struct pollfd){ .fd = j->child.fd, .events = POLLIN };
		if (j->child.deadline_us < until_us)
			until_us = j->child.deadline_us;
	}
	int64_t ms = (until_us - sys_now_us() + 999) / 1000;
	int r = sys_poll(fds, count, ms > 0 ? (int)ms : 0);
	for (size_t i = 1; i < count; i++)
		of[i]->told = r > 0 && fds[i].revents != 0;
}

void jobs_abandon(struct jobs *jobs)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		child_abandon(&jobs->slots[i].child);
}
