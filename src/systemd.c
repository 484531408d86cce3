#include "systemd.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "file.h"
#include "sys.h"
#include "text.h"

#define UNITS         "/run/systemd/system"
#define COMMIT        UNITS "/systemd-machine-id-commit.service.d"
#define REMOUNT       UNITS "/systemd-remount-fs.service"
#define VOLATILE_ROOT "/run/systemd/volatile-root"

static bool is_systemd(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "systemd") == 0;
}

/* By way of whatever symlinks: the kernel tells where a descriptor leads. */
static bool ends_at_systemd(int root, const char *path)
{
	char link[32], target[512];
	int fd = sys_open_in_root(root, path, O_PATH);

	if (fd < 0)
		return false;
	text_print(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = sys_readlink(link, target, sizeof(target) - 1);
	(void)sys_close(fd);
	target[len < 0 ? 0 : len] = '\0';
	return is_systemd(target);
}

/* /sbin/init is a symlink to it, as a rule. */
static bool leads_to_systemd(int root, const char *path)
{
	char target[512];
	int fd = sys_open_in_root(root, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return false;
	/* Of the descriptor itself (readlinkat(2)); an error if it is no symlink. */
	ssize_t len = sys_readlinkat(fd, "", target, sizeof(target) - 1);
	(void)sys_close(fd);
	if (len < 0)
		return is_systemd(path);
	target[len] = '\0';
	return is_systemd(target) || ends_at_systemd(root, path);
}

/* Whether a line of fstab(5) has / in its second field. */
static bool names_root(struct slice line)
{
	struct slice fields[2] = { { 0 } };
	size_t count = 0;

	line = slice_trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return false;
	for (size_t i = 0; i < line.len && count < 2; i++) {
		size_t from = i;
		while (i < line.len && line.at[i] != ' ' && line.at[i] != '\t')
			i++;
		if (i > from)
			fields[count++] = (struct slice){ line.at + from, i - from };
	}
	return count == 2 && slice_is(fields[1], "/");
}

static bool fstab_has_root(int root)
{
	static char text[65536];
	struct slice rest = { .at = text }, line;
	int fd = sys_open_in_root(root, "/etc/fstab", O_RDONLY | O_NONBLOCK);
	ssize_t len;

	if (fd < 0)
		return false;
	while (rest.len < sizeof(text) &&
	       (len = sys_read(fd, text + rest.len, sizeof(text) - rest.len)) > 0)
		rest.len += (size_t)len;
	(void)sys_close(fd);
	while (slice_next(&rest, '\n', &line))
		if (names_root(line))
			return true;
	return false;
}

void systemd_look(const char *root, const char *path, struct systemd *ret)
{
	int fd = sys_open(root, O_PATH | O_DIRECTORY);

	*ret = (struct systemd){ 0 };
	if (fd < 0)
		return;
	ret->is_init = leads_to_systemd(fd, path);
	ret->remounts_root = ret->is_init && fstab_has_root(fd);
	(void)sys_close(fd);
}

static int link_device(const char *device)
{
	char target[64];
	struct builder b;
	struct stat st;
	int r = sys_stat(device, &st);

	if (r < 0)
		return r;
	builder_start(&b, target, sizeof(target));
	builder_addf(&b, "/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	return sys_symlinkat(target, AT_FDCWD, VOLATILE_ROOT);
}

/*
 * A mount on /etc/machine-id is systemd's own, from a first boot, or a [bind], which lasts: there the service has nothing
 * to commit, and would fail.
 */
static int limit_commit(void)
{
	static const char text[] = "[Unit]\nConditionFirstBoot=yes\n";
	int r = sys_mkdir(COMMIT, 0755);

	return r < 0 ? r : file_create(COMMIT "/layerboot.conf", text, sizeof(text) - 1);
}

int systemd_prepare(const struct systemd *s, const char *device)
{
	if (!s->is_init)
		return 0;
	int r = sys_mkdir("/run/systemd", 0755);
	if (r == 0)
		r = sys_mkdir(UNITS, 0755);
	if (r < 0)
		return r;
	/* One does not need the others. */
	int masked = s->remounts_root ? sys_symlinkat("/dev/null", AT_FDCWD, REMOUNT) : 0;
	int limited = limit_commit();
	int linked = device ? link_device(device) : 0;
	return masked < 0 ? masked : limited < 0 ? limited : linked;
}

int systemd_arguments(char *path, int64_t start_us, char number[16],
		      char *ret[SYSTEMD_ARGUMENTS_MAX])
{
	static char switched[] = "--switched-root", system[] = "--system",
		    state[] = "--deserialize";
	char *const arguments[] = { path, switched, system, state, number, NULL };
	char text[128];
	struct builder b;
	int64_t real_us = sys_real_us() - (sys_now_us() - start_us);
	int fd = sys_memfd("layerboot-timestamp");

	if (fd < 0)
		return fd;
	builder_start(&b, text, sizeof(text));
	builder_addf(&b, "initrd-timestamp=%lld %lld\n\n", (long long)real_us, (long long)start_us);
	ssize_t len = sys_pwrite(fd, b.at, b.len, 0);
	if (len < 0) {
		(void)sys_close(fd);
		return (int)len;
	}
	builder_start(&b, number, 16);
	builder_addf(&b, "%d", fd);
	memcpy(ret, arguments, sizeof(arguments));
	return 0;
}
