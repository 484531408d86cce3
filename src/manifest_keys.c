#include "manifest_keys.h"

#include <errno.h>
#include <string.h>

#include "manifest_sections.h"
#include "manifest_verity.h"
#include "path_list.h"

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

/* One of WORDS, which NULL ends; its index, or negative. */
static int choice(struct slice value, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (slice_is(value, words[i]))
			return i;
	return -1;
}

static int set_choice(struct place *p, struct slice value, const char *const *words,
		      const char *expected, int *ret)
{
	int i = choice(value, words);

	if (i < 0)
		return expect(p, expected);
	*ret = i;
	return 0;
}

static int set_boolean(struct place *p, struct slice value, const char *const *words,
		       const char *expected, bool *ret)
{
	int i = 0, r = set_choice(p, value, words, expected, &i);

	if (r == 0)
		*ret = i == 1;
	return r;
}

static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const yes_no[] = { "yes", "no", NULL };

static int set_union(struct place *p, struct slice value)
{
	static const char *const words[] = {
		[UNION_OVERLAY] = "overlay", [UNION_AUFS] = "aufs", [UNION_UNIONFS] = "unionfs", NULL
	};
	int i = 0, r = set_choice(p, value, words, "overlay, aufs or unionfs", &i);

	p->manifest->union_kind = (enum union_kind)i;
	return r;
}

static int set_redirect(struct place *p, struct slice value)
{
	static const char *const words[] = { "off", "on", NULL };

	return set_boolean(p, value, words, "on or off", &p->manifest->redirect);
}

/* A signature over another kind of text of the same key is none over a manifest. */
static int set_domain(struct place *p, struct slice value)
{
	if (!slice_is(value, MANIFEST_DOMAIN))
		return expect(p, MANIFEST_DOMAIN);
	p->manifest->domain = MANIFEST_DOMAIN;
	return 0;
}

static int set_set(struct place *p, struct slice value)
{
	if (!layer_name_valid(value))
		return expect(p, EXPECTED_LAYER_NAME);
	return copy(p, value, &p->manifest->set);
}

static int set_set_version(struct place *p, struct slice value)
{
	if (text_number(value, UINT32_MAX, &p->manifest->set_version) < 0 ||
	    p->manifest->set_version == 0)
		return expect(p, "a number from 1 on");
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
	return set_boolean(p, value, yes_no, "yes or no", &p->layer->optional);
}

static int set_trust(struct place *p, struct slice value)
{
	static const char *const words[] = { "trusted", "untrusted", NULL };

	return set_boolean(p, value, words, "trusted or untrusted", &p->layer->untrusted);
}

static int set_whiteouts(struct place *p, struct slice value)
{
	static const char *const words[] = { [LAYER_WHITEOUTS_OVERLAY] = "overlay",
					     [LAYER_WHITEOUTS_WH] = "wh",
					     [LAYER_WHITEOUTS_XATTR] = "xattr",
					     NULL };
	int i = 0, r = set_choice(p, value, words, "overlay, wh or xattr", &i);

	p->layer->whiteouts = (enum layer_whiteouts)i;
	return r;
}

static int below(struct place *p, struct slice value, bool glob, const char *expected,
		 const char **ret)
{
	int r = path_below_parse(value, glob, p->arena, ret);

	return r == -EINVAL ? expect(p, expected) : r;
}

static int set_image(struct place *p, struct slice value)
{
	return below(p, value, true,
		     "a path inside the source, at most 255 bytes, a glob in its last part only",
		     &p->layer->image);
}

#define EXPECTED_SUBDIR "a directory inside the file system, without . or .. or a glob"

static int set_subdir(struct place *p, struct slice value)
{
	return below(p, value, false, EXPECTED_SUBDIR, &p->layer->subdir);
}

static int set_identity(struct place *p, struct slice value)
{
	/* It stands in the top's stamp, a line each with blanks between. */
	if (value.len == 0 || value.len > 128 || memchr(value.at, ' ', value.len) ||
	    memchr(value.at, '\t', value.len))
		return expect(p, "a word of at most 128 bytes");
	return copy(p, value, &p->layer->identity);
}

static int paths(struct place *p, struct slice value, const char *const **ret, size_t *count)
{
	int r = path_list_parse(value, p->arena, ret, count, &p->at);

	return r == -EINVAL ? expect(p, EXPECTED_PATHS) : r;
}

static int set_only(struct place *p, struct slice value)
{
	return paths(p, value, &p->layer->only, &p->layer->only_count);
}

/* What is bound past the union: not its root, which would hide all of it. */
static int bound(struct place *p, struct slice value, const char *const **ret, size_t *count)
{
	const char *const *list = NULL;
	size_t found = 0;
	int r = paths(p, value, &list, &found);

	for (size_t i = 0; r == 0 && i < found; i++)
		if (strcmp(list[i], "/") == 0) {
			p->at = 0;
			return expect(p, "paths below /");
		}
	if (r == 0) {
		*ret = list;
		*count = found;
	}
	return r;
}

static int set_protect(struct place *p, struct slice value)
{
	return bound(p, value, &p->layer->protect, &p->layer->protect_count);
}

static int set_kernel(struct place *p, struct slice value)
{
	p->layer->kernel_any = slice_is(value, "any");
	p->layer->kernels_count = 0;
	if (p->layer->kernel_any)
		return 0;
	int r = words_parse(value, p->arena, &p->layer->kernels, &p->layer->kernels_count);
	return r == -EINVAL ? expect(p, "kernel releases as uname -r prints them, or any") : r;
}

static int set_base_mismatch(struct place *p, struct slice value)
{
	static const char *const words[] = { "warn", "error", NULL };

	return set_boolean(p, value, words, "warn or error", &p->layer->base_strict);
}

static int set_timeout(struct place *p, struct slice value)
{
	if (text_duration(value, &p->layer->timeout_ms) < 0)
		return expect(p, "a duration of at most a day, as 10, 10s or 500ms");
	return 0;
}

static int set_top_type(struct place *p, struct slice value)
{
	static const char *const words[] = {
		[TOP_TMPFS] = "tmpfs", [TOP_NONE] = "none", [TOP_DISK] = "disk", NULL
	};
	int i = 0, r = set_choice(p, value, words, "tmpfs, disk or none", &i);

	p->manifest->top.kind = (enum top_kind)i;
	return r;
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

static int set_on_change(struct place *p, struct slice value)
{
	static const char *const words[] = { [ON_CHANGE_KEEP] = "keep",
					     [ON_CHANGE_REFUSE] = "refuse",
					     [ON_CHANGE_PARK] = "park",
					     [ON_CHANGE_RESET] = "reset",
					     NULL };
	int i = 0, r = set_choice(p, value, words, "keep, refuse, park or reset", &i);

	p->manifest->top.on_change = (enum on_change)i;
	return r;
}

static int set_bind_paths(struct place *p, struct slice value)
{
	return bound(p, value, &p->bind->paths, &p->bind->paths_count);
}

/* [top] and [bind NAME] say the same of their disk. */
static struct volume *volume_of(struct place *p)
{
	return p->bind ? &p->bind->volume : &p->manifest->top.volume;
}

static int set_volume_source(struct place *p, struct slice value)
{
	return source_parse(value, p->arena, &volume_of(p)->source, &p->expected, &p->at);
}

static int set_volume_subdir(struct place *p, struct slice value)
{
	return below(p, value, false, EXPECTED_SUBDIR, &volume_of(p)->subdir);
}

static int set_format(struct place *p, struct slice value)
{
	if (!slice_is(value, "ext4") && !slice_is(value, "xfs"))
		return expect(p, "ext4 or xfs");
	return copy(p, value, &volume_of(p)->format);
}

static int set_fsck(struct place *p, struct slice value)
{
	static const char *const words[] = { "auto", "no", NULL };

	return set_boolean(p, value, words, "auto or no", &volume_of(p)->no_fsck);
}

static int set_grow(struct place *p, struct slice value)
{
	return set_boolean(p, value, no_yes, "yes or no", &volume_of(p)->grow);
}

static const struct key keys[] = {
	{ SECTION_START, "version", set_version },
	{ SECTION_START, "union", set_union },
	{ SECTION_START, "redirect", set_redirect },
	{ SECTION_START, "domain", set_domain },
	{ SECTION_START, "set", set_set },
	{ SECTION_START, "set-version", set_set_version },
	{ SECTION_LAYER, "source", set_source },
	{ SECTION_LAYER, "type", set_type },
	{ SECTION_LAYER, "image", set_image },
	{ SECTION_LAYER, "subdir", set_subdir },
	{ SECTION_LAYER, "options", set_options },
	{ SECTION_LAYER, "required", set_required },
	{ SECTION_LAYER, "timeout", set_timeout },
	{ SECTION_LAYER, "identity", set_identity },
	{ SECTION_LAYER, "kernel", set_kernel },
	{ SECTION_LAYER, "base-mismatch", set_base_mismatch },
	{ SECTION_LAYER, "whiteouts", set_whiteouts },
	{ SECTION_LAYER, "trust", set_trust },
	{ SECTION_LAYER, "only", set_only },
	{ SECTION_LAYER, "protect", set_protect },
	{ SECTION_LAYER, "verity", set_verity },
	{ SECTION_LAYER, "verity-hash-source", set_verity_hash_source },
	{ SECTION_LAYER, "verity-hash-offset", set_verity_hash_offset },
	{ SECTION_LAYER, "verity-data-size", set_verity_data_size },
	{ SECTION_LAYER, "verity-block-size", set_verity_block_size },
	{ SECTION_LAYER, "verity-hash-block-size", set_verity_hash_block_size },
	{ SECTION_LAYER, "verity-salt", set_verity_salt },
	{ SECTION_LAYER, "verity-algorithm", set_verity_algorithm },
	{ SECTION_LAYER, "on-corruption", set_on_corruption },
	{ SECTION_TOP, "type", set_top_type },
	{ SECTION_TOP, "size", set_top_size },
	{ SECTION_TOP, "nr-inodes", set_top_nr_inodes },
	{ SECTION_TOP, "source", set_volume_source },
	{ SECTION_TOP, "subdir", set_volume_subdir },
	{ SECTION_TOP, "format", set_format },
	{ SECTION_TOP, "fsck", set_fsck },
	{ SECTION_TOP, "grow", set_grow },
	{ SECTION_TOP, "on-system-change", set_on_change },
	{ SECTION_BIND, "source", set_volume_source },
	{ SECTION_BIND, "subdir", set_volume_subdir },
	{ SECTION_BIND, "format", set_format },
	{ SECTION_BIND, "fsck", set_fsck },
	{ SECTION_BIND, "grow", set_grow },
	{ SECTION_BIND, "paths", set_bind_paths },
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
