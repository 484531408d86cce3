#include "execute.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "child.h"
#include "disks.h"
#include "fs_mount.h"
#include "log.h"
#include "plan_print.h"
#include "resolve.h"
#include "switch_root.h"
#include "sys.h"

static int make_directory(const struct step *s)
{
	struct stat st;
	int r = sys_mkdir(s->target, s->mode);

	/* It may be there already; in a merged root it must be a directory and no symlink that leads away. */
	if (r != -EEXIST && r != -EROFS)
		return r;
	int found = sys_fstatat(AT_FDCWD, s->target, &st);
	if (found < 0)
		return found;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int mount_layer(const struct step *s, struct builder *words)
{
	/* Read-only below the file system: a journal replay or a stray write cannot reach the image. */
	int fd = disk_open_readonly(s->source);

	if (fd < 0)
		return fd;
	bool dirty = disk_is_dirty(fd, 0, s->type) && !resolve_accepts_dirty(s->options);
	/* The same errno as the kernel gives for a journal that it may not replay. */
	int r = dirty ? -EROFS
		      : fs_mount(s->source, s->target, s->type, s->flags, s->options, words);
	(void)sys_close(fd);
	return r;
}

static int mount_union(const struct step *s, struct builder *words)
{
	const struct fs_union u = {
		.type = s->type,
		.target = s->target,
		.options = s->options,
		.flags = s->flags,
		.directory = PATH_LAYERS,
		.lowers = s->lowers,
		.lowers_count = s->lowers_count,
		.upper = s->upper,
		.work = s->work,
	};

	return fs_mount_union(&u, words);
}

static int look_for_init(const struct step *s, struct builder *answer)
{
	const char *path = s->source ? s->source : "";
	struct stat st;

	/* Read from the disks here, in a child; the steps that follow then find them in memory. */
	for (size_t i = 0; i < plan_moves_count; i++)
		(void)sys_fstatat(AT_FDCWD, plan_moves[i].target, &st);
	int r = find_init(s->target, s->source, &path);

	builder_add(answer, path);
	return r;
}

/* Mounts of the kernel's own file systems do not wait for a disk; libmount has nothing to add to them. */
static int mount_plain(const struct step *s)
{
	int r = sys_mount(s->source, s->target, s->type, s->flags, s->options);

	if (r != -ENOENT)
		return r;
	r = sys_mkdir(s->target, 0755);
	return r < 0 ? r : sys_mount(s->source, s->target, s->type, s->flags, s->options);
}

void execute_announce(const struct step *s)
{
	char line[2048];
	struct builder b;

	if (!log_wants(LOG_PRIORITY_DEBUG))
		return;
	builder_start(&b, line, sizeof(line));
	plan_print_step(s, &b);
	log_line(LOG_PRIORITY_DEBUG, "%s", line);
}

int execute_step(const struct step *s, struct builder *answer)
{
	switch (s->kind) {
	case STEP_DIR:
		return make_directory(s);
	case STEP_MOUNT:
		return mount_plain(s);
	case STEP_LAYER:
		return mount_layer(s, answer);
	case STEP_UNION:
		return mount_union(s, answer);
	case STEP_READONLY:
		/* MS_BIND: of this mount only, its file system stays writable to the union. */
		return sys_mount(NULL, s->target, NULL, s->flags | MS_REMOUNT | MS_BIND, NULL);
	case STEP_INIT:
		return look_for_init(s, answer);
	case STEP_MOVE:
		return sys_mount(s->source, s->target, NULL, MS_MOVE, NULL);
	case STEP_SWITCH:
		return switch_root(s->target);
	case STEP_MODULE:
	case STEP_EXEC:
		break;
	}
	return -EINVAL;
}

static int guarded_work(void *arg, struct builder *answer)
{
	return execute_step(arg, answer);
}

int execute_guarded(const struct step *s, int64_t timeout_ms, struct builder *answer)
{
	return child_run(guarded_work, (void *)s, timeout_ms, answer);
}

/* Errors that mean the same whatever the step was, or something of their own for one kind of step. */
static enum failure_kind failure_of(const struct step *s, int error)
{
	if (error == -ECHILD)
		return FAILURE_CRASH;
	if (error == -ETIMEDOUT)
		return FAILURE_LAYER_STALLED;
	if (s->kind == STEP_LAYER) {
		/* A journal that would have to be replayed onto a read-only disk. */
		if (error == -EROFS)
			return FAILURE_LAYER_DIRTY;
		if (error == -ENODEV)
			return FAILURE_MODULE_MISSING;
	}
	if (s->kind == STEP_UNION && (error == -ENODEV || error == -EOPNOTSUPP))
		return FAILURE_UNION_UNSUPPORTED;
	return s->failure;
}

int execute_failed(const struct step *s, int error, const char *words, struct failure *failure)
{
	char what[1024];
	struct builder b;

	if (s->kind == STEP_INIT && error != -ETIMEDOUT && error != -ECHILD)
		return failure_set(failure, FAILURE_INIT_MISSING, NULL, "%s in the merged root: %s",
				   words && *words ? words : "/sbin/init", strerror(-error));
	builder_start(&b, what, sizeof(what));
	if (s->kind == STEP_LAYER)
		builder_addf(&b, "%s as %s", s->source, s->type);
	else
		plan_print_step(s, &b);
	bool said = words && *words;
	return failure_set(failure, failure_of(s, error), s->layer, "%s: %s%s%s%s", what,
			   s->kind == STEP_LAYER && error == -EROFS ? "not cleanly unmounted"
			   : error == -ETIMEDOUT ? "no answer within the time limit"
			   : error == -ECHILD    ? "the helper process died"
						 : strerror(-error),
			   said ? " (kernel: " : "", said ? words : "", said ? ")" : "");
}
