/* What libraries would find in the C library, libkmod where it looks for modules, libblkid where it parses. */
#include <blkid/blkid.h>
#include <dlfcn.h>
#include <libkmod.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fake_calls.h"

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
