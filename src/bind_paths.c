#include "bind_paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "copy.h"
#include "sys.h"
#include "text.h"
#include "top_trash.h"

/* A copy on its way; after a power cut it is found again and deleted. */
#define UNFINISHED ".layerboot-new"

/* Where a descriptor leads: mount(2) takes no descriptors. */
static void descriptor_path(int fd, char ret[32])
{
	text_print(ret, 32, "/proc/self/fd/%d", fd);
}

static int bind_descriptors(int from, int to)
{
	char source[32], target[32];

	descriptor_path(from, source);
	descriptor_path(to, target);
	return sys_mount(source, target, NULL, MS_BIND, NULL);
}

int bind_subdir(const char *source, const char *path, const char *target)
{
	int root = sys_open(source, O_PATH | O_DIRECTORY);

	if (root < 0)
		return root;
	int from = sys_open_in_root(root, path, O_PATH | O_DIRECTORY);
	int to = from < 0 ? from : sys_open(target, O_PATH | O_DIRECTORY);
	int r = to < 0 ? to : bind_descriptors(from, to);
	if (to >= 0)
		(void)sys_close(to);
	if (from >= 0)
		(void)sys_close(from);
	(void)sys_close(root);
	return r;
}

/* The mount on PATH of ROOT gets FLAGS in place of those that it had where it comes from. */
static int set_flags(int root, const char *path, unsigned long flags)
{
	char target[32];
	int fd = sys_open_beneath(root, path, O_PATH);

	if (fd < 0)
		return fd;
	descriptor_path(fd, target);
	int r = sys_mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | flags, NULL);
	(void)sys_close(fd);
	return r;
}

/* Both ends are there, of one kind, a directory or a regular file: what a mount can take the place of. */
static int bind_beneath(int source, int root, const char *path, unsigned long flags,
			struct builder *words)
{
	struct stat a, b;
	int from = sys_open_beneath(source, path, O_PATH), to = -1;
	int r = from < 0 ? from : sys_fstat(from, &a);

	if (r < 0) {
		builder_add(words, "in the layer or on the disk");
	} else {
		to = sys_open_beneath(root, path, O_PATH);
		r = to < 0 ? to : sys_fstat(to, &b);
		if (r < 0)
			builder_add(words, "in the merged root");
	}
	if (r == 0 && !S_ISDIR(a.st_mode) && !S_ISREG(a.st_mode))
		r = -EINVAL;
	if (r == 0 && (a.st_mode & S_IFMT) != (b.st_mode & S_IFMT)) {
		builder_add(words, "one is a directory, and the other is not");
		r = -ENOTDIR;
	}
	if (r == 0)
		r = bind_descriptors(from, to);
	if (r == 0)
		r = set_flags(root, path, flags);
	if (to >= 0)
		(void)sys_close(to);
	if (from >= 0)
		(void)sys_close(from);
	return r;
}

/* Opens both directories, and calls one of the two below. */
static int open_both(const char *source, const char *root, int ret[2])
{
	ret[0] = sys_open(source, O_RDONLY | O_DIRECTORY);
	if (ret[0] < 0)
		return ret[0];
	ret[1] = sys_open(root, O_RDONLY | O_DIRECTORY);
	if (ret[1] >= 0)
		return 0;
	(void)sys_close(ret[0]);
	return ret[1];
}

static void close_both(const int fds[2])
{
	(void)sys_close(fds[0]);
	(void)sys_close(fds[1]);
}

int bind_protect(const char *source, const char *root, const char *path, struct builder *words)
{
	int fds[2];
	int r = open_both(source, root, fds);

	if (r < 0)
		return r;
	r = bind_beneath(fds[0], fds[1], path + 1, MS_RDONLY, words);
	close_both(fds);
	return r;
}

/* Opens the directory of PATH below DIR, made on the way like those of LIKE, or 0755; *ret_name is its last part. */
static int open_parent(int dir, int like, const char *path, const char **ret_name)
{
	char part[1024];
	const char *slash;
	int at = sys_openat(dir, ".", O_RDONLY | O_DIRECTORY);

	for (const char *from = path; at >= 0 && (slash = strchr(from, '/')); from = slash + 1) {
		struct stat st;
		text_print(part, sizeof(part), "%.*s", (int)(slash - path), path);
		bool known = like >= 0 && sys_fstatat(like, part, &st) == 0;
		text_print(part, sizeof(part), "%.*s", (int)(slash - from), from);
		int r = sys_mkdirat(at, part, 0755);
		int next = r < 0 && r != -EEXIST
				   ? r
				   : sys_openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (r == 0 && next >= 0 && known) {
			r = sys_fchown(next, st.st_uid, st.st_gid);
			if (r == 0)
				r = sys_fchmod(next, st.st_mode & 07777);
			if (r < 0) {
				(void)sys_close(next);
				next = r;
			}
		}
		(void)sys_close(at);
		at = next;
	}
	slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	return at;
}

/*
 * What no layer has begins as an empty directory; but what machine-id(5) describes is a file, and with this word in it
 * systemd still takes the boot for the first one.
 */
static int make_new(int source, const char *path)
{
	static const char text[] = "uninitialized\n";

	if (strcmp(path, "etc/machine-id") != 0)
		return sys_mkdirat(source, UNFINISHED, 0755);
	int fd =
		sys_openat_mode(source, UNFINISHED, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0444);
	if (fd < 0)
		return fd;
	ssize_t len = sys_write(fd, text, sizeof(text) - 1);
	int r = len < 0 ? (int)len : sys_fsync(fd);
	(void)sys_close(fd);
	return r;
}

/*
 * The first use: what the root has is what the disk begins with. The copy is made at the root of SOURCE, and the
 * rename makes it whole or not there.
 */
static int provide(int source, int root, const char *path, struct builder *words)
{
	const char *name, *same;
	struct stat st;
	int from = -1, to = open_parent(source, root, path, &name);
	int r = to < 0 ? to : trash_take(source, UNFINISHED);

	if (r == 0)
		r = trash_empty(source);
	if (r == 0) {
		from = open_parent(root, -1, path, &same);
		r = from < 0 ? from : sys_fstatat(from, name, &st);
	}
	if (r == 0)
		r = copy_entry(from, name, source, UNFINISHED, words);
	else if (r == -ENOENT)
		r = make_new(source, path);
	if (r == 0)
		r = sys_renameat(source, UNFINISHED, to, name);
	if (r == 0)
		r = sys_fsync(to);
	if (from >= 0)
		(void)sys_close(from);
	if (to >= 0)
		(void)sys_close(to);
	return r;
}

/* An empty place in the root for what the disk has. */
static int make_place(int source, int root, const char *path)
{
	const char *name;
	struct stat st;
	int from = sys_open_beneath(source, path, O_PATH);
	int r = from < 0 ? from : sys_fstat(from, &st);
	int dir = r < 0 ? r : open_parent(root, source, path, &name);

	if (from >= 0)
		(void)sys_close(from);
	if (dir < 0)
		return dir;
	if (S_ISDIR(st.st_mode)) {
		r = sys_mkdirat(dir, name, st.st_mode & 07777);
	} else {
		r = sys_openat_mode(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
		if (r >= 0)
			r = sys_close(r);
	}
	(void)sys_close(dir);
	return r;
}

/* 1 if PATH is there, through no symlink; 0 if it is not; or -errno. */
static int is_there(int dir, const char *path)
{
	int fd = sys_open_beneath(dir, path, O_PATH);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	(void)sys_close(fd);
	return 1;
}

int bind_persistent(const char *source, const char *root, const char *path, struct builder *words)
{
	int fds[2];
	int r = open_both(source, root, fds);

	if (r < 0)
		return r;
	path++;
	r = is_there(fds[0], path);
	if (r == 0)
		r = provide(fds[0], fds[1], path, words);
	if (r >= 0)
		r = is_there(fds[1], path);
	if (r == 0)
		r = make_place(fds[0], fds[1], path);
	if (r >= 0)
		r = bind_beneath(fds[0], fds[1], path, 0, words);
	close_both(fds);
	return r;
}
