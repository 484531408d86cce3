#include "manifest_sections.h"

#include <string.h>

#include "manifest_verity.h"
#include "path_list.h"

struct layer *layer_find(struct manifest *m, struct slice name)
{
	for (size_t i = 0; i < m->layers_count; i++)
		if (slice_is(name, m->layers[i].name))
			return &m->layers[i];
	return NULL;
}

/* The name becomes a directory and a short lowerdir: nothing that a path or an option list could split at. */
bool layer_name_valid(struct slice name)
{
	/* The top is told by this name, among the mounts and by the commands of a guest. */
	if (name.len == 0 || name.len > MANIFEST_NAME_MAX || slice_is(name, "top"))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');
		if (!alnum && (i == 0 || c == '\0' || !strchr("._-", c)))
			return false;
	}
	return true;
}

struct layer *layer_add(struct manifest *m, struct slice name, struct arena *arena)
{
	const char *text = arena_copy(arena, name);

	if (!text || m->layers_count == MANIFEST_LAYERS_MAX)
		return NULL;
	struct layer *layer = &m->layers[m->layers_count++];
	*layer = (struct layer){ .name = text, .timeout_ms = -1, .verity = verity_default() };
	return layer;
}

struct bind *bind_find(struct manifest *m, struct slice name)
{
	for (size_t i = 0; i < m->binds_count; i++)
		if (slice_is(name, m->binds[i].name))
			return &m->binds[i];
	return NULL;
}

struct bind *bind_add(struct manifest *m, struct slice name, struct arena *arena)
{
	const char *text = arena_copy(arena, name);

	if (!text || m->binds_count == MANIFEST_BINDS_MAX)
		return NULL;
	struct bind *bind = &m->binds[m->binds_count++];
	*bind = (struct bind){ .name = text };
	return bind;
}

const char *top_problem(const struct top *top)
{
	const struct volume *v = &top->volume;

	if (top->kind == TOP_DISK)
		return v->source.count == 0          ? "a source for type = disk"
		       : top->size || top->nr_inodes ? "size and nr-inodes with type = tmpfs only"
						     : NULL;
	if (v->source.count || v->subdir || v->format || v->no_fsck || v->grow || top->on_change)
		return "source, subdir, format, fsck, grow and on-system-change with type = disk only";
	if (top->kind == TOP_NONE && (top->size || top->nr_inodes))
		return "size and nr-inodes with type = tmpfs only";
	return NULL;
}

/* unionfs-fuse marks deletions in a directory of its own; aufs has .wh. files by nature, and no attributes. */
static bool union_takes(enum union_kind kind, enum layer_whiteouts whiteouts)
{
	return kind == UNION_OVERLAY || whiteouts == LAYER_WHITEOUTS_OVERLAY ||
	       (kind == UNION_AUFS && whiteouts == LAYER_WHITEOUTS_WH);
}

const char *manifest_contradiction(const struct manifest *m)
{
	for (size_t i = 0; i < m->layers_count; i++) {
		const char *problem = layer_verity_problem(&m->layers[i]);
		if (problem)
			return problem;
	}
	for (size_t i = 0; i < m->layers_count; i++)
		if (!union_takes(m->union_kind, m->layers[i].whiteouts))
			return "whiteouts = wh and xattr need union = overlay, or aufs for wh";
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].protect && m->layers[i].image && path_is_glob(m->layers[i].image))
			return "protect needs an image that is one file, not a glob";
	if (!m->redirect)
		return NULL;
	/* With redirects a layer names any directory of those below it, and a top keeps such names. */
	if (m->union_kind != UNION_OVERLAY || m->top.kind != TOP_TMPFS)
		return "redirect = on needs union = overlay and a top of type = tmpfs";
	for (size_t i = 0; i < m->layers_count; i++)
		if (m->layers[i].untrusted)
			return "redirect = on needs layers that are all trusted";
	return NULL;
}
