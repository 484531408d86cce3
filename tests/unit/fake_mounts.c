/* Mounts as a table: the content of each is a directory below the boot's own, or one of the fixtures. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_sys.h"

/* Of this process, as in the kernel; both in the table's names. */
static char root[PATH_MAX] = "", directory[PATH_MAX] = "/";

/* The name in the table of PATH: absolute, whatever chroot() and chdir() have been told. */
static void absolute(const char *path, char *ret, size_t size)
{
	bool own = path[0] == '/';
	int len = snprintf(ret, size, "%s%s%s", own ? root : directory, own ? "" : "/", path);

	/* "." and slashes at the end; ".." is not for an init. */
	while (len > 1 && (ret[len - 1] == '/' || (ret[len - 1] == '.' && ret[len - 2] == '/')))
		ret[--len] = '\0';
	if (strncmp(ret, "//", 2) == 0)
		memmove(ret, ret + 1, strlen(ret));
}

static bool below(const char *path, const char *target)
{
	size_t len = strlen(target);

	return strncmp(path, target, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static struct fake_mount *find(const char *name)
{
	struct fake_mount *best = NULL;

	for (size_t i = 0; i < fake->mounts_count; i++) {
		struct fake_mount *m = &fake->mounts[i];
		if (below(name, m->target) && (!best || strlen(m->target) >= strlen(best->target)))
			best = m;
	}
	return best;
}

const struct fake_mount *fake_mount_of(const char *path)
{
	char name[PATH_MAX];

	absolute(path, name, sizeof(name));
	return find(name);
}

char *fake_path(const char *path, char *ret, size_t size)
{
	char name[PATH_MAX];

	absolute(path, name, sizeof(name));
	const struct fake_mount *m = find(name);
	/* Where libkmod says that modules are. */
	if (strncmp(name, fake->fixtures, strlen(fake->fixtures)) == 0)
		(void)fake_print(ret, size, "%s", name);
	else if (m)
		(void)fake_print(ret, size, "%s%s", m->backing, name + strlen(m->target));
	else
		(void)fake_print(ret, size, "%s/root%s", fake->directory, name);
	return ret;
}

static int set_place(const char *path, char *place)
{
	char real[PATH_MAX], name[PATH_MAX];
	struct stat st;

	if (stat(fake_path(path, real, sizeof(real)), &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	absolute(path, name, sizeof(name));
	(void)fake_print(place, PATH_MAX, "%s", name);
	return 0;
}

int fake_chdir(const char *path)
{
	return set_place(path, directory);
}

int fake_chroot(const char *path)
{
	return set_place(path, root);
}

static struct fake_mount *add(const char *source, const char *target, const char *type,
			      unsigned long flags)
{
	if (fake->mounts_count == FAKE_MOUNTS_MAX)
		fake_finish(FAKE_MISUSED, 0, "too many mounts");
	struct fake_mount *m = &fake->mounts[fake->mounts_count];
	*m = (struct fake_mount){ .flags = flags };
	absolute(target, m->target, sizeof(m->target));
	(void)fake_print(m->source, sizeof(m->source), "%s", source ? source : "none");
	(void)fake_print(m->type, sizeof(m->type), "%s", type ? type : "");
	return m;
}

static int move(const char *source, const char *target)
{
	char from[PATH_MAX], to[PATH_MAX], rest[128];
	bool found = false;

	absolute(source, from, sizeof(from));
	absolute(target, to, sizeof(to));
	/* Onto the root: the names stay, chroot() follows. */
	bool to_root = strcmp(to, "/") == 0;
	for (size_t i = 0; i < fake->mounts_count; i++) {
		struct fake_mount *m = &fake->mounts[i];
		found |= strcmp(m->target, from) == 0;
		if (to_root || !below(m->target, from))
			continue;
		(void)fake_print(rest, sizeof(rest), "%s", m->target + strlen(from));
		if (snprintf(m->target, sizeof(m->target), "%s%s", to, rest) < 0)
			return -EINVAL;
	}
	return found ? 0 : -EINVAL;
}

static int remount(const char *target, unsigned long flags)
{
	char name[PATH_MAX];

	absolute(target, name, sizeof(name));
	struct fake_mount *m = find(name);
	if (!m || strcmp(m->target, name) != 0)
		return -EINVAL;
	m->flags = flags & ~(unsigned long)(MS_REMOUNT | MS_BIND);
	return 0;
}

/* The disk whose name below /dev this is. */
static const struct fake_disk *disk_of(const char *source)
{
	for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++)
		if (fake->announced[i] && !fake->removed[i] && strncmp(source, "/dev/", 5) == 0 &&
		    strcmp(source + 5, fake->machine->disks[i].name) == 0)
			return &fake->machine->disks[i];
	return NULL;
}

/* A directory of the fixtures has the name of its image. */
static int back_by_image(struct fake_mount *m, const char *image)
{
	const char *slash = strrchr(image, '/'), *name = slash ? slash + 1 : image;

	(void)fake_print(m->backing, sizeof(m->backing), "%s/%.*s", fake->fixtures,
			 (int)strcspn(name, "."), name);
	return access(m->backing, F_OK) < 0 ? -EINVAL : 0;
}

static int back(struct fake_mount *m, const char *source, const char *type)
{
	static const char *const own[] = { "devtmpfs", "proc", "sysfs" };
	const struct fake_disk *disk;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(type, own[i]) == 0) {
			(void)fake_print(m->backing, sizeof(m->backing), "%s/%s", fake->directory,
					 type);
			return 0;
		}
	if (strcmp(type, "tmpfs") == 0) {
		(void)fake_print(m->backing, sizeof(m->backing), "%s/tmpfs-%zu", fake->directory,
				 fake->scratch_count++);
		return mkdir(m->backing, 0755) < 0 ? -errno : 0;
	}
	if (strcmp(type, "overlay") == 0 || strcmp(type, "fuse") == 0) {
		if (fake->machine->union_refused)
			return -EINVAL;
		(void)fake_print(m->backing, sizeof(m->backing), "%s/union", fake->directory);
		return 0;
	}
	for (size_t i = 0; i < fake->loops_count; i++) {
		char loop[32];
		if (strcmp(source, fake_print(loop, sizeof(loop), "/dev/loop%zu", i)) == 0)
			return back_by_image(m, fake->loops[i]);
	}
	const struct fake_map *map = fake_map_of(source);
	if (map)
		return back(m, map->data, type);
	disk = disk_of(source);
	if (!disk)
		return -ENOENT;
	/* The parent goes on; whoever kills this process continues it, too. */
	if (disk->mount_stalls)
		(void)raise(SIGSTOP);
	if (disk->writable) {
		(void)fake_print(m->backing, sizeof(m->backing), "%s/volume-%s", fake->directory,
				 disk->name);
		return 0;
	}
	if (!disk->tree)
		return -EINVAL;
	(void)fake_print(m->backing, sizeof(m->backing), "%s/%s", fake->fixtures, disk->tree);
	return 0;
}

static int mount_new(const char *source, const char *target, const char *type, unsigned long flags)
{
	char real[PATH_MAX];
	struct stat st;

	if (stat(fake_path(target, real, sizeof(real)), &st) < 0)
		return -errno;
	struct fake_mount *m = add(source, target, type, flags);
	if (flags & MS_BIND) {
		if (stat(fake_path(source, m->backing, sizeof(m->backing)), &st) < 0)
			return -errno;
		fake->mounts_count++;
		return 0;
	}
	int r = back(m, source, type);
	if (r == 0)
		fake->mounts_count++;
	return r;
}

static const char *through_descriptor(const char *path)
{
	static const char start[] = "/proc/self/fd/";
	bool is = path && strncmp(path, start, strlen(start)) == 0;

	return is ? fake_descriptor(atoi(path + strlen(start))) : path;
}

int fake_do_mount(const char *source, const char *target, const char *type, unsigned long flags,
		  const char *options)
{
	int r;

	(void)options;
	source = through_descriptor(source);
	target = through_descriptor(target);
	if (flags & MS_MOVE)
		return move(source, target);
	if (flags & MS_REMOUNT)
		return remount(target, flags);
	r = mount_new(source, target, type, flags);
	if (r < 0)
		fake_kernel_says("4", "fake: the mount was refused\n SUBSYSTEM=none\n");
	return r;
}

int fake_add_union(const char *target, const char *type, unsigned long flags)
{
	return fake_do_mount(type, target, type, flags, NULL);
}

int fake_do_unmount(const char *target)
{
	char name[PATH_MAX];

	absolute(target, name, sizeof(name));
	for (size_t i = fake->mounts_count; i > 0; i--)
		if (strcmp(fake->mounts[i - 1].target, name) == 0) {
			memmove(&fake->mounts[i - 1], &fake->mounts[i],
				(fake->mounts_count - i) * sizeof(fake->mounts[0]));
			fake->mounts_count--;
			return 0;
		}
	return -EINVAL;
}

void fake_kernel_says(const char *priority, const char *text)
{
	char path[PATH_MAX], record[PATH_MAX];
	const char *line = fake_print(record, sizeof(record), "%s,1,%lld,-;%s", priority,
				      (long long)fake->now_us, text);

	(void)fake_print(path, sizeof(path), "%s/kernel-log", fake->directory);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		fake_finish(FAKE_MISUSED, 0, "kernel log");
	if (fd >= 0)
		close(fd);
}
