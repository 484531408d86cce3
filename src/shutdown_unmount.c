#include "shutdown_unmount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "failure.h"
#include "file.h"
#include "holders.h"
#include "log.h"
#include "plan.h"
#include "shutdown_plan.h"
#include "shutdown_root.h"
#include "sys.h"

/* How long something that does not get on is waited for, in all. */
#define PATIENCE_MS 10000

/* Where fs_unionfs.c has mounted the branches, from the root of the initramfs on. */
#define BRANCHES "/.union"

static struct {
	char text[1 << 20];
	struct shutdown_plan plan;
	struct child child;
	char answer[CHILD_ANSWER_MAX + 1];
	struct unmounting result;
	int64_t waited_ms;
	int server_root; /* of the initramfs that a union's daemon still lives in; -1: none */
} s;

static int64_t now_ms(void)
{
	return sys_now_us() / 1000;
}

/* What is still to be written, in KiB. */
static uint64_t unwritten(void)
{
	static const char *const keys[] = { "\nDirty:", "\nWriteback:" };
	char text[4096];
	uint64_t sum = 0;

	if (file_read("/proc/meminfo", text, sizeof(text)) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *at = strstr(text, keys[i]);
		sum += at ? strtoull(at + strlen(keys[i]), NULL, 10) : 0;
	}
	return sum;
}

int shutdown_guarded(child_work *work, void *arg)
{
	const int64_t least_ms = 1000, look_ms = 500;
	int64_t left_ms = PATIENCE_MS - s.waited_ms, start_ms = now_ms();
	int64_t patience_us = 1000 * (left_ms > least_ms ? left_ms : least_ms);
	int result = 0;

	s.child.answer = s.answer;
	int r = child_start(&s.child, work, arg, sys_now_us() + patience_us);

	if (r < 0)
		return r;
	for (uint64_t lowest = UINT64_MAX;;) {
		struct pollfd wait = { .fd = s.child.fd, .events = POLLIN };
		switch (child_check(&s.child, sys_now_us(), &result)) {
		case CHILD_DONE:
			return result;
		case CHILD_CRASHED:
			return -ECHILD;
		case CHILD_STALLED:
			s.waited_ms += now_ms() - start_ms;
			return -ETIMEDOUT;
		case CHILD_TOLD:
		case CHILD_RUNNING:
			break;
		}
		if (sys_poll(&wait, 1, (int)look_ms) != 0)
			continue;
		uint64_t left = unwritten();
		if (left < lowest) {
			if (lowest != UINT64_MAX)
				s.child.deadline_us = sys_now_us() + patience_us;
			lowest = left;
		}
	}
}

static int work_unmount(void *arg, struct builder *unused)
{
	const struct shutdown_mount *m = arg;

	(void)unused;
	return sys_unmount(m->target, UMOUNT_NOFOLLOW | (m->memory ? MNT_DETACH : 0));
}

/* A file that is open for writing keeps it from becoming read-only: that is left to shutdown.c, which can do it by force. */
static int work_give_up(void *arg, struct builder *unused)
{
	const struct shutdown_mount *m = arg;

	(void)unused;
	(void)sys_mount(NULL, m->target, NULL, MS_REMOUNT | MS_RDONLY, NULL);
	return sys_unmount(m->target, UMOUNT_NOFOLLOW | MNT_DETACH);
}

static void name_stuck(const struct shutdown_mount *m, int error)
{
	const char *target = m->target;
	const size_t old_root = strlen(PATH_OLD_ROOT);

	if (strncmp(target, PATH_OLD_ROOT, old_root) == 0)
		target = target[old_root] ? target + old_root : "/";
	log_line(LOG_PRIORITY_ERROR, "error[%s]: %s (%s %s) cannot be unmounted: %s",
		 failure_word(FAILURE_SHUTDOWN_STUCK)->word, target, m->type, m->source,
		 error == -ETIMEDOUT ? "its device does not answer" : strerror(-error));
	s.result.stuck = true;
}

/*
 * Whether it has gone; with FORCE, from sight at least. A mount whose disk does not answer has left the tree of mounts
 * before the kernel waits.
 */
static bool unmount(struct shutdown_mount *m, bool force)
{
	int r = shutdown_guarded(work_unmount, m);

	if (r == -ETIMEDOUT || (force && r < 0))
		name_stuck(m, r);
	if (force && r < 0 && r != -ETIMEDOUT)
		r = shutdown_guarded(work_give_up, m);
	return r == 0 || r == -ETIMEDOUT;
}

static void read_plan(void)
{
	ssize_t len = file_read("/proc/self/mountinfo", s.text, sizeof(s.text));

	s.plan.count = 0;
	/* More than fits comes into sight when this has gone. */
	if (len == -EFBIG)
		s.text[sizeof(s.text) - 1] = '\0';
	if (len >= 0 || len == -EFBIG)
		shutdown_plan(s.text, &s.plan);
	else
		log_line(LOG_PRIORITY_ERROR, "shutdown: /proc/self/mountinfo: %s",
			 strerror((int)-len));
}

static size_t unmount_all(bool force)
{
	size_t done = 0;

	read_plan();
	for (size_t i = 0; i < s.plan.count; i++) {
		struct shutdown_mount *m = &s.plan.mounts[i];
		if (m->children > 0 || !unmount(m, force))
			continue;
		done++;
		if (m->parent < s.plan.count)
			s.plan.mounts[m->parent].children--;
	}
	s.result.done += done;
	return done;
}

static int work_move(void *arg, struct builder *unused)
{
	const struct shutdown_mount *m = arg;
	char path[64];
	struct builder b;

	(void)unused;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/media-%s", strrchr(m->target, '/') + 1);
	int r = b.overflow ? -ENAMETOOLONG : sys_mkdir(path, 0700);
	return r < 0 && r != -EEXIST ? r : sys_mount(m->target, path, NULL, MS_MOVE, NULL);
}

/*
 * A disk that holds the files of layers is mounted below the union, and in use as long as that is there: out of its
 * way. What cannot be moved is told when it cannot be unmounted.
 */
static void move_media(void)
{
	for (size_t i = 0; i < s.plan.count; i++)
		if (strstr(s.plan.mounts[i].target, PATH_MEDIA "/"))
			(void)shutdown_guarded(work_move, &s.plan.mounts[i]);
}

static int work_kill(void *arg, struct builder *unused)
{
	(void)arg;
	(void)unused;
	return holders_kill();
}

static int work_devices(void *arg, struct builder *loops)
{
	(void)arg;
	/* A map may be what keeps a loop device, and the other way round: the next round finds what has become free. */
	int maps = holders_remove_maps(), r = holders_detach_loops(loops);
	return maps < 0 ? maps : r < 0 ? r : maps;
}

static void release(void)
{
	int killed = shutdown_guarded(work_kill, NULL);

	if (killed > 0)
		log_line(LOG_PRIORITY_INFO, "shutdown: %d processes killed", killed);
	(void)shutdown_guarded(work_devices, NULL);
}

/* What nothing is mounted on any more goes; what stays is not told by a mount. */
static void release_devices(void)
{
	if (shutdown_guarded(work_devices, NULL) >= 0 && s.answer[0])
		log_line(LOG_PRIORITY_WARNING, "shutdown: loop devices in use: %s", s.child.answer);
}

static int work_find_server(void *arg, struct builder *unused)
{
	(void)arg;
	(void)unused;
	return holders_find_server(BRANCHES);
}

/* The branches of unionfs-fuse are mounts in the initramfs, which only its daemon still sees. */
static void open_server_root(void)
{
	char path[64];
	struct builder b;
	int pid = 0;

	s.server_root = -1;
	for (size_t i = 0; i < s.plan.count && pid == 0; i++)
		if (strcmp(s.plan.mounts[i].type, "fuse.unionfs") == 0)
			pid = shutdown_guarded(work_find_server, NULL);
	if (pid == 0)
		return;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/proc/%d/root", pid);
	s.server_root = pid < 0 ? pid : sys_open(path, O_PATH | O_DIRECTORY);
	s.result.stuck |= s.server_root < 0;
}

static int work_branches(void *arg, struct builder *unused)
{
	const int tick_ms = 20, ticks = 200;
	int r = sys_fchdir(*(const int *)arg);

	(void)unused;
	if (r < 0)
		return r;
	/* The daemon ends now, and may have files open in the first, which is the one that is written to. */
	for (int i = 0; i < ticks; i++) {
		r = sys_unmount("." BRANCHES "/0", UMOUNT_NOFOLLOW);
		if (r != -EBUSY)
			break;
		(void)sys_poll(NULL, 0, tick_ms);
	}
	(void)sys_unmount("." BRANCHES, UMOUNT_NOFOLLOW | MNT_DETACH);
	return r;
}

void shutdown_unmount(struct unmounting *ret)
{
	const int force_rounds = 3;
	int wait_ms = 10;

	read_plan();
	open_server_root();
	move_media();
	for (;;) {
		size_t done = unmount_all(false);
		if (s.plan.count == 0 || s.waited_ms >= PATIENCE_MS)
			break;
		if (done > 0)
			continue;
		release();
		(void)sys_poll(NULL, 0, wait_ms);
		s.waited_ms += wait_ms;
		wait_ms *= 2;
	}
	for (int i = 0; i < force_rounds && s.plan.count > 0; i++)
		(void)unmount_all(true);
	if (s.server_root >= 0)
		s.result.stuck |= shutdown_guarded(work_branches, &s.server_root) < 0;
	release_devices();
	*ret = s.result;
}
