/* A tmpfs in a mount namespace of the test's own: nothing of it outlives the process. Needs root. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check.h"

static char scratch[] = "/tmp/layerboot-XXXXXX";

static inline int start_scratch(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	umask(022);
	return mkdtemp(scratch) && unshare(CLONE_NEWNS) == 0 &&
			       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
		       ? 0
		       : -1;
}

/* Every test starts on an empty tmpfs and with a working directory in it. */
static inline int fresh_scratch(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	return mount("scratch", scratch, "tmpfs", 0, "mode=755") == 0 ? chdir(scratch) : -1;
}

static inline int drop_scratch(void **state)
{
	(void)state;
	return geteuid() != 0 || chdir("/") < 0 ? 0 : umount2(scratch, MNT_DETACH);
}

static inline int end_scratch(void **state)
{
	(void)state;
	(void)rmdir(scratch);
	return 0;
}

#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, fresh_scratch, drop_scratch)

static inline void needs_root(void)
{
	if (geteuid() != 0)
		skip();
}

static inline void must_be_0(const char *path, int result)
{
	if (result < 0)
		fail_msg("%s: %s", path, strerror(errno));
}

static inline void make_directory(const char *path)
{
	char part[4096];

	for (size_t i = 1; path[i - 1]; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			must_be_0(part, -1);
	}
}

/* The directories above it, too. */
static inline void make_node(const char *path, mode_t mode, dev_t device)
{
	char above[4096];
	const char *name = strrchr(path, '/');

	snprintf(above, sizeof(above), "%.*s", name ? (int)(name - path) : 0, path);
	if (above[0])
		make_directory(above);
	if (S_ISDIR(mode))
		must_be_0(path, mkdir(path, 0700));
	else if (S_ISLNK(mode))
		must_be_0(path, symlink("x", path));
	else
		must_be_0(path, mknod(path, mode, device));
	if (!S_ISLNK(mode))
		must_be_0(path, chmod(path, mode & 07777));
}

static inline void make_file(const char *path)
{
	make_node(path, S_IFREG | 0644, 0);
}

static inline void set_attribute(const char *path, const char *name, const char *value, size_t len)
{
	must_be_0(path, lsetxattr(path, name, value, len, 0));
}
