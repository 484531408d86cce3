#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* <linux/mount.h> and <sys/mount.h> define the same names; only fs_mount.c needs the former. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

static long result(long r)
{
	return r < 0 ? -errno : r;
}

int sys_open(const char *path, int flags)
{
	return (int)result(open(path, flags | O_CLOEXEC, 0644));
}

int sys_open_in_root(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

int sys_open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	return (int)result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

int sys_openat(int dir, const char *path, int flags)
{
	return (int)result(openat(dir, path, flags | O_CLOEXEC));
}

int sys_close(int fd)
{
	return (int)result(close(fd));
}

ssize_t sys_read(int fd, void *buffer, size_t size)
{
	return result(read(fd, buffer, size));
}

ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset)
{
	return result(pread(fd, buffer, size, offset));
}

ssize_t sys_write(int fd, const void *buffer, size_t size)
{
	return result(write(fd, buffer, size));
}

int sys_seek_end(int fd)
{
	return lseek(fd, 0, SEEK_END) < 0 ? -errno : 0;
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return (int)result(ioctl(fd, (int)request, arg));
}

int sys_keep(int fd)
{
	return (int)result(fcntl(fd, F_SETFD, 0));
}

int sys_pipe(int ret[2])
{
	return (int)result(pipe2(ret, O_CLOEXEC | O_NONBLOCK));
}

int sys_insert_module(int fd, const char *options)
{
	return (int)result(syscall(SYS_finit_module, fd, options, 0));
}

int sys_mkdir(const char *path, mode_t mode)
{
	return (int)result(mkdir(path, mode));
}

int sys_link(const char *path, const char *new_path)
{
	return (int)result(link(path, new_path));
}

int sys_stat(const char *path, struct stat *ret)
{
	return (int)result(stat(path, ret));
}

int sys_fstat(int fd, struct stat *ret)
{
	return (int)result(fstat(fd, ret));
}

int sys_fstatat(int dir, const char *path, struct stat *ret)
{
	return (int)result(fstatat(dir, path, ret, AT_SYMLINK_NOFOLLOW));
}

int sys_statfs(const char *path, struct statfs *ret)
{
	return (int)result(statfs(path, ret));
}

int sys_unlinkat(int dir, const char *path, bool directory)
{
	return (int)result(unlinkat(dir, path, directory ? AT_REMOVEDIR : 0));
}

ssize_t sys_readlink(const char *path, char *buffer, size_t size)
{
	return result(readlink(path, buffer, size));
}

int sys_chdir(const char *path)
{
	return (int)result(chdir(path));
}

int sys_fchdir(int fd)
{
	return (int)result(fchdir(fd));
}

int sys_chroot(const char *path)
{
	return (int)result(chroot(path));
}

ssize_t sys_getdents(int fd, void *buffer, size_t size)
{
	return result(syscall(SYS_getdents64, fd, buffer, size));
}

ssize_t sys_fgetxattr(int fd, const char *name, void *buffer, size_t size)
{
	return result(fgetxattr(fd, name, buffer, size));
}

ssize_t sys_lgetxattr(const char *path, const char *name, void *buffer, size_t size)
{
	return result(lgetxattr(path, name, buffer, size));
}

ssize_t sys_flistxattr(int fd, char *buffer, size_t size)
{
	return result(flistxattr(fd, buffer, size));
}

ssize_t sys_llistxattr(const char *path, char *buffer, size_t size)
{
	return result(llistxattr(path, buffer, size));
}

int sys_fsetxattr(int fd, const char *name, const void *value, size_t size)
{
	return (int)result(fsetxattr(fd, name, value, size, 0));
}

int sys_mknodat(int dir, const char *path, mode_t mode, dev_t device)
{
	return (int)result(mknodat(dir, path, mode, device));
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
	return (int)result(mkdirat(dir, path, mode));
}

int sys_symlinkat(const char *target, int dir, const char *path)
{
	return (int)result(symlinkat(target, dir, path));
}

ssize_t sys_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	return result(readlinkat(dir, path, buffer, size));
}

int sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	return (int)result(fchownat(dir, path, uid, gid, AT_SYMLINK_NOFOLLOW));
}

int sys_fchown(int fd, uid_t uid, gid_t gid)
{
	return (int)result(fchown(fd, uid, gid));
}

int sys_fchmod(int fd, mode_t mode)
{
	return (int)result(fchmod(fd, mode));
}

int sys_futimens(int fd, const struct timespec times[2])
{
	return (int)result(futimens(fd, times));
}

int sys_openat_mode(int dir, const char *path, int flags, mode_t mode)
{
	return (int)result(openat(dir, path, flags | O_CLOEXEC, mode));
}

int sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)result(renameat(from_dir, from, to_dir, to));
}

int sys_fsync(int fd)
{
	return (int)result(fsync(fd));
}

int sys_unmount(const char *target, int flags)
{
	return (int)result(umount2(target, flags));
}

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	      const char *options)
{
	return (int)result(mount(source, target, type, flags, options));
}

int sys_fsopen(const char *type)
{
	const unsigned cloexec = 1; /* FSOPEN_CLOEXEC */

	return (int)result(syscall(SYS_fsopen, type, cloexec));
}

int sys_fsconfig(int fd, unsigned command, const char *key, const char *value)
{
	return (int)result(syscall(SYS_fsconfig, fd, command, key, value, 0));
}

int sys_fsmount(int fd, unsigned attributes)
{
	const unsigned cloexec = 1; /* FSMOUNT_CLOEXEC */

	return (int)result(syscall(SYS_fsmount, fd, cloexec, attributes));
}

int sys_move_mount(int fd, const char *target)
{
	const unsigned empty_path = 4; /* MOVE_MOUNT_F_EMPTY_PATH */

	return (int)result(syscall(SYS_move_mount, fd, "", AT_FDCWD, target, empty_path));
}

/*
 * An event begins with "add@/devices/..." or the like (lib/kobject_uevent.c). Of modules, drivers, caches and of
 * the backing devices of file systems (bdi) there are many, and none is of interest: without this each wakes process 1.
 */
static int limit_uevents(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x72656d6f, 5, 0), /* "remo" */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x61646440, 0, 5), /* "add@" */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x2f646576, 0, 3), /* "/dev" */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 21),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x6264692f, 1,
			 0), /* "bdi/", behind /devices/virtual/ */
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

int sys_uevent_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = 4 << 20; /* as much as a hundred disks with partitions announce at once */
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	/* A kernel without it tells more than is wanted. */
	(void)limit_uevents(fd);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

ssize_t sys_recv(int fd, void *buffer, size_t size, unsigned *ret_sender)
{
	struct sockaddr_nl from = { 0 };
	struct iovec part = { .iov_base = buffer, .iov_len = size };
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t len = recvmsg(fd, &message, 0);

	if (len < 0)
		return -errno;
	*ret_sender = from.nl_pid;
	return len;
}

int sys_poll(struct pollfd *fds, size_t count, int timeout_ms)
{
	return (int)result(poll(fds, count, timeout_ms));
}

pid_t sys_fork(void)
{
	return (pid_t)result(fork());
}

pid_t sys_getpid(void)
{
	return getpid();
}

uid_t sys_geteuid(void)
{
	return geteuid();
}

int sys_wait(pid_t pid, int *ret_status)
{
	return (int)result(waitpid(pid, ret_status, 0));
}

int sys_kill(pid_t pid, int signal)
{
	return (int)result(kill(pid, signal));
}

void sys_exit(int status)
{
	_exit(status);
}

int sys_execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)result(execve(path, argv, envp));
}

int sys_reboot(int command)
{
	return (int)result(reboot(command));
}

int sys_console_level(int level)
{
	const int console_level = 8; /* SYSLOG_ACTION_CONSOLE_LEVEL */

	return (int)result(klogctl(console_level, NULL, level));
}

unsigned sys_cpus(void)
{
	unsigned long set[128]; /* 8,192, as many as a kernel is built for */
	long len = syscall(SYS_sched_getaffinity, 0, sizeof(set), set);
	unsigned count = 0;

	for (size_t i = 0; len > 0 && i < (size_t)len / sizeof(set[0]); i++)
		count += (unsigned)__builtin_popcountl(set[i]);
	return count > 0 ? count : 1;
}

int64_t sys_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t sys_cpu_us(pid_t pid)
{
	struct timespec t;
	clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

	if ((pid != 0 && clock_getcpuclockid(pid, &clock) != 0) || clock_gettime(clock, &t) < 0)
		return 0;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t sys_real_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int sys_memfd(const char *name)
{
	return (int)result(memfd_create(name, 0));
}

int sys_priority(int nice_value)
{
	return (int)result(setpriority(PRIO_PROCESS, 0, nice_value));
}

int sys_unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	return (int)result(sigprocmask(SIG_SETMASK, &none, NULL));
}

int sys_duplicate(int fd, int to)
{
	return (int)result(dup2(fd, to));
}

int sys_io_flusher(void)
{
	return (int)result(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0));
}

int sys_limit(int resource, uint64_t value)
{
	const struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

	return (int)result(setrlimit((unsigned)resource, &limit));
}

int sys_unshare(int flags)
{
	return (int)result(unshare(flags));
}

int sys_die_with_parent(void)
{
	return (int)result(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

int sys_machine(char *buffer, size_t size)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	if (strlen(name.machine) >= size)
		return -ENAMETOOLONG;
	strcpy(buffer, name.machine);
	return 0;
}

int sys_release(char *buffer, size_t size)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	if (strlen(name.release) >= size)
		return -ENAMETOOLONG;
	strcpy(buffer, name.release);
	return 0;
}

ssize_t sys_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	return result(pwrite(fd, buffer, size, offset));
}

int sys_close_from(int first)
{
	return (int)result(syscall(SYS_close_range, first, ~0U, 0));
}

int sys_setsid(void)
{
	return (int)result(setsid());
}

int sys_adopt_orphans(void)
{
	return (int)result(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

int sys_wait_stopped(pid_t *ret_pid)
{
	siginfo_t info;

	if (waitid(P_ALL, 0, &info, WSTOPPED | WEXITED) < 0)
		return -errno;
	*ret_pid = info.si_pid;
	return info.si_code == CLD_STOPPED;
}

static void continued(int signal)
{
	(void)signal;
}

int sys_continue_every(int ms)
{
	/* With a handler: newer kernels do not rearm a timer whose signal is ignored, and SIGCONT is by default. */
	struct sigaction action = { .sa_handler = continued, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT };
	struct timespec every = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	struct itimerspec times = { .it_value = every, .it_interval = every };
	timer_t timer;

	if (sigaction(SIGCONT, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
	    timer_settime(timer, 0, &times, NULL) < 0)
		return -errno;
	return 0;
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)result(syscall(SYS_pivot_root, new_root, put_old));
}

void sys_sync(void)
{
	sync();
}
