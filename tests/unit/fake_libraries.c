/* What libraries would find in the C library, libkmod where it looks for modules, libblkid where it parses. */
#include <blkid/blkid.h>
#include <dlfcn.h>
#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake_calls.h"

int init_module(const void *image, unsigned long size, const char *options);

static int answer(int r)
{
	if (r < 0)
		errno = -r;
	return r < 0 ? -1 : r;
}

/* Not even by a mistake. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *options)
{
	(void)source, (void)type, (void)flags, (void)options;
	fake_finish(FAKE_MISUSED, 0, target);
}

int umount2(const char *target, int flags)
{
	(void)flags;
	fake_finish(FAKE_MISUSED, 0, target);
}

static int insert(const char *name)
{
	int r = fake_enter(FAKE_libkmod_insert, "%s", name);

	if (r < 0)
		return answer(r);
	for (size_t i = 0; i < fake->modules_count; i++)
		if (strcmp(fake->modules[i], name) == 0)
			return answer(-EEXIST);
	fake_module_loaded(name);
	return 0;
}

int init_module(const void *image, unsigned long size, const char *options)
{
	(void)image, (void)size, (void)options;
	return insert("?");
}

/* glibc has no wrapper for finit_module(2). */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	char link[64], path[PATH_MAX] = "";
	long a[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_finit_module) {
		(void)fake_print(link, sizeof(link), "/proc/self/fd/%d", (int)a[0]);
		if (readlink(link, path, sizeof(path) - 1) < 0)
			return -1;
		char *module = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
		module[strcspn(module, ".")] = '\0';
		return insert(module);
	}
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

struct kmod_ctx *kmod_new(const char *dirname, const char *const *config_paths)
{
	struct kmod_ctx *(*next)(const char *, const char *const *);
	char modules[PATH_MAX];

	(void)dirname;
	(void)fake_print(modules, sizeof(modules), "%s/lib/modules/%s", fake->fixtures,
			 fake->machine->modules_missing ? "none" : "6.1.0-fake");
	*(void **)&next = dlsym(RTLD_NEXT, "kmod_new");
	return next(modules, config_paths);
}

static bool is(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = end ? strlen(end) : 0;

	return end && len >= end_len && strcmp(path + len - end_len, end) == 0;
}

/* Bytes that somebody else wrote are parsed in a helper with limits alone, which may die of them or hang. */
static void parse(blkid_probe probe, const char *dies, const char *hangs)
{
	const unsigned wanted = 1U << RLIMIT_AS | 1U << RLIMIT_CPU | 1U << RLIMIT_CORE;
	const char *path = fake_descriptors[blkid_probe_get_fd(probe)].path;

	if (getpid() == fake->init)
		fake_finish(FAKE_MISUSED, 0, "libblkid in process 1");
	if ((fake_limits & wanted) != wanted)
		fake_finish(FAKE_MISUSED, 0, "libblkid without limits");
	if (is(path, fake->machine->unprobed))
		fake_finish(FAKE_MISUSED, 0,
			    "libblkid looks at what has its type from the manifest");
	if (is(path, dies))
		_exit(1);
	if (is(path, hangs))
		(void)raise(SIGSTOP);
}

int blkid_do_safeprobe(blkid_probe probe)
{
	int (*next)(blkid_probe);

	parse(probe, fake->machine->probe_dies, fake->machine->probe_hangs);
	*(void **)&next = dlsym(RTLD_NEXT, "blkid_do_safeprobe");
	return next(probe);
}

int blkid_do_probe(blkid_probe probe)
{
	int (*next)(blkid_probe);

	parse(probe, fake->machine->signature_dies, fake->machine->signature_hangs);
	*(void **)&next = dlsym(RTLD_NEXT, "blkid_do_probe");
	return next(probe);
}
