#include "planner.h"

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
 * nofollow: a trusted.overlay.redirect in a user's image would otherwise name any directory of the system
 * layer, and metacopy any file. index and xino off: the lower layers change between boots, and the kernel
 * asks for this then (Documentation/filesystems/overlayfs.rst, "Changes to underlying filesystems").
 */
#define OVERLAY_OPTIONS "redirect_dir=nofollow,metacopy=off,index=off,xino=off"
/* Renames of directories that a lower layer holds, for who trusts every layer and keeps no top. */
#define REDIRECT_OPTIONS "redirect_dir=on,metacopy=off,index=off,xino=off"

/* What makes the union. unionfs is a program (unionfs-fuse), which needs fuse of the kernel. */
/*
 * allow_other: not only for the user of the daemon. suid, dev: the root needs sudo and device nodes, and libfuse
 * takes both away unless told. use_ino: numbers that last, which hard links are recognised by. max_files: each
 * file that is open in the guest is one of the daemon's. statfs_omit_ro: df tells the space of the top.
 */
#define UNIONFS_OPTIONS \
	"cow,allow_other,use_ino,suid,dev,hide_meta_files,statfs_omit_ro,max_files=65536"

/*
 * cloud-init warns that it cannot grow the device of /, unless that is called overlayroot, after Ubuntu's package
 * (cloudinit/config/cc_resizefs.py, maybe_get_writable_device_path()).
 */
#define OVERLAY_SOURCE "overlayroot"

static const struct backend {
	const char *type, *source, *module, *options;
} backends[] = {
	[UNION_OVERLAY] = { "overlay", OVERLAY_SOURCE, "overlay", OVERLAY_OPTIONS },
	[UNION_AUFS] = { "aufs", "aufs", "aufs", "xino=/run/layerboot/aufs.xino" },
	[UNION_UNIONFS] = { "unionfs", "unionfs", "fuse", UNIONFS_OPTIONS },
};

const char *plan_union_type(enum union_kind kind)
{
	return backends[kind].type;
}

const char *plan_union_module(enum union_kind kind)
{
	return backends[kind].module;
}

size_t plan_union_bytes(const struct plan *p)
{
	size_t bytes = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];
		if (s->kind != STEP_UNION)
			continue;
		bytes = strlen("lowerdir=,") + strlen(s->options);
		for (size_t k = 0; k < s->lowers_count; k++)
			bytes += strlen(s->lowers[k]) + (k > 0);
		if (s->upper)
			bytes += strlen(",upperdir=,workdir=") + strlen(s->upper) + strlen(s->work);
	}
	return bytes;
}

static void add(struct planner *p, struct step step)
{
	if (p->plan->count == PLAN_STEPS_MAX)
		p->full = true;
	else
		p->plan->steps[p->plan->count++] = step;
}

void planner_add_root(struct planner *p, struct step step)
{
	step.phase = PHASE_ROOT;
	add(p, step);
}

int planner_no_memory(struct planner *p)
{
	return failure_set(p->failure, FAILURE_LIMIT, NULL, "the plan does not fit into memory");
}

/* What is shared once, however many layers need it: a module, a directory, the mount of a medium. */
static bool is_there(const struct planner *p, const struct step *step)
{
	if (step->kind != STEP_MODULE && step->kind != STEP_DIR && step->kind != STEP_MEDIUM)
		return false;
	for (size_t i = 0; i < p->plan->count; i++) {
		const struct step *s = &p->plan->steps[i];
		if (s->kind == step->kind &&
		    strcmp(s->kind == STEP_DIR ? s->target : s->source,
			   step->kind == STEP_DIR ? step->target : step->source) == 0)
			return true;
	}
	return false;
}

static void add_chain(struct planner *p, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (!is_there(p, &chain->steps[i]))
			add(p, chain->steps[i]);
}

static bool brings_kernel(const struct layer *layer, const char *release)
{
	if (layer->kernels_count == 0 || !release)
		return true;
	for (size_t i = 0; i < layer->kernels_count; i++)
		if (strcmp(layer->kernels[i], release) == 0)
			return true;
	return false;
}

/* A disk that is looked through for images is mounted whether it has them or not. */
static int add_medium(struct planner *p, const struct resolved_layer *l)
{
	struct chain chain;

	if (!l->layer->image || !l->disk)
		return 0;
	if (plan_medium(l->disk->name, l->disk->type, p->arena, &chain) < 0)
		return planner_no_memory(p);
	add_chain(p, &chain);
	return 0;
}

static int add_layer(struct planner *p, const struct resolved_layer *l)
{
	struct chain chain;

	if (add_medium(p, l) < 0)
		return -1;
	if (l->state != LAYER_FOUND)
		return 0;
	if (!brings_kernel(l->layer, p->in->release))
		return failure_set(p->failure, FAILURE_MODULES_MISSING, l->name,
				   "kernel %s boots, and the layer has the modules of %s%s",
				   p->in->release, l->layer->kernels[0],
				   l->layer->kernels_count > 1 ? " and others" : "");
	if (plan_layer(l, p->in->manifest->union_kind, p->in->release, p->arena, &chain) < 0)
		return planner_no_memory(p);
	add_chain(p, &chain);
	return 0;
}

/* Aufs reads .wh. files by itself. */
static bool has_shims(const struct planner *p, const struct layer *layer)
{
	return layer->whiteouts != LAYER_WHITEOUTS_OVERLAY &&
	       p->in->manifest->union_kind == UNION_OVERLAY;
}

/* The kernel wants the highest first, a manifest has the lowest first. */
static int list_lowers(struct planner *p, struct step *join)
{
	const struct resolution *r = p->in->resolution;
	const char **lowers = arena_alloc(p->arena, (3 * r->layers_count + 1) * sizeof(*lowers));

	if (!lowers)
		return planner_no_memory(p);
	for (size_t i = r->layers_count; i > 0; i--) {
		const struct resolved_layer *l = &r->layers[i - 1];
		if (l->state != LAYER_FOUND)
			continue;
		bool shims = has_shims(p, l->layer);
		if (shims)
			lowers[join->lowers_count++] =
				arena_printf(p->arena, "%s" SUFFIX_ABOVE, l->name);
		lowers[join->lowers_count++] = arena_printf(p->arena, "%s", l->name);
		if (shims)
			lowers[join->lowers_count++] =
				arena_printf(p->arena, "%s" SUFFIX_BELOW, l->name);
	}
	for (size_t i = 0; i < join->lowers_count; i++)
		if (!lowers[i])
			return planner_no_memory(p);
	if (join->lowers_count > MANIFEST_LAYERS_MAX)
		return failure_set(
			p->failure, FAILURE_LIMIT, NULL,
			"%zu layers with those that stand for whiteouts, and the kernel takes "
			"%d",
			join->lowers_count, MANIFEST_LAYERS_MAX);
	join->lowers = lowers;
	return 0;
}

static int add_volumes(struct planner *p)
{
	const struct resolution *r = p->in->resolution;
	struct chain chain;

	if (r->top.volume) {
		if (plan_volume(&r->top, true, p->arena, &chain) < 0)
			return planner_no_memory(p);
		add_chain(p, &chain);
	}
	for (size_t i = 0; i < r->binds_count; i++) {
		if (plan_volume(&r->binds[i], false, p->arena, &chain) < 0)
			return planner_no_memory(p);
		add_chain(p, &chain);
	}
	return 0;
}

static int add_union(struct planner *p)
{
	const struct manifest *m = p->in->manifest;
	const struct backend *backend = &backends[m->union_kind];
	struct step join = { .kind = STEP_UNION,
			     .failure = FAILURE_UNION,
			     .source = backend->source,
			     .target = PATH_SYSROOT,
			     .type = backend->type,
			     .options = m->redirect ? REDIRECT_OPTIONS : backend->options };
	const struct resolution *r = p->in->resolution;

	add(p, (struct step){ .kind = STEP_MODULE,
			      .phase = PHASE_LAYERS,
			      .failure = FAILURE_MODULE_LOAD,
			      .source = arena_printf(p->arena, "fs-%s", backend->module),
			      .type = backend->module });
	for (size_t i = 0; i < r->layers_count; i++)
		if (add_layer(p, &r->layers[i]) < 0)
			return -1;
	if (planner_add_bases(p) < 0 || add_volumes(p) < 0 || list_lowers(p, &join) < 0 ||
	    planner_add_top(p, &join) < 0)
		return -1;
	planner_add_root(p, (struct step){ .kind = STEP_DIR,
					   .failure = FAILURE_UNION,
					   .target = PATH_SYSROOT,
					   .mode = 0755 });
	planner_add_root(p, join);
	return 0;
}

/* Past the union: what a layer keeps for itself, then what lies on other disks. */
static int add_bound(struct planner *p)
{
	const struct resolution *r = p->in->resolution;

	for (size_t i = 0; i < r->layers_count; i++) {
		const struct layer *layer = r->layers[i].layer;
		const char *source = arena_printf(p->arena, PATH_LAYERS "/%s", r->layers[i].name);
		if (!source)
			return planner_no_memory(p);
		for (size_t k = 0; r->layers[i].state == LAYER_FOUND && k < layer->protect_count;
		     k++)
			planner_add_root(p, (struct step){ .kind = STEP_PROTECT,
							   .failure = FAILURE_PROTECT,
							   .layer = layer->name,
							   .source = source,
							   .target = PATH_SYSROOT,
							   .path = layer->protect[k],
							   .flags = MS_RDONLY });
	}
	for (size_t i = 0; i < r->binds_count; i++) {
		const struct bind *bind = &p->in->manifest->binds[i];
		const char *source = plan_volume_directory(&r->binds[i], false, p->arena);
		if (!source)
			return planner_no_memory(p);
		for (size_t k = 0; k < bind->paths_count; k++)
			planner_add_root(p, (struct step){ .kind = STEP_BIND,
							   .failure = FAILURE_BIND,
							   .layer = arena_printf(
								   p->arena, "bind %s", bind->name),
							   .source = source,
							   .target = PATH_SYSROOT,
							   .path = bind->paths[k] });
	}
	return 0;
}

const struct move plan_moves[] = {
	{ "/dev", PATH_SYSROOT "/dev" },
	{ "/proc", PATH_SYSROOT "/proc" },
	{ "/sys", PATH_SYSROOT "/sys" },
	{ "/run", PATH_SYSROOT "/run" },
};

const size_t plan_moves_count = sizeof(plan_moves) / sizeof(plan_moves[0]);

static void add_hand_over(struct planner *p)
{
	add(p, (struct step){ .kind = STEP_INIT,
			      .phase = PHASE_ROOT,
			      .failure = FAILURE_INIT_MISSING,
			      .source = p->in->cmdline->init,
			      .target = PATH_SYSROOT });
	const struct resolved_volume *top = &p->in->resolution->top;
	if (top->volume && p->in->cmdline->on_failure == ON_FAILURE_REBOOT) {
		const char *directory = plan_volume_directory(top, true, p->arena);
		p->full |= !directory;
		planner_add_root(p, (struct step){ .kind = STEP_TOP_GOOD,
						   .failure = FAILURE_TOP,
						   .layer = "top",
						   .target = directory });
	}
	if (p->in->manifest->top.kind != TOP_NONE)
		planner_add_root(p, (struct step){ .kind = STEP_READONLY,
						   .failure = FAILURE_TOP,
						   .target = PATH_TOP,
						   .flags = MS_RDONLY | MS_NOSUID | MS_NODEV |
							    MS_NOEXEC });
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

int plan_build(const struct plan_input *in, struct arena *arena, struct plan *ret,
	       struct failure *failure)
{
	struct planner p = { .in = in, .plan = ret, .arena = arena, .failure = failure };

	ret->count = 0;
	for (size_t i = 0; i < plan_bootstrap_count; i++)
		add(&p, plan_bootstrap[i]);
	if (add_union(&p) < 0 || add_bound(&p) < 0)
		return -1;
	add_hand_over(&p);
	if (p.full)
		return failure_set(failure, FAILURE_LIMIT, NULL, "more than %d steps",
				   PLAN_STEPS_MAX);
	return 0;
}
