/* include/sys.h on the fake machine: names, attributes, owners. */
#include "fake_calls.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int sys_mkdir(const char *path, mode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
	char real[PATH_MAX], name[PATH_MAX];
	struct stat st;

	if (dir == AT_FDCWD)
		ENTER(sys_mkdir, "%s", path);
	else
		ENTER(sys_mkdirat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	if (fstatat(dir, real, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (dir == AT_FDCWD && fake_read_only(path))
		return -EROFS;
	return (int)fake_result(mkdirat(dir, real, mode));
}

int sys_stat(const char *path, struct stat *ret)
{
	char real[PATH_MAX];

	ENTER(sys_stat, "%s", path);
	return (int)fake_result(stat(fake_path(path, real, sizeof(real)), ret));
}

int sys_fstat(int fd, struct stat *ret)
{
	ENTER(sys_fstat, "%s", fake_descriptor(fd));
	int r = (int)fake_result(fstat(fd, ret));
	if (r == 0 && fake_descriptors[fd].kind == FAKE_KIND_DISK)
		ret->st_mode = (ret->st_mode & ~(mode_t)S_IFMT) | S_IFBLK;
	return r;
}

int sys_fstatat(int dir, const char *path, struct stat *ret)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_fstatat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	return (int)fake_result(fstatat(dir, real, ret, AT_SYMLINK_NOFOLLOW));
}

int sys_statfs(const char *path, struct statfs *ret)
{
	char real[PATH_MAX];

	ENTER(sys_statfs, "%s", path);
	int r = (int)fake_result(statfs(fake_path(path, real, sizeof(real)), ret));
	const struct fake_mount *m = fake_mount_of(path);
	const char *type = m ? m->type : "";
	if (r == 0 && !m)
		ret->f_type = fake->machine->not_initramfs ? EXT4_SUPER_MAGIC : RAMFS_MAGIC;
	else if (r == 0)
		ret->f_type = strcmp(type, "tmpfs") == 0  ? TMPFS_MAGIC
			      : strcmp(type, "ext4") == 0 ? EXT4_SUPER_MAGIC
			      : strcmp(type, "fuse") == 0 ? FUSE_SUPER_MAGIC
							  : ret->f_type;
	return r;
}

int sys_link(const char *path, const char *new_path)
{
	char real[PATH_MAX], to[PATH_MAX];

	ENTER(sys_link, "%s as %s", path, new_path);
	(void)fake_place(AT_FDCWD, path, real);
	(void)fake_place(AT_FDCWD, new_path, to);
	return (int)fake_result(link(real, to));
}

int sys_unlinkat(int dir, const char *path, bool directory)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_unlinkat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	return (int)fake_result(unlinkat(dir, real, directory ? AT_REMOVEDIR : 0));
}

ssize_t sys_readlink(const char *path, char *buffer, size_t size)
{
	char real[PATH_MAX];

	ENTER(sys_readlink, "%s", path);
	/* Where a descriptor leads, which a caller may only ask the last part of. */
	if (strncmp(path, "/proc/self/fd/", strlen("/proc/self/fd/")) == 0)
		return fake_result(readlink(path, buffer, size));
	return fake_result(readlink(fake_path(path, real, sizeof(real)), buffer, size));
}

int sys_chdir(const char *path)
{
	ENTER(sys_chdir, "%s", path);
	return fake_chdir(path);
}

int sys_fchdir(int fd)
{
	ENTER(sys_fchdir, "%s", fake_descriptor(fd));
	return fake_chdir(fake_descriptor(fd));
}

int sys_chroot(const char *path)
{
	ENTER(sys_chroot, "%s", path);
	return fake_chroot(path);
}

ssize_t sys_getdents(int fd, void *buffer, size_t size)
{
	ENTER(sys_getdents, "%s", fake_descriptor(fd));
	return fake_result(syscall(SYS_getdents64, fd, buffer, size));
}

/* trusted.* is for root only, and a test is none. */
static const char *attribute(const char *name, char *ret, size_t size)
{
	bool trusted = strncmp(name, "trusted.", 8) == 0;

	(void)fake_print(ret, size, "%s%s", trusted ? "user." : "", name);
	return ret;
}

ssize_t sys_fgetxattr(int fd, const char *name, void *buffer, size_t size)
{
	char own[XATTR_NAME_MAX + 1];

	ENTER(sys_fgetxattr, "%s %s", name, fake_descriptor(fd));
	return fake_result(fgetxattr(fd, attribute(name, own, sizeof(own)), buffer, size));
}

ssize_t sys_lgetxattr(const char *path, const char *name, void *buffer, size_t size)
{
	char own[XATTR_NAME_MAX + 1], real[PATH_MAX];

	ENTER(sys_lgetxattr, "%s %s", name, path);
	return fake_result(lgetxattr(fake_path(path, real, sizeof(real)),
				     attribute(name, own, sizeof(own)), buffer, size));
}

/* The list as root would read it. */
static ssize_t plain_list(char *buffer, size_t size, ssize_t len)
{
	static const char prefix[] = "user.trusted.";
	const size_t cut = strlen("user.");
	ssize_t used = 0;

	if (len < 0)
		return -errno;
	if (size == 0)
		return len;
	for (ssize_t at = 0; at < len;) {
		const char *one = buffer + at;
		size_t one_len = strlen(one) + 1, skip = 0;
		if (strncmp(one, prefix, strlen(prefix)) == 0)
			skip = cut;
		memmove(buffer + used, one + skip, one_len - skip);
		used += (ssize_t)(one_len - skip);
		at += (ssize_t)one_len;
	}
	return used;
}

ssize_t sys_flistxattr(int fd, char *buffer, size_t size)
{
	ENTER(sys_flistxattr, "%s", fake_descriptor(fd));
	return plain_list(buffer, size, flistxattr(fd, buffer, size));
}

ssize_t sys_llistxattr(const char *path, char *buffer, size_t size)
{
	char real[PATH_MAX];

	ENTER(sys_llistxattr, "%s", path);
	return plain_list(buffer, size,
			  llistxattr(fake_path(path, real, sizeof(real)), buffer, size));
}

int sys_fsetxattr(int fd, const char *name, const void *value, size_t size)
{
	char own[XATTR_NAME_MAX + 1];

	ENTER(sys_fsetxattr, "%s %s", name, fake_descriptor(fd));
	return (int)fake_result(fsetxattr(fd, attribute(name, own, sizeof(own)), value, size, 0));
}

int sys_mknodat(int dir, const char *path, mode_t mode, dev_t device)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_mknodat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	return (int)fake_result(mknodat(dir, real, mode, device));
}

int sys_symlinkat(const char *target, int dir, const char *path)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_symlinkat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	return (int)fake_result(symlinkat(target, dir, real));
}

ssize_t sys_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	char real[PATH_MAX], name[PATH_MAX];

	ENTER(sys_readlinkat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	return fake_result(readlinkat(dir, real, buffer, size));
}

/* Owners are root's to give. */

int sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	char real[PATH_MAX], name[PATH_MAX];
	struct stat st;

	(void)uid, (void)gid;
	ENTER(sys_fchownat, "%s", fake_below(dir, path, name));
	dir = fake_place(dir, path, real);
	return (int)fake_result(fstatat(dir, real, &st, AT_SYMLINK_NOFOLLOW));
}

int sys_fchown(int fd, uid_t uid, gid_t gid)
{
	(void)uid, (void)gid;
	ENTER(sys_fchown, "%s", fake_descriptor(fd));
	return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
}

int sys_fchmod(int fd, mode_t mode)
{
	ENTER(sys_fchmod, "%s", fake_descriptor(fd));
	return (int)fake_result(fchmod(fd, mode));
}

int sys_futimens(int fd, const struct timespec times[2])
{
	ENTER(sys_futimens, "%s", fake_descriptor(fd));
	return (int)fake_result(futimens(fd, times));
}

int sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char real_from[PATH_MAX], real_to[PATH_MAX], name[PATH_MAX];

	ENTER(sys_renameat, "%s", fake_below(from_dir, from, name));
	from_dir = fake_place(from_dir, from, real_from);
	to_dir = fake_place(to_dir, to, real_to);
	return (int)fake_result(renameat(from_dir, real_from, to_dir, real_to));
}

int sys_fsync(int fd)
{
	ENTER(sys_fsync, "%s", fake_descriptor(fd));
	return (int)fake_result(fsync(fd));
}
