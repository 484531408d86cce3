#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#define LAYER_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

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

static const char *layer_options(const struct resolved_layer *l, struct arena *arena)
{
	const char *own = l->layer->options;

	for (size_t i = 0; i < sizeof(type_options) / sizeof(type_options[0]); i++)
		if (strcmp(l->type, type_options[i].type) == 0)
			return arena_printf(arena, "%s%s%s", type_options[i].options,
					    own ? "," : "", own ? own : "");
	return own ? own : "";
}

/* Collects steps of one phase; the first text that does not fit into the arena ends it. */
struct links {
	struct chain *chain;
	struct arena *arena;
	bool full;
};

static const char *join(struct links *l, const char *a, const char *b)
{
	const char *copy = arena_printf(l->arena, "%s%s", a, b);

	if (!copy)
		l->full = true;
	return copy;
}

static void link_step(struct links *l, struct step step)
{
	step.phase = PHASE_LAYERS;
	l->chain->steps[l->chain->count++] = step;
}

static void link_directory(struct links *l, const char *path, unsigned mode, struct step owner)
{
	link_step(l, (struct step){ .kind = STEP_DIR,
				    .failure = owner.failure,
				    .layer = owner.layer,
				    .target = path,
				    .mode = mode });
}

static void link_module(struct links *l, const char *type)
{
	link_step(l, (struct step){ .kind = STEP_MODULE,
				    .failure = FAILURE_MODULE_LOAD,
				    .source = join(l, "fs-", type),
				    .type = join(l, type, "") });
}

/* What the layer is read from, as a path: the disk, or the file in it. */
static const char *layer_source(struct links *l, const struct resolved_layer *r)
{
	const char *source = r->image ? arena_printf(l->arena, PATH_MEDIA "/%s/%s", r->disk->name,
						     r->image->path)
				      : join(l, "/dev/", r->disk->name);

	l->full |= !source;
	return source;
}

static void link_verity(struct links *l, const struct resolved_layer *r, const char *own)
{
	link_step(l,
		  (struct step){ .kind = STEP_VERITY,
				 .failure = FAILURE_VERITY,
				 .layer = own,
				 .source = layer_source(l, r),
				 .target = join(l, PATH_MAPPER MAP_PREFIX, own),
				 .hash = r->hash_disk ? join(l, "/dev/", r->hash_disk->name) : NULL,
				 .loop = r->image != NULL });
}

/* The mount itself; where only a directory of it is the layer, that is bound to the layer's place. */
static void link_mount(struct links *l, const struct resolved_layer *r, const char *target,
		       const char *own)
{
	const struct step owner = { .failure = FAILURE_LAYER_MOUNT, .layer = own };
	const char *subdir = r->layer->subdir, *options = layer_options(r, l->arena);
	const char *mounted = subdir ? join(l, PATH_IMAGES "/", own) : target;
	bool verified = r->layer->verity.root_hash;

	if (subdir) {
		link_directory(l, PATH_IMAGES, 0700, owner);
		link_directory(l, mounted, 0755, owner);
	}
	link_directory(l, target, 0755, owner);
	l->full |= !options;
	if (verified)
		link_verity(l, r, own);
	link_step(l, (struct step){ .kind = STEP_LAYER,
				    .failure = FAILURE_LAYER_MOUNT,
				    .layer = own,
				    .source = verified ? join(l, PATH_MAPPER MAP_PREFIX, own)
						       : layer_source(l, r),
				    .target = mounted,
				    .type = join(l, r->type, ""),
				    .options = options && *options ? options : NULL,
				    .flags = LAYER_FLAGS,
				    .loop = r->image && !verified,
				    .record = !subdir });
	if (subdir)
		link_step(l, (struct step){ .kind = STEP_SUBDIR,
					    .failure = FAILURE_LAYER_MOUNT,
					    .layer = own,
					    .source = mounted,
					    .target = target,
					    .path = subdir,
					    .record = true });
}

static void link_whiteouts(struct links *l, const struct resolved_layer *r, const char *target,
			   const char *own)
{
	const struct step owner = { .failure = FAILURE_WHITEOUTS, .layer = own };
	const char *above = join(l, target, SUFFIX_ABOVE), *below = join(l, target, SUFFIX_BELOW);

	link_directory(l, above, 0755, owner);
	link_directory(l, below, 0755, owner);
	link_step(l, (struct step){ .kind = STEP_WHITEOUTS,
				    .failure = FAILURE_WHITEOUTS,
				    .layer = own,
				    .source = target,
				    .upper = above,
				    .work = below,
				    .xattr = r->layer->whiteouts == LAYER_WHITEOUTS_XATTR });
}

int plan_layer(const struct resolved_layer *l, enum union_kind kind, const char *release,
	       struct arena *arena, struct chain *ret)
{
	struct links links = { .chain = ret, .arena = arena };
	const char *own = join(&links, l->name, "");
	const char *target = join(&links, PATH_LAYERS "/", l->name);
	const struct layer *layer = l->layer;

	ret->count = 0;
	link_module(&links, l->type);
	if (l->image)
		link_step(&links, (struct step){ .kind = STEP_MODULE,
						 .failure = FAILURE_MODULE_LOAD,
						 .source = "loop",
						 .type = "loop" });
	if (layer->verity.root_hash)
		link_step(&links, (struct step){ .kind = STEP_MODULE,
						 .failure = FAILURE_MODULE_LOAD,
						 .source = "dm-verity",
						 .type = "dm-verity" });
	link_mount(&links, l, target, own);
	if (layer->untrusted || layer->only)
		link_step(&links, (struct step){ .kind = STEP_WALK,
						 .failure = FAILURE_LAYER_READ,
						 .layer = own,
						 .target = target,
						 .untrusted = layer->untrusted,
						 .lowers = layer->only,
						 .lowers_count = layer->only_count });
	/* Aufs reads .wh. files by itself. */
	if (layer->whiteouts != LAYER_WHITEOUTS_OVERLAY && kind == UNION_OVERLAY)
		link_whiteouts(&links, l, target, own);
	if (layer->kernel_any && release)
		link_step(&links, (struct step){ .kind = STEP_KERNEL,
						 .failure = FAILURE_LAYER_READ,
						 .layer = own,
						 .source = release,
						 .target = target });
	/* Where one of these fails, dm-verity is asked whether the image is the right one. */
	for (size_t i = 0; i < ret->count; i++)
		if (layer->verity.root_hash && ret->steps[i].kind != STEP_MODULE &&
		    ret->steps[i].kind != STEP_DIR)
			ret->steps[i].verity = &layer->verity;
	return links.full ? -ENOMEM : 0;
}

int plan_medium(const char *name, const char *type, struct arena *arena, struct chain *ret)
{
	struct links links = { .chain = ret, .arena = arena };
	const struct step owner = { .failure = FAILURE_LAYER_MOUNT };
	const char *target = join(&links, PATH_MEDIA "/", name);

	ret->count = 0;
	link_module(&links, type);
	link_directory(&links, PATH_MEDIA, 0700, owner);
	link_directory(&links, target, 0755, owner);
	link_step(&links, (struct step){ .kind = STEP_MEDIUM,
					 .failure = FAILURE_LAYER_MOUNT,
					 .source = join(&links, "/dev/", name),
					 .target = target,
					 .type = join(&links, type, ""),
					 .flags = LAYER_FLAGS });
	return links.full ? -ENOMEM : 0;
}

const char *plan_volume_directory(const struct resolved_volume *v, bool top, struct arena *arena)
{
	const char *subdir = v->volume->subdir;

	return arena_printf(arena, "%s%s%s%s", top ? PATH_TOP : PATH_BINDS "/", top ? "" : v->name,
			    subdir ? "/" : "", subdir ? subdir : "");
}

static void link_volume(struct links *l, const struct resolved_volume *v, const char *target,
			const struct step disk)
{
	struct step step = disk;

	if (v->format && !v->shared) {
		step.kind = STEP_FORMAT;
		step.type = join(l, v->format, "");
		step.failure = FAILURE_VOLUME;
		link_step(l, step);
	}
	step.type = disk.type;
	if (!v->no_fsck && !v->shared) {
		step.kind = STEP_FSCK;
		step.failure = FAILURE_VOLUME_DAMAGED;
		link_step(l, step);
	}
	step.kind = STEP_VOLUME;
	step.failure = FAILURE_VOLUME;
	step.target = target;
	step.flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	link_step(l, step);
	if (!v->grow || v->shared)
		return;
	step.kind = STEP_GROW;
	link_step(l, step);
}

int plan_volume(const struct resolved_volume *v, bool top, struct arena *arena, struct chain *ret)
{
	struct links links = { .chain = ret, .arena = arena };
	const char *label = join(&links, v->label, "");
	const struct step owner = { .failure = FAILURE_VOLUME, .layer = label };
	const char *target = top ? PATH_TOP : join(&links, PATH_BINDS "/", v->name);
	const char *directory = plan_volume_directory(v, top, arena);

	ret->count = 0;
	link_module(&links, v->type);
	if (!top)
		link_directory(&links, PATH_BINDS, 0700, owner);
	link_directory(&links, target, 0700, owner);
	link_volume(&links, v, target,
		    (struct step){ .layer = label,
				   .source = join(&links, "/dev/", v->disk->name),
				   .type = join(&links, v->type, "") });
	if (top)
		link_step(&links, (struct step){ .kind = STEP_TOP_READ,
						 .failure = FAILURE_TOP,
						 .layer = label,
						 .source = join(&links, "", v->disk->name),
						 .target = directory });
	return links.full || !directory ? -ENOMEM : 0;
}
