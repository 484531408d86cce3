#include "host_image.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "file.h"
#include "fs_mount.h"
#include "loops.h"
#include "sys.h"
#include "text.h"

/* Every machine has it, it may be covered in a namespace of one's own, and nothing here reads it. */
#define SCRATCH "/sys"

#define PROGRAM_TIMEOUT_US 10000000

static bool as_root;
static unsigned mounted;

/* No journal is replayed, neither by the kernel nor by a FUSE program. */
static const struct reader {
	const char *type;
	const char *options;
	const char *program;         /* NULL: only root can */
	const char *program_options; /* with what stands before an offset at the end */
} readers[] = {
	{ "squashfs", NULL, "squashfuse", "ro,offset=" },
	{ "ext4", "noload", "fuse2fs", "ro,norecovery,fakeroot,offset=" },
	{ "erofs", NULL, "erofsfuse", NULL },
	{ "xfs", "norecovery,nouuid", NULL, NULL },
	{ "btrfs", "rescue=nologreplay", NULL, NULL },
	{ "iso9660", NULL, NULL, NULL },
	{ "vfat", NULL, NULL, NULL }, /* only looked through for image files */
};

/* Root of a user namespace, which owns the mount namespace. */
static int become_root(void)
{
	char map[64];
	struct stat st;
	int r = sys_stat("/proc/self", &st);

	if (r == 0)
		r = sys_unshare(CLONE_NEWUSER | CLONE_NEWNS);
	if (r < 0)
		return r;
	(void)file_write("/proc/self/setgroups", "deny");
	text_print(map, sizeof(map), "0 %u 1", (unsigned)st.st_uid);
	r = file_write("/proc/self/uid_map", map);
	text_print(map, sizeof(map), "0 %u 1", (unsigned)st.st_gid);
	return r < 0 ? r : file_write("/proc/self/gid_map", map);
}

int host_image_enter(bool *ret_root)
{
	static bool entered;
	int r = entered ? 0 : sys_unshare(CLONE_NEWNS);
	bool root = r == 0;

	if (entered) {
		*ret_root = as_root;
		return 0;
	}
	if (r == -EPERM)
		r = become_root();
	if (r == 0)
		r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r == 0)
		r = sys_mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			      "mode=0700");
	if (r == 0) {
		entered = true;
		*ret_root = as_root = root;
	}
	return r;
}

static int mount_by_kernel(const struct host_image *image, const struct reader *reader,
			   const char *target, struct builder *words)
{
	char path[32], options[4096];
	struct builder b;
	int loop = loop_attach(image->fd, image->offset, image->size, path);

	if (loop < 0) {
		builder_add(words, "no loop device");
		return loop;
	}
	builder_start(&b, options, sizeof(options));
	builder_add(&b, reader->options ? reader->options : "");
	builder_add(&b, reader->options && image->options ? "," : "");
	builder_add(&b, image->options ? image->options : "");
	int r = b.overflow ? -E2BIG
			   : fs_mount(path, target, image->type,
				      MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
				      options[0] ? options : NULL, words);
	(void)sys_close(loop);
	return r;
}

/* Tries each directory of PATH; returns only if none has the program. */
static int execute_by_name(const char *name, char *const argv[])
{
	const char *path = getenv("PATH");
	struct slice rest = slice_of(path ? path : "/usr/bin:/bin"), directory;
	int r = -ENOENT;

	while (slice_next(&rest, ':', &directory)) {
		char file[512];
		struct builder b;
		builder_start(&b, file, sizeof(file));
		builder_add_slice(&b, directory);
		builder_addf(&b, "/%s", name);
		if (!b.overflow)
			r = sys_execve(file, argv, environ);
	}
	return r;
}

/* In the child: never returns. The pipe's end stays open as long as the program runs. */
static _Noreturn void run_program(const struct host_image *image, const struct reader *reader,
				  const char *target, int alive)
{
	char source[32], options[128];
	char *argv[8] = { (char *)(uintptr_t)reader->program, (char *)(uintptr_t) "-f" };
	size_t count = 2;
	int null = sys_open("/dev/null", O_RDWR);

	text_print(source, sizeof(source), "/proc/self/fd/%d", image->fd);
	if (reader->program_options) {
		text_print(options, sizeof(options), "%s%llu", reader->program_options,
			   (unsigned long long)image->offset);
		argv[count++] = (char *)(uintptr_t) "-o";
		argv[count++] = options;
	}
	argv[count++] = source;
	argv[count] = (char *)(uintptr_t)target;
	if (sys_die_with_parent() < 0 || sys_keep(alive) < 0 || sys_keep(image->fd) < 0 ||
	    null < 0 || sys_duplicate(null, 1) < 0 || sys_duplicate(null, 2) < 0)
		sys_exit(126);
	(void)execute_by_name(reader->program, argv);
	sys_exit(127);
}

/* Mounted as soon as the directory is on another device. */
static int wait_for_program(pid_t pid, int alive, const char *target, struct builder *words)
{
	int64_t deadline_us = sys_now_us() + PROGRAM_TIMEOUT_US;
	struct stat before, now;
	int status = 0, r = sys_stat(SCRATCH, &before);

	while (r == 0 && sys_now_us() < deadline_us) {
		struct pollfd wait = { .fd = alive };
		if (sys_stat(target, &now) == 0 && now.st_dev != before.st_dev)
			return 0;
		if (sys_poll(&wait, 1, 5) > 0 && (wait.revents & POLLHUP)) {
			(void)sys_wait(pid, &status);
			if ((status >> 8 & 0xff) == 127)
				return -ENOPKG;
			builder_addf(words, "exit status %d", status >> 8 & 0xff);
			return -EIO;
		}
	}
	(void)sys_kill(pid, 9);
	return r < 0 ? r : -ETIMEDOUT;
}

static int mount_by_program(const struct host_image *image, const struct reader *reader,
			    const char *target, struct builder *words)
{
	int ends[2];

	if (!reader->program || (image->offset > 0 && !reader->program_options)) {
		builder_addf(words, "only root can read %s%s", image->type,
			     image->offset ? " in a partition" : "");
		return -EPERM;
	}
	int r = sys_pipe(ends);
	if (r < 0)
		return r;
	pid_t pid = sys_fork();
	if (pid == 0)
		run_program(image, reader, target, ends[1]);
	(void)sys_close(ends[1]);
	r = pid < 0 ? pid : wait_for_program(pid, ends[0], target, words);
	(void)sys_close(ends[0]);
	if (r == -ENOPKG)
		builder_addf(words, "%s is not installed", reader->program);
	else if (r < 0)
		builder_addf(words, "%s%s failed", words->len ? " from " : "", reader->program);
	return r;
}

int host_image_mount(const struct host_image *image, struct builder *words)
{
	char target[64];
	const struct reader *reader = NULL;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (strcmp(readers[i].type, image->type) == 0)
			reader = &readers[i];
	if (!reader) {
		builder_addf(words, "%s cannot be a layer", image->type);
		return -EINVAL;
	}
	text_print(target, sizeof(target), SCRATCH "/%u", mounted++);
	int r = sys_mkdir(target, 0700);
	if (r == 0)
		r = as_root ? mount_by_kernel(image, reader, target, words)
			    : mount_by_program(image, reader, target, words);
	return r < 0 ? r : sys_open(target, O_RDONLY | O_DIRECTORY);
}
