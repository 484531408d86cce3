#include "planner.h"

#include <string.h>
#include <sys/mount.h>

#include "text.h"

const char *plan_stamp(const struct manifest *m, const struct resolution *r, struct arena *arena)
{
	struct builder b;
	char *text = arena_alloc(arena, STAMP_MAX);

	if (!text)
		return NULL;
	builder_start(&b, text, STAMP_MAX);
	builder_addf(&b, "layerboot-top 1\nunion %s\n", plan_union_type(m->union_kind));
	for (size_t i = 0; i < r->layers_count; i++)
		if (r->layers[i].state == LAYER_FOUND)
			builder_addf(&b, "layer %s %s\n", r->layers[i].name,
				     resolved_identity(&r->layers[i]));
	return b.overflow ? NULL : text;
}

static int add_tmpfs_top(struct planner *p, const struct top *top)
{
	const char *options = arena_printf(p->arena, "mode=0700%s%s%s%s", top->size ? ",size=" : "",
					   top->size ? top->size : "",
					   top->nr_inodes ? ",nr_inodes=" : "",
					   top->nr_inodes ? top->nr_inodes : "");
	static const char *const made[] = { PATH_TOP "/upper", PATH_TOP "/work" };

	if (!options)
		return planner_no_memory(p);
	planner_add_root(p, (struct step){ .kind = STEP_DIR,
					   .failure = FAILURE_TOP,
					   .target = PATH_TOP,
					   .mode = 0700 });
	planner_add_root(p, (struct step){ .kind = STEP_MOUNT,
					   .failure = FAILURE_TOP,
					   .source = "tmpfs",
					   .target = PATH_TOP,
					   .type = "tmpfs",
					   .options = options,
					   .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC });
	for (size_t i = 0; i < 2; i++)
		planner_add_root(p, (struct step){ .kind = STEP_DIR,
						   .failure = FAILURE_TOP,
						   .target = made[i],
						   .mode = 0755 });
	return 0;
}

/* A line of a stamp, which comes from a disk. */
static void add_line(struct slice line, struct builder *b)
{
	char text[256];

	text_print(text, sizeof(text), "%.*s", (int)line.len, line.len ? line.at : "");
	builder_add(b, line.len ? "\"" : "nothing");
	builder_add_escaped(b, text, "");
	builder_add(b, line.len ? "\"" : "");
}

/* The first line of the stamp that is not the same now, for the message. */
static int fail_changed(struct planner *p, const char *old, const char *new)
{
	struct slice a = slice_of(old), b = slice_of(new), left, right;
	char was[1024];
	struct builder shown;

	do {
		if (!slice_next(&a, '\n', &left))
			left = (struct slice){ 0 };
		if (!slice_next(&b, '\n', &right))
			right = (struct slice){ 0 };
	} while (left.at && right.at && left.len == right.len &&
		 memcmp(left.at, right.at, left.len) == 0);
	builder_start(&shown, was, sizeof(was));
	add_line(left, &shown);
	builder_add(&shown, ", and there is ");
	add_line(right, &shown);
	return failure_set(p->failure, FAILURE_TOP_CHANGED, NULL, "the top was made on %s now",
			   was);
}

/*
 * What is done with the top that is there before it is used. *ret_kept: it stays, and so does its stamp if the new
 * one cannot be written. -1: it is refused.
 */
static int add_top_decision(struct planner *p, struct step step, const char *stamp, bool *ret_write,
			    bool *ret_kept)
{
	static const enum step_kind kinds[] = { [ON_CHANGE_KEEP] = STEP_TOP_COMPARE,
						[ON_CHANGE_PARK] = STEP_TOP_PARK,
						[ON_CHANGE_RESET] = STEP_TOP_RESET };
	const struct top *top = &p->in->manifest->top;
	const struct stamp *old = p->in->stamp;
	/* Images on a host, whose stamp nobody has read: as if nothing had changed. */
	bool known = old && old->text[0], used = !old || old->used;
	bool changed = used && known && strcmp(old->text, stamp) != 0;

	*ret_kept = false;
	*ret_write = !used || changed || top->reset || top->park;
	if (top->reset || top->park) {
		step.kind = top->reset ? STEP_TOP_RESET : STEP_TOP_PARK;
		planner_add_root(p, step);
	} else if (changed && top->on_change == ON_CHANGE_REFUSE) {
		return fail_changed(p, old->text, stamp);
	} else if (changed) {
		*ret_kept = top->on_change == ON_CHANGE_KEEP;
		step.kind = kinds[top->on_change];
		planner_add_root(p, step);
	}
	return 0;
}

#define UPPER_MAX 255 /* fsconfig(2) takes no longer strings */

static int add_disk_top(struct planner *p, const struct step *join, struct step *ret_union)
{
	const struct resolved_volume *v = &p->in->resolution->top;
	const char *directory = plan_volume_directory(v, true, p->arena);
	const char *stamp = plan_stamp(p->in->manifest, p->in->resolution, p->arena);
	struct step step = { .failure = FAILURE_TOP,
			     .layer = "top",
			     .target = directory,
			     .lowers = join->lowers,
			     .lowers_count = join->lowers_count };
	bool write, kept;

	if (!directory || !stamp)
		return planner_no_memory(p);
	if (add_top_decision(p, step, stamp, &write, &kept) < 0)
		return -1;
	step.kind = STEP_TOP_PREPARE;
	step.source = arena_printf(p->arena, PATH_LAYERS "/%s", join->lowers[0]);
	planner_add_root(p, step);
	if (write) {
		step.kind = STEP_TOP_STAMP;
		step.tolerant = kept;
		step.source = stamp;
		planner_add_root(p, step);
	}
	ret_union->upper = arena_printf(p->arena, "%s/upper", directory);
	ret_union->work = arena_printf(p->arena, "%s/work", directory);
	/* A full top boots. */
	ret_union->tolerant = true;
	if (!step.source || !ret_union->upper || !ret_union->work)
		return planner_no_memory(p);
	if (strlen(ret_union->upper) > UPPER_MAX)
		return failure_set(p->failure, FAILURE_LIMIT, "top",
				   "subdir makes an upperdir of %zu bytes, and the kernel takes %d",
				   strlen(ret_union->upper), UPPER_MAX);
	return 0;
}

int planner_add_top(struct planner *p, struct step *join)
{
	const struct top *top = &p->in->manifest->top;

	switch (top->kind) {
	case TOP_TMPFS:
		join->upper = PATH_TOP "/upper";
		join->work = PATH_TOP "/work";
		return add_tmpfs_top(p, top);
	case TOP_DISK:
		return add_disk_top(p, join, join);
	case TOP_NONE:
		break;
	}
	join->flags = MS_RDONLY;
	/* Without an upperdir the kernel asks for two lowerdirs at least (until 6.7). */
	if (join->lowers_count == 1) {
		planner_add_root(p, (struct step){ .kind = STEP_DIR,
						   .failure = FAILURE_UNION,
						   .target = PATH_EMPTY,
						   .mode = 0755 });
		((const char **)join->lowers)[join->lowers_count++] = PATH_EMPTY;
	}
	return 0;
}
