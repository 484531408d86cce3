#include "execute.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "child.h"
#include "execute_parts.h"
#include "facts.h"
#include "fs_mount.h"
#include "fs_unionfs.h"
#include "log.h"
#include "plan_print.h"
#include "switch_root.h"
#include "sys.h"
#include "systemd.h"
#include "text.h"

static int check_directory(const char *path)
{
	struct stat st;
	int r = sys_fstatat(AT_FDCWD, path, &st);

	if (r < 0)
		return r;
	return S_ISDIR(st.st_mode) ? 0 : S_ISLNK(st.st_mode) ? -ELOOP : -ENOTDIR;
}

/* In a merged root it is there as a rule, and must be a directory and no symlink that leads away. */
static int make_directory(const struct step *s)
{
	bool merged = strncmp(s->target, PATH_SYSROOT "/", sizeof(PATH_SYSROOT)) == 0;
	int r = merged ? check_directory(s->target) : -ENOENT;

	if (r != -ENOENT)
		return r;
	r = sys_mkdir(s->target, s->mode);
	return r == -EEXIST || r == -EROFS ? check_directory(s->target) : r;
}

/* The daemon is a process of its own and knows no working directory: absolute paths. */
static int start_unionfs(const struct step *s, struct builder *words)
{
	static char names[MANIFEST_LAYERS_MAX][sizeof(PATH_LAYERS) + RESOLVED_NAME_MAX];
	static const char *lowers[MANIFEST_LAYERS_MAX];
	const struct fs_unionfs u = { .target = s->target,
				      .options = s->options,
				      .lowers = lowers,
				      .lowers_count = s->lowers_count,
				      .upper = s->upper };

	if (s->lowers_count > MANIFEST_LAYERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < s->lowers_count; i++) {
		text_print(names[i], sizeof(names[i]), "%s%s",
			   s->lowers[i][0] == '/' ? "" : PATH_LAYERS "/", s->lowers[i]);
		lowers[i] = names[i];
	}
	int r = fs_unionfs_start(&u, words);
	if (r != -ENOENT)
		return r;
	builder_add(words, "the initramfs has no /sbin/unionfs; build it with --with-unionfs");
	return -EOPNOTSUPP;
}

static int mount_union(const struct step *s, struct builder *words)
{
	const struct fs_union u = {
		.type = s->type,
		.source = s->source,
		.target = s->target,
		.options = s->options,
		.flags = s->flags,
		.directory = PATH_LAYERS,
		.lowers = s->lowers,
		.lowers_count = s->lowers_count,
		.upper = s->upper,
		.work = s->work,
	};

	if (strcmp(s->type, plan_union_type(UNION_UNIONFS)) == 0)
		return start_unionfs(s, words);
	int r = fs_mount_union(&u, words);
	if (r != -EROFS || !s->tolerant)
		return r;
	/* Its disk is full: who boots it can make room. */
	struct facts facts = { 0 };
	text_print(facts.warning, sizeof(facts.warning),
		   "top: no room on its disk, the root is read-only (kernel: %s)", words->at);
	words->len = 0;
	facts_print(&facts, words);
	return 0;
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
	if (r < 0)
		return r;
	struct systemd systemd;
	systemd_look(s->target, path, &systemd);
	builder_addf(answer, "\n%s\n%s", systemd.is_init ? "systemd" : "",
		     systemd.remounts_root ? "remounts-root" : "");
	return 0;
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
	case STEP_MEDIUM:
	case STEP_LAYER:
	case STEP_SUBDIR:
	case STEP_WALK:
	case STEP_WHITEOUTS:
	case STEP_VERITY:
	case STEP_WARN:
	case STEP_KERNEL:
		return execute_layer(s, answer);
	case STEP_FORMAT:
	case STEP_FSCK:
	case STEP_VOLUME:
	case STEP_GROW:
		return execute_volume(s, answer);
	case STEP_TOP_READ:
	case STEP_TOP_RESET:
	case STEP_TOP_PARK:
	case STEP_TOP_COMPARE:
	case STEP_TOP_PREPARE:
	case STEP_TOP_STAMP:
	case STEP_TOP_GOOD:
	case STEP_PROTECT:
	case STEP_BIND:
		return execute_top(s, answer);
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

/* Errors that mean the same whatever the step was, or something of their own for one kind of step. */
static const struct {
	int error; /* 0: any */
	bool any;  /* whatever the kind */
	enum step_kind kind;
	enum failure_kind failure;
	const char *text; /* NULL: strerror(); empty: the words alone */
} meanings[] = {
	{ ECHILD, true, 0, FAILURE_CRASH, "the helper process died" },
	{ ETIMEDOUT, true, 0, FAILURE_LAYER_STALLED, "no answer within the time limit" },
	/* A journal that would have to be replayed onto a read-only disk. */
	{ EROFS, false, STEP_LAYER, FAILURE_LAYER_DIRTY, "not cleanly unmounted" },
	{ EROFS, false, STEP_MEDIUM, FAILURE_LAYER_DIRTY, "not cleanly unmounted" },
	{ ELOOP, false, STEP_DIR, FAILURE_ROOT_DIRECTORY, "a layer has a symlink in its place" },
	/* Any step that reads a verified layer. */
	{ EBADMSG, true, 0, FAILURE_LAYER_CORRUPT, "a block is not what the root hash names" },
	{ EIO, false, STEP_VERITY, FAILURE_LAYER_READ, NULL },
	{ ENOENT, false, STEP_VERITY, FAILURE_MODULE_MISSING, "this kernel has no device mapper" },
	/* A disk that was unplugged after it was seen: its node is gone, or opens no more. */
	{ ENOENT, false, STEP_LAYER, FAILURE_LAYER_READ, "it is not there any more" },
	{ ENXIO, false, STEP_LAYER, FAILURE_LAYER_READ, "it is not there any more" },
	{ ENOENT, false, STEP_MEDIUM, FAILURE_LAYER_READ, "it is not there any more" },
	{ ENXIO, false, STEP_MEDIUM, FAILURE_LAYER_READ, "it is not there any more" },
	{ ENODEV, false, STEP_LAYER, FAILURE_MODULE_MISSING, NULL },
	{ ENODEV, false, STEP_MEDIUM, FAILURE_MODULE_MISSING, NULL },
	{ ENODEV, false, STEP_UNION, FAILURE_UNION_UNSUPPORTED, NULL },
	{ EOPNOTSUPP, false, STEP_UNION, FAILURE_UNION_UNSUPPORTED, NULL },
	{ EROFS, false, STEP_UNION, FAILURE_UNION, "the kernel has mounted it read-only" },
	{ EKEYREJECTED, false, STEP_WALK, FAILURE_LAYER_PRIVILEGED, "" },
	{ EXDEV, false, STEP_WALK, FAILURE_LAYER_OUTSIDE, "" },
	{ E2BIG, false, STEP_WALK, FAILURE_LIMIT, "" },
	{ ELOOP, false, STEP_WALK, FAILURE_LIMIT, "" },
	{ E2BIG, false, STEP_WHITEOUTS, FAILURE_LIMIT, "" },
	{ EEXIST, false, STEP_FORMAT, FAILURE_VOLUME_FOREIGN, "the disk is not blank" },
	{ EUCLEAN, false, STEP_FSCK, FAILURE_VOLUME_DAMAGED, "it could not be repaired" },
	{ ENOENT, false, STEP_FSCK, FAILURE_VOLUME_DAMAGED, "the initramfs has no fsck for it" },
	{ ENOENT, false, STEP_FORMAT, FAILURE_MODULE_MISSING, "the initramfs has no mkfs for it" },
};

/* Without the name at its start, "top: " or "layer NAME: ": failure_print() tells it. */
static void add_step(const struct step *s, struct builder *b)
{
	size_t at = b->len, len = s->layer ? strlen(s->layer) : 0;

	plan_print_step(s, b);
	const char *text = b->at + at;
	if (strncmp(text, "layer ", 6) == 0)
		text += 6;
	if (len == 0 || strncmp(text, s->layer, len) != 0 || strncmp(text + len, ": ", 2) != 0)
		return;
	text += len + 2;
	memmove(b->at + at, text, strlen(text) + 1);
	b->len = at + strlen(b->at + at);
}

/* What a reader sees of a step that failed. */
static void add_what(const struct step *s, struct builder *b)
{
	if (s->kind == STEP_LAYER || s->kind == STEP_MEDIUM)
		builder_addf(b, "%s as %s", s->source, s->type);
	else if (s->kind == STEP_VERITY)
		builder_addf(b, "%s, root hash %s", s->source, s->verity->root_hash);
	else
		add_step(s, b);
}

/* A file system's own checksum is EFSBADCRC to the kernel; EFSCORRUPTED is one that the C library has no words for. */
static const char *error_text(int error, bool checksum)
{
	if (checksum)
		return "a checksum is wrong";
	return error == -EUCLEAN ? "damaged, or not what it should be" : strerror(-error);
}

int execute_failed(const struct step *s, int error, const char *words, struct failure *failure)
{
	enum failure_kind kind = s->failure;
	bool checksum = error == -EBADMSG && !s->verity;
	const char *text = error_text(error, checksum);
	bool said = words && *words;
	char what[1024];
	struct builder b;

	if (s->kind == STEP_INIT && error != -ETIMEDOUT && error != -ECHILD)
		return failure_set(failure, FAILURE_INIT_MISSING, NULL, "%s in the merged root: %s",
				   said ? words : "/sbin/init", text);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].error == -error && !checksum &&
		    (meanings[i].any || meanings[i].kind == s->kind)) {
			kind = meanings[i].failure;
			text = meanings[i].text ? meanings[i].text : text;
		}
	if (said && !*text)
		return failure_set(failure, kind, s->layer, "%s", words);
	bool kernels = s->kind == STEP_LAYER || s->kind == STEP_MEDIUM ||
		       (s->kind == STEP_UNION && strcmp(s->type, "unionfs") != 0) ||
		       s->kind == STEP_VOLUME || s->kind == STEP_VERITY;
	builder_start(&b, what, sizeof(what));
	add_what(s, &b);
	return failure_set(failure, kind, s->layer, "%s: %s%s%s%s%s", what, text, said ? " (" : "",
			   said && kernels ? "kernel: " : "", said ? words : "", said ? ")" : "");
}
