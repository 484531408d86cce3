#include "mounts.h"

#include <errno.h>
#include <string.h>

#include "execute.h"
#include "log.h"
#include "report.h"
#include "sys.h"
#include "text.h"

struct mounting *mounts_find(struct mounts *m, enum mounting_kind kind, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->all[i].kind == kind && strcmp(m->all[i].name, name) == 0)
			return &m->all[i];
	return NULL;
}

struct mounting *mounts_want(struct mounts *m, enum mounting_kind kind, const char *name,
			     const char *disk)
{
	struct mounting *which = mounts_find(m, kind, name);

	if (which || m->count == MOUNTINGS_MAX)
		return which;
	which = &m->all[m->count++];
	which->kind = kind;
	which->progress = PROGRESS_WANTED;
	text_print(which->name, sizeof(which->name), "%s", name);
	text_print(which->disk, sizeof(which->disk), "%s", disk);
	return which;
}

static int work_chain(void *arg, struct builder *answer)
{
	const struct job *j = arg;

	return chain_run(j->chain, answer);
}

int mounts_start(struct mounts *m, struct mounting *which, struct jobs *jobs, int64_t deadline_us,
		 struct failure *failure)
{
	struct job *j = jobs_new(jobs, JOB_CHAIN, (size_t)(which - m->all));

	if (!j)
		return 0;
	j->chain = &which->chain;
	which->start_us = sys_now_us();
	for (size_t i = 0; i < which->chain.count; i++)
		if (which->chain.steps[i].kind != STEP_MODULE)
			execute_announce(&which->chain.steps[i]);
	int r = jobs_start(jobs, j, work_chain,
			   (struct child_news){ &which->chain, sizeof(which->chain) }, deadline_us);
	if (r < 0)
		return execute_failed(&which->chain.steps[which->chain.count - 1], r, "", failure);
	which->progress = PROGRESS_STARTED;
	return 0;
}

struct telling {
	struct mounting *which;
	struct inventory *inv;
	bool full;
};

static void told(void *arg, const struct step *step, const struct facts *facts, struct slice line)
{
	struct telling *t = arg;
	struct mounting *which = t->which;

	if (!step) {
		t->full |= inventory_add_line(t->inv, line) < 0;
		return;
	}
	if (!which->passing)
		report_step(step, (int64_t)facts->start_us, (int64_t)facts->us);
	which->entries += facts->entries;
	which->whiteouts += facts->whiteouts;
	if (facts->digest[0])
		memcpy(which->digest, facts->digest, sizeof(which->digest));
	if (facts->device[0])
		memcpy(which->device, facts->device, sizeof(which->device));
	if (facts->bases[0])
		t->full |= inventory_add_made(t->inv, which->name, facts->bases) < 0;
	if (facts->warning[0])
		report_warning(facts->warning);
}

/* The file of a medium that is the layer's image, below PATH_MEDIA, or NULL. */
static const char *image_of(const struct chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->steps[i].loop)
			return c->steps[i].source + strlen(PATH_MEDIA "/");
	return NULL;
}

/* Where the manifest gives the type, nobody has read the superblock before. */
static void keep_digest(const struct mounting *which, struct inventory *inv)
{
	struct disk *disk = inventory_find(inv, which->disk);
	const char *image = image_of(&which->chain);

	if (which->kind != MOUNTING_LAYER || !which->digest[0])
		return;
	if (image)
		inventory_keep_digest(inv, image, which->digest);
	else if (disk && !disk->digest[0])
		memcpy(disk->digest, which->digest, sizeof(disk->digest));
}

/* A child that gave no answer told of no step: the disk is what it hangs in or died of, not a directory in memory. */
static const struct step *first_on_disk(const struct chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->steps[i].kind != STEP_MODULE && c->steps[i].kind != STEP_DIR)
			return &c->steps[i];
	return &c->steps[0];
}

int mounts_ended(struct mounts *m, const struct job *j, int error, const char *answer,
		 struct inventory *inv, struct failure *failure)
{
	struct mounting *which = &m->all[j->index];
	struct telling t = { .which = which, .inv = inv };
	const char *words;
	const struct step *failed = chain_read(&which->chain, answer, told, &t, &words);

	which->progress = error == 0 && !t.full ? PROGRESS_DONE : PROGRESS_FAILED;
	which->ms = (sys_now_us() - which->start_us) / 1000;
	if (!failed || ((error == -ETIMEDOUT || error == -ECHILD) && !answer[0]))
		failed = first_on_disk(&which->chain);
	if (error < 0)
		return execute_failed(failed, error, words, failure);
	if (t.full)
		return failure_set(failure, FAILURE_LIMIT, which->name,
				   "more files or text than the inventory holds");
	keep_digest(which, inv);
	return 0;
}
