#include "drivers.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "report.h"
#include "sys.h"
#include "text.h"

void drivers_init(struct drivers *d, struct modules *modules, struct arena *arena,
		  int64_t patience_ms)
{
	d->modules = modules;
	d->arena = arena;
	d->patience_us = patience_ms * 1000;
}

/* -ENOENT: left out of the initramfs, or nobody has a driver. A disk that is missing is told later. */
static void alias_failed(struct modalias *a, int error, const char *words)
{
	a->load.progress = PROGRESS_FAILED;
	if (error != -ENOENT)
		log_line(LOG_PRIORITY_WARNING, "driver for %s: %s%s%s", a->text, strerror(-error),
			 *words ? ": " : "", words);
}

/* What is not told by /proc/filesystems, or needs more than its own module. */
static const struct {
	const char *sign;       /* there without a module, if this file is */
	const char *modules[5]; /* the first is the alias of the type, each other may be missing */
} special_types[] = {
	{ "/dev/loop-control", { "loop" } },
	/* The kernel would ask modprobe for the digest, too; it is built in, or in the initramfs if it is needed. */
	{ "/sys/module/dm_verity", { "dm-verity", "crypto-sha256", "crypto-sha512" } },
	/* The kernel would ask modprobe for the code pages during the mount, and there is none. */
	{ NULL, { "fs-vfat", "nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859-1" } },
};

#define SPECIAL_TYPES (sizeof(special_types) / sizeof(special_types[0]))

static size_t find_special(const char *alias)
{
	size_t i = 0;

	while (i < SPECIAL_TYPES && strcmp(alias, special_types[i].modules[0]) != 0)
		i++;
	return i;
}

static int find_type_modules(struct drivers *d, struct fs_type *t, size_t special)
{
	const char *const *others = special < SPECIAL_TYPES ? special_types[special].modules : NULL;
	int result = modules_find(d->modules, d->arena, t->alias, &t->load.modules);

	for (size_t i = 1; others && i < 5 && others[i] && result == 0; i++) {
		int r = modules_find(d->modules, d->arena, others[i], &t->load.modules);
		if (r < 0 && r != -ENOENT)
			result = r;
	}
	return result;
}

/* One of the two. */
struct item {
	struct modalias *alias;
	struct fs_type *type;
	struct load *load; /* NULL: there is none */
};

static struct item item_of_alias(struct modalias *a)
{
	return (struct item){ .alias = a, .load = &a->load };
}

static struct item item_of_type(struct fs_type *t)
{
	return (struct item){ .type = t, .load = &t->load };
}

static const char *item_name(const struct item *i)
{
	return i->alias ? i->alias->text : i->type->alias;
}

/* The one whose name is at NAME, the very text. */
static struct item find_item(struct drivers *d, const char *name)
{
	for (size_t i = 0; i < d->aliases_count; i++)
		if (d->aliases[i].text == name)
			return item_of_alias(&d->aliases[i]);
	for (size_t i = 0; i < d->types_count; i++)
		if (d->types[i].alias == name)
			return item_of_type(&d->types[i]);
	return (struct item){ .load = NULL };
}

/* The next that is to be loaded: drivers bring the disks, a type waits for none. */
static struct item next_item(struct drivers *d)
{
	for (size_t i = 0; i < d->aliases_count; i++)
		if (d->aliases[i].load.progress == PROGRESS_WANTED)
			return item_of_alias(&d->aliases[i]);
	for (size_t i = 0; i < d->types_count; i++)
		if (d->types[i].load.progress == PROGRESS_WANTED)
			return item_of_type(&d->types[i]);
	return (struct item){ .load = NULL };
}

static int work_load(void *arg, struct builder *answer)
{
	const struct job *j = arg;

	return modules_insert(j->modules, answer);
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
	a->load.progress = PROGRESS_WANTED;
	int r = modules_find(d->modules, d->arena, modalias, &a->load.modules);
	if (r < 0)
		alias_failed(a, r, "");
}

/* What needs no child: the kernel has it already, or there is no module to load. */
static void look_up_type(struct drivers *d, struct fs_type *t)
{
	size_t special = find_special(t->alias);
	struct stat st;
	bool known;

	if (special < SPECIAL_TYPES)
		known = special_types[special].sign &&
			sys_stat(special_types[special].sign, &st) == 0;
	else
		known = filesystem_known(t->name);
	if (known) {
		t->load.progress = PROGRESS_DONE;
		report_module(t->alias, sys_now_us(), 0);
		return;
	}
	t->error = find_type_modules(d, t, special);
	t->load.progress = t->error < 0 ? PROGRESS_FAILED : PROGRESS_WANTED;
}

struct fs_type *drivers_want_type(struct drivers *d, const char *type)
{
	for (size_t i = 0; i < d->types_count; i++)
		if (strcmp(d->types[i].name, type) == 0)
			return &d->types[i];
	if (d->types_count == TYPES_MAX)
		return NULL;
	struct fs_type *t = &d->types[d->types_count++];
	text_print(t->name, sizeof(t->name), "%s", type);
	/* As the plan calls it; these are no file systems. */
	bool driver = strcmp(type, "loop") == 0 || strcmp(type, "dm-verity") == 0;
	text_print(t->alias, sizeof(t->alias), "%s%s", driver ? "" : "fs-", type);
	t->load.progress = PROGRESS_WANTED;
	look_up_type(d, t);
	return t;
}

/* False: there is no place for one, or no process. */
static bool start_load(struct drivers *d, struct jobs *jobs, const struct item *i)
{
	const char *name = item_name(i);
	struct job *j = jobs_new(jobs, JOB_MODULE, 0);

	if (!j)
		return false;
	j->text = name;
	j->modules = i->load->modules;
	i->load->start_us = sys_now_us();
	log_line(LOG_PRIORITY_DEBUG, "module %s", name);
	if (jobs_start(jobs, j, work_load, (struct child_news){ NULL, 0 },
		       i->load->start_us + d->patience_us) == 0) {
		i->load->progress = PROGRESS_STARTED;
		return true;
	}
	jobs->starved = true;
	return false;
}

void drivers_start(struct drivers *d, struct jobs *jobs)
{
	struct item i;

	while ((i = next_item(d)).load && start_load(d, jobs, &i))
		;
}

void drivers_ended(struct drivers *d, const struct job *j, int error, const char *words)
{
	int64_t now_us = sys_now_us();
	struct item i = find_item(d, j->text);

	i.load->progress = error == 0 ? PROGRESS_DONE : PROGRESS_FAILED;
	if (error == 0)
		report_module(j->text, i.load->start_us, now_us - i.load->start_us);
	else if (i.alias)
		alias_failed(i.alias, error, words);
	if (i.type) {
		i.type->error = error;
		text_print(i.type->words, sizeof(i.type->words), "%s", words);
	}
}

bool drivers_loading(const struct drivers *d, int64_t since_us)
{
	for (size_t i = 0; i < d->aliases_count; i++) {
		const struct load *l = &d->aliases[i].load;
		if (l->progress == PROGRESS_WANTED ||
		    (l->progress == PROGRESS_STARTED && l->start_us >= since_us))
			return true;
	}
	return false;
}

bool drivers_settled(const struct drivers *d)
{
	return !drivers_loading(d, 0);
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
