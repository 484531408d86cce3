/* Several children at work at the same time. One that has ended its work is given the next where that can be. */
#pragma once

#include <poll.h>

#include "arena.h"
#include "child.h"
#include "inventory.h"

#define JOBS_MAX 32

struct chain;
struct module_list;
struct step;

enum job_kind {
	JOB_MODULE,  /* load the modules */
	JOB_LEARN,   /* ask the disk what about says */
	JOB_CHAIN,   /* carry out the steps of mounting index */
	JOB_LISTING, /* ask the medium of mounting index for the files that match text */
	JOB_TEXT,    /* read the manifest */
	JOB_ROOT,    /* carry out index of the steps */
	JOB_PROBE,   /* have devices tried that have no driver; index is its number */
};

struct job {
	struct child child;
	bool told;         /* its pipe has something, or has ended */
	size_t arena_used; /* of jobs.arena, when its child was brought up to date */
	unsigned epoch;    /* of jobs, when its child was forked */
	enum job_kind kind;
	size_t index;
	struct disk disk;          /* JOB_LEARN: what was known at the start */
	unsigned about;            /* JOB_LEARN, JOB_LISTING: enum known */
	bool early;                /* JOB_LEARN: the disk was announced after the job began */
	const struct chain *chain; /* JOB_CHAIN */
	const struct step *steps;  /* JOB_ROOT */
	const char *text;          /* JOB_LISTING: the glob; JOB_MODULE: a name or an alias */
	const struct module_list *modules; /* JOB_MODULE: what it stands for */
};

/* Nobody is given a new child for some time; microseconds of CLOCK_MONOTONIC. */
struct hold {
	int64_t since_us;
	int64_t from_us, until_us; /* 0: nobody has asked for one */
	int64_t cpu_us; /* what the init and its busy children had had of the processor at from_us */
};

struct jobs {
	size_t used; /* slots beyond have never been */
	const struct arena *
		arena; /* what work is told by points into it, or to what is older than the children */
	unsigned epoch; /* children that were forked in another are given no more work */
	bool one_cpu;
	struct hold hold;
	bool starved; /* one could not be started; it is tried again before long */
	struct job slots[JOBS_MAX];
};

void jobs_init(struct jobs *jobs, const struct arena *arena);

/*
 * A place for a job of this kind, or NULL: then the work waits for the next event. It may have an idle child; but not
 * for what is told by more than the job, NEWS and the arena: JOB_LISTING and JOB_TEXT. On one CPU it is NULL for 10 ms if
 * one is busy, and for as long as that takes up the processor, but for two seconds at most.
 */
struct job *jobs_new(struct jobs *jobs, enum job_kind kind, size_t index);

/*
 * Starts WORK, which gets J; NEWS is what else it looks at and may have changed. 0 or -errno; J is free again then.
 */
MUST_CHECK int jobs_start(struct jobs *jobs, struct job *j, child_work *work,
			  struct child_news news, int64_t deadline_us);

/* Whether a job asks the disk NAME just now. */
bool jobs_learning(const struct jobs *jobs, const char *name);

/* The disk NAME was announced just now: what is being asked may be half of what it has to say. */
void jobs_announced(struct jobs *jobs, const char *name);

/* Whether a job looks for the files of this GLOB, the very text, just now. */
bool jobs_listing(const struct jobs *jobs, const char *glob);

/*
 * What to do with a job that has ended: ERROR is what its work returned, or -ECHILD if it crashed, or -ETIMEDOUT if it
 * did not answer in time; WORDS its answer, empty in the latter two. Negative ends the collection.
 */
typedef int jobs_ended(void *arg, struct job *j, int error, const char *words);

/* Calls ENDED for each job that has ended; negative if that was. */
MUST_CHECK int jobs_collect(struct jobs *jobs, jobs_ended *ended, void *arg);

/* Kills what is busy still. */
void jobs_stop(struct jobs *jobs);

/* Kills what is idle, too: nothing of the init outlives the hand-over. */
void jobs_abandon(struct jobs *jobs);

/*
 * Waits like poll(2) until FIRST or the pipe of a job has something, or UNTIL_US of CLOCK_MONOTONIC or the deadline of
 * a job is reached. jobs_collect then looks at those alone.
 */
void jobs_wait(struct jobs *jobs, struct pollfd first, int64_t until_us);
