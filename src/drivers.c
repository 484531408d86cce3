#include "drivers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "report.h"
#include "sys.h"

/* What the children inherit: the whole of it, as it was at the fork. */
static const struct drivers *inherited;

static int work_driver(void *arg, struct builder *answer)
{
	const struct job *j = arg;

	return modules_insert(inherited->aliases[j->index].set, answer);
}

/* -ENOENT: left out of the initramfs, or nobody has a driver. A disk that is missing is told later. */
static void alias_failed(struct modalias *a, int error, const char *words)
{
	a->progress = PROGRESS_FAILED;
	if (error != -ENOENT)
		log_line(LOG_PRIORITY_WARNING, "driver for %s: %s%s%s", a->text, strerror(-error),
			 *words ? ": " : "", words);
}

/* What is not told by /proc/filesystems, or needs more than its own module. */
static const struct {
	const char *type;
	const char *sign;       /* there without a module, if this file is */
	const char *modules[5]; /* in place of fs-TYPE; but for the first each may be missing */
} special_types[] = {
	{ "loop", "/dev/loop-control", { "loop" } },
	/* The kernel would ask modprobe for the digest, too; it is built in, or in the initramfs if it is needed. */
	{ "dm-verity", "/sys/module/dm_verity", { "dm-verity", "crypto-sha256", "crypto-sha512" } },
	/* The kernel would ask modprobe for the code pages during the mount, and there is none. */
	{ "vfat", NULL, { "fs-vfat", "nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859-1" } },
};

#define SPECIAL_TYPES (sizeof(special_types) / sizeof(special_types[0]))

static size_t find_special(const char *type)
{
	size_t i = 0;

	while (i < SPECIAL_TYPES && strcmp(type, special_types[i].type) != 0)
		i++;
	return i;
}

static int load_special(const char *const *modules, size_t count, struct builder *answer)
{
	int result = 0;

	for (size_t i = 0; i < count && modules[i] && result == 0; i++) {
		int r = modules_load(inherited->modules, modules[i], answer);
		if (i == 0)
			result = r;
	}
	return result;
}

static int work_type(void *arg, struct builder *answer)
{
	const struct job *j = arg;
	const struct fs_type *t = &inherited->types[j->index];

	return t->set ? modules_insert(t->set, answer)
		      : load_special(special_types[find_special(t->name)].modules, 5, answer);
}

void drivers_want(struct drivers *d, const char *modalias)
{
	size_t len = strlen(modalias);

	if (len >= sizeof(d->aliases[0].text) || d->aliases_count == DRIVERS_MAX)
		return;
	for (size_t i = 0; i < d->aliases_count; i++)
		if (strcmp(d->aliases[i].text, modalias) == 0)
			return;
	struct modalias *a = &d->aliases[d->aliases_count++];
	memcpy(a->text, modalias, len + 1);
	a->progress = PROGRESS_WANTED;
	int r = modules_find(d->modules, modalias, &a->set);
	if (r < 0)
		alias_failed(a, r, "");
}

/* What needs no child: the kernel has it already, or there is no module to load. */
static void look_up_type(struct drivers *d, struct fs_type *t)
{
	size_t special = find_special(t->name);
	struct stat st;
	bool known;

	if (special < SPECIAL_TYPES)
		known = special_types[special].sign &&
			sys_stat(special_types[special].sign, &st) == 0;
	else
		known = filesystem_known(t->name);
	if (known) {
		t->progress = PROGRESS_DONE;
		report_module(t->alias, sys_now_us(), 0);
	} else if (special == SPECIAL_TYPES) {
		t->error = modules_find(d->modules, t->alias, &t->set);
		t->progress = t->error < 0 ? PROGRESS_FAILED : PROGRESS_WANTED;
	}
}

struct fs_type *drivers_want_type(struct drivers *d, const char *type)
{
	for (size_t i = 0; i < d->types_count; i++)
		if (strcmp(d->types[i].name, type) == 0)
			return &d->types[i];
	if (d->types_count == TYPES_MAX)
		return NULL;
	struct fs_type *t = &d->types[d->types_count++];
	(void)snprintf(t->name, sizeof(t->name), "%s", type);
	/* As the plan calls it; these are no file systems. */
	bool driver = strcmp(type, "loop") == 0 || strcmp(type, "dm-verity") == 0;
	(void)snprintf(t->alias, sizeof(t->alias), "%s%s", driver ? "" : "fs-", type);
	t->progress = PROGRESS_WANTED;
	look_up_type(d, t);
	return t;
}

static void start(struct jobs *jobs, enum job_kind kind, size_t index, enum progress *progress,
		  int64_t *start_us, int64_t deadline_us)
{
	if (*progress != PROGRESS_WANTED)
		return;
	struct job *j = jobs_new(jobs, kind, index);
	if (!j)
		return;
	if (jobs_start(j, kind == JOB_DRIVER ? work_driver : work_type, deadline_us) < 0) {
		jobs->starved = true;
		return;
	}
	*progress = PROGRESS_STARTED;
	*start_us = sys_now_us();
	log_line(LOG_PRIORITY_DEBUG, "module %s",
		 kind == JOB_TYPE ? inherited->types[index].alias : inherited->aliases[index].text);
}

void drivers_start(struct drivers *d, struct jobs *jobs, int64_t deadline_us)
{
	inherited = d;
	for (size_t i = 0; i < d->aliases_count; i++)
		start(jobs, JOB_DRIVER, i, &d->aliases[i].progress, &d->aliases[i].start_us,
		      deadline_us);
	for (size_t i = 0; i < d->types_count; i++)
		start(jobs, JOB_TYPE, i, &d->types[i].progress, &d->types[i].start_us, deadline_us);
}

void drivers_ended(struct drivers *d, const struct job *j, int error, const char *words)
{
	bool type = j->kind == JOB_TYPE;
	int64_t start_us = type ? d->types[j->index].start_us : d->aliases[j->index].start_us;

	if (error == 0)
		report_module(type ? d->types[j->index].alias : d->aliases[j->index].text, start_us,
			      sys_now_us() - start_us);
	if (type) {
		struct fs_type *t = &d->types[j->index];
		t->progress = error == 0 ? PROGRESS_DONE : PROGRESS_FAILED;
		t->error = error;
		(void)snprintf(t->words, sizeof(t->words), "%s", words);
		return;
	}
	if (error < 0)
		alias_failed(&d->aliases[j->index], error, words);
	else
		d->aliases[j->index].progress = PROGRESS_DONE;
}

bool drivers_settled(const struct drivers *d)
{
	for (size_t i = 0; i < d->aliases_count; i++)
		if (d->aliases[i].progress == PROGRESS_WANTED ||
		    d->aliases[i].progress == PROGRESS_STARTED)
			return false;
	return true;
}

int drivers_failed(const struct fs_type *t, const char *layer, struct failure *failure)
{
	if (t->error == -ENOENT)
		return failure_set(
			failure, FAILURE_MODULE_MISSING, layer,
			"the initramfs has no module %s, and this kernel has none built in",
			t->alias);
	return failure_set(failure, FAILURE_MODULE_LOAD, layer, "%s: %s%s%s%s", t->alias,
			   strerror(-t->error), t->words[0] ? " (kernel: " : "", t->words,
			   t->words[0] ? ")" : "");
}
