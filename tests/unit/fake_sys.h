/*
 * A machine that exists only in memory and in a temporary directory, and the system calls of include/sys.h on
 * it: fake_sys.c stands in the place of src/sys.c. Any one call can be made to fail.
 *
 * A boot is a process of its own. Its helpers are really forked, but one runs at a time: sys_fork() returns in
 * the parent when the child has ended or waits for more work, and so does the sys_write() of that, so that every boot
 * makes the same calls in the same order. Time is made
 * up, too: it passes with each call, and in sys_poll() when there is nothing to wait for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Each function of the seam, and what it is made to fail with. What cannot fail has no errno. */
#define FAKE_FUNCTIONS(X)                     \
	X(sys_open, EIO, EMFILE)              \
	X(sys_open_in_root, EIO, ELOOP)       \
	X(sys_open_beneath, EIO, ELOOP)       \
	X(sys_openat, EIO, EMFILE)            \
	X(sys_openat_mode, EIO, ENOSPC)       \
	X(sys_close, EIO)                     \
	X(sys_read, EIO)                      \
	X(sys_pread, EIO)                     \
	X(sys_write, EIO, ENOSPC)             \
	X(sys_pwrite, EIO, ENOSPC)            \
	X(sys_seek_end, EINVAL)               \
	X(sys_ioctl, EIO, ENOTTY)             \
	X(sys_keep, EINVAL)                   \
	X(sys_pipe, EMFILE)                   \
	X(sys_insert_module, ENOEXEC, EEXIST) \
	X(sys_mkdir, ENOSPC, ENOENT)          \
	X(sys_link, EEXIST)                   \
	X(sys_stat, EIO, ENOENT)              \
	X(sys_fstat, EIO)                     \
	X(sys_fstatat, EIO, ENOENT)           \
	X(sys_statfs, EIO)                    \
	X(sys_unlinkat, EIO)                  \
	X(sys_readlink, EIO)                  \
	X(sys_chdir, EIO)                     \
	X(sys_fchdir, EACCES)                 \
	X(sys_chroot, EPERM)                  \
	X(sys_getdents, EIO)                  \
	X(sys_fgetxattr, EIO, EOPNOTSUPP)     \
	X(sys_lgetxattr, EIO, EOPNOTSUPP)     \
	X(sys_flistxattr, EIO, EOPNOTSUPP)    \
	X(sys_llistxattr, EIO, EOPNOTSUPP)    \
	X(sys_fsetxattr, EIO, ENOSPC)         \
	X(sys_mknodat, EPERM, ENOSPC)         \
	X(sys_mkdirat, EIO, ENOSPC)           \
	X(sys_symlinkat, EIO, ENOSPC)         \
	X(sys_readlinkat, EIO)                \
	X(sys_fchownat, EPERM)                \
	X(sys_fchown, EPERM)                  \
	X(sys_fchmod, EPERM)                  \
	X(sys_futimens, EPERM)                \
	X(sys_renameat, EIO)                  \
	X(sys_fsync, EIO)                     \
	X(sys_unmount, EBUSY)                 \
	X(sys_mount, EINVAL, EIO)             \
	X(sys_fsopen, ENODEV, EMFILE)         \
	X(sys_fsconfig, EINVAL, ENOMEM)       \
	X(sys_fsmount, ENOMEM)                \
	X(sys_move_mount, EINVAL)             \
	X(sys_uevent_socket, EMFILE)          \
	X(sys_recv, EIO, ENOBUFS, EINTR)      \
	X(sys_poll, EINTR, ENOMEM)            \
	X(sys_fork, EAGAIN)                   \
	X(sys_getpid)                         \
	X(sys_geteuid)                        \
	X(sys_wait, ECHILD)                   \
	X(sys_kill, ESRCH)                    \
	X(sys_exit)                           \
	X(sys_execve, ENOEXEC, EACCES)        \
	X(sys_reboot, EPERM)                  \
	X(sys_console_level, EPERM)           \
	X(sys_cpus)                           \
	X(sys_now_us)                         \
	X(sys_real_us)                        \
	X(sys_cpu_us)                         \
	X(sys_memfd, EMFILE)                  \
	X(sys_unblock_signals, EINVAL)        \
	X(sys_priority, EPERM)                \
	X(sys_duplicate, EMFILE)              \
	X(sys_io_flusher, EPERM)              \
	X(sys_pivot_root, EINVAL)             \
	X(sys_sync, EIO)                      \
	X(sys_limit, EPERM)                   \
	X(sys_unshare, EPERM)                 \
	X(sys_die_with_parent, EINVAL)        \
	X(sys_machine, EFAULT)                \
	X(sys_release, EFAULT)                \
	X(sys_close_from, EINVAL)             \
	X(sys_setsid, EPERM)                  \
	X(sys_adopt_orphans, EINVAL)          \
	X(sys_wait_stopped, ECHILD)           \
	X(sys_continue_every, EAGAIN)

enum fake_function {
#define FAKE_NAME(name, ...) FAKE_##name,
	FAKE_FUNCTIONS(FAKE_NAME)
#undef FAKE_NAME
	FAKE_COUNT,
};

#define FAKE_ERRORS_MAX 4

struct fake_row {
	const char *name;
	int errors[FAKE_ERRORS_MAX]; /* 0 ends them */
};

extern const struct fake_row fake_rows[FAKE_COUNT];

#define FAKE_DISKS_MAX   8
#define FAKE_BY_DRIVER   (-1)
#define FAKE_BY_PROBE    (-2)
#define FAKE_FILES_MAX   16
#define FAKE_DEVICES_MAX 4
#define FAKE_LOOPS_MAX   8
#define FAKE_MAPS_MAX    8

struct fake_disk {
	const char *name;  /* vda; empty ends the list */
	const char *image; /* what it holds: a file of the fixtures */
	const char *
		tree; /* what a mount of it shows: a directory of the fixtures; NULL: it cannot be mounted */
	const char *serial;     /* NULL: none */
	const char *bus;        /* part of its path in /sys; NULL: virtio */
	const char *parent;     /* of a partition */
	const char *part_label; /* of a partition */
	int at_ms; /* when it is announced; 0: it is there at the start; FAKE_BY_DRIVER: with its driver; FAKE_BY_PROBE: when its driver is sent to it */
	int gone_ms; /* when it is removed; 0: never */
	int whole_ms; /* when it gets its serial and is announced: until then it is in /sys alone; 0: at once */
	bool broken;               /* its first sector cannot be read */
	bool stalls, mount_stalls; /* reading it, or mounting it, never ends */
	bool scan_stalls; /* nor does the kernel's reading of its partition table, in its driver */
	bool writable; /* the boot has a copy of its own, and what is mounted is an empty directory but for volume_files */
};

/* A device without a driver. */
struct fake_device {
	const char *bus, *name, *modalias;
};

/* Of a writable disk. */
struct fake_file {
	const char *disk, *path, *text;
};

struct fake_machine {
	const char *name;
	const char *cmdline;
	const char *manifest;      /* of the initramfs; NULL: it has none */
	const char *keys, *policy; /* the same */
	struct fake_disk disks[FAKE_DISKS_MAX];
	struct fake_device devices[FAKE_DEVICES_MAX];
	const char *filesystems; /* /proc/filesystems: the types that are built in */
	const char *union_files
		[FAKE_FILES_MAX]; /* of the merged root: NAME, NAME=TEXT, or NAME@TARGET of a symlink; none: the usual ones */
	const char *programs[4]; /* of the initramfs: /sbin/mkfs.ext4 */
	int program_status;      /* that they end with */
	struct fake_file volume_files[6];
	const char *fw_cfg;    /* the manifest there; NULL: none */
	const char *floor;     /* the oldest set allowed, there; NULL: none */
	bool wants_fw_cfg;     /* the initramfs was built to look there */
	bool no_lowerdir_plus; /* an older kernel */
	bool not_initramfs;    /* / is a disk */
	bool not_first;        /* the init is not process 1 */
	unsigned cpus;         /* 0: one */
	bool no_console;       /* nothing is open at the start */
	bool reboot_hangs;     /* the kernel waits for a device */
	bool union_refused, exec_refused;
	bool modules_missing; /* there is no index of modules */
	bool computes;        /* a helper that is busy has the processor all the time */
	/* Disks and files, by the end of their path, that libblkid dies of, hangs in, or must never see. */
	const char *probe_dies, *probe_hangs, *signature_dies, *signature_hangs, *unprobed;
};

enum fake_end {
	FAKE_RUNNING,
	FAKE_HANDED_OVER,   /* the real init was executed */
	FAKE_PANICKED,      /* PID 1 ended */
	FAKE_MACHINE_ENDED, /* reboot(2) */
	FAKE_HUNG,          /* nothing is left that could happen */
	FAKE_MISUSED,       /* something that the fake machine does not know, or that must not be */
};

#define FAKE_CALLS_MAX  8192
#define FAKE_MOUNTS_MAX 96
#define FAKE_EVENTS_MAX 64
#define FAKE_IDLE_MAX   512

struct fake_call {
	enum fake_function function;
	char detail[76];
};

struct fake_mount {
	char target[128], backing[192], source[64], type[16];
	unsigned long flags;
};

struct fake_event {
	int64_t at_us;
	size_t len;
	char text[256];
};

/* A device of the device mapper. */
struct fake_map {
	char name[128], data[64]; /* what it is a view of */
	bool corrupt;             /* it cannot be read */
};

/* One boot; in memory that its processes share. */
struct fake_boot {
	const struct fake_machine *machine;
	const char *fixtures;
	char directory[128];
	unsigned fail_at; /* the number of the call that fails, from 1 on; 0: none */
	int fail_with;    /* errno */

	pid_t init;
	/* Helpers that have stopped for want of work, and the pipe that it comes through. */
	struct {
		pid_t pid;
		unsigned long pipe;
	} idle[FAKE_IDLE_MAX];
	size_t idle_count;
	int64_t now_us;
	unsigned calls; /* that can fail */
	unsigned counts[FAKE_COUNT];
	struct fake_mount mounts[FAKE_MOUNTS_MAX];
	size_t mounts_count, scratch_count;
	struct fake_event events[FAKE_EVENTS_MAX];
	size_t events_count, events_taken;
	bool announced[FAKE_DISKS_MAX], whole[FAKE_DISKS_MAX], removed[FAKE_DISKS_MAX];
	bool blk_driver, probed;
	char loops[FAKE_LOOPS_MAX][192]; /* the files behind /dev/loop0 and so on */
	size_t loops_count;
	struct fake_map maps[FAKE_MAPS_MAX];
	size_t maps_count;
	char modules[8][32];
	size_t modules_count;

	enum fake_end end;
	int end_value;      /* status of the exit, command of reboot(2) */
	char end_text[256]; /* the program that was executed; what was misused */
	char crash[128];    /* a helper that ended by a signal or a sanitizer */

	struct fake_call trace[FAKE_CALLS_MAX];
};

extern struct fake_boot *fake;

/* fake_machine.c: what there is. */
void fake_machine_build(void);
void fake_machine_tick(void); /* whatever is due by now happens */
void fake_module_loaded(const char *name);
void fake_device_probed(const char *bus, const char *device);
/* COPY holds what IMAGE does; its holes are skipped, and a size that it has is kept. */
void fake_copy_image(const char *image, const char *copy);

/* fake_mounts.c: where a path leads, and what is mounted there. */
char *fake_path(const char *path, char *ret, size_t size);
const struct fake_mount *fake_mount_of(const char *path);
int fake_chdir(const char *path);
int fake_chroot(const char *path);
int fake_do_mount(const char *source, const char *target, const char *type, unsigned long flags,
		  const char *options);
int fake_do_unmount(const char *target);
int fake_add_union(const char *target, const char *type, unsigned long flags);
void fake_kernel_says(const char *priority, const char *text);

/* fake_devices.c: ioctl(2), and the programs of the initramfs. */
int fake_ioctl(int fd, unsigned long request, void *arg);
_Noreturn void fake_program(const char *path, char *const argv[]);

/* fake_sys_processes.c: what was written to FD may be what a helper waits for. */
void fake_resume(int fd);

/* fake_mapper.c */
struct dm_ioctl;
int fake_mapper(unsigned long command, struct dm_ioctl *request);
const struct fake_map *fake_map_of(const char *device); /* NULL: none */

/* fake_sys.c */
/* The path by which FD was opened. */
const char *fake_descriptor(int fd);
bool fake_descriptor_is_disk(int fd);

/* What does not fit ends the program. */
char *fake_print(char *ret, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int fake_enter(enum fake_function function, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn void fake_finish(enum fake_end end, int value, const char *text);
