#include "report.h"

#include <errno.h>
#include <string.h>

#include "file.h"
#include "json.h"
#include "log.h"
#include "pages.h"
#include "plan_print.h"
#include "report_send.h"
#include "sys.h"
#include "text.h"
#include "version.h"
#include "walk.h"

#define WARNINGS_MAX 32

static ON_A_PAGE struct {
	const struct report *about;
	size_t steps_count, warnings_count;
	struct {
		const struct step *step; /* NULL: the module */
		const char *module;
		int64_t start_us, us;
	} steps[PLAN_STEPS_MAX];
	char warnings[WARNINGS_MAX][512];
} kept;

/* Pages that are not touched cost nothing. */
static ON_A_PAGE char report_text[4 << 20];
static char changed[1 << 20];

void report_about(const struct report *r)
{
	kept.about = r;
}

static void keep_step(const struct step *s, const char *module, int64_t start_us, int64_t us)
{
	if (kept.steps_count == PLAN_STEPS_MAX)
		return;
	kept.steps[kept.steps_count].step = s;
	kept.steps[kept.steps_count].module = module;
	kept.steps[kept.steps_count].start_us = start_us;
	kept.steps[kept.steps_count++].us = us;
}

void report_step(const struct step *s, int64_t start_us, int64_t us)
{
	keep_step(s, NULL, start_us, us);
}

void report_module(const char *name, int64_t start_us, int64_t us)
{
	keep_step(NULL, name, start_us, us);
}

void report_warning(const char *text)
{
	log_line(LOG_PRIORITY_WARNING, "%s", text);
	if (kept.warnings_count < WARNINGS_MAX)
		text_print(kept.warnings[kept.warnings_count++], sizeof(kept.warnings[0]), "%s",
			   text);
}

static void add_layer(const struct resolved_layer *l, struct builder *b)
{
	static const char *const states[] = { [LAYER_WAITING] = "waiting",
					      [LAYER_FOUND] = "found",
					      [LAYER_ABSENT] = "absent",
					      [LAYER_SKIPPED] = "skipped" };
	const struct mounting *m = discover_mounting(MOUNTING_LAYER, l->name);

	json_open(b, "{");
	json_member_string(b, "name", l->name);
	json_member_string(b, "state", states[l->state]);
	json_member_string(b, "source", l->layer->source.text);
	if (l->state == LAYER_FOUND && m) {
		json_member_string(b, "disk", l->disk->name);
		json_member_string(b, "image", l->image ? l->image->path : "");
		json_member_string(b, "subdir", l->layer->subdir ? l->layer->subdir : "");
		json_member_string(b, "device", m->device);
		json_member_string(b, "type", l->type);
		json_member_string(b, "identity", resolved_identity(l));
		const char *root_hash = l->layer->verity.root_hash;
		json_member_string(b, "root_hash", root_hash ? root_hash : "");
		json_member_string(b, "hash_disk", l->hash_disk ? l->hash_disk->name : "");
		json_member_string(b, "trust", l->layer->untrusted ? "untrusted" : "trusted");
		json_member_number(b, "ms", m->ms);
		json_member_number(b, "entries", m->entries);
		json_member_number(b, "entries_max", WALK_ENTRIES_MAX);
		json_member_number(b, "whiteouts", m->whiteouts);
	}
	json_close(b, "}");
}

static const struct step *union_step(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].kind == STEP_UNION)
			return &plan->steps[i];
	return NULL;
}

static void add_union(const struct report *r, struct builder *b)
{
	const struct step *s = union_step(r->plan);
	size_t prefix = strlen(PATH_RUN "/empty");

	json_key(b, "union");
	json_open(b, "{");
	json_member_string(b, "type", s ? s->type : "");
	json_key(b, "lowerdirs");
	json_open(b, "[");
	for (size_t i = s ? s->lowers_count : 0; i > 0; i--)
		if (strncmp(s->lowers[i - 1], PATH_EMPTY, prefix) != 0)
			json_string(b, s->lowers[i - 1]);
	json_close(b, "]");
	json_close(b, "}");
}

static void add_top(const struct report *r, struct builder *b)
{
	static const char *const types[] = {
		[TOP_TMPFS] = "tmpfs", [TOP_NONE] = "none", [TOP_DISK] = "disk"
	};
	const struct resolved_volume *v = &r->resolution->top;
	const struct step *s = union_step(r->plan);

	json_key(b, "top");
	json_open(b, "{");
	json_member_string(b, "type", types[r->manifest->top.kind]);
	json_key(b, "lasts");
	json_bool(b, v->volume != NULL);
	json_member_string(b, "disk", v->disk ? v->disk->name : "");
	json_member_string(b, "upper", s && s->upper ? s->upper : "");
	json_close(b, "}");
}

static void add_bound(const struct report *r, struct builder *b)
{
	json_key(b, "binds");
	json_open(b, "[");
	for (size_t i = 0; i < r->manifest->binds_count; i++) {
		const struct bind *bind = &r->manifest->binds[i];
		json_open(b, "{");
		json_member_string(b, "name", bind->name);
		json_member_string(b, "source", bind->volume.source.text);
		const struct disk *disk =
			i < r->resolution->binds_count ? r->resolution->binds[i].disk : NULL;
		json_member_string(b, "disk", disk ? disk->name : "");
		json_key(b, "paths");
		json_open(b, "[");
		for (size_t k = 0; k < bind->paths_count; k++)
			json_string(b, bind->paths[k]);
		json_close(b, "]");
		json_close(b, "}");
	}
	json_close(b, "]");
	json_key(b, "protect");
	json_open(b, "[");
	for (size_t i = 0; i < r->plan->count; i++) {
		const struct step *s = &r->plan->steps[i];
		if (s->kind != STEP_PROTECT)
			continue;
		json_open(b, "{");
		json_member_string(b, "layer", s->layer);
		json_member_string(b, "path", s->path);
		json_close(b, "}");
	}
	json_close(b, "]");
}

static bool lacks_file(const struct resolution *res, const struct disk *d)
{
	for (size_t i = 0; i < res->layers_count; i++)
		if (res->layers[i].disk == d && res->layers[i].state == LAYER_ABSENT)
			return true;
	return false;
}

/* What a disk is used for; or that it is not, and why. */
static void add_use(const struct report *r, const struct disk *d, struct builder *b)
{
	const struct resolution *res = r->resolution;
	char use[512];
	struct builder u;

	builder_start(&u, use, sizeof(use));
	for (size_t i = 0; i < res->layers_count; i++)
		if (res->layers[i].disk == d)
			builder_addf(&u, "%slayer %s", u.len ? ", " : "", res->layers[i].name);
	for (size_t i = 0; i < res->layers_count; i++)
		if (res->layers[i].hash_disk == d)
			builder_addf(&u, "%shash tree of %s", u.len ? ", " : "",
				     res->layers[i].name);
	if (res->top.disk == d)
		builder_addf(&u, "%stop", u.len ? ", " : "");
	for (size_t i = 0; i < res->binds_count; i++)
		if (res->binds[i].disk == d)
			builder_addf(&u, "%sbind %s", u.len ? ", " : "", res->binds[i].name);
	json_member_string(b, "use", use);
	/* Of a boot that failed the last answer need not have been the whole. */
	if (!u.len && res->state == RESOLVE_READY)
		json_member_string(b, "rejected",
				   d->error             ? "cannot be read"
				   : lacks_file(res, d) ? "it lacks the file that image names"
							: "no source of the manifest names it");
}

static void add_disks(const struct report *r, struct builder *b)
{
	char line[2048];
	struct builder l;

	json_key(b, "disks");
	json_open(b, "[");
	for (size_t i = 0; i < r->inventory->count; i++) {
		const struct disk *d = &r->inventory->disks[i];
		json_open(b, "{");
		json_member_string(b, "name", d->name);
		add_use(r, d, b);
		builder_start(&l, line, sizeof(line));
		disk_print(d, &l);
		json_member_string(b, "inventory", line);
		json_close(b, "}");
	}
	json_close(b, "]");
	/* What else the inventory holds, for "layerboot plan --inventory". */
	json_key(b, "images");
	json_open(b, "[");
	for (size_t i = 0; i < r->inventory->listings_count; i++) {
		builder_start(&l, line, sizeof(line));
		listing_print(&r->inventory->listings[i], &l);
		json_string(b, line);
	}
	for (size_t i = 0; i < r->inventory->images_count; i++) {
		builder_start(&l, line, sizeof(line));
		image_print(&r->inventory->images[i], &l);
		json_string(b, line);
	}
	for (size_t i = 0; i < r->inventory->made_count; i++) {
		builder_start(&l, line, sizeof(line));
		made_print(&r->inventory->made[i], &l);
		json_string(b, line);
	}
	json_close(b, "]");
}

static void add_stamp(const struct stamp *stamp, struct builder *b)
{
	static char line[4 * STAMP_MAX];
	struct builder l;

	if (!stamp->disk[0])
		return;
	builder_start(&l, line, sizeof(line));
	stamp_print(stamp, &l);
	json_member_string(b, "stamp", line);
}

static void add_steps(struct builder *b)
{
	static ON_A_PAGE char line[65536]; /* a union names all its layers */
	struct builder l;

	json_key(b, "steps");
	json_open(b, "[");
	for (size_t i = 0; i < kept.steps_count; i++) {
		json_open(b, "{");
		builder_start(&l, line, sizeof(line));
		if (kept.steps[i].step)
			plan_print_step(kept.steps[i].step, &l);
		else
			builder_addf(&l, "module %s", kept.steps[i].module);
		json_member_string(b, "step", line);
		json_member_number(b, "start_us", kept.steps[i].start_us);
		json_member_number(b, "us", kept.steps[i].us);
		json_close(b, "}");
	}
	json_close(b, "]");
}

/* PATH_CHANGED: a word, a blank, a path. */
static void add_changed(struct builder *b)
{
	struct slice rest = { .at = changed }, line;
	ssize_t len = file_read(PATH_CHANGED, changed, sizeof(changed));

	rest.len = len > 0 ? (size_t)len : 0;
	json_key(b, "changed_on_both_sides");
	json_open(b, "[");
	while (slice_next(&rest, '\n', &line)) {
		const char *blank = memchr(line.at, ' ', line.len);
		if (blank)
			json_text(b, (struct slice){ blank + 1,
						     (size_t)(line.at + line.len - blank - 1) });
	}
	json_close(b, "]");
}

static void add_failure(const struct failure *f, struct builder *b)
{
	const struct failure_word *word = failure_word(f->kind);

	json_key(b, "failure");
	json_open(b, "{");
	json_member_string(b, "word", word->word);
	json_member_string(b, "layer", f->layer);
	json_member_string(b, "text", f->text);
	json_member_string(b, "next", f->next[0] ? f->next : word->next);
	json_close(b, "}");
}

static void add_all(const struct report *r, const struct failure *failed, struct builder *b)
{
	json_open(b, "{");
	json_member_number(b, "format", 1);
	json_member_string(b, "layerboot", layerboot_version);
	json_member_string(b, "result", failed ? "failed" : "ok");
	if (failed)
		add_failure(failed, b);
	json_member_string(b, "kernel", r->release);
	json_member_string(b, "cmdline", r->cmdline_text);
	json_key(b, "manifest");
	json_open(b, "{");
	json_member_string(b, "origin", r->manifest_origin ? r->manifest_origin : "");
	json_key(b, "text");
	json_text(b, r->manifest_text);
	json_member_string(b, "set", r->manifest->set ? r->manifest->set : "");
	json_member_number(b, "set_version", (int64_t)r->manifest->set_version);
	json_member_string(b, "signer", r->signer ? r->signer : "");
	json_key(b, "locked");
	json_bool(b, *r->locked);
	json_close(b, "}");
	json_member_number(b, "init_us", r->start_us);
	json_member_number(b, "ready_us", sys_now_us());
	json_key(b, "layers");
	json_open(b, "[");
	for (size_t i = 0; i < r->resolution->layers_count; i++)
		add_layer(&r->resolution->layers[i], b);
	json_close(b, "]");
	add_union(r, b);
	add_top(r, b);
	add_bound(r, b);
	add_changed(b);
	json_key(b, "warnings");
	json_open(b, "[");
	for (size_t i = 0; i < kept.warnings_count; i++)
		json_string(b, kept.warnings[i]);
	json_close(b, "]");
	add_disks(r, b);
	add_stamp(&r->inventory->stamp, b);
	add_steps(b);
	json_close(b, "}");
	builder_add(b, "\n");
}

void report_write(const struct failure *failed, struct modules *modules)
{
	struct builder b;

	if (!kept.about)
		return;
	builder_start(&b, report_text, sizeof(report_text));
	add_all(kept.about, failed, &b);
	int r = file_create(PATH_REPORT, b.at, b.len);
	/* Before there is a /run, the console alone tells. */
	if (r < 0 && r != -ENOENT)
		log_line(LOG_PRIORITY_WARNING, PATH_REPORT ": %s", strerror(-r));
	report_send(kept.about->cmdline, modules, (struct slice){ b.at, b.len });
}
