/*
 * Every system call of the acting tier, each a line: the result, or -errno. This is the seam that tests
 * replace at link time; what libblkid, libmount and libkmod call themselves does not pass here.
 */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

int sys_open(const char *path, int flags);

/* openat2(2): PATH resolved as if DIR were / (RESOLVE_IN_ROOT), through no magic link. */
int sys_open_in_root(int dir, const char *path, int flags);

/* openat2(2): PATH through no symlink, and not above DIR; with O_PATH and O_NOFOLLOW its end may be one. */
int sys_open_beneath(int dir, const char *path, int flags);
int sys_openat(int dir, const char *path, int flags);
int sys_close(int fd);
ssize_t sys_read(int fd, void *buffer, size_t size);
ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset);
ssize_t sys_write(int fd, const void *buffer, size_t size);
int sys_seek_end(int fd);
int sys_ioctl(int fd, unsigned long request, void *arg);
int sys_keep(int fd); /* FD stays open over an exec */
int sys_pipe(int ret[2]);
int sys_insert_module(int fd, const char *options); /* finit_module(2) */

int sys_mkdir(const char *path, mode_t mode);
int sys_link(const char *path, const char *new_path);
int sys_stat(const char *path, struct stat *ret);
int sys_fstat(int fd, struct stat *ret);
int sys_fstatat(int dir, const char *path, struct stat *ret); /* not through a symlink at the end */
int sys_statfs(const char *path, struct statfs *ret);
int sys_unlinkat(int dir, const char *path, bool directory);
ssize_t sys_readlink(const char *path, char *buffer, size_t size);
int sys_chdir(const char *path);
int sys_fchdir(int fd);
int sys_chroot(const char *path);
ssize_t sys_getdents(int fd, void *buffer, size_t size);
ssize_t sys_fgetxattr(int fd, const char *name, void *buffer, size_t size);
ssize_t sys_lgetxattr(const char *path, const char *name, void *buffer, size_t size);
ssize_t sys_flistxattr(int fd, char *buffer, size_t size);
ssize_t sys_llistxattr(const char *path, char *buffer, size_t size);
int sys_fsetxattr(int fd, const char *name, const void *value, size_t size);
int sys_mknodat(int dir, const char *path, mode_t mode, dev_t device);
int sys_mkdirat(int dir, const char *path, mode_t mode);
int sys_symlinkat(const char *target, int dir, const char *path);
ssize_t sys_readlinkat(int dir, const char *path, char *buffer, size_t size);
int sys_fchownat(int dir, const char *path, uid_t uid,
		 gid_t gid); /* not through a symlink at the end */
int sys_fchown(int fd, uid_t uid, gid_t gid);
int sys_fchmod(int fd, mode_t mode);
int sys_futimens(int fd, const struct timespec times[2]);
int sys_openat_mode(int dir, const char *path, int flags, mode_t mode);
int sys_renameat(int from_dir, const char *from, int to_dir, const char *to);
int sys_fsync(int fd);
int sys_unmount(const char *target, int flags);

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	      const char *options);
int sys_fsopen(const char *type);
int sys_fsconfig(int fd, unsigned command, const char *key, const char *value);
int sys_fsmount(int fd, unsigned attributes);
int sys_move_mount(int fd, const char *target);

int sys_uevent_socket(void);
ssize_t sys_recv(int fd, void *buffer, size_t size, unsigned *ret_sender);
int sys_poll(struct pollfd *fds, size_t count, int timeout_ms);

pid_t sys_fork(void);
pid_t sys_getpid(void);
uid_t sys_geteuid(void);
int sys_wait(pid_t pid, int *ret_status); /* blocks */
int sys_kill(pid_t pid, int signal);
_Noreturn void sys_exit(int status);
int sys_execve(const char *path, char *const argv[], char *const envp[]);
int sys_reboot(int command);
int sys_console_level(int level); /* syslog(2), action 8: lines below LEVEL reach the console */

unsigned sys_cpus(void);   /* that this process may run on, of PID 1 all; 1 if it is not known */
int64_t sys_now_us(void);  /* CLOCK_MONOTONIC */
int64_t sys_real_us(void); /* CLOCK_REALTIME */
int64_t sys_cpu_us(
	pid_t pid); /* of the processor, that it has had, 0: this process; 0 if it is not known */
int sys_memfd(const char *name); /* stays open over an exec */
int sys_unblock_signals(void);
int sys_priority(int nice_value); /* setpriority(2), of this process */
int sys_duplicate(int fd, int to);
int sys_close_from(int first); /* this descriptor and all above */
int sys_setsid(void);
int sys_adopt_orphans(
	void); /* children of children that end come to this process (PR_SET_CHILD_SUBREAPER) */

/* Blocks until a child is stopped (1) or has ended (0). */
int sys_wait_stopped(pid_t *ret_pid);

/* From now on, this process is sent SIGCONT every so often; also when it is stopped. */
int sys_continue_every(int ms);

/*
 * PR_SET_IO_FLUSHER, kept over fork and exec: memory that this process asks for is not freed by writing through
 * what it serves itself.
 */
int sys_io_flusher(void);

/* setrlimit(2), of this process and what it starts. */
int sys_limit(int resource, uint64_t value);
int sys_unshare(int flags);
int sys_die_with_parent(void);              /* SIGKILL when it ends (PR_SET_PDEATHSIG) */
int sys_machine(char *buffer, size_t size); /* uname -m; -ENAMETOOLONG */
int sys_release(char *buffer, size_t size); /* uname -r; -ENAMETOOLONG */

ssize_t sys_pwrite(int fd, const void *buffer, size_t size, off_t offset);

int sys_pivot_root(const char *new_root, const char *put_old);
void sys_sync(void);
