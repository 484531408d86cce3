#include "discover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buses.h"
#include "coldplug.h"
#include "disks.h"
#include "drivers.h"
#include "execute.h"
#include "jobs.h"
#include "log.h"
#include "plan.h"
#include "sys.h"
#include "uevent.h"

struct mounting {
	enum progress progress;
	struct step steps[PLAN_LAYER_STEPS];
	int64_t start_us, ms;
	char disk[32]; /* that it is mounted from */
};

static struct discovery {
	const struct manifest *manifest;
	struct arena *arena;
	struct inventory *inv;
	struct resolution *res;
	struct failure *failure;
	int64_t start_us, timeout_ms, patience_ms;
	int64_t longest_ms; /* of all layers: until then a disk may come */
	int uevents;
	unsigned wants; /* what every disk is asked at once */
	struct jobs jobs;
	struct drivers drivers;
	struct mounting layers[MANIFEST_LAYERS_MAX];
} only; /* one boot in a process, and too large for its stack */

int64_t discover_layer_ms(size_t index)
{
	return only.layers[index].progress == PROGRESS_DONE ? only.layers[index].ms : -1;
}

/* Children work on what they inherited; what they change stays with them. */

static int work_learn(void *arg, struct builder *answer)
{
	struct job *j = arg;

	disk_learn(&j->disk, j->about);
	disk_print(&j->disk, answer);
	return 0;
}

static int work_layer(void *arg, struct builder *answer)
{
	const struct job *j = arg;

	return execute_step(&only.layers[j->index].steps[2], answer);
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

static void want_disk(void *arg, const char *name)
{
	struct discovery *d = arg;

	if (disk_is_candidate(name) && !inventory_add(d->inv, name))
		log_line(LOG_PRIORITY_WARNING, "more than %d disks: %s is passed over",
			 INVENTORY_DISKS_MAX, name);
}

static void learn(struct discovery *d, const struct disk *disk, unsigned about)
{
	if (jobs_learning(&d->jobs, disk->name))
		return;
	struct job *j = jobs_new(&d->jobs, JOB_LEARN, 0);
	if (!j)
		return;
	j->disk = *disk;
	j->about = about;
	if (jobs_start(j, work_learn, deadline_us(d)) < 0)
		log_line(LOG_PRIORITY_WARNING, "%s: cannot be asked: out of processes", disk->name);
}

static void start_questions(struct discovery *d)
{
	for (size_t i = 0; i < d->inv->count; i++)
		if (!(d->inv->disks[i].known & KNOWN_IDENTITY))
			learn(d, &d->inv->disks[i], d->wants);
	for (size_t i = 0; i < d->res->questions_count; i++)
		learn(d, d->res->questions[i].disk, d->res->questions[i].about);
}

/* The directory here, since it cannot block; the mount in a child, since it can. */
static int start_mount(struct discovery *d, const struct resolved_layer *l, size_t index)
{
	struct mounting *m = &d->layers[index];
	struct job *j = jobs_new(&d->jobs, JOB_LAYER, index);
	struct builder none;
	char unused[1];

	if (!j)
		return 0;
	if (plan_layer(l, d->arena, m->steps) < 0)
		return failure_set(d->failure, FAILURE_LIMIT, l->layer->name, "out of memory");
	builder_start(&none, unused, sizeof(unused));
	m->start_us = sys_now_us();
	execute_announce(&m->steps[1]);
	execute_announce(&m->steps[2]);
	int r = execute_step(&m->steps[1], &none);
	if (r < 0)
		return execute_failed(&m->steps[1], r, "", d->failure);
	r = jobs_start(j, work_layer, sys_now_us() + d->patience_ms * 1000);
	if (r < 0)
		return execute_failed(&m->steps[2], r, "", d->failure);
	m->progress = PROGRESS_STARTED;
	(void)snprintf(m->disk, sizeof(m->disk), "%s", l->disk->name);
	return 0;
}

/* Mounts a layer as soon as its disk and the module of its type are there. */
static int start_layer(struct discovery *d, size_t index)
{
	const struct resolved_layer *l = &d->res->layers[index];

	if (l->state != LAYER_FOUND)
		return 0;
	if (d->layers[index].progress != PROGRESS_WANTED) {
		const char *disk = d->layers[index].disk;
		if (strcmp(disk, l->disk->name) == 0)
			return 0;
		return failure_set(d->failure, FAILURE_LAYER_READ, l->layer->name,
				   "%s was removed after it was mounted, and %s came", disk,
				   l->disk->name);
	}
	const struct fs_type *t = drivers_want_type(&d->drivers, l->type);
	if (!t)
		return failure_set(d->failure, FAILURE_LIMIT, l->layer->name, "too many types");
	if (t->progress == PROGRESS_FAILED)
		return drivers_failed(t, l->layer->name, d->failure);
	return t->progress == PROGRESS_DONE ? start_mount(d, l, index) : 0;
}

static void learn_ended(struct discovery *d, const struct job *j, int error, const char *words)
{
	struct disk *disk = inventory_find(d->inv, j->disk.name);
	struct disk answer;

	if (!disk)
		return; /* gone while it was asked */
	if (error == 0 && disk_parse(slice_of(words), &answer) == 0 &&
	    strcmp(answer.name, disk->name) == 0) {
		*disk = answer;
		return;
	}
	disk->error = error == -ETIMEDOUT ? ETIMEDOUT : EIO;
	disk->known |= KNOWN_IDENTITY | j->about;
}

static int layer_ended(struct discovery *d, const struct job *j, int error, const char *words)
{
	struct mounting *m = &d->layers[j->index];

	m->progress = error == 0 ? PROGRESS_DONE : PROGRESS_FAILED;
	m->ms = (sys_now_us() - m->start_us) / 1000;
	return error == 0 ? 0 : execute_failed(&m->steps[2], error, words, d->failure);
}

static int ended(void *arg, const struct job *j, int error, const char *words)
{
	struct discovery *d = arg;

	switch (j->kind) {
	case JOB_DRIVER:
	case JOB_TYPE:
		drivers_ended(&d->drivers, j, error, words);
		return 0;
	case JOB_LEARN:
		learn_ended(d, j, error, words);
		return 0;
	case JOB_LAYER:
		return layer_ended(d, j, error, words);
	}
	return 0;
}

/* A disk that was met in /sys before it could be opened is asked anew. */
static void disk_added(struct discovery *d, const char *name)
{
	struct disk *disk = inventory_find(d->inv, name);

	if (disk && disk->error) {
		disk->known = 0;
		disk->error = 0;
	}
	want_disk(d, name);
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
	coldplug_disks(want_disk, d);
}

static int drain(struct discovery *d)
{
	static struct uevent event;
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

/* 1 when the union can be built. */
static int ready(struct discovery *d)
{
	const struct fs_type *overlay = drivers_want_type(&d->drivers, "overlay");

	if (overlay->progress == PROGRESS_FAILED)
		return drivers_failed(overlay, NULL, d->failure);
	if (overlay->progress != PROGRESS_DONE || d->res->state != RESOLVE_READY)
		return 0;
	for (size_t i = 0; i < d->res->layers_count; i++)
		if (d->res->layers[i].state == LAYER_FOUND &&
		    d->layers[i].progress != PROGRESS_DONE)
			return 0;
	return 1;
}

static void wait_for_event(struct discovery *d)
{
	struct pollfd fds[JOBS_MAX + 1] = { { .fd = d->uevents, .events = POLLIN } };
	int64_t now_us = sys_now_us(), until_us = now_us + d->timeout_ms * 1000;

	if (d->res->wake_ms >= 0)
		until_us = d->start_us + d->res->wake_ms * 1000;
	size_t count = 1 + jobs_poll(&d->jobs, fds + 1, &until_us);
	int64_t ms = (until_us - now_us + 999) / 1000;
	(void)sys_poll(fds, count, ms > 0 ? (int)ms : 0);
}

/* 0: wait for the next event; 1: done; -1: failed. */
static int turn(struct discovery *d)
{
	if (jobs_collect(&d->jobs, ended, d) < 0 || drain(d) < 0)
		return -1;
	d->inv->settled = settled(d);
	d->inv->elapsed_ms = (sys_now_us() - d->start_us) / 1000;
	resolve(d->manifest, d->inv, d->timeout_ms, d->res);
	if (d->res->state == RESOLVE_FAILED) {
		*d->failure = d->res->failure;
		return -1;
	}
	start_questions(d);
	for (size_t i = 0; i < d->res->layers_count; i++)
		if (start_layer(d, i) < 0)
			return -1;
	drivers_start(&d->drivers, &d->jobs, sys_now_us() + d->patience_ms * 1000);
	return ready(d);
}

int discover(const struct manifest *m, const struct cmdline *c, struct modules *modules,
	     struct arena *arena, struct inventory *inv, struct resolution *res,
	     struct failure *failure)
{
	struct discovery *d = &only;
	int r;

	d->manifest = m;
	d->timeout_ms = c->timeout_ms;
	d->patience_ms = cmdline_patience_ms(c);
	d->longest_ms = c->timeout_ms;
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].timeout_ms > d->longest_ms)
			d->longest_ms = m->layers[i].timeout_ms;
	d->drivers.modules = modules;
	d->arena = arena;
	d->inv = inv;
	d->res = res;
	d->failure = failure;
	d->start_us = sys_now_us();
	d->wants = resolve_wants(m);
	/* Listening first: what appears while /sys is read is heard. */
	d->uevents = uevent_open();
	if (d->uevents < 0)
		return failure_set(failure, FAILURE_BOOTSTRAP, NULL, "uevents: %s",
				   strerror(-d->uevents));
	look_around(d);
	(void)drivers_want_type(&d->drivers, "overlay");
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].type && !m->layers[i].skipped)
			(void)drivers_want_type(&d->drivers, m->layers[i].type);
	while ((r = turn(d)) == 0)
		wait_for_event(d);
	jobs_abandon(&d->jobs);
	(void)sys_close(d->uevents);
	return r < 0 ? -1 : 0;
}
