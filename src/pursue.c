#include <errno.h>
#include <string.h>

#include "discovery.h"
#include "file.h"
#include "listings.h"
#include "sys.h"
#include "text.h"

/* What the children inherit: the whole of it, as it was at the fork. */
static const struct discovery *inherited;

static int work_listing(void *arg, struct builder *answer)
{
	const struct job *j = arg;
	const struct mounting *medium = &inherited->mounts.all[j->index];
	char directory[sizeof(PATH_MEDIA) + sizeof(medium->disk)];

	int r = child_confine();

	if (r < 0)
		return r;
	text_print(directory, sizeof(directory), PATH_MEDIA "/%s", medium->disk);
	return listing_read(directory, medium->disk, j->text, j->about != 0, answer);
}

/* From the disk into memory, where PID 1 can read it without waiting for anything. */
static int work_text(void *arg, struct builder *answer)
{
	const struct job *j = arg;
	const struct origin *origin = inherited->origin;
	bool raw = origin->kind == ORIGIN_RAW;
	int root = -1, fd;

	builder_addf(answer, "%s/%s", raw ? "/dev" : PATH_MEDIA, j->disk.name);
	if (raw) {
		fd = sys_open(answer->at, O_RDONLY | O_NONBLOCK);
	} else {
		root = sys_open(answer->at, O_RDONLY | O_DIRECTORY);
		fd = root < 0 ? root : sys_open_in_root(root, origin->path, O_RDONLY | O_NONBLOCK);
	}
	int r = fd < 0 ? fd : file_copy_text(fd, PATH_MANIFEST, MANIFEST_SIZE_MAX + 1, raw);
	if (fd >= 0)
		(void)sys_close(fd);
	if (root >= 0) {
		(void)sys_close(root);
		(void)sys_unmount(answer->at, 0);
	}
	return r;
}

/* Whether the modules that its chain needs are there; -1 with *failure set if one cannot be. */
static int modules_ready(struct discovery *d, const struct mounting *which)
{
	/* Volumes are told by the label of their steps. */
	const char *layer = which->kind == MOUNTING_MEDIUM
				    ? NULL
				    : which->chain.steps[which->chain.count - 1].layer;
	bool all = true;

	for (size_t i = 0; i < which->chain.count; i++) {
		if (which->chain.steps[i].kind != STEP_MODULE)
			continue;
		const struct fs_type *t =
			drivers_want_type(&d->drivers, which->chain.steps[i].type);
		if (!t)
			return failure_set(d->failure, FAILURE_LIMIT, layer, "too many types");
		if (t->load.progress == PROGRESS_FAILED)
			return drivers_failed(t, layer, d->failure);
		all &= t->load.progress == PROGRESS_DONE;
	}
	return all;
}

static int no_room(struct discovery *d, const char *layer)
{
	return failure_set(d->failure, FAILURE_LIMIT, layer, "out of memory");
}

/* A file system may have to be made or repaired: that takes as long as it takes. */
static int64_t chain_deadline_us(const struct discovery *d, const struct mounting *which)
{
	const int volume_factor = 60;

	return sys_now_us() +
	       d->patience_ms * 1000 * (which->kind == MOUNTING_VOLUME ? volume_factor : 1);
}

static int start_chain(struct discovery *d, struct mounting *which)
{
	int ready = modules_ready(d, which);

	return ready <= 0 ? ready
			  : mounts_start(&d->mounts, which, &d->jobs, chain_deadline_us(d, which),
					 d->failure);
}

/* Mounts a disk that holds files, as soon as its module is there; its entry is done when it is mounted. */
static int want_medium(struct discovery *d, const struct disk *disk, struct mounting **ret)
{
	struct mounting *which = mounts_want(&d->mounts, MOUNTING_MEDIUM, disk->name, disk->name);

	*ret = which;
	if (!which)
		return no_room(d, NULL);
	if (which->progress != PROGRESS_WANTED)
		return 0;
	if (which->chain.count == 0 &&
	    plan_medium(disk->name, disk->type, d->arena, &which->chain) < 0)
		return no_room(d, NULL);
	return start_chain(d, which);
}

static int start_listing(struct discovery *d, const struct question *q)
{
	struct mounting *medium;

	if (want_medium(d, q->disk, &medium) < 0)
		return -1;
	inherited = d;
	if (medium->progress != PROGRESS_DONE || jobs_listing(&d->jobs, q->glob))
		return 0;
	struct job *j = jobs_new(&d->jobs, JOB_LISTING, (size_t)(medium - d->mounts.all));
	if (!j)
		return 0;
	j->text = q->glob;
	j->about = q->about;
	int r = jobs_start(&d->jobs, j, work_listing, (struct child_news){ .len = 0 },
			   sys_now_us() + d->patience_ms * 1000);
	return r < 0 ? failure_set(d->failure, FAILURE_LAYER_READ, q->layer, "%s: %s",
				   q->disk->name, strerror(-r))
		     : 0;
}

static int start_questions(struct discovery *d)
{
	for (size_t i = 0; i < d->inv->count; i++)
		if (!(d->inv->disks[i].known & KNOWN_IDENTITY))
			discovery_learn(d, &d->inv->disks[i], d->wants & ~d->inv->disks[i].known);
	for (size_t i = 0; i < d->res->questions_count; i++) {
		const struct question *q = &d->res->questions[i];
		if (q->kind == QUESTION_DISK)
			discovery_learn(d, q->disk, q->about);
		else if (q->kind == QUESTION_LISTING && start_listing(d, q) < 0)
			return -1;
		/* The stamp is read by the chain that mounts the top. */
	}
	return 0;
}

/* Mounts a layer as soon as its disk and the module of its type are there. */
static int start_layer(struct discovery *d, const struct resolved_layer *l)
{
	struct mounting *which;

	if (l->state != LAYER_FOUND)
		return 0;
	which = mounts_want(&d->mounts, MOUNTING_LAYER, l->name, l->disk->name);
	if (!which)
		return no_room(d, l->name);
	if (which->progress != PROGRESS_WANTED) {
		if (strcmp(which->disk, l->disk->name) == 0)
			return 0;
		return failure_set(d->failure, FAILURE_LAYER_READ, l->name,
				   "%s was removed after it was mounted, and %s came", which->disk,
				   l->disk->name);
	}
	if (which->chain.count == 0 &&
	    plan_layer(l, d->manifest->union_kind, d->release, d->arena, &which->chain) < 0)
		return no_room(d, l->name);
	return start_chain(d, which);
}

/* Whether another volume has mounted the same disk, and so has made and checked its file system. */
static bool disk_mounted(const struct discovery *d, const struct mounting *which)
{
	for (size_t i = 0; i < d->mounts.count; i++) {
		const struct mounting *other = &d->mounts.all[i];
		if (other != which && other->kind == MOUNTING_VOLUME &&
		    other->progress == PROGRESS_DONE && strcmp(other->disk, which->disk) == 0)
			return true;
	}
	return false;
}

static int start_volume(struct discovery *d, const struct resolved_volume *v, bool top)
{
	struct mounting *which;

	if (!v->volume || !d->res->volumes_known)
		return 0;
	which = mounts_want(&d->mounts, MOUNTING_VOLUME, v->name, v->disk->name);
	if (!which)
		return no_room(d, v->label);
	if (which->progress != PROGRESS_WANTED || (v->shared && !disk_mounted(d, which)))
		return 0;
	if (which->chain.count == 0 && plan_volume(v, top, d->arena, &which->chain) < 0)
		return no_room(d, v->label);
	return start_chain(d, which);
}

static int start_mounts(struct discovery *d)
{
	for (size_t i = 0; i < d->res->layers_count; i++)
		if (start_layer(d, &d->res->layers[i]) < 0)
			return -1;
	for (size_t i = 0; i < d->res->binds_count; i++)
		if (start_volume(d, &d->res->binds[i], false) < 0)
			return -1;
	return start_volume(d, &d->res->top, true);
}

static bool mounted(struct discovery *d, enum mounting_kind kind, const char *name)
{
	const struct mounting *which = mounts_find(&d->mounts, kind, name);

	return which && which->progress == PROGRESS_DONE;
}

/* 1 when the union can be built. */
static int ready(struct discovery *d)
{
	const char *module = plan_union_module(d->manifest->union_kind);
	const struct fs_type *t = drivers_want_type(&d->drivers, module);
	const struct resolution *res = d->res;

	if (t && t->load.progress == PROGRESS_FAILED && d->manifest->union_kind != UNION_OVERLAY)
		return failure_set(d->failure, FAILURE_UNION_UNSUPPORTED, NULL,
				   "union = %s: this kernel and this initramfs have no %s",
				   plan_union_type(d->manifest->union_kind), module);
	if (t && t->load.progress == PROGRESS_FAILED)
		return drivers_failed(t, NULL, d->failure);
	if (!t || t->load.progress != PROGRESS_DONE || res->state != RESOLVE_READY)
		return 0;
	for (size_t i = 0; i < res->layers_count; i++)
		if (res->layers[i].state == LAYER_FOUND &&
		    !mounted(d, MOUNTING_LAYER, res->layers[i].name))
			return 0;
	for (size_t i = 0; i < res->binds_count; i++)
		if (!mounted(d, MOUNTING_VOLUME, res->binds[i].name))
			return 0;
	return !res->top.volume || mounted(d, MOUNTING_VOLUME, res->top.name);
}

/* What the layers need, as far as it is known. The same as turn() returns. */
int pursue_layers(struct discovery *d)
{
	resolve(d->manifest, d->inv, d->timeout_ms, d->res);
	if (d->res->state == RESOLVE_FAILED) {
		*d->failure = d->res->failure;
		return -1;
	}
	return start_questions(d) < 0 || start_mounts(d) < 0 ? -1 : ready(d);
}

/* The same for the disk that the manifest is on. */
int pursue_manifest(struct discovery *d)
{
	const struct disk *disk;
	struct mounting *medium;

	if (resolve_origin(d->origin, d->inv, d->timeout_ms, d->res, &disk) < 0) {
		*d->failure = d->res->failure;
		return -1;
	}
	if (start_questions(d) < 0)
		return -1;
	if (!disk || d->text != PROGRESS_WANTED)
		return d->text == PROGRESS_DONE;
	if (d->origin->kind == ORIGIN_FILE) {
		if (want_medium(d, disk, &medium) < 0)
			return -1;
		medium->passing = true;
		if (medium->progress != PROGRESS_DONE)
			return 0;
	}
	struct job *j = jobs_new(&d->jobs, JOB_TEXT, 0);
	if (!j)
		return 0;
	j->disk = *disk;
	inherited = d;
	if (jobs_start(&d->jobs, j, work_text, (struct child_news){ .len = 0 },
		       sys_now_us() + d->patience_ms * 1000) < 0)
		return failure_set(d->failure, FAILURE_LIMIT, NULL, "out of processes");
	d->text = PROGRESS_STARTED;
	return 0;
}

int pursue_listing_ended(struct discovery *d, const struct job *j, int error, const char *words)
{
	struct slice rest = slice_of(words), line;
	const char *disk = d->mounts.all[j->index].disk;

	if (error < 0)
		return failure_set(d->failure,
				   error == -ECHILD      ? FAILURE_CRASH
				   : error == -ETIMEDOUT ? FAILURE_LAYER_STALLED
							 : FAILURE_LAYER_READ,
				   NULL, "%s: %s: %s", disk, j->text,
				   error == -ECHILD ? "the process that looked for file systems in "
						      "these files died; give type"
				   : error == -ENOBUFS ? "more files than can be told"
						       : strerror(-error));
	while (slice_next(&rest, '\n', &line))
		if (line.len > 0 && inventory_add_line(d->inv, line) < 0)
			return failure_set(d->failure, FAILURE_LIMIT, NULL,
					   "%s: %s: more files than the inventory holds", disk,
					   j->text);
	return 0;
}

int pursue_text_ended(struct discovery *d, int error, const char *words)
{
	/* A disk that is there and cannot be read is not a manifest that was forgotten. */
	enum failure_kind kind = error == -EIO         ? FAILURE_LAYER_READ
				 : error == -ETIMEDOUT ? FAILURE_LAYER_STALLED
						       : FAILURE_MANIFEST_MISSING;

	d->text = error < 0 ? PROGRESS_FAILED : PROGRESS_DONE;
	/* Unmounted by now: a layer on the same disk mounts it anew. */
	for (size_t i = 0; i < d->mounts.count; i++)
		if (d->mounts.all[i].passing) {
			d->mounts.all[i].passing = false;
			d->mounts.all[i].progress = PROGRESS_WANTED;
			d->mounts.all[i].chain.count = 0;
		}
	return error < 0 ? failure_set(d->failure, kind, NULL, "%s (%s): %s", d->origin->text,
				       words, strerror(-error))
			 : 0;
}
