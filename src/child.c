#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "sys.h"

/* What travels through the pipe ahead of each text. */
struct answer_head {
	int result;
	unsigned len : 31;
	bool last : 1;
};

/* Of the child itself. */
static char answer_buffer[CHILD_ANSWER_MAX];
static int answer_fd;

static bool send_answer(int result, bool last, const struct builder *b)
{
	const struct answer_head head = { .result = result, .len = (unsigned)b->len, .last = last };

	memcpy(answer_buffer, &head, sizeof(head));
	/* The pipe takes it at once: it is empty, or what is in it leaves room. */
	return sys_write(answer_fd, answer_buffer, sizeof(head) + b->len) >= 0;
}

void child_tell(int result, struct builder *answer)
{
	(void)send_answer(result, false, answer);
	answer->len = 0;
}

static _Noreturn void run(int fd, child_work *work, void *arg)
{
	const size_t head_len = sizeof(struct answer_head);
	struct builder b;

	/* Of a child in a child: who waits for the end of the outer one must not wait for this. */
	if (answer_fd > 0)
		(void)sys_close(answer_fd);
	answer_fd = fd;
	builder_start(&b, answer_buffer + head_len, sizeof(answer_buffer) - head_len);
	int result = work(arg, &b);
	/* A child that dies before has sent nothing. */
	sys_exit(send_answer(result, true, &b) ? 0 : 1);
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

/* Whether a whole answer has come, which then stands at the start of the buffer: the last only when its child has ENDED. */
static bool take_answer(struct child *c, bool ended, struct answer_head *head)
{
	if (c->len < sizeof(*head))
		return false;
	memcpy(head, c->answer, sizeof(*head));
	if (c->len - sizeof(*head) < head->len || (head->last && !ended))
		return false;
	/* Over its head: that leaves room for the terminator. */
	memmove(c->answer, c->answer + sizeof(*head), head->len);
	c->answer[head->len] = '\0';
	c->told = sizeof(*head) + head->len;
	return true;
}

enum child_state child_check(struct child *c, int64_t now_us, int *ret)
{
	struct answer_head head;
	ssize_t len;

	c->len -= c->told;
	memmove(c->answer, c->answer + c->told, c->len);
	c->told = 0;
	while ((len = sys_read(c->fd, c->answer + c->len, CHILD_ANSWER_MAX - c->len)) > 0 ||
	       len == -EINTR)
		if (len > 0)
			c->len += (size_t)len;
	if (take_answer(c, len == 0, &head)) {
		*ret = head.result;
		return head.last ? end(c, CHILD_DONE, len == 0) : CHILD_TOLD;
	}
	if (len != -EAGAIN)
		return end(c, CHILD_CRASHED, len == 0);
	return now_us < c->deadline_us ? CHILD_RUNNING : end(c, CHILD_STALLED, false);
}

static void wait_for(const struct child *c)
{
	struct pollfd wait = { .fd = c->fd, .events = POLLIN };
	int64_t left_ms = (c->deadline_us - sys_now_us()) / 1000 + 1;

	(void)sys_poll(&wait, 1, left_ms > 0 ? (int)left_ms : 0);
}

int child_run_parts(child_work *work, void *arg, int64_t timeout_ms, child_told *told,
		    struct builder *answer)
{
	static char text[CHILD_ANSWER_MAX + 1];
	struct child child = { .answer = text };
	int result = 0;
	int r = child_start(&child, work, arg, sys_now_us() + timeout_ms * 1000);

	if (r < 0)
		return r;
	for (;;) {
		switch (child_check(&child, sys_now_us(), &result)) {
		case CHILD_TOLD:
			timeout_ms = told(arg, child.answer);
			child.deadline_us = sys_now_us() + timeout_ms * 1000;
			break;
		case CHILD_DONE:
			builder_add(answer, child.answer);
			return result;
		case CHILD_CRASHED:
			return -ECHILD;
		case CHILD_STALLED:
			return -ETIMEDOUT;
		case CHILD_RUNNING:
			wait_for(&child);
			break;
		}
	}
}

int child_run(child_work *work, void *arg, int64_t timeout_ms, struct builder *answer)
{
	return child_run_parts(work, arg, timeout_ms, NULL, answer);
}

void child_abandon(struct child *c)
{
	if (c->pid != 0)
		(void)end(c, CHILD_STALLED, false);
}
