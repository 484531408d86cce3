/* Several children at work at the same time. */
#pragma once

#include <poll.h>

#include "child.h"
#include "inventory.h"

#define JOBS_MAX 32

enum job_kind {
	JOB_MODULES, /* load the modules of batch index, one after the other */
	JOB_LEARN,   /* ask the disk what about says */
	JOB_CHAIN,   /* carry out the steps of mounting index */
	JOB_LISTING, /* ask the medium of mounting index for the files that match text */
	JOB_TEXT,    /* read the manifest */
};

struct job {
	struct child child;
	bool told;    /* its pipe has something, or has ended */
	bool goes_on; /* only a part of its work has ended */
	enum job_kind kind;
	size_t index;
	struct disk disk; /* JOB_LEARN: what was known at the start */
	unsigned about;   /* JOB_LEARN, JOB_LISTING: enum known */
	bool early;       /* JOB_LEARN: the disk was announced after the job began */
	const char *text; /* JOB_LISTING: the glob */
};

struct jobs {
	struct job slots[JOBS_MAX];
	bool starved; /* one could not be started; it is tried again before long */
};

/* A free place for a job of this kind, or NULL: then the work waits for the next event. */
struct job *jobs_new(struct jobs *jobs, enum job_kind kind, size_t index);

/* Starts WORK, which gets J. 0 or -errno; J is free again then. */
MUST_CHECK int jobs_start(struct job *j, child_work *work, int64_t deadline_us);

/* Whether a job asks the disk NAME just now. */
bool jobs_learning(const struct jobs *jobs, const char *name);

/* The disk NAME was announced just now: what is being asked may be half of what it has to say. */
void jobs_announced(struct jobs *jobs, const char *name);

/* Whether a job looks for the files of this GLOB, the very text, just now. */
bool jobs_listing(const struct jobs *jobs, const char *glob);

/*
 * What to do with a job that has ended, or with a part of it (j->goes_on): ERROR is what its work returned, or -ECHILD
 * if it crashed, or -ETIMEDOUT if it did not answer in time; WORDS its answer, empty in the latter two. Negative ends
 * the collection.
 */
typedef int jobs_ended(void *arg, struct job *j, int error, const char *words);

/* Calls ENDED for each job that has ended; negative if that was. */
MUST_CHECK int jobs_collect(struct jobs *jobs, jobs_ended *ended, void *arg);

/* Kills what is running still: nothing of the init outlives the hand-over. */
void jobs_abandon(struct jobs *jobs);

/*
 * Waits like poll(2) until FIRST or the pipe of a job has something, or UNTIL_US of CLOCK_MONOTONIC or the deadline of
 * a job is reached. jobs_collect then looks at those alone.
 */
void jobs_wait(struct jobs *jobs, struct pollfd first, int64_t until_us);
