#include "execute_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bind_paths.h"
#include "disks.h"
#include "facts.h"
#include "fs_mount.h"
#include "loops.h"
#include "resolve.h"
#include "sys.h"
#include "walk.h"
#include "whiteouts.h"

/* Read-only below the file system: a journal replay or a stray write cannot reach the image. */
static int open_image(const struct step *s, struct facts *facts)
{
	if (!s->loop)
		return disk_open_readonly(s->source);
	int file = sys_open(s->source, O_RDONLY);
	if (file < 0)
		return file;
	int device = loop_attach(file, 0, 0, facts->device);
	(void)sys_close(file);
	return device;
}

static int mount_image(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	int fd = open_image(s, &facts);

	if (fd < 0)
		return fd;
	int dirty = disk_is_dirty(fd, 0, s->type);
	const char *source = s->loop ? facts.device : s->source;
	/* The same errno as the kernel gives for a journal that it may not replay. */
	int r = dirty < 0 ? dirty
		: dirty && !resolve_accepts_dirty(s->options)
			? -EROFS
			: fs_mount(source, s->target, s->type, s->flags, s->options, answer);
	/* Not known is not changed: it would be a reason to reset a top. */
	if (r == 0)
		r = disk_digest(fd, 0, s->type, facts.digest);
	if (r == 0)
		facts_print(&facts, answer);
	(void)sys_close(fd);
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
	(void)snprintf(path, sizeof(path), "usr/lib/modules/%s", s->source);
	int fd = sys_open_in_root(root, path, O_PATH);
	if (fd == -ENOENT)
		fd = sys_open_in_root(root, path + strlen("usr/"), O_PATH);
	(void)sys_close(root);
	if (fd >= 0)
		(void)sys_close(fd);
	else
		(void)snprintf(facts.warning, sizeof(facts.warning),
			       "layer %s has no modules of kernel %s", s->layer, s->source);
	facts_print(&facts, answer);
	return 0;
}

int execute_layer(const struct step *s, struct builder *answer)
{
	if (s->kind == STEP_SUBDIR)
		return bind_subdir(s->source, s->path, s->target);
	if (s->kind == STEP_WALK)
		return walk(s, answer);
	if (s->kind == STEP_WHITEOUTS)
		return translate(s, answer);
	if (s->kind == STEP_KERNEL)
		return look_for_modules(s, answer);
	return mount_image(s, answer);
}
