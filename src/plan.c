#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

/*
 * /run is not noexec: the shutdown program is started from there. /dev is not noexec for programs that map
 * device memory executable. The modes are those of systemd and of the kernel's own defaults.
 */
const struct step plan_bootstrap[] = {
	{ .kind = STEP_MOUNT,
	  .phase = PHASE_BOOTSTRAP,
	  .failure = FAILURE_BOOTSTRAP,
	  .source = "devtmpfs",
	  .target = "/dev",
	  .type = "devtmpfs",
	  .options = "mode=0755",
	  .flags = MS_NOSUID },
	{ .kind = STEP_MOUNT,
	  .phase = PHASE_BOOTSTRAP,
	  .failure = FAILURE_BOOTSTRAP,
	  .source = "proc",
	  .target = "/proc",
	  .type = "proc",
	  .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ .kind = STEP_MOUNT,
	  .phase = PHASE_BOOTSTRAP,
	  .failure = FAILURE_BOOTSTRAP,
	  .source = "sysfs",
	  .target = "/sys",
	  .type = "sysfs",
	  .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ .kind = STEP_MOUNT,
	  .phase = PHASE_BOOTSTRAP,
	  .failure = FAILURE_BOOTSTRAP,
	  .source = "tmpfs",
	  .target = "/run",
	  .type = "tmpfs",
	  .options = "mode=0755,size=20%",
	  .flags = MS_NOSUID | MS_NODEV },
	{ .kind = STEP_DIR,
	  .phase = PHASE_BOOTSTRAP,
	  .failure = FAILURE_BOOTSTRAP,
	  .target = PATH_RUN,
	  .mode = 0755 },
	/* Layers hold files that upper layers tightened or deleted: for root's eyes only. */
	{ .kind = STEP_DIR,
	  .phase = PHASE_BOOTSTRAP,
	  .failure = FAILURE_BOOTSTRAP,
	  .target = PATH_LAYERS,
	  .mode = 0700 },
};

const size_t plan_bootstrap_count = sizeof(plan_bootstrap) / sizeof(plan_bootstrap[0]);

/*
 * What a type always needs said. There is no noload, norecovery or nologreplay: the disk is set read-only
 * first, so nothing can be replayed onto it, and without these options the kernel itself refuses a journal
 * that is not empty (EROFS), which is the very thing that error[layer-dirty] reports.
 */
static const struct {
	const char *type;
	const char *options;
} type_options[] = {
	{ "xfs",
	  "nouuid" }, /* two images made from one have one UUID, and xfs mounts only the first */
};

/*
 * nofollow: a trusted.overlay.redirect in a user's image would otherwise name any directory of the system
 * layer, and metacopy any file. index and xino off: the lower layers change between boots, and the kernel
 * asks for this then (Documentation/filesystems/overlayfs.rst, "Changes to underlying filesystems").
 */
#define OVERLAY_OPTIONS "redirect_dir=nofollow,metacopy=off,index=off,xino=off"

static const char *layer_options(const struct resolved_layer *l, struct arena *arena)
{
	const char *own = l->layer->options;

	for (size_t i = 0; i < sizeof(type_options) / sizeof(type_options[0]); i++)
		if (strcmp(l->type, type_options[i].type) == 0)
			return arena_printf(arena, "%s%s%s", type_options[i].options,
					    own ? "," : "", own ? own : "");
	return own ? own : "";
}

int plan_layer(const struct resolved_layer *l, struct arena *arena,
	       struct step ret[PLAN_LAYER_STEPS])
{
	const char *name = l->layer->name;
	const char *target = arena_printf(arena, PATH_LAYERS "/%s", name);
	const char *device = arena_printf(arena, "/dev/%s", l->disk->name);
	const char *module = arena_printf(arena, "fs-%s", l->type);
	const char *type = arena_printf(arena, "%s", l->type);
	const char *options = layer_options(l, arena);

	if (!target || !device || !module || !type || !options)
		return -ENOMEM;
	ret[0] = (struct step){ .kind = STEP_MODULE,
				.phase = PHASE_LAYERS,
				.failure = FAILURE_MODULE_LOAD,
				.source = module,
				.type = type };
	ret[1] = (struct step){ .kind = STEP_DIR,
				.phase = PHASE_LAYERS,
				.failure = FAILURE_LAYER_MOUNT,
				.layer = name,
				.target = target,
				.mode = 0755 };
	ret[2] = (struct step){ .kind = STEP_LAYER,
				.phase = PHASE_LAYERS,
				.failure = FAILURE_LAYER_MOUNT,
				.layer = name,
				.source = device,
				.target = target,
				.type = type,
				.options = *options ? options : NULL,
				.flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };
	return 0;
}

struct planner {
	struct plan *plan;
	struct arena *arena;
	bool full;
};

static void add(struct planner *p, struct step step)
{
	if (p->plan->count == PLAN_STEPS_MAX)
		p->full = true;
	else
		p->plan->steps[p->plan->count++] = step;
}

/* A module once, however many layers need it. */
static void add_module(struct planner *p, struct step step)
{
	for (size_t i = 0; i < p->plan->count; i++)
		if (p->plan->steps[i].kind == STEP_MODULE &&
		    strcmp(p->plan->steps[i].source, step.source) == 0)
			return;
	add(p, step);
}

static int add_layers(struct planner *p, const struct resolution *r, struct step *join)
{
	const char **lowers = arena_alloc(p->arena, (r->layers_count + 1) * sizeof(*lowers));

	if (!lowers)
		return -ENOMEM;
	for (size_t i = 0; i < r->layers_count; i++) {
		struct step steps[PLAN_LAYER_STEPS];
		if (r->layers[i].state != LAYER_FOUND)
			continue;
		if (plan_layer(&r->layers[i], p->arena, steps) < 0)
			return -ENOMEM;
		add_module(p, steps[0]);
		add(p, steps[1]);
		add(p, steps[2]);
	}
	/* The kernel wants the highest first, a manifest has the lowest first. */
	for (size_t i = r->layers_count; i > 0; i--)
		if (r->layers[i - 1].state == LAYER_FOUND)
			lowers[join->lowers_count++] = r->layers[i - 1].layer->name;
	join->lowers = lowers;
	return 0;
}

static int add_tmpfs_top(struct planner *p, const struct top *top)
{
	const char *options = arena_printf(p->arena, "mode=0700%s%s%s%s", top->size ? ",size=" : "",
					   top->size ? top->size : "",
					   top->nr_inodes ? ",nr_inodes=" : "",
					   top->nr_inodes ? top->nr_inodes : "");

	if (!options)
		return -ENOMEM;
	add(p, (struct step){ .kind = STEP_DIR,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_TOP,
			      .target = PATH_TOP,
			      .mode = 0700 });
	add(p, (struct step){ .kind = STEP_MOUNT,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_TOP,
			      .source = "tmpfs",
			      .target = PATH_TOP,
			      .type = "tmpfs",
			      .options = options,
			      .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC });
	add(p, (struct step){ .kind = STEP_DIR,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_TOP,
			      .target = PATH_TOP "/upper",
			      .mode = 0755 });
	add(p, (struct step){ .kind = STEP_DIR,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_TOP,
			      .target = PATH_TOP "/work",
			      .mode = 0755 });
	return 0;
}

static int add_union(struct planner *p, const struct manifest *m, const struct resolution *r)
{
	struct step join = { .kind = STEP_UNION,
			     .phase = PHASE_ROOT,
			     .failure = FAILURE_UNION,
			     .source = "overlay",
			     .target = PATH_SYSROOT,
			     .type = "overlay",
			     .options = OVERLAY_OPTIONS };
	int result;

	add_module(p, (struct step){ .kind = STEP_MODULE,
				     .phase = PHASE_LAYERS,
				     .failure = FAILURE_MODULE_LOAD,
				     .source = "fs-overlay",
				     .type = "overlay" });
	result = add_layers(p, r, &join);
	if (result < 0)
		return result;
	if (m->top.kind == TOP_TMPFS) {
		result = add_tmpfs_top(p, &m->top);
		if (result < 0)
			return result;
		join.upper = PATH_TOP "/upper";
		join.work = PATH_TOP "/work";
	} else {
		join.flags = MS_RDONLY;
	}
	/* Without an upperdir the kernel asks for two lowerdirs at least (until 6.7). */
	if (m->top.kind == TOP_NONE && join.lowers_count == 1) {
		add(p, (struct step){ .kind = STEP_DIR,
				      .phase = PHASE_ROOT,
				      .failure = FAILURE_UNION,
				      .target = PATH_EMPTY,
				      .mode = 0755 });
		((const char **)join.lowers)[join.lowers_count++] = PATH_EMPTY;
	}
	add(p, (struct step){ .kind = STEP_DIR,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_UNION,
			      .target = PATH_SYSROOT,
			      .mode = 0755 });
	add(p, join);
	if (m->top.kind == TOP_TMPFS)
		add(p, (struct step){ .kind = STEP_READONLY,
				      .phase = PHASE_ROOT,
				      .failure = FAILURE_TOP,
				      .target = PATH_TOP,
				      .flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC });
	return 0;
}

const struct move plan_moves[] = {
	{ "/dev", PATH_SYSROOT "/dev" },
	{ "/proc", PATH_SYSROOT "/proc" },
	{ "/sys", PATH_SYSROOT "/sys" },
	{ "/run", PATH_SYSROOT "/run" },
};

const size_t plan_moves_count = sizeof(plan_moves) / sizeof(plan_moves[0]);

static void add_hand_over(struct planner *p, const struct cmdline *c)
{
	add(p, (struct step){ .kind = STEP_INIT,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_INIT_MISSING,
			      .source = c->init,
			      .target = PATH_SYSROOT });
	/* Looked for before the first is moved: until then every failure can still be told in full. */
	for (size_t i = 0; i < plan_moves_count; i++)
		add(p, (struct step){ .kind = STEP_DIR,
				      .phase = PHASE_ROOT,
				      .failure = FAILURE_ROOT_DIRECTORY,
				      .target = plan_moves[i].target,
				      .mode = 0755 });
	for (size_t i = 0; i < plan_moves_count; i++)
		add(p, (struct step){ .kind = STEP_MOVE,
				      .phase = PHASE_ROOT,
				      .failure = FAILURE_SWITCH_ROOT,
				      .source = plan_moves[i].source,
				      .target = plan_moves[i].target });
	add(p, (struct step){ .kind = STEP_SWITCH,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_SWITCH_ROOT,
			      .target = PATH_SYSROOT });
	add(p,
	    (struct step){ .kind = STEP_EXEC, .phase = PHASE_ROOT, .failure = FAILURE_INIT_EXEC });
}

int plan_build(const struct cmdline *c, const struct manifest *m, const struct resolution *r,
	       struct arena *arena, struct plan *ret, struct failure *failure)
{
	struct planner p = { .plan = ret, .arena = arena };

	ret->count = 0;
	for (size_t i = 0; i < plan_bootstrap_count; i++)
		add(&p, plan_bootstrap[i]);
	if (add_union(&p, m, r) < 0)
		return failure_set(failure, FAILURE_LIMIT, NULL,
				   "the plan does not fit into memory");
	add_hand_over(&p, c);
	if (p.full)
		return failure_set(failure, FAILURE_LIMIT, NULL, "more than %d steps",
				   PLAN_STEPS_MAX);
	return 0;
}
