#include "switch_root.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>

#include "sys.h"

int switch_root_in_memory(void)
{
	struct statfs fs;
	int r = sys_statfs("/", &fs);

	if (r < 0)
		return r;
	return (unsigned long)fs.f_type == RAMFS_MAGIC || (unsigned long)fs.f_type == TMPFS_MAGIC
		       ? 0
		       : -EXDEV;
}

int switch_root_check(void)
{
	struct stat st;
	int r = switch_root_in_memory();

	if (r < 0)
		return r;
	r = sys_stat("/init", &st);
	return r == 0 && S_ISREG(st.st_mode) ? 0 : -EXDEV;
}

#define DEEPEST 32

static void empty(int dir, dev_t device, int depth);

/* Of the directory /: what is kept, and mount points of what has been moved away. */
static bool is_left(const char *name)
{
	static const char *const names[] = { SWITCH_ROOT_KEEPS, "dev", "proc", "run", "sys",
					     "sysroot" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The directory NAME of DIR, unless another file system is mounted there. */
static void empty_directory(int dir, const char *name, dev_t device, int depth)
{
	struct stat st;
	int sub = sys_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (sub < 0)
		return;
	if (depth > 0 && sys_fstat(sub, &st) == 0 && st.st_dev == device)
		empty(sub, device, depth - 1);
	(void)sys_close(sub);
}

/*
 * Deletes the files below DIR on DEVICE. What cannot be deleted stays, it only takes memory; directories stay, since to
 * delete one costs as much as a large file, and gives back less than a kilobyte.
 */
static void empty(int dir, dev_t device, int depth)
{
	char buffer[4096];
	ssize_t len;

	while ((len = sys_getdents(dir, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < len;) {
			struct dirent *e = (struct dirent *)(void *)(buffer + at);
			at += e->d_reclen;
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			    (depth == DEEPEST && is_left(e->d_name)))
				continue;
			/* ramfs and tmpfs, of which an initramfs is, tell the type. */
			if (e->d_type == DT_DIR)
				empty_directory(dir, e->d_name, device, depth);
			else
				/* EBUSY if it is mounted on */
				(void)sys_unlinkat(dir, e->d_name, false);
		}
	}
}

int switch_root(const char *target)
{
	struct stat st;
	int r = switch_root_check();

	if (r < 0)
		return r;
	int old = sys_open("/", O_RDONLY | O_DIRECTORY);
	if (old < 0)
		return old;
	r = sys_fstat(old, &st);
	if (r == 0)
		r = sys_chdir(target);
	/* pivot_root(2) refuses the initramfs: it has no parent mount to be put on. */
	if (r == 0)
		r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
	if (r == 0)
		r = sys_chroot(".");
	if (r == 0)
		r = sys_chdir("/");
	if (r == 0)
		empty(old, st.st_dev, DEEPEST);
	(void)sys_close(old);
	return r;
}

static int check_init(int root, const char *path)
{
	struct stat st;
	int fd = sys_open_in_root(root, path, O_PATH);

	if (fd < 0)
		return fd;
	int r = sys_fstat(fd, &st);
	(void)sys_close(fd);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EACCES;
	return st.st_mode & 0111 ? 0 : -EACCES;
}

int find_init(const char *root, const char *wanted, const char **ret)
{
	/* The kernel's own list without /bin/sh: a guest that sits in a shell looks alive. */
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init" };
	int fd = sys_open(root, O_PATH | O_DIRECTORY), r = -ENOENT;

	if (fd < 0)
		return fd;
	if (wanted) {
		*ret = wanted;
		r = check_init(fd, wanted);
	} else {
		for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && r == -ENOENT; i++) {
			*ret = usual[i];
			r = check_init(fd, usual[i]);
		}
	}
	(void)sys_close(fd);
	return r;
}
