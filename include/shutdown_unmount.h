/* Every mount undone, in bounded time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "child.h"

struct unmounting {
	size_t done;
	bool stuck; /* something could not be unmounted, and was named */
};

/*
 * Runs WORK in a child, for as long as it takes while the kernel gets on with writing, else for some seconds. What WORK
 * returned, or -ETIMEDOUT.
 */
int shutdown_guarded(child_work *work, void *arg);

/* Unmounts all but what the end itself needs. What stays is named, made read-only and detached. */
void shutdown_unmount(struct unmounting *ret);
