/*
 * Work that may block on a disk, done by forked children. Each answers through a pipe and ends; PID 1 only ever
 * waits for pipes. A child in an uninterruptible read cannot be ended, so after its deadline it is
 * left behind.
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

/*
 * In a child that reads with a library what somebody else wrote: little memory, little time, no core dump. 0 or -errno.
 */
MUST_CHECK int child_confine(void);

/* In a child: sends RESULT and what ANSWER holds as the end of a part of the work, and empties it for the next part. */
void child_tell(int result, struct builder *answer);

enum child_state {
	CHILD_RUNNING,
	CHILD_TOLD, /* has ended a part of its work, and goes on */
	CHILD_DONE,
	CHILD_CRASHED, /* ended without an answer */
	CHILD_STALLED, /* its deadline is over; it is left behind */
};

/*
 * Looks, without blocking, whether the child has answered. With CHILD_DONE *ret is what WORK returned and
 * c->answer its text, terminated; with CHILD_TOLD they are those of the part, until the next call. In every state but
 * CHILD_RUNNING and CHILD_TOLD the pipe is closed and c->pid is 0.
 */
enum child_state child_check(struct child *c, int64_t now_us, int *ret);

/* Kills a child that is running still, and does not wait for it. */
void child_abandon(struct child *c);

/*
 * Forks a child for WORK and waits for it: what that returned, with its text in ANSWER; -ETIMEDOUT if it has not
 * answered after TIMEOUT_MS, -ECHILD if it ended without an answer, or another -errno.
 */
MUST_CHECK int child_run(child_work *work, void *arg, int64_t timeout_ms, struct builder *answer);

/* A part of the work has ended well, with this TEXT; returns how many ms the next one may take. */
typedef int64_t child_told(void *arg, const char *text);

/* The same for work in parts; a part that has failed is the last. */
MUST_CHECK int child_run_parts(child_work *work, void *arg, int64_t timeout_ms, child_told *told,
			       struct builder *answer);
