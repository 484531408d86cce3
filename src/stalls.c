#include "stalls.h"

#include <errno.h>
#include <string.h>

#include "coldplug.h"
#include "pulse.h"
#include "sys.h"
#include "text.h"

#define PATIENCE_US       1000000
#define PROBE_PATIENCE_US 5000000 /* of many disks at a slow host */

static bool something_stalls(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->count; i++)
		if (inv->disks[i].error == ETIMEDOUT)
			return true;
	return false;
}

int64_t stalls_next_us(const struct discovery *d)
{
	if (d->inv->settled && d->res->questions_count == 0 && !something_stalls(d->inv))
		return -1;
	return (d->stalls.looked_us ? d->stalls.looked_us : d->start_us) + PATIENCE_US;
}

/* What was seen of the disk the last time, or a place for it; NULL: there are too many. */
static struct stall *stall_of(struct stalls *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->all[i].name, name) == 0)
			return &s->all[i];
	if (s->count == STALLS_MAX)
		return NULL;
	struct stall *new = &s->all[s->count++];
	text_print(new->name, sizeof(new->name), "%s", name);
	return new;
}

static void look_at(struct discovery *d, struct disk *disk)
{
	struct stall *before = stall_of(&d->stalls, disk->name);
	struct pulse now;

	if (!before || pulse_read(disk->name, &now) < 0)
		return;
	bool same = before->pulse.waiting > 0 && now.waiting > 0 &&
		    before->pulse.completed == now.completed;
	/* Not the disk, but the library that looks at what is on it. */
	bool busy = before->seen && jobs_learning(&d->jobs, disk->name);
	before->pulse = now;
	before->seen = true;
	if ((same || busy) && !(disk->known & KNOWN_IDENTITY)) {
		/* Who asks it for everything waits for the superblock; who it is the kernel tells by itself. */
		discovery_ask(d, disk, KNOWN_IDENTITY);
	} else if (same && disk->error == 0) {
		if (!before->stuck || before->told)
			d->stalls.probe = PROGRESS_WANTED;
		before->stuck = true;
		before->told = false;
	} else if (!same) {
		if (before->told && disk->error == ETIMEDOUT) {
			disk->known &= KNOWN_IDENTITY;
			disk->error = 0;
		}
		before->stuck = before->told = false;
	}
}

/*
 * What is not announced is asked only for what does not wait for the disk itself; and not before device_add_disk() has
 * linked its bdi, the last thing before it can be opened and its partition table is read (block/genhd.c): a node that
 * opens with ENXIO is not a disk that is gone.
 */
static void take_disk(void *arg, const char *name)
{
	struct discovery *d = arg;
	char bdi[64];
	struct stat st;

	text_print(bdi, sizeof(bdi), "/sys/class/block/%s/bdi", name);
	if (inventory_find(d->inv, name) || sys_stat(bdi, &st) < 0)
		return;
	discovery_want_disk(d, name);
	const struct disk *disk = inventory_find(d->inv, name);
	if (disk)
		discovery_learn(d, disk, KNOWN_IDENTITY);
}

static int work_probe(void *unused, struct builder *nothing)
{
	(void)unused;
	(void)nothing;
	coldplug_probe_devices();
	return 0;
}

/* Another disk that does not answer may hang this, too: it will be seen, and begin the next. */
static void start_probe(struct discovery *d)
{
	struct stalls *s = &d->stalls;
	struct job *j = jobs_new(&d->jobs, JOB_PROBE, s->probes + 1);

	if (!j)
		return;
	if (jobs_start(&d->jobs, j, work_probe, (struct child_news){ .len = 0 },
		       sys_now_us() + PROBE_PATIENCE_US) < 0) {
		d->jobs.starved = true;
		return;
	}
	s->probes++;
	s->probe = PROGRESS_STARTED;
}

void stalls_probe_ended(struct discovery *d, const struct job *j)
{
	if (j->index == d->stalls.probes && d->stalls.probe == PROGRESS_STARTED)
		d->stalls.probe = PROGRESS_DONE;
}

static void tell(const struct discovery *d, struct stall *stall)
{
	struct disk *disk = inventory_find(d->inv, stall->name);

	stall->told = true;
	if (!disk || disk->error != 0)
		return;
	disk->known |= KNOWN_SUPERBLOCK | KNOWN_PARTITION;
	disk->error = ETIMEDOUT;
}

/* What is said of a stalled disk ends the wait for layers that may be absent, so the disks behind it come first. */
static void tell_stuck(struct discovery *d)
{
	struct stalls *s = &d->stalls;
	size_t i = 0;

	while (i < s->count && !(s->all[i].stuck && !s->all[i].told))
		i++;
	if (i == s->count)
		return;
	if (s->probe == PROGRESS_WANTED)
		start_probe(d);
	/* The driver that hangs in the disk is one that has been at it for longer. */
	if (s->probe != PROGRESS_DONE || drivers_loading(&d->drivers, sys_now_us() - PATIENCE_US))
		return;
	for (; i < s->count; i++)
		if (s->all[i].stuck && !s->all[i].told)
			tell(d, &s->all[i]);
}

static void look(struct discovery *d, int64_t now_us)
{
	d->stalls.looked_us = now_us;
	coldplug_disks(take_disk, d);
	for (size_t i = 0; i < d->inv->count; i++)
		if (!(d->inv->disks[i].known & KNOWN_SUPERBLOCK) ||
		    d->inv->disks[i].error == ETIMEDOUT)
			look_at(d, &d->inv->disks[i]);
}

void stalls_look(struct discovery *d)
{
	int64_t next_us = stalls_next_us(d), now_us = sys_now_us();

	if (next_us >= 0 && now_us >= next_us)
		look(d, now_us);
	tell_stuck(d);
}
