/* What is to be unmounted at the end, and in which order. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* More are not looked at until some of these are gone. */
#define SHUTDOWN_MOUNTS_MAX 4096

struct shutdown_mount {
	const char *target; /* as seen by the process whose mountinfo this is */
	const char *type;
	const char *source;
	size_t parent;   /* its place in the plan; SHUTDOWN_MOUNTS_MAX: none, or it stays */
	size_t children; /* mounts of the plan that are on this one */
	bool memory;     /* on no disk: detached without harm while somebody uses it */
};

struct shutdown_plan {
	struct shutdown_mount mounts[SHUTDOWN_MOUNTS_MAX]; /* first to be unmounted first */
	size_t count;
};

/*
 * Orders what the TEXT of a mountinfo lists: every mount comes before the one that it is on, and what was mounted
 * over others before these. What the end itself needs stays: /, /dev, /proc, /sys and /run. A last line without its
 * line feed is left out. TEXT is changed, and the plan's strings are in it.
 */
void shutdown_plan(char *text, struct shutdown_plan *ret);
