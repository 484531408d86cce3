#include "execute_parts.h"

#include <errno.h>
#include <string.h>

#include "bases_read.h"
#include "bind_paths.h"
#include "disks.h"
#include "facts.h"
#include "fs_mount.h"
#include "layer_superblock.h"
#include "loops.h"
#include "resolve.h"
#include "sys.h"
#include "text.h"
#include "verity.h"
#include "walk.h"
#include "whiteouts.h"

/* The device-mapper name in a path below PATH_MAPPER. */
static const char *map_of(const struct step *s)
{
	return s->kind == STEP_VERITY ? s->target + strlen(PATH_MAPPER)
				      : s->source + strlen(PATH_MAPPER);
}

/* A file of a medium; whoever made that may have put a symlink there, which does not lead out of it. */
static int open_file(const char *path)
{
	const char *file = strchr(path + strlen(PATH_MEDIA "/"), '/');
	char medium[128];

	if (!file || (size_t)(file - path) >= sizeof(medium))
		return -ENAMETOOLONG;
	text_print(medium, sizeof(medium), "%.*s", (int)(file - path), path);
	int root = sys_open(medium, O_PATH | O_DIRECTORY);
	if (root < 0)
		return root;
	int fd = sys_open_in_root(root, file + 1, O_RDONLY);
	(void)sys_close(root);
	return fd;
}

/* Read-only below the file system: a journal replay or a stray write cannot reach the image. */
static int open_image(const struct step *s, struct facts *facts)
{
	if (s->kind == STEP_LAYER && s->verity) {
		int r = verity_find(map_of(s), facts->device);
		return r < 0 ? r : disk_open_readonly(facts->device);
	}
	if (!s->loop)
		return disk_open_readonly(s->source);
	int file = open_file(s->source);
	if (file < 0)
		return file;
	int device = loop_attach(file, 0, 0, facts->device);
	(void)sys_close(file);
	return device;
}

/* What the layer at TARGET was made on. */
static int read_bases(const struct step *s, struct facts *facts)
{
	char why[512] = "";
	struct builder bases, words;
	int root = sys_open(s->target, O_RDONLY | O_DIRECTORY);

	if (root < 0)
		return root;
	builder_start(&bases, facts->bases, sizeof(facts->bases));
	builder_start(&words, why, sizeof(why));
	int r = bases_read(root, &bases, &words);
	(void)sys_close(root);
	if (why[0])
		text_print(facts->warning, sizeof(facts->warning), "layer %s: %.400s", s->layer,
			   why);
	return r;
}

static int bind_directory(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	int r = bind_subdir(s->source, s->path, s->target);

	if (r == 0 && s->record)
		r = read_bases(s, &facts);
	if (r == 0)
		facts_print(&facts, answer);
	return r;
}

static int warn(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };

	text_print(facts.warning, sizeof(facts.warning), "%s", s->source);
	facts_print(&facts, answer);
	return 0;
}

static int mount_image(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	int fd = open_image(s, &facts);

	if (fd < 0)
		return fd;
	int dirty = layer_is_dirty(fd, 0, s->type);
	const char *source = facts.device[0] ? facts.device : s->source;
	/* The same errno as the kernel gives for a journal that it may not replay. */
	int r = dirty < 0 ? dirty
		: dirty && !resolve_accepts_dirty(s->options)
			? -EROFS
			: fs_mount(source, s->target, s->type, s->flags, s->options, answer);
	/* Not known is not changed: it would be a reason to reset a top. */
	if (r == 0)
		r = layer_digest(fd, 0, s->type, facts.digest);
	if (r == 0 && s->record)
		r = read_bases(s, &facts);
	if (r == 0 && s->verity)
		r = verity_let_go(map_of(s));
	if (r == 0)
		facts_print(&facts, answer);
	(void)sys_close(fd);
	return r;
}

/* The disks stay open until the device mapper has opened them; an image's loop device goes with the map. */
static int verify_image(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	char table[VERITY_TABLE_MAX], loop[32] = "";
	struct builder b;
	int fd = open_image(s, &facts), hash = -1, r = fd < 0 ? fd : 0;

	if (r == 0 && s->hash)
		hash = disk_open_readonly(s->hash);
	if (r == 0 && hash < 0 && s->hash)
		r = hash;
	if (r == 0) {
		const char *data = s->loop ? memcpy(loop, facts.device, sizeof(loop)) : s->source;
		builder_start(&b, table, sizeof(table));
		verity_table_print(s->verity, data, s->hash ? s->hash : data, &b);
		const struct verity_map map = { .name = map_of(s),
						.table = table,
						.size = s->verity->data_size,
						.block = s->verity->data_block };
		r = b.overflow ? -ENAMETOOLONG : verity_start(&map, facts.device, answer);
	}
	if (fd >= 0)
		(void)sys_close(fd);
	if (hash >= 0)
		(void)sys_close(hash);
	if (r == 0)
		facts_print(&facts, answer);
	return r;
}

/* Verdicts as errors that nothing else here returns: execute_failed() finds their words. */
static int walk(const struct step *s, struct builder *answer)
{
	static const int errors[] = { [WALK_CLEAN] = 0,
				      [WALK_PRIVILEGED] = -EKEYREJECTED,
				      [WALK_OUTSIDE] = -EXDEV,
				      [WALK_TOO_MANY] = -E2BIG };
	const struct walk_rules rules = { .untrusted = s->untrusted,
					  .only = s->lowers,
					  .only_count = s->lowers_count,
					  .entries_max = WALK_ENTRIES_MAX };
	struct walk_result result;
	struct facts facts = { 0 };
	int r = walk_layer(s->target, &rules, &result, answer);

	if (r < 0)
		return r;
	if (result.verdict == WALK_CLEAN) {
		facts.entries = (int)result.entries;
		facts_print(&facts, answer);
	}
	return errors[result.verdict];
}

static int translate(const struct step *s, struct builder *answer)
{
	struct whiteouts_made made;
	struct facts facts = { 0 };
	int r = whiteouts_translate(s->source, s->upper, s->work,
				    s->xattr ? WHITEOUTS_XATTR : WHITEOUTS_WH, WALK_ENTRIES_MAX,
				    &made, answer);

	if (r < 0)
		return r;
	facts.entries = (int)made.entries;
	facts.whiteouts = (int)(made.hidden + made.whiteouts + made.opaques);
	facts_print(&facts, answer);
	return 0;
}

static int look_for_modules(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	char path[512];
	int root = sys_open(s->target, O_PATH | O_DIRECTORY);

	if (root < 0)
		return root;
	text_print(path, sizeof(path), "usr/lib/modules/%s", s->source);
	int fd = sys_open_in_root(root, path, O_PATH);
	if (fd == -ENOENT)
		fd = sys_open_in_root(root, path + strlen("usr/"), O_PATH);
	(void)sys_close(root);
	if (fd >= 0)
		(void)sys_close(fd);
	else
		text_print(facts.warning, sizeof(facts.warning),
			   "layer %s has no modules of kernel %s", s->layer, s->source);
	facts_print(&facts, answer);
	return 0;
}

static int execute(const struct step *s, struct builder *answer)
{
	if (s->kind == STEP_VERITY)
		return verify_image(s, answer);
	if (s->kind == STEP_SUBDIR)
		return bind_directory(s, answer);
	if (s->kind == STEP_WARN)
		return warn(s, answer);
	if (s->kind == STEP_WALK)
		return walk(s, answer);
	if (s->kind == STEP_WHITEOUTS)
		return translate(s, answer);
	if (s->kind == STEP_KERNEL)
		return look_for_modules(s, answer);
	return mount_image(s, answer);
}

int execute_layer(const struct step *s, struct builder *answer)
{
	char map[128];
	struct builder b;
	int r = execute(s, answer);

	if (r == 0 || !s->verity || s->kind == STEP_VERITY)
		return r;
	builder_start(&b, map, sizeof(map));
	builder_addf(&b, MAP_PREFIX "%s", s->layer);
	return verity_is_corrupt(map) ? -EBADMSG : r;
}
