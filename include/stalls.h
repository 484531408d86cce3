/*
 * Disks that do not answer. The kernel announces a disk when it has read its partition table; one that hangs in that is
 * heard of by nobody, and neither does its driver come back.
 */
#pragma once

#include "discovery.h"

/*
 * Looks for them, if a second has passed since the start or since the last time: a disk that the kernel has not
 * announced enters the inventory, and one that has not completed a request in that second, though it has some to
 * answer, gets the error ETIMEDOUT, until it does; but not before the devices that its driver has not got to, are tried
 * without it.
 */
void stalls_look(struct discovery *d);

/* Takes the end of a JOB_PROBE. */
void stalls_probe_ended(struct discovery *d, const struct job *j);

/* When to look again: microseconds of CLOCK_MONOTONIC, or negative where all is as it should be. */
int64_t stalls_next_us(const struct discovery *d);
