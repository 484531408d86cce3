/*
 * Work that may block on a disk, done by forked children. Each answers through a pipe and ends, or waits for more work,
 * which costs a small part of a fork; PID 1 only ever waits for pipes. A child in an uninterruptible read cannot be
 * ended, so after its deadline it is left behind.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "text.h"

/* A pipe takes 64 KiB without blocking the writer (pipe(7)): all answers of a child with what goes before them. */
#define CHILD_ANSWER_MAX 61440

struct child {
	pid_t pid; /* 0: not running */
	int fd;
	int orders; /* where a worker takes more work from; -1: it ends with the first */
	bool idle;  /* a worker that has ended its work */
	int64_t deadline_us;
	size_t len;  /* of what has come */
	size_t told; /* of that, what the last call of child_check has handed out */
	/* The owner's, of CHILD_ANSWER_MAX + 1 bytes: apart from the rest, which is looked at all the time. */
	char *answer;
};

/* Carries out the work; writes the answer into *answer, returns 0 or -errno. */
typedef int child_work(void *arg, struct builder *answer);

/*
 * Forks a child that calls WORK(ARG, ...) and sends what it returned and wrote, for c->answer. 0 or -errno.
 */
MUST_CHECK int child_start(struct child *c, child_work *work, void *arg, int64_t deadline_us);

/* The same, for a child that is a worker: it waits for more work when it has ended this. */
MUST_CHECK int child_start_worker(struct child *c, child_work *work, void *arg,
				  int64_t deadline_us);

/* Memory as it is now: a worker knows it as it was at its fork. */
struct child_news {
	const void *at;
	size_t len;
};

/*
 * Gives an idle worker more work, and NEWS, which it first puts in the same places of its own memory. 0; -errno if it is
 * not there any more, -E2BIG if the news are too many: then another has to be started.
 */
MUST_CHECK int child_continue(struct child *c, child_work *work, void *arg,
			      const struct child_news *news, size_t count, int64_t deadline_us);

/*
 * In a child that reads with a library what somebody else wrote: little memory, little time, no core dump; and no other
 * work after this. 0 or -errno.
 */
MUST_CHECK int child_confine(void);

/* In a child: sends RESULT and what ANSWER holds as the end of a part of the work, and empties it for the next part. */
void child_tell(int result, struct builder *answer);

enum child_state {
	CHILD_RUNNING,
	CHILD_TOLD,    /* has ended a part of its work, and goes on */
	CHILD_DONE,    /* with the whole; a worker may be idle now */
	CHILD_CRASHED, /* ended without an answer */
	CHILD_STALLED, /* its deadline is over; it is left behind */
};

/*
 * Looks, without blocking, whether the child has answered. With CHILD_DONE *ret is what WORK returned and
 * c->answer its text, terminated; with CHILD_TOLD they are those of the part, until the next call. In every state but
 * CHILD_RUNNING and CHILD_TOLD the pipe is closed and c->pid is 0, unless c->idle.
 */
enum child_state child_check(struct child *c, int64_t now_us, int *ret);

/* Kills a child that is running still, and does not wait for it, unless it is idle. */
void child_abandon(struct child *c);

/*
 * Forks a child for WORK and waits for it: what that returned, with its text in ANSWER; -ETIMEDOUT if it has not
 * answered after TIMEOUT_MS, -ECHILD if it ended without an answer, or another -errno.
 */
MUST_CHECK int child_run(child_work *work, void *arg, int64_t timeout_ms, struct builder *answer);

/* A part of the work has ended well, with this TEXT; returns how many ms the next one may take. */
typedef int64_t child_told(void *arg, const char *text);

/*
 * Waits for a child that has been started, as child_run does. Its work may come in parts, of which one that has failed is
 * the last; TOLD may be NULL where it does not.
 */
MUST_CHECK int child_wait(struct child *c, child_told *told, void *arg, struct builder *answer);
