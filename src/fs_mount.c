#include "fs_mount.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "kernel_log.h"
#include "sys.h"

/*
 * libmount tells the options of the kernel's mount apart from those of the file system, and both from those that only
 * mount(8) acts on. Its context, which would also do the mount, brings helpers, utab, fstab and loop devices along:
 * a third of the size of the whole program.
 */
static int split_options(const char *options, unsigned long *flags, char **fs_options,
			 struct builder *words)
{
	char *user = NULL, *vfs = NULL;
	int r = mnt_split_optstr(options, &user, &vfs, fs_options, 0, 0);

	if (r == 0 && user) {
		builder_addf(words, "only mount(8) knows the option %s", user);
		r = -EINVAL;
	}
	if (r == 0 && vfs)
		r = mnt_optstr_get_flags(vfs, flags, mnt_get_builtin_optmap(MNT_LINUX_MAP));
	free(user);
	free(vfs);
	return r;
}

int fs_mount(const char *source, const char *target, const char *type, unsigned long flags,
	     const char *options, struct builder *words)
{
	char *fs_options = NULL;
	int r = options ? split_options(options, &flags, &fs_options, words) : 0;

	if (r == 0) {
		int64_t start_us = sys_now_us();
		r = sys_mount(source, target, type, flags, fs_options);
		if (r < 0)
			kernel_log_since(start_us, words);
	}
	free(fs_options);
	return r;
}

/*
 * 1 if the kernel has lowerdir+, 0 if it does not, or -errno. 6.1 takes any key and fails only at the creation; a
 * kernel that has it looks the path up at once, and this one does not exist.
 */
static int has_lowerdir_plus(const char *type)
{
	int fd = sys_fsopen(type);

	/* Before 5.2, or refused by a filter of system calls: the old way is still there. */
	if (fd < 0)
		return fd == -ENOSYS || fd == -EPERM ? 0 : fd;
	int r = sys_fsconfig(fd, FSCONFIG_SET_STRING, "lowerdir+", "/nonexistent-layerboot");
	(void)sys_close(fd);
	if (r == -ENOENT)
		return 1;
	return r == 0 || r == -EINVAL ? 0 : r;
}

/* The context's messages: a letter for the level, a blank, the text. */
static void take_context_words(int fd, struct builder *words)
{
	char message[512];
	ssize_t len;

	while ((len = sys_read(fd, message, sizeof(message) - 1)) > 2) {
		message[len] = '\0';
		if (words->len > 0)
			builder_add(words, "; ");
		builder_add_slice(words, (struct slice){ .at = message + 2,
							 .len = strcspn(message + 2, "\n") });
	}
}

static int set_string(int fd, const char *key, const char *value)
{
	return sys_fsconfig(fd, FSCONFIG_SET_STRING, key, value);
}

/* Comma-separated KEY=VALUE, one call each. */
static int set_options(int fd, const char *options)
{
	struct slice rest = slice_of(options), one;

	while (slice_next(&rest, ',', &one)) {
		char text[256], *value;
		struct builder b;
		builder_start(&b, text, sizeof(text));
		builder_add_slice(&b, one);
		value = strchr(text, '=');
		if (b.overflow || !value)
			return -EINVAL;
		*value = '\0';
		int r = set_string(fd, text, value + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_lowers(int fd, const struct fs_union *u)
{
	for (size_t i = 0; i < u->lowers_count; i++) {
		char path[256]; /* fsconfig takes strings up to 255 bytes */
		struct builder b;
		builder_start(&b, path, sizeof(path));
		if (u->lowers[i][0] != '/')
			builder_addf(&b, "%s/", u->directory);
		builder_add(&b, u->lowers[i]);
		int r = b.overflow ? -ENAMETOOLONG : set_string(fd, "lowerdir+", path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int configure(int fd, const struct fs_union *u)
{
	int r = set_string(fd, "source", u->source);

	if (r == 0)
		r = set_lowers(fd, u);
	if (r == 0 && u->upper)
		r = set_string(fd, "upperdir", u->upper);
	if (r == 0 && u->work)
		r = set_string(fd, "workdir", u->work);
	if (r == 0)
		r = set_options(fd, u->options);
	if (r == 0 && (u->flags & MS_RDONLY))
		r = sys_fsconfig(fd, FSCONFIG_SET_FLAG, "ro", NULL);
	if (r == 0)
		r = sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL);
	return r;
}

static int mount_new(const struct fs_union *u, struct builder *words)
{
	int fd = sys_fsopen(u->type);

	if (fd < 0)
		return fd;
	int r = configure(fd, u);
	if (r < 0)
		take_context_words(fd, words);
	if (r == 0) {
		int mount = sys_fsmount(fd, u->flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0);
		r = mount < 0 ? mount : sys_move_mount(mount, u->target);
		if (mount >= 0)
			(void)sys_close(mount);
	}
	(void)sys_close(fd);
	return r;
}

/* mount(2) copies one page of options, its last byte a NUL (fs/namespace.c, copy_mount_options). */
#define OPTIONS_MAX 4096

/* A colon separates layers and a comma options; overlay takes both with a backslash before. */
static void add_path(struct builder *b, const char *path)
{
	for (const char *p = path; *p; p++) {
		if (*p == ':' || *p == ',' || *p == '\\')
			builder_add(b, "\\");
		builder_add_slice(b, (struct slice){ .at = p, .len = 1 });
	}
}

static int mount_old(const struct fs_union *u, struct builder *words)
{
	char options[OPTIONS_MAX];
	struct builder b;

	builder_start(&b, options, sizeof(options));
	for (size_t i = 0; i < u->lowers_count; i++) {
		builder_add(&b, i ? ":" : "lowerdir=");
		add_path(&b, u->lowers[i]);
	}
	if (u->upper) {
		builder_add(&b, ",upperdir=");
		add_path(&b, u->upper);
		builder_add(&b, ",workdir=");
		add_path(&b, u->work);
	}
	builder_addf(&b, ",%s", u->options);
	if (b.overflow) {
		builder_addf(
			words,
			"this kernel lacks lowerdir+, and the options for %zu layers need more "
			"than the %d bytes that mount(2) takes",
			u->lowers_count, OPTIONS_MAX - 1);
		return -EOPNOTSUPP;
	}
	/* Short names: they are looked up from the working directory. */
	int r = sys_chdir(u->directory);
	if (r == 0)
		r = sys_mount(u->source, u->target, u->type, u->flags, options);
	(void)sys_chdir("/");
	return r;
}

/*
 * Branches, the highest first; wh: .wh. files of a branch delete (aufs(5)). Not tried on a kernel that has aufs: no
 * distribution's is at hand.
 */
static int mount_aufs(const struct fs_union *u, struct builder *words)
{
	char options[OPTIONS_MAX];
	struct builder b;

	builder_start(&b, options, sizeof(options));
	builder_addf(&b, "br:%s%s", u->upper ? u->upper : "", u->upper ? "=rw:" : "");
	for (size_t i = 0; i < u->lowers_count; i++)
		builder_addf(&b, "%s%s%s%s=ro+wh", i ? ":" : "",
			     u->lowers[i][0] == '/' ? "" : u->directory,
			     u->lowers[i][0] == '/' ? "" : "/", u->lowers[i]);
	builder_addf(&b, ",%s", u->options);
	if (b.overflow) {
		builder_addf(
			words,
			"the options for %zu layers need more than the %d bytes that mount(2) takes",
			u->lowers_count, OPTIONS_MAX - 1);
		return -EOPNOTSUPP;
	}
	return sys_mount(u->source, u->target, u->type, u->flags, options);
}

/*
 * Without room for what it makes in workdir, the kernel gives up writing and mounts all the same (ovl_make_workdir,
 * "mounting read-only").
 */
static int check_writable(const char *target)
{
	struct statfs fs;
	int r = sys_statfs(target, &fs);

	return r < 0 ? r : fs.f_flags & ST_RDONLY ? -EROFS : 0;
}

static int mount_overlay(const struct fs_union *u, struct builder *words)
{
	int r = has_lowerdir_plus(u->type);

	if (r >= 0)
		r = r ? mount_new(u, words) : mount_old(u, words);
	return r == 0 && u->upper ? check_writable(u->target) : r;
}

int fs_mount_union(const struct fs_union *u, struct builder *words)
{
	int64_t start_us = sys_now_us();
	int r = strcmp(u->type, "aufs") == 0 ? mount_aufs(u, words) : mount_overlay(u, words);

	if (r < 0)
		kernel_log_since(start_us, words);
	return r;
}
