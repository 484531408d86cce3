#include "fs_unionfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>

#include "file.h"
#include "sys.h"
#include "unionfs_marks.h"

#define PROGRAM  "/sbin/unionfs"
#define DEVICE   "/dev/fuse"
#define BRANCHES "/.union"

/* Without a subtype libfuse makes one of argv[0]. */
#define NAMES "fsname=unionfs,subtype=unionfs"

static int check(void)
{
	struct stat st;
	int fd = sys_open(DEVICE, O_RDWR);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENXIO ? -ENODEV : fd;
	(void)sys_close(fd);
	return sys_stat(PROGRAM, &st);
}

struct branches {
	struct builder list; /* what unionfs-fuse is given */
	size_t count;
};

static int add_branch(struct branches *b, const char *path, const char *mode)
{
	builder_addf(&b->list, "%s%s=%s", b->count++ ? ":" : "", path, mode);
	return b->list.overflow ? -E2BIG : 0;
}

static int make_directory(char path[static 32], const char *kind, size_t number)
{
	struct builder b;

	builder_start(&b, path, 32);
	builder_addf(&b, BRANCHES "/%s%zu", kind, number);
	/* Where it is the highest, its mode is that of the root. */
	return sys_mkdir(path, 0755);
}

/*
 * The daemon opens files by path each time, and its root stays what the initramfs is, also when PID 1 has gone
 * from there and /run with it. So every branch gets a second mount outside /run.
 */
static int bind_branch(struct branches *b, const char *from, const char *mode)
{
	char path[32];
	int r = make_directory(path, "", b->count);

	if (r == 0)
		r = sys_mount(from, path, NULL, MS_BIND, NULL);
	return r < 0 ? r : add_branch(b, path, mode);
}

/* A layer between the two branches of what it deletes; nothing lies below the lowest. */
static int add_layer(struct branches *b, const char *layer, bool lowest, struct builder *words)
{
	char above[32], below[32];
	struct unionfs_marks marks = { 0 };
	size_t number = b->count;
	int r = lowest ? 0 : make_directory(above, "above", number);

	if (r == 0 && !lowest)
		r = make_directory(below, "below", number);
	if (r == 0 && !lowest)
		r = unionfs_marks_make(layer, above, below, &marks, words);
	if (r == 0 && marks.above > 0)
		r = add_branch(b, above, "RO");
	if (r == 0)
		r = bind_branch(b, layer, "RO");
	if (r == 0 && marks.below > 0)
		r = add_branch(b, below, "RO");
	return r;
}

static int add_branches(const struct fs_unionfs *u, struct branches *b, struct builder *words)
{
	const char *at = BRANCHES;
	int r = sys_mkdir(BRANCHES, 0700);

	/* A device of its own: the switch empties only the one that the initramfs lies on. */
	if (r == 0)
		r = sys_mount("tmpfs", BRANCHES, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			      "mode=0700");
	if (r == 0 && u->upper) {
		at = u->upper;
		r = bind_branch(b, at, "RW");
	}
	for (size_t i = 0; i < u->lowers_count && r == 0; i++) {
		at = u->lowers[i];
		r = add_layer(b, at, i + 1 == u->lowers_count, words);
	}
	if (r < 0)
		builder_addf(words, "%sbranch %s", words->len ? " in " : "", at);
	return r;
}

static _Noreturn void become_unionfs(const char *branches, const char *options, const char *target,
				     int answer)
{
	/* '@': systemd spares it at shutdown (ROOT STORAGE DAEMONS), when it ends all but itself. */
	const char *const argv[] = { "@unionfs", "-o", options, branches, target, NULL };
	char *const no_environment[] = { NULL };
	int r = 0;

	/* What it says goes into the pipe until it turns itself to the background, with /dev/null in all three. */
	for (int fd = 1; fd <= 2 && r >= 0; fd++)
		r = sys_duplicate(answer, fd);
	(void)sys_priority(0); /* it outlives the boot */
	if (r >= 0)
		r = sys_execve(PROGRAM, (char *const *)argv, no_environment);
	char text[64];
	struct builder b;
	builder_start(&b, text, sizeof(text));
	builder_addf(&b, PROGRAM ": %s", strerror(-r));
	(void)sys_write(answer, b.at, b.len);
	sys_exit(1);
}

/* Not a word of the daemon's: then there is no watcher, and the root would not survive a shutdown. */
#define WATCHER "the watcher of unionfs: "

static _Noreturn void give_up(int answer, const char *what, int error)
{
	char text[128];
	struct builder b;

	builder_start(&b, text, sizeof(text));
	builder_addf(&b, "\n" WATCHER "%s%s%s", what, error ? ": " : "",
		     error ? strerror(error) : "");
	(void)sys_write(answer, b.at, b.len);
	sys_exit(1);
}

/* What the daemon inherits, and what a process needs that stays while others take the root. */
static int settle(void)
{
	int null = sys_open("/dev/null", O_RDWR), r = 0;

	if (null < 0)
		return null;
	for (int fd = 0; fd <= 2 && r >= 0; fd++)
		r = sys_duplicate(null, fd);
	/* Killed for want of memory it would take the root along. */
	if (r >= 0)
		r = file_write("/proc/self/oom_score_adj", "-1000");
	/* An allocation of its own must not wait for pages to be written through itself. */
	if (r == 0)
		r = sys_io_flusher();
	if (r == 0)
		r = sys_unblock_signals();
	if (r == 0)
		r = sys_setsid();
	return r < 0 ? r : sys_adopt_orphans();
}

/*
 * The parent of the daemon. systemd-shutdown, like killall5, stops every process (kill(-1, SIGSTOP)) while it
 * goes through /proc, and any path that it asks for leads through a root whose daemon is stopped: it would wait
 * for ever. Nobody can refuse SIGSTOP, but the SIGCONT of a timer reaches a process that is stopped, and this one
 * passes it on.
 */
static _Noreturn void watch(const char *branches, const struct fs_unionfs *u, int answer)
{
	const int tick_ms = 500;
	struct builder options;
	char text[512];
	pid_t pid = 0;
	int r = settle();

	/* The same mark as the daemon's; in the copy of PID 1's memory that is this process's own. */
	program_invocation_name[0] = '@';
	builder_start(&options, text, sizeof(text));
	builder_addf(&options, "%s,%s" NAMES, u->options, u->upper ? "" : "ro,");
	if (options.overflow)
		r = -E2BIG;
	if (r < 0)
		give_up(answer, "start", -r);
	pid = sys_fork();
	if (pid == 0)
		become_unionfs(branches, text, u->target, answer);
	if (pid < 0)
		give_up(answer, "fork", -pid);
	/* libfuse mounts, forks the daemon, and ends the process that was started. */
	int status = 0;
	r = sys_wait(pid, &status);
	if (r < 0)
		give_up(answer, "wait", -r);
	/* It has said why itself. */
	if (status != 0)
		sys_exit(1);
	r = sys_continue_every(tick_ms);
	if (r < 0)
		give_up(answer, "timer", -r);
	/* Only now: the end of the pipe says that all is well. */
	r = sys_close_from(3);
	if (r < 0)
		give_up(answer, "close", -r);
	while ((r = sys_wait_stopped(&pid)) != 0)
		if (r == 1)
			(void)sys_kill(pid, SIGCONT);
		else if (r != -EINTR)
			break;
	sys_exit(0);
}

/* Until nobody holds the other end; lines become one. */
static int read_words(int fd, struct builder *words)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char text[512];
	ssize_t len;

	while ((len = sys_read(fd, text, sizeof(text))) != 0) {
		struct slice rest = { .at = text, .len = len > 0 ? (size_t)len : 0 }, line;
		if (len == -EAGAIN)
			(void)sys_poll(&wait, 1, -1);
		else if (len < 0 && len != -EINTR)
			return (int)len;
		while (len > 0 && slice_next(&rest, '\n', &line)) {
			builder_add(words, line.len && words->len ? "; " : "");
			builder_add_slice(words, line);
		}
	}
	return 0;
}

/* The pipe closes when the daemon has opened /dev/null for itself: from then on it needs nothing of /dev. */
static int start_daemon(const char *branches, const struct fs_unionfs *u, struct builder *words)
{
	int ends[2];
	int r = sys_pipe(ends);

	if (r < 0)
		return r;
	pid_t pid = sys_fork();
	if (pid == 0)
		watch(branches, u, ends[1]);
	(void)sys_close(ends[1]);
	r = pid < 0 ? pid : read_words(ends[0], words);
	(void)sys_close(ends[0]);
	return r;
}

int fs_unionfs_start(const struct fs_unionfs *u, struct builder *words)
{
	char list[1 << 15], said[512];
	struct branches b = { .count = 0 };
	struct builder daemon;
	struct statfs fs;
	int r = check();

	builder_start(&b.list, list, sizeof(list));
	builder_start(&daemon, said, sizeof(said));
	if (r == 0)
		r = add_branches(u, &b, words);
	if (r == 0)
		r = start_daemon(list, u, &daemon);
	/* With a daemon that runs all the same. */
	if (r == 0 && strstr(said, WATCHER))
		r = -ESRCH;
	if (r == 0)
		/* The mount alone does not mean that somebody serves it: this is answered by the daemon. */
		r = sys_statfs(u->target, &fs);
	if (r == 0 && fs.f_type != FUSE_SUPER_MAGIC)
		r = -ENOEXEC;
	if (r < 0 && daemon.len > 0)
		builder_addf(words, "unionfs: %s", said);
	return r;
}
