#include "discover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buses.h"
#include "child.h"
#include "coldplug.h"
#include "disks.h"
#include "execute.h"
#include "log.h"
#include "plan.h"
#include "sys.h"
#include "uevent.h"

#define JOBS_MAX    32
#define ALIASES_MAX 256

enum job_kind {
	JOB_DRIVER, /* load the driver of aliases[index] */
	JOB_TYPE,   /* load the module of types[index] */
	JOB_LEARN,  /* ask the disk what about says */
	JOB_LAYER,  /* mount layer index */
};

struct job {
	struct child child;
	enum job_kind kind;
	size_t index;
	struct disk disk; /* JOB_LEARN: what was known at the start */
	unsigned about;
};

enum progress {
	NOT_STARTED,
	STARTED,
	DONE,
	FAILED,
};

/* A device's modalias; its driver is loaded once, however many such devices there are. */
struct alias {
	char text[512];
	enum progress progress;
};

/* A file system (or the union) whose module is needed. */
struct type {
	char name[24];
	enum progress progress;
	int error;
	char words[256];
};

struct discovery {
	const struct manifest *manifest;
	struct modules *modules;
	struct arena *arena;
	struct inventory *inv;
	struct resolution *res;
	struct failure *failure;
	int64_t start_us, timeout_ms;
	int uevents;
	unsigned wants; /* what every disk is asked at once */
	struct job jobs[JOBS_MAX];
	struct alias aliases[ALIASES_MAX];
	size_t aliases_count;
	struct type types[16];
	size_t types_count;
	struct {
		enum progress progress;
		struct step steps[PLAN_LAYER_STEPS];
		int64_t start_us, ms;
	} layers[MANIFEST_LAYERS_MAX];
};

static struct discovery only;

int64_t discover_layer_ms(size_t index)
{
	return only.layers[index].progress == DONE ? only.layers[index].ms : -1;
}

/* Children work on what they inherited; what they change stays with them. */

static int work_driver(void *arg, struct builder *answer)
{
	const struct job *j = arg;

	return modules_load(only.modules, only.aliases[j->index].text, answer);
}

static int work_type(void *arg, struct builder *answer)
{
	const struct job *j = arg;
	const char *type = only.types[j->index].name;
	char alias[32];

	if (filesystem_known(type))
		return 0;
	(void)snprintf(alias, sizeof(alias), "fs-%s", type);
	return modules_load(only.modules, alias, answer);
}

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

/* A free place, or NULL: then the work is found again, still not started, after the next event. */
static struct job *free_job(struct discovery *d)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (d->jobs[i].child.pid == 0)
			return &d->jobs[i];
	return NULL;
}

static int start(struct discovery *d, struct job *j)
{
	static child_work *const work[] = {
		[JOB_DRIVER] = work_driver,
		[JOB_TYPE] = work_type,
		[JOB_LEARN] = work_learn,
		[JOB_LAYER] = work_layer,
	};
	int64_t now_us = sys_now_us();
	int64_t allowed_ms = d->timeout_ms;

	/* A disk that does not answer is reported when the wait for it would be over, a mount gets its own. */
	int64_t from_us = j->kind == JOB_LAYER ? now_us : d->start_us;
	int64_t deadline_us = from_us + allowed_ms * 1000;
	int r = child_start(&j->child, work[j->kind], j,
			    deadline_us > now_us ? deadline_us : now_us + 150000);
	if (r < 0)
		j->child.pid = 0;
	return r;
}

static struct job *new_job(struct discovery *d, enum job_kind kind, size_t index)
{
	struct job *j = free_job(d);

	if (j) {
		j->kind = kind;
		j->index = index;
	}
	return j;
}

static void want_driver(void *arg, const char *modalias)
{
	struct discovery *d = arg;

	if (strlen(modalias) >= sizeof(d->aliases[0].text) || d->aliases_count == ALIASES_MAX)
		return;
	for (size_t i = 0; i < d->aliases_count; i++)
		if (strcmp(d->aliases[i].text, modalias) == 0)
			return;
	struct alias *a = &d->aliases[d->aliases_count++];
	memcpy(a->text, modalias, strlen(modalias) + 1);
	a->progress = NOT_STARTED;
}

static void want_disk(void *arg, const char *name)
{
	struct discovery *d = arg;

	if (disk_is_candidate(name) && !inventory_add(d->inv, name))
		log_line(LOG_PRIORITY_WARNING, "more than %d disks: %s is passed over",
			 INVENTORY_DISKS_MAX, name);
}

static struct type *want_type(struct discovery *d, const char *name)
{
	for (size_t i = 0; i < d->types_count; i++)
		if (strcmp(d->types[i].name, name) == 0)
			return &d->types[i];
	if (d->types_count == sizeof(d->types) / sizeof(d->types[0]))
		return NULL;
	struct type *t = &d->types[d->types_count++];
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	return t;
}

static bool disk_busy(const struct discovery *d, const char *name)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (d->jobs[i].child.pid != 0 && d->jobs[i].kind == JOB_LEARN &&
		    strcmp(d->jobs[i].disk.name, name) == 0)
			return true;
	return false;
}

static void learn(struct discovery *d, const struct disk *disk, unsigned about)
{
	if (disk_busy(d, disk->name))
		return;
	struct job *j = new_job(d, JOB_LEARN, 0);
	if (!j)
		return;
	j->disk = *disk;
	j->about = about;
	if (start(d, j) < 0)
		log_line(LOG_PRIORITY_WARNING, "%s: cannot be asked: out of processes", disk->name);
}

static void start_modules(struct discovery *d)
{
	for (size_t i = 0; i < d->aliases_count; i++) {
		if (d->aliases[i].progress != NOT_STARTED)
			continue;
		struct job *j = new_job(d, JOB_DRIVER, i);
		if (j && start(d, j) == 0)
			d->aliases[i].progress = STARTED;
	}
	for (size_t i = 0; i < d->types_count; i++) {
		if (d->types[i].progress != NOT_STARTED)
			continue;
		struct job *j = new_job(d, JOB_TYPE, i);
		if (j && start(d, j) == 0)
			d->types[i].progress = STARTED;
	}
}

static void start_questions(struct discovery *d)
{
	for (size_t i = 0; i < d->inv->count; i++)
		if (!(d->inv->disks[i].known & KNOWN_IDENTITY))
			learn(d, &d->inv->disks[i], d->wants);
	for (size_t i = 0; i < d->res->questions_count; i++) {
		const struct question *q = &d->res->questions[i];
		learn(d, q->disk, q->about);
	}
}

static int layer_failed(struct discovery *d, size_t index, int error, const char *words)
{
	d->layers[index].progress = FAILED;
	return execute_failed(&d->layers[index].steps[2], error, words, d->failure);
}

static int type_failed(struct discovery *d, const struct type *t, const char *layer)
{
	if (t->error == -ENOENT)
		return failure_set(
			d->failure, FAILURE_MODULE_MISSING, layer,
			"the initramfs has no module fs-%s, and this kernel has none built in",
			t->name);
	return failure_set(d->failure, FAILURE_MODULE_LOAD, layer, "fs-%s: %s%s%s%s", t->name,
			   strerror(-t->error), t->words[0] ? " (kernel: " : "", t->words,
			   t->words[0] ? ")" : "");
}

/* Mounts a layer as soon as its disk and the module of its type are there. */
static int start_layer(struct discovery *d, size_t index)
{
	const struct resolved_layer *l = &d->res->layers[index];
	struct builder none;
	char unused[1];

	if (l->state != LAYER_FOUND || d->layers[index].progress != NOT_STARTED)
		return 0;
	const struct type *t = want_type(d, l->type);
	if (!t)
		return failure_set(d->failure, FAILURE_LIMIT, l->layer->name, "too many types");
	if (t->progress == FAILED)
		return type_failed(d, t, l->layer->name);
	if (t->progress != DONE)
		return 0;
	struct job *j = new_job(d, JOB_LAYER, index);
	if (!j)
		return 0;
	if (plan_layer(l, d->arena, d->layers[index].steps) < 0)
		return failure_set(d->failure, FAILURE_LIMIT, l->layer->name, "out of memory");
	builder_start(&none, unused, sizeof(unused));
	d->layers[index].start_us = sys_now_us();
	int r = execute_step(&d->layers[index].steps[1], &none);
	if (r < 0)
		return execute_failed(&d->layers[index].steps[1], r, "", d->failure);
	r = start(d, j);
	if (r < 0)
		return layer_failed(d, index, r, "");
	d->layers[index].progress = STARTED;
	return 0;
}

static void finish_learn(struct discovery *d, struct job *j, int error)
{
	struct disk *disk = inventory_find(d->inv, j->disk.name);
	struct disk answer;

	if (!disk)
		return; /* gone while it was asked */
	if (error == 0 && disk_parse(slice_of(j->child.answer), &answer) == 0 &&
	    strcmp(answer.name, disk->name) == 0) {
		*disk = answer;
		return;
	}
	disk->error = error == -ETIMEDOUT ? ETIMEDOUT : EIO;
	disk->known |= KNOWN_IDENTITY | j->about;
}

static void finish_type(struct type *t, int error, const char *words)
{
	t->progress = error == 0 ? DONE : FAILED;
	t->error = error;
	(void)snprintf(t->words, sizeof(t->words), "%s", words);
}

static void finish_driver(struct alias *a, int error, const char *words)
{
	a->progress = error == 0 ? DONE : FAILED;
	/* -ENOENT: mkinitramfs left it out, or nobody has a driver for it. A disk that is missing is told later. */
	if (error < 0 && error != -ENOENT)
		log_line(LOG_PRIORITY_WARNING, "driver for %s: %s%s%s", a->text, strerror(-error),
			 *words ? ": " : "", words);
}

static int finish(struct discovery *d, struct job *j, int error)
{
	const char *words = error == -ETIMEDOUT || error == -ECHILD ? "" : j->child.answer;

	switch (j->kind) {
	case JOB_DRIVER:
		finish_driver(&d->aliases[j->index], error, words);
		return 0;
	case JOB_TYPE:
		finish_type(&d->types[j->index], error, words);
		return 0;
	case JOB_LEARN:
		finish_learn(d, j, error);
		return 0;
	case JOB_LAYER:
		if (error < 0)
			return layer_failed(d, j->index, error, words);
		d->layers[j->index].progress = DONE;
		d->layers[j->index].ms = (sys_now_us() - d->layers[j->index].start_us) / 1000;
		return 0;
	}
	return 0;
}

static int collect(struct discovery *d)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &d->jobs[i];
		int error = 0;
		if (j->child.pid == 0)
			continue;
		enum child_state state = child_check(&j->child, sys_now_us(), &error);
		if (state == CHILD_RUNNING)
			continue;
		if (state == CHILD_CRASHED)
			error = -ECHILD;
		if (state == CHILD_STALLED)
			error = -ETIMEDOUT;
		if (finish(d, j, error) < 0)
			return -1;
	}
	return 0;
}

static void handle(struct discovery *d, const struct uevent *u)
{
	if (strcmp(u->subsystem, "block") == 0) {
		const char *name = strrchr(u->devpath, '/');
		if (!name)
			return;
		if (strcmp(u->action, "remove") == 0)
			inventory_remove(d->inv, name + 1);
		else if (strcmp(u->action, "add") == 0)
			want_disk(d, name + 1);
	} else if (strcmp(u->action, "add") == 0 && bus_wants(u->subsystem, u->modalias)) {
		want_driver(d, u->modalias);
	}
}

static int drain(struct discovery *d)
{
	static struct uevent event;
	int r;

	while ((r = uevent_read(d->uevents, &event)) != 0) {
		if (r == -ENOBUFS) {
			/* Events were lost: look at what there is instead. */
			coldplug_devices(want_driver, d);
			coldplug_disks(want_disk, d);
		} else if (r < 0) {
			return failure_set(d->failure, FAILURE_BOOTSTRAP, NULL, "uevents: %s",
					   strerror(-r));
		} else {
			handle(d, &event);
		}
	}
	return 0;
}

/*
 * A driver's module is not loaded before its devices are bound, and the kernel waits for what these probe in
 * the background (do_init_module, async_synchronize_full). So when no driver is being loaded, and no event is
 * left, and every disk has said who it is, all that was there at the start is in the inventory.
 */
static bool settled(const struct discovery *d)
{
	for (size_t i = 0; i < d->aliases_count; i++)
		if (d->aliases[i].progress == NOT_STARTED || d->aliases[i].progress == STARTED)
			return false;
	for (size_t i = 0; i < d->inv->count; i++)
		if (!(d->inv->disks[i].known & KNOWN_IDENTITY))
			return false;
	return true;
}

static int ready(struct discovery *d)
{
	const struct type *overlay = want_type(d, "overlay");

	if (overlay->progress == FAILED)
		return type_failed(d, overlay, NULL);
	if (overlay->progress != DONE || d->res->state != RESOLVE_READY)
		return 0;
	for (size_t i = 0; i < d->res->layers_count; i++)
		if (d->res->layers[i].state == LAYER_FOUND && d->layers[i].progress != DONE)
			return 0;
	return 1;
}

static void wait(struct discovery *d)
{
	struct pollfd fds[JOBS_MAX + 1] = { { .fd = d->uevents, .events = POLLIN } };
	int64_t now_us = sys_now_us(), until_us = now_us + d->timeout_ms * 1000;
	size_t count = 1;

	if (d->res->wake_ms >= 0)
		until_us = d->start_us + d->res->wake_ms * 1000;
	for (size_t i = 0; i < JOBS_MAX; i++) {
		if (d->jobs[i].child.pid == 0)
			continue;
		fds[count++] = (struct pollfd){ .fd = d->jobs[i].child.fd, .events = POLLIN };
		if (d->jobs[i].child.deadline_us < until_us)
			until_us = d->jobs[i].child.deadline_us;
	}
	int64_t ms = (until_us - now_us + 999) / 1000;
	(void)sys_poll(fds, count, ms > 0 ? (int)ms : 0);
}

static int turn(struct discovery *d)
{
	if (collect(d) < 0 || drain(d) < 0)
		return -1;
	start_modules(d);
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
	start_modules(d);
	return ready(d);
}

int discover(const struct manifest *m, int64_t timeout_ms, struct modules *modules,
	     struct arena *arena, struct inventory *inv, struct resolution *res,
	     struct failure *failure)
{
	struct discovery *d = &only;
	int r;

	d->manifest = m;
	d->modules = modules;
	d->arena = arena;
	d->inv = inv;
	d->res = res;
	d->failure = failure;
	d->timeout_ms = timeout_ms;
	d->start_us = sys_now_us();
	d->wants = resolve_wants(m);
	/* Listening first: what appears while /sys is read is heard. */
	d->uevents = uevent_open();
	if (d->uevents < 0)
		return failure_set(failure, FAILURE_BOOTSTRAP, NULL, "uevents: %s",
				   strerror(-d->uevents));
	coldplug_devices(want_driver, d);
	coldplug_disks(want_disk, d);
	(void)want_type(d, "overlay");
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].type && !m->layers[i].skipped)
			(void)want_type(d, m->layers[i].type);
	while ((r = turn(d)) == 0)
		wait(d);
	(void)sys_close(d->uevents);
	d->uevents = -1;
	return r < 0 ? -1 : 0;
}
