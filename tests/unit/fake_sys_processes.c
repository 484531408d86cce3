/* include/sys.h on the fake machine: events, time, processes, the machine itself. */
#include "fake_calls.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int sys_uevent_socket(void)
{
	ENTER(sys_uevent_socket, "-");
	return fake_take(open("/dev/null", O_RDWR | O_CLOEXEC), FAKE_KIND_EVENTS, "uevents");
}

unsigned fake_limits;

static bool event_waits(void)
{
	return fake->events_taken < fake->events_count;
}

ssize_t sys_recv(int fd, void *buffer, size_t size, unsigned *ret_sender)
{
	ENTER(sys_recv, "%s", fake_descriptor(fd));
	if (!event_waits())
		return -EAGAIN;
	const struct fake_event *e = &fake->events[fake->events_taken++];
	size_t len = e->len < size ? e->len : size;
	memcpy(buffer, e->text, len);
	*ret_sender = 0;
	return (ssize_t)len;
}

/* The next moment at which something happens by itself; INT64_MAX: never. */
static int64_t next_us(void)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++) {
		const struct fake_disk *d = &fake->machine->disks[i];
		const int64_t all[] = { d->at_ms * 1000ll, d->whole_ms * 1000ll,
					d->gone_ms * 1000ll };
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			if (all[k] > fake->now_us && all[k] < next)
				next = all[k];
	}
	return next;
}

static int ready(struct pollfd *fds, size_t count)
{
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		struct pollfd one = { .fd = fds[i].fd, .events = fds[i].events };
		bool events = fake_descriptors[fds[i].fd].kind == FAKE_KIND_EVENTS;
		if (events)
			one.revents = event_waits() ? POLLIN : 0;
		else if (poll(&one, 1, 0) < 0)
			return -errno;
		fds[i].revents = one.revents;
		n += one.revents != 0;
	}
	return n;
}

static unsigned long pipe_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) ? st.st_ino : 0;
}

/* A helper that waits for work: until the init writes to the pipe, or kills it. */
static int stop_idle(struct pollfd *fds, size_t count)
{
	if (fake->idle_count == FAKE_IDLE_MAX)
		fake_finish(FAKE_MISUSED, FAKE_IDLE_MAX, "idle helpers");
	fake->idle[fake->idle_count].pid = getpid();
	fake->idle[fake->idle_count++].pipe = pipe_of(fds[0].fd);
	(void)raise(SIGSTOP);
	return ready(fds, count);
}

int sys_poll(struct pollfd *fds, size_t count, int timeout_ms)
{
	ENTER(sys_poll, "%zu", count);
	int n = ready(fds, count);
	if (n != 0)
		return n;
	if (getpid() != fake->init && timeout_ms < 0)
		return stop_idle(fds, count);
	int64_t next = next_us(), until = fake->now_us + timeout_ms * 1000ll;
	if (timeout_ms < 0 && next == INT64_MAX)
		fake_finish(FAKE_HUNG, 0, "waits for ever");
	fake->now_us = timeout_ms < 0 || next < until ? next : until;
	fake_machine_tick();
	return ready(fds, count);
}

/* Until the helper has ended, or stopped: idle, or hanging. */
static void await(pid_t pid)
{
	const int sanitizer = 99;
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT) < 0 && errno == EINTR)
		;
	if (fake->end != FAKE_RUNNING)
		_exit(0);
	if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED ||
	    (info.si_code == CLD_EXITED && info.si_status == sanitizer))
		(void)fake_print(fake->crash, sizeof(fake->crash), "a helper ended with %d/%d",
				 info.si_code, info.si_status);
}

void fake_resume(int fd)
{
	unsigned long pipe = pipe_of(fd);

	for (size_t i = 0; pipe && i < fake->idle_count; i++) {
		pid_t pid = fake->idle[i].pid;
		if (fake->idle[i].pipe != pipe || pid == getpid())
			continue;
		fake->idle[i] = fake->idle[--fake->idle_count];
		(void)kill(pid, SIGCONT);
		await(pid);
		return;
	}
}

pid_t sys_fork(void)
{
	ENTER(sys_fork, "-");
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	await(pid);
	return pid;
}

pid_t sys_getpid(void)
{
	(void)fake_enter(FAKE_sys_getpid, "-");
	return fake->machine->not_first ? 77 : getpid() == fake->init ? 1 : getpid();
}

uid_t sys_geteuid(void)
{
	(void)fake_enter(FAKE_sys_geteuid, "-");
	return 0;
}

int sys_wait(pid_t pid, int *ret_status)
{
	ENTER(sys_wait, "-");
	return (int)fake_result(waitpid(pid, ret_status, 0));
}

int sys_kill(pid_t pid, int signal)
{
	int injected = fake_enter(FAKE_sys_kill, "%d", signal);

	if (pid <= 1)
		fake_finish(FAKE_MISUSED, pid, "kill");
	/* The failure is that it has ended already. */
	int r = (int)fake_result(kill(pid, signal));
	siginfo_t info;
	for (size_t i = fake->idle_count; r == 0 && i > 0; i--)
		if (fake->idle[i - 1].pid == pid)
			fake->idle[i - 1] = fake->idle[--fake->idle_count];
	/* What it holds open of others' pipes is closed before they look, in every boot. */
	if (r == 0 && signal == SIGKILL)
		(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	return injected < 0 ? injected : r;
}

void sys_exit(int status)
{
	(void)fake_enter(FAKE_sys_exit, "-");
	if (getpid() == fake->init)
		fake_finish(FAKE_PANICKED, status, NULL);
	_exit(status);
}

int sys_execve(const char *path, char *const argv[], char *const envp[])
{
	char real[PATH_MAX];

	(void)envp;
	ENTER(sys_execve, "%s", path);
	if (access(fake_path(path, real, sizeof(real)), X_OK) < 0)
		return -errno;
	if (getpid() != fake->init)
		fake_program(path, argv);
	if (fake->machine->exec_refused)
		return -ENOEXEC;
	/* Nothing of the init is handed on but what every program has. */
	for (int fd = 3; fd < FAKE_DESCRIPTORS_MAX; fd++)
		if (fcntl(fd, F_GETFD) == 0 && fake_descriptors[fd].kind != FAKE_KIND_HANDED_OVER)
			fake_finish(FAKE_MISUSED, fd, "an open descriptor is handed over");
	siginfo_t left = { 0 };
	if (waitid(P_ALL, 0, &left, WSTOPPED | WNOHANG | WNOWAIT) == 0 && left.si_pid != 0)
		fake_finish(FAKE_MISUSED, left.si_pid, "a helper outlives the hand-over");
	fake_finish(FAKE_HANDED_OVER, 0, path);
}

int sys_reboot(int command)
{
	ENTER(sys_reboot, "%#x", (unsigned)command);
	if (fake->machine->reboot_hangs)
		(void)raise(SIGSTOP);
	fake_finish(FAKE_MACHINE_ENDED, command, NULL);
}

int sys_console_level(int level)
{
	ENTER(sys_console_level, "%d", level);
	return 0;
}

unsigned sys_cpus(void)
{
	(void)fake_enter(FAKE_sys_cpus, "-");
	return fake->machine->cpus ? fake->machine->cpus : 1;
}

int64_t sys_now_us(void)
{
	(void)fake_enter(FAKE_sys_now_us, "-");
	return fake->now_us;
}

int64_t sys_real_us(void)
{
	const int64_t start_us = 1700000000ll * 1000000;

	(void)fake_enter(FAKE_sys_real_us, "-");
	return start_us + fake->now_us;
}

/* Helpers that are busy wait for something, if nothing else is said: all others have ended when sys_fork() returns. */
int64_t sys_cpu_us(pid_t pid)
{
	(void)fake_enter(FAKE_sys_cpu_us, "-");
	return pid != 0 && fake->machine->computes ? fake->now_us : 0;
}

int sys_memfd(const char *name)
{
	ENTER(sys_memfd, "%s", name);
	return fake_take(memfd_create(name, 0), FAKE_KIND_HANDED_OVER, name);
}

int sys_priority(int nice_value)
{
	ENTER(sys_priority, "%d", nice_value);
	return 0;
}

int sys_unblock_signals(void)
{
	ENTER(sys_unblock_signals, "-");
	return 0;
}

int sys_duplicate(int fd, int to)
{
	ENTER(sys_duplicate, "%s", fake_descriptor(fd));
	return (int)fake_result(dup2(fd, to));
}

int sys_io_flusher(void)
{
	ENTER(sys_io_flusher, "-");
	return 0;
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	(void)put_old;
	ENTER(sys_pivot_root, "%s", new_root);
	return 0;
}

void sys_sync(void)
{
}

int sys_limit(int resource, uint64_t value)
{
	ENTER(sys_limit, "%d %llu", resource, (unsigned long long)value);
	fake_limits |= 1U << resource;
	return 0;
}

int sys_unshare(int flags)
{
	ENTER(sys_unshare, "%#x", (unsigned)flags);
	return 0;
}

int sys_die_with_parent(void)
{
	ENTER(sys_die_with_parent, "-");
	return 0;
}

int sys_machine(char *buffer, size_t size)
{
	ENTER(sys_machine, "-");
	(void)fake_print(buffer, size, "x86_64");
	return 0;
}

int sys_release(char *buffer, size_t size)
{
	ENTER(sys_release, "-");
	(void)fake_print(buffer, size, "6.1.0-fake");
	return 0;
}

int sys_close_from(int first)
{
	ENTER(sys_close_from, "%d", first);
	return (int)fake_result(syscall(SYS_close_range, first, ~0U, 0));
}

int sys_setsid(void)
{
	ENTER(sys_setsid, "-");
	return getpid();
}

int sys_adopt_orphans(void)
{
	ENTER(sys_adopt_orphans, "-");
	return 0;
}

int sys_wait_stopped(pid_t *ret_pid)
{
	siginfo_t info = { 0 };

	ENTER(sys_wait_stopped, "-");
	if (waitid(P_ALL, 0, &info, WSTOPPED | WEXITED) < 0)
		return -errno;
	*ret_pid = info.si_pid;
	return info.si_code == CLD_STOPPED;
}

int sys_continue_every(int ms)
{
	ENTER(sys_continue_every, "%d", ms);
	return 0;
}
