#include "manifest_keys.h"

#include <errno.h>
#include <string.h>

const char *const manifest_types[] = {
	"squashfs", "erofs", "ext4", "xfs", "btrfs", "iso9660", NULL
};

static int expect(struct place *p, const char *expected)
{
	p->expected = expected;
	return -EINVAL;
}

static int copy(struct place *p, struct slice value, const char **ret)
{
	const char *text = arena_copy(p->arena, value);

	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int set_version(struct place *p, struct slice value)
{
	return slice_is(value, "1") ? 0 : expect(p, "1, the version of this format");
}

static int set_union(struct place *p, struct slice value)
{
	if (!slice_is(value, "overlay"))
		return expect(p, "overlay");
	p->manifest->union_kind = UNION_OVERLAY;
	return 0;
}

static int set_source(struct place *p, struct slice value)
{
	return source_parse(value, p->arena, &p->layer->source, &p->expected, &p->at);
}

static int set_type(struct place *p, struct slice value)
{
	if (slice_is(value, "auto")) {
		p->layer->type = NULL;
		return 0;
	}
	for (size_t i = 0; manifest_types[i]; i++)
		if (slice_is(value, manifest_types[i])) {
			p->layer->type = manifest_types[i];
			return 0;
		}
	if (slice_is(value, "vfat"))
		return expect(p, "another type: overlay refuses vfat as a layer");
	return expect(p, "auto, squashfs, erofs, ext4, xfs, btrfs or iso9660");
}

static int set_options(struct place *p, struct slice value)
{
	static const char *const refused[] = { "rw", "suid", "dev", "exec", "remount", "bind" };
	struct slice rest = value, one;

	if (value.len == 0)
		return expect(p, "mount options, separated by commas");
	while (slice_next(&rest, ',', &one))
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			if (slice_is(one, refused[i])) {
				p->at = (size_t)(one.at - value.at);
				return expect(
					p,
					"an option of the file system: a layer is always mounted "
					"ro,nosuid,nodev,noexec");
			}
	return copy(p, value, &p->layer->options);
}

static int set_required(struct place *p, struct slice value)
{
	if (!slice_is(value, "yes") && !slice_is(value, "no"))
		return expect(p, "yes or no");
	p->layer->optional = slice_is(value, "no");
	return 0;
}

static int set_timeout(struct place *p, struct slice value)
{
	if (text_duration(value, &p->layer->timeout_ms) < 0)
		return expect(p, "a duration of at most a day, as 10, 10s or 500ms");
	return 0;
}

static int set_top_type(struct place *p, struct slice value)
{
	if (slice_is(value, "tmpfs"))
		p->manifest->top.kind = TOP_TMPFS;
	else if (slice_is(value, "none"))
		p->manifest->top.kind = TOP_NONE;
	else
		return expect(p, "tmpfs or none");
	return 0;
}

static int set_top_size(struct place *p, struct slice value)
{
	if (!text_is_tmpfs_size(value, true))
		return expect(p, "a size as tmpfs takes it, as 50% or 512m");
	return copy(p, value, &p->manifest->top.size);
}

static int set_top_nr_inodes(struct place *p, struct slice value)
{
	if (!text_is_tmpfs_size(value, false))
		return expect(p, "a number as tmpfs takes it, as 100k");
	return copy(p, value, &p->manifest->top.nr_inodes);
}

static const struct key keys[] = {
	{ SECTION_START, "version", set_version }, { SECTION_START, "union", set_union },
	{ SECTION_LAYER, "source", set_source },   { SECTION_LAYER, "type", set_type },
	{ SECTION_LAYER, "options", set_options }, { SECTION_LAYER, "required", set_required },
	{ SECTION_LAYER, "timeout", set_timeout }, { SECTION_TOP, "type", set_top_type },
	{ SECTION_TOP, "size", set_top_size },     { SECTION_TOP, "nr-inodes", set_top_nr_inodes },
};

#define KEYS_COUNT (sizeof(keys) / sizeof(keys[0]))

_Static_assert(KEYS_COUNT <= MANIFEST_KEYS_MAX, "make room for the keys");

size_t key_index(const struct key *key)
{
	return (size_t)(key - keys);
}

const struct key *key_find(enum section section, struct slice name)
{
	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (keys[i].section == section && slice_is(name, keys[i].name))
			return &keys[i];
	return NULL;
}

void key_list(enum section section, struct builder *b)
{
	bool first = true;

	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (keys[i].section == section) {
			builder_addf(b, "%s%s", first ? "" : ", ", keys[i].name);
			first = false;
		}
}

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
	if (name.len == 0 || name.len > MANIFEST_NAME_MAX)
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
	*layer = (struct layer){ .name = text, .timeout_ms = -1 };
	return layer;
}
