#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "pages.h"
#include "sys.h"

enum ends {
	ENDS_PART,
	ENDS_WORK,  /* and waits for more */
	ENDS_CHILD, /* nothing comes after this but the end of the pipe */
};

/* What travels through the pipe ahead of each text. */
struct answer_head {
	int result;
	unsigned len;
	enum ends ends;
};

/* What travels the other way ahead of the news. */
struct order_head {
	child_work *work;
	void *arg;
	size_t len; /* of all news, each with what it is of ahead of it */
};

/* A pipe takes as much at once; news are a few kilobytes. */
#define ORDER_MAX 16384

/* Of the child itself. */
static ON_A_PAGE char answer_buffer[CHILD_ANSWER_MAX];
static int answer_fd;
static bool confined;

/* Of the child that takes it, and of PID 1 that gives it. */
static ON_A_PAGE char order_buffer[ORDER_MAX];

static bool send_answer(int result, enum ends ends, const struct builder *b)
{
	const struct answer_head head = { .result = result, .len = (unsigned)b->len, .ends = ends };

	memcpy(answer_buffer, &head, sizeof(head));
	/* The pipe takes it at once: it is empty, or what is in it leaves room. */
	return sys_write(answer_fd, answer_buffer, sizeof(head) + b->len) >= 0;
}

void child_tell(int result, struct builder *answer)
{
	(void)send_answer(result, ENDS_PART, answer);
	answer->len = 0;
}

/* What is constant stands there already, and could not be written. */
static void take_news(const char *from, const char *end)
{
	struct child_news n;

	while (from < end) {
		memcpy(&n, from, sizeof(n));
		from += sizeof(n);
		if (memcmp(n.at, from, n.len) != 0)
			memcpy((void *)(uintptr_t)n.at, from, n.len);
		from += n.len;
	}
}

/* PID 1 writes one order at a time; false when it is not there any more. */
static bool take_order(int fd, struct order_head *head)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	size_t have = 0, whole = sizeof(*head);

	while (have < whole) {
		ssize_t got = sys_read(fd, order_buffer + have, sizeof(order_buffer) - have);
		if (got > 0)
			have += (size_t)got;
		else if (got == -EAGAIN)
			(void)sys_poll(&wait, 1, -1);
		else if (got != -EINTR)
			return false;
		if (have >= sizeof(*head)) {
			memcpy(head, order_buffer, sizeof(*head));
			whole = sizeof(*head) + head->len;
		}
	}
	take_news(order_buffer + sizeof(*head), order_buffer + whole);
	return true;
}

static _Noreturn void run(int fd, int orders, child_work *work, void *arg)
{
	const size_t head_len = sizeof(struct answer_head);
	struct order_head order = { .work = work, .arg = arg };
	struct builder b;

	/* Of a child in a child: who waits for the end of the outer one must not wait for this. */
	if (answer_fd > 0)
		(void)sys_close(answer_fd);
	answer_fd = fd;
	for (;;) {
		builder_start(&b, answer_buffer + head_len, sizeof(answer_buffer) - head_len);
		int result = order.work(order.arg, &b);
		bool last = orders < 0 || confined;
		/* A child that dies before has sent nothing. */
		bool sent = send_answer(result, last ? ENDS_CHILD : ENDS_WORK, &b);
		if (last || !sent || !take_order(orders, &order))
			sys_exit(sent ? 0 : 1);
	}
}

int child_confine(void)
{
	/* Of a few kilobytes of file system; under emulation on a busy host it may take seconds. */
	static const struct {
		int resource;
		uint64_t value;
	} limits[] = { { RLIMIT_CORE, 0 }, { RLIMIT_AS, 256 << 20 }, { RLIMIT_CPU, 60 } };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		confined = true;
		int r = sys_limit(limits[i].resource, limits[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ORDERS: the pipe of a worker, or -1 twice. */
static int start(struct child *c, const int orders[2], child_work *work, void *arg,
		 int64_t deadline_us)
{
	int ends[2];
	int r = sys_pipe(ends);

	if (r < 0)
		return r;
	pid_t pid = sys_fork();
	if (pid == 0)
		run(ends[1], orders[0], work, arg);
	(void)sys_close(ends[1]);
	if (pid < 0) {
		(void)sys_close(ends[0]);
		return pid;
	}
	*c = (struct child){ .pid = pid,
			     .fd = ends[0],
			     .orders = orders[1],
			     .deadline_us = deadline_us,
			     .answer = c->answer };
	return 0;
}

int child_start(struct child *c, child_work *work, void *arg, int64_t deadline_us)
{
	return start(c, (const int[]){ -1, -1 }, work, arg, deadline_us);
}

int child_start_worker(struct child *c, child_work *work, void *arg, int64_t deadline_us)
{
	int orders[2];
	int r = sys_pipe(orders);

	if (r < 0)
		return r;
	r = start(c, orders, work, arg, deadline_us);
	(void)sys_close(orders[0]);
	if (r < 0)
		(void)sys_close(orders[1]);
	return r;
}

int child_continue(struct child *c, child_work *work, void *arg, const struct child_news *news,
		   size_t count, int64_t deadline_us)
{
	struct order_head head = { .work = work, .arg = arg };
	size_t at = sizeof(head);

	for (size_t i = 0; i < count; i++) {
		if (news[i].len == 0)
			continue;
		size_t room = sizeof(order_buffer) - at;
		if (room < sizeof(news[i]) || news[i].len > room - sizeof(news[i]))
			return -E2BIG;
		memcpy(order_buffer + at, &news[i], sizeof(news[i]));
		memcpy(order_buffer + at + sizeof(news[i]), news[i].at, news[i].len);
		at += sizeof(news[i]) + news[i].len;
	}
	head.len = at - sizeof(head);
	memcpy(order_buffer, &head, sizeof(head));
	/* Of one that was killed the pipe is closed; PID 1 ignores SIGPIPE, as all that it has no handler for. */
	ssize_t r = sys_write(c->orders, order_buffer, at);
	if (r < 0 || (size_t)r < at)
		return r < 0 ? (int)r : -EIO;
	c->idle = false;
	c->deadline_us = deadline_us;
	return 0;
}

/* ENDED: the child has closed its pipe, and nothing that it could wait for is left. */
static enum child_state end(struct child *c, enum child_state state, bool ended)
{
	int status;

	(void)sys_close(c->fd);
	if (c->orders >= 0)
		(void)sys_close(c->orders);
	if (!ended)
		(void)sys_kill(c->pid, SIGKILL);
	if (ended || c->idle)
		(void)sys_wait(c->pid, &status);
	c->pid = 0;
	c->fd = c->orders = -1;
	c->idle = false;
	return state;
}

/* Whether a whole answer has come, which then stands at the start of the buffer: the last only when its child has ENDED. */
static bool take_answer(struct child *c, bool ended, struct answer_head *head)
{
	if (c->len < sizeof(*head))
		return false;
	memcpy(head, c->answer, sizeof(*head));
	if (c->len - sizeof(*head) < head->len || (head->ends == ENDS_CHILD && !ended))
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
		c->idle = head.ends == ENDS_WORK;
		return head.ends == ENDS_CHILD ? end(c, CHILD_DONE, true)
		       : c->idle               ? CHILD_DONE
					       : CHILD_TOLD;
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

int child_wait(struct child *c, child_told *told, void *arg, struct builder *answer)
{
	int result = 0;

	for (;;) {
		switch (child_check(c, sys_now_us(), &result)) {
		case CHILD_TOLD:
			c->deadline_us = sys_now_us() + told(arg, c->answer) * 1000;
			break;
		case CHILD_DONE:
			builder_add(answer, c->answer);
			return result;
		case CHILD_CRASHED:
			return -ECHILD;
		case CHILD_STALLED:
			return -ETIMEDOUT;
		case CHILD_RUNNING:
			wait_for(c);
			break;
		}
	}
}

int child_run(child_work *work, void *arg, int64_t timeout_ms, struct builder *answer)
{
	static char text[CHILD_ANSWER_MAX + 1];
	struct child child = { .answer = text };
	int r = child_start(&child, work, arg, sys_now_us() + timeout_ms * 1000);

	return r < 0 ? r : child_wait(&child, NULL, NULL, answer);
}

void child_abandon(struct child *c)
{
	if (c->pid != 0)
		(void)end(c, CHILD_STALLED, false);
}
