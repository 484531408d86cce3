#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "sys.h"

/* What travels through the pipe ahead of the text. */
struct answer_head {
	int result;
};

static _Noreturn void run(int fd, child_work *work, void *arg)
{
	static char answer[CHILD_ANSWER_MAX];
	struct answer_head head;
	struct builder b;

	builder_start(&b, answer + sizeof(head), sizeof(answer) - sizeof(head));
	head.result = work(arg, &b);
	memcpy(answer, &head, sizeof(head));
	/* The pipe is empty and takes it at once; a child that dies before has sent nothing. */
	sys_exit(sys_write(fd, answer, sizeof(head) + b.len) < 0 ? 1 : 0);
}

int child_confine(void)
{
	/* Of a few kilobytes of file system; under emulation on a busy host it may take seconds. */
	static const struct {
		int resource;
		uint64_t value;
	} limits[] = { { RLIMIT_CORE, 0 }, { RLIMIT_AS, 256 << 20 }, { RLIMIT_CPU, 60 } };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int r = sys_limit(limits[i].resource, limits[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

int child_start(struct child *c, child_work *work, void *arg, int64_t deadline_us)
{
	int ends[2];
	int r = sys_pipe(ends);

	if (r < 0)
		return r;
	pid_t pid = sys_fork();
	if (pid == 0)
		run(ends[1], work, arg);
	(void)sys_close(ends[1]);
	if (pid < 0) {
		(void)sys_close(ends[0]);
		return pid;
	}
	*c = (struct child){
		.pid = pid, .fd = ends[0], .deadline_us = deadline_us, .answer = c->answer
	};
	return 0;
}

/* ENDED: the child has closed its pipe, and nothing that it could wait for is left. */
static enum child_state end(struct child *c, enum child_state state, bool ended)
{
	int status;

	(void)sys_close(c->fd);
	if (ended)
		(void)sys_wait(c->pid, &status);
	else
		(void)sys_kill(c->pid, SIGKILL);
	c->pid = 0;
	c->fd = -1;
	return state;
}

enum child_state child_check(struct child *c, int64_t now_us, int *ret)
{
	struct answer_head head;
	ssize_t len;

	do {
		len = sys_read(c->fd, c->answer + c->len, CHILD_ANSWER_MAX - c->len);
		if (len > 0)
			c->len += (size_t)len;
	} while (len > 0 || len == -EINTR);
	if (len == -EAGAIN)
		return now_us < c->deadline_us ? CHILD_RUNNING : end(c, CHILD_STALLED, false);
	if (c->len < sizeof(head))
		return end(c, CHILD_CRASHED, len == 0);
	memcpy(&head, c->answer, sizeof(head));
	*ret = head.result;
	memmove(c->answer, c->answer + sizeof(head), c->len - sizeof(head));
	c->len -= sizeof(head);
	c->answer[c->len] = '\0';
	return end(c, CHILD_DONE, len == 0);
}

int child_run(child_work *work, void *arg, int64_t timeout_ms, struct builder *answer)
{
	static char text[CHILD_ANSWER_MAX + 1];
	struct child child = { .answer = text };
	int64_t deadline_us = sys_now_us() + timeout_ms * 1000;
	int result = 0;
	int r = child_start(&child, work, arg, deadline_us);

	if (r < 0)
		return r;
	for (;;) {
		struct pollfd wait = { .fd = child.fd, .events = POLLIN };
		switch (child_check(&child, sys_now_us(), &result)) {
		case CHILD_DONE:
			builder_add(answer, child.answer);
			return result;
		case CHILD_CRASHED:
			return -ECHILD;
		case CHILD_STALLED:
			return -ETIMEDOUT;
		case CHILD_RUNNING:
			break;
		}
		int64_t left_ms = (deadline_us - sys_now_us()) / 1000 + 1;
		(void)sys_poll(&wait, 1, left_ms > 0 ? (int)left_ms : 0);
	}
}

void child_abandon(struct child *c)
{
	if (c->pid != 0)
		(void)end(c, CHILD_STALLED, false);
}
