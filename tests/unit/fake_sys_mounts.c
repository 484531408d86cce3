/* include/sys.h on the fake machine: mounts, the new mount API. */
#include "fake_calls.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Of the one context of the new mount API that is open. */
static struct {
	char type[16];
	size_t lowers;
	bool upper, created;
	char words[64];
	char source[64];
} context;

ssize_t fake_context_read(char *buffer)
{
	size_t len = strlen(context.words);

	if (len == 0)
		return -ENODATA;
	memcpy(buffer, context.words, len);
	context.words[0] = '\0';
	return (ssize_t)len;
}

int sys_unmount(const char *target, int flags)
{
	(void)flags;
	ENTER(sys_unmount, "%s", target);
	return fake_do_unmount(target);
}

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	      const char *options)
{
	ENTER(sys_mount, "%s %s %s", type ? type : "-", source ? source : "-", target);
	return fake_do_mount(source, target, type, flags, options);
}

int sys_fsopen(const char *type)
{
	ENTER(sys_fsopen, "%s", type);
	memset(&context, 0, sizeof(context));
	(void)fake_print(context.type, sizeof(context.type), "%s", type);
	return fake_take(open("/dev/null", O_RDWR | O_CLOEXEC), FAKE_KIND_CONTEXT, type);
}

int sys_fsconfig(int fd, unsigned command, const char *key, const char *value)
{
	const unsigned create = 6; /* FSCONFIG_CMD_CREATE */
	char real[PATH_MAX];

	ENTER(sys_fsconfig, "%s=%s", key ? key : "create", value ? value : "");
	if (fake_descriptors[fd].kind != FAKE_KIND_CONTEXT)
		return -EINVAL;
	if (key && strcmp(key, "source") == 0)
		(void)fake_print(context.source, sizeof(context.source), "%s", value);
	if (key && strcmp(key, "lowerdir+") == 0) {
		if (fake->machine->no_lowerdir_plus)
			return 0;
		context.lowers++;
		return (int)fake_result(access(fake_path(value, real, sizeof(real)), F_OK));
	}
	if (key && (strcmp(key, "upperdir") == 0 || strcmp(key, "workdir") == 0))
		return (int)fake_result(access(fake_path(value, real, sizeof(real)), F_OK));
	if (command == create) {
		if (fake->machine->union_refused)
			(void)fake_print(context.words, sizeof(context.words),
					 "e overlay: refused by the test\n");
		return fake->machine->union_refused || context.lowers == 0 ? -EINVAL : 0;
	}
	return 0;
}

int sys_fsmount(int fd, unsigned attributes)
{
	(void)fd;
	ENTER(sys_fsmount, "%s", fake_descriptor(fd));
	return fake_take(open("/dev/null", O_RDWR | O_CLOEXEC), FAKE_KIND_MOUNT,
			 attributes ? "read-only union" : "union");
}

int sys_move_mount(int fd, const char *target)
{
	ENTER(sys_move_mount, "%s", target);
	if (fake_descriptors[fd].kind != FAKE_KIND_MOUNT)
		return -EINVAL;
	return fake_do_mount(context.source, target, "overlay",
			     strcmp(fake_descriptor(fd), "union") == 0 ? 0 : MS_RDONLY, NULL);
}
