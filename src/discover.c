#include "discover.h"

#include <errno.h>
#include <string.h>

#include "buses.h"
#include "coldplug.h"
#include "discovery.h"
#include "disks.h"
#include "log.h"
#include "pages.h"
#include "stalls.h"
#include "sys.h"
#include "uevent.h"

static ON_A_PAGE struct discovery only; /* one boot in a process, and too large for its stack */

const struct mounting *discover_mounting(enum mounting_kind kind, const char *name)
{
	return mounts_find(&only.mounts, kind, name);
}

/* Children work on what they inherited; what they change stays with them. */

static int work_learn(void *arg, struct builder *answer)
{
	struct job *j = arg;

	disk_learn(&j->disk, j->about & KNOWN_IDENTITY);
	/* What the disk itself is, tells what may be asked of it. */
	unsigned about =
		resolve_may_ask(only.manifest, &j->disk, j->about & ~(unsigned)KNOWN_IDENTITY);
	/* From here on a library reads what a user has written. */
	int r = about ? child_confine() : 0;
	if (r < 0)
		return r;
	if (about)
		disk_learn(&j->disk, about);
	disk_print(&j->disk, answer);
	return 0;
}

/*
 * A disk that does not answer is given up when the wait for a missing one would be over; asked after that,
 * for the message of a failure, it gets the 150 ms that are left for that.
 */
static int64_t deadline_us(const struct discovery *d)
{
	int64_t least_us = sys_now_us() + 150000, end_us = d->start_us + d->longest_ms * 1000;

	return end_us > least_us ? end_us : least_us;
}

static void want_driver(void *arg, const char *modalias)
{
	struct discovery *d = arg;

	drivers_want(&d->drivers, modalias);
}

void discovery_want_disk(struct discovery *d, const char *name)
{
	if (disk_is_candidate(name) && !inventory_add(d->inv, name))
		log_line(LOG_PRIORITY_WARNING, "more than %d disks: %s is passed over",
			 INVENTORY_DISKS_MAX, name);
}

void discovery_ask(struct discovery *d, const struct disk *disk, unsigned about)
{
	struct job *j = jobs_new(&d->jobs, JOB_LEARN, 0);
	if (!j)
		return;
	j->disk = *disk;
	j->about = about;
	if (jobs_start(&d->jobs, j, work_learn, (struct child_news){ .len = 0 }, deadline_us(d)) <
	    0) {
		d->jobs.starved = true;
		log_line(LOG_PRIORITY_WARNING, "%s: cannot be asked: out of processes", disk->name);
	}
}

void discovery_learn(struct discovery *d, const struct disk *disk, unsigned about)
{
	if (!jobs_learning(&d->jobs, disk->name))
		discovery_ask(d, disk, about);
}

static void learn_ended(struct discovery *d, const struct job *j, int error, const char *words)
{
	struct disk *disk = inventory_find(d->inv, j->disk.name);
	struct disk answer;

	if (!disk || j->early)
		return; /* gone while it was asked, or announced: then it is asked anew */
	if (error == 0 && disk_parse(slice_of(words), &answer) == 0 &&
	    strcmp(answer.name, disk->name) == 0) {
		/* Its node is made before it can be opened; whoever asked too early asks again when it is announced. */
		if (answer.error == ENXIO)
			answer.error = ETIMEDOUT;
		/* Of two that were asked the slower one may know less. */
		if (!(disk->known & ~answer.known & KNOWN_SUPERBLOCK))
			*disk = answer;
		return;
	}
	disk->error = error == -ETIMEDOUT || error == -ECHILD ? -error : EIO;
	/* What is on it killed the helper: who it is can still be asked. */
	if (error == -ECHILD && (j->about & ~(unsigned)KNOWN_IDENTITY))
		disk->known |= j->about & ~(unsigned)KNOWN_IDENTITY;
	else
		disk->known |= KNOWN_IDENTITY | j->about;
}

static int ended(void *arg, struct job *j, int error, const char *words)
{
	struct discovery *d = arg;

	switch (j->kind) {
	case JOB_MODULE:
		drivers_ended(&d->drivers, j, error, words);
		return 0;
	case JOB_LEARN:
		learn_ended(d, j, error, words);
		return 0;
	case JOB_CHAIN:
		return mounts_ended(&d->mounts, j, error, words, d->inv, d->failure);
	case JOB_LISTING:
		return pursue_listing_ended(d, j, error, words);
	case JOB_TEXT:
		return pursue_text_ended(d, error, words);
	case JOB_PROBE:
		stalls_probe_ended(d, j);
		return 0;
	case JOB_ROOT: /* root_steps waits for it */
		break;
	}
	return 0;
}

/*
 * A disk that was met in /sys before this is asked anew: it may not have been there to be opened, or have had its serial,
 * which device_add() makes after the link in /sys/class/block.
 */
static void disk_added(void *arg, const char *name)
{
	struct discovery *d = arg;
	struct disk *disk = inventory_find(d->inv, name);

	if (disk) {
		disk->known = 0;
		disk->error = 0;
		jobs_announced(&d->jobs, name);
	}
	discovery_want_disk(d, name);
}

static void handle(struct discovery *d, const struct uevent *u)
{
	bool add = strcmp(u->action, "add") == 0;

	if (strcmp(u->subsystem, "block") == 0) {
		const char *slash = strrchr(u->devpath, '/');
		if (slash && add)
			disk_added(d, slash + 1);
		else if (slash && strcmp(u->action, "remove") == 0)
			inventory_remove(d->inv, slash + 1);
	} else if (add && bus_wants(u->subsystem, u->modalias)) {
		want_driver(d, u->modalias);
	}
}

static void look_around(struct discovery *d)
{
	coldplug_devices(want_driver, d);
	coldplug_disks(disk_added, d);
}

static int drain(struct discovery *d)
{
	static ON_A_PAGE struct uevent event;
	int r;

	while ((r = uevent_read(d->uevents, &event)) != 0) {
		if (r == -ENOBUFS) /* events were lost: look at what there is instead */
			look_around(d);
		else if (r < 0)
			return failure_set(d->failure, FAILURE_BOOTSTRAP, NULL, "uevents: %s",
					   strerror(-r));
		else
			handle(d, &event);
	}
	return 0;
}

/*
 * When its module has been loaded, a driver's devices are bound, and the kernel has waited for what these
 * probe in the background (do_init_module, async_synchronize_full). So when no driver is being loaded, and no
 * event is left, and every disk has said who it is, all that was there at the start is in the inventory.
 */
static bool settled(const struct discovery *d)
{
	for (size_t i = 0; i < d->inv->count; i++)
		if (!(d->inv->disks[i].known & KNOWN_IDENTITY))
			return false;
	return drivers_settled(&d->drivers);
}

static void wait_for_event(struct discovery *d)
{
	const struct pollfd uevents = { .fd = d->uevents, .events = POLLIN };
	const int64_t again_us = 100000;
	int64_t now_us = sys_now_us(), until_us = now_us + d->timeout_ms * 1000;

	if (d->res->wake_ms >= 0)
		until_us = d->start_us + d->res->wake_ms * 1000;
	int64_t look_us = stalls_next_us(d);
	if (look_us >= 0 && look_us < until_us)
		until_us = look_us;
	/* No event comes of what has not begun. */
	if (d->jobs.starved && until_us > now_us + again_us)
		until_us = now_us + again_us;
	d->jobs.starved = false;
	jobs_wait(&d->jobs, uevents, until_us);
}

/* 0: wait for the next event; 1: done; -1: failed. */
static int turn(struct discovery *d)
{
	if (jobs_collect(&d->jobs, ended, d) < 0 || drain(d) < 0)
		return -1;
	d->inv->settled = settled(d);
	stalls_look(d);
	d->inv->elapsed_ms = (sys_now_us() - d->start_us) / 1000;
	int r = d->manifest ? pursue_layers(d) : pursue_manifest(d);
	if (r < 0)
		return r;
	drivers_start(&d->drivers, &d->jobs);
	return r;
}

static int run(struct discovery *d)
{
	int r;

	while ((r = turn(d)) == 0)
		wait_for_event(d);
	return r < 0 ? -1 : 0;
}

int discover_start(const struct cmdline *c, struct modules *modules, const char *release,
		   struct arena *arena, struct inventory *inv, struct resolution *res,
		   struct failure *failure)
{
	struct discovery *d = &only;

	d->timeout_ms = d->longest_ms = c->timeout_ms;
	d->patience_ms = cmdline_patience_ms(c);
	drivers_init(&d->drivers, modules, arena, d->patience_ms);
	d->release = release;
	d->arena = arena;
	jobs_init(&d->jobs, arena);
	d->inv = inv;
	d->res = res;
	d->failure = failure;
	d->start_us = sys_now_us();
	d->wants = KNOWN_IDENTITY;
	/* Listening first: what appears while /sys is read is heard. */
	d->uevents = uevent_open();
	if (d->uevents < 0)
		return failure_set(failure, FAILURE_BOOTSTRAP, NULL, "uevents: %s",
				   strerror(-d->uevents));
	look_around(d);
	return 0;
}

int discover_manifest(const struct origin *origin)
{
	only.origin = origin;
	only.text = PROGRESS_WANTED;
	return run(&only);
}

int discover_layers(const struct manifest *m)
{
	struct discovery *d = &only;

	d->manifest = m;
	d->wants = resolve_wants(m);
	d->jobs.epoch++; /* what a disk may be asked is in the manifest */
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].timeout_ms > d->longest_ms)
			d->longest_ms = m->layers[i].timeout_ms;
	(void)drivers_want_type(&d->drivers, plan_union_module(m->union_kind));
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].type && !m->layers[i].skipped)
			(void)drivers_want_type(&d->drivers, m->layers[i].type);
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].verity.root_hash && !m->layers[i].skipped)
			(void)drivers_want_type(&d->drivers, "dm-verity");
	int r = run(d);
	jobs_stop(&d->jobs);
	(void)sys_close(d->uevents);
	return r;
}

struct jobs *discover_jobs(void)
{
	return &only.jobs;
}
