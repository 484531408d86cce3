#include "jobs.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

struct job *jobs_new(struct jobs *jobs, enum job_kind kind, size_t index)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs->slots[i];
		if (j->child.pid != 0)
			continue;
		j->kind = kind;
		j->index = index;
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

bool jobs_learning(const struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		const struct job *j = &jobs->slots[i];
		if (j->child.pid != 0 && j->kind == JOB_LEARN && strcmp(j->disk.name, name) == 0)
			return true;
	}
	return false;
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

int jobs_collect(struct jobs *jobs, jobs_ended *ended, void *arg)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &jobs->slots[i];
		int error = 0, r = 0;
		if (j->child.pid == 0)
			continue;
		switch (child_check(&j->child, sys_now_us(), &error)) {
		case CHILD_RUNNING:
			continue;
		case CHILD_DONE:
			r = ended(arg, j, error, j->child.answer);
			break;
		case CHILD_CRASHED:
			r = ended(arg, j, -ECHILD, "");
			break;
		case CHILD_STALLED:
			r = ended(arg, j, -ETIMEDOUT, "");
			break;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

size_t jobs_poll(const struct jobs *jobs, struct pollfd *fds, int64_t *until_us)
{
	size_t count = 0;

	for (size_t i = 0; i < JOBS_MAX; i++) {
		const struct child *c = &jobs->slots[i].child;
		if (c->pid == 0)
			continue;
		fds[count++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
		if (c->deadline_us < *until_us)
			*until_us = c->deadline_us;
	}
	return count;
}

void jobs_abandon(struct jobs *jobs)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		child_abandon(&jobs->slots[i].child);
}
