/* What may fail in silence, and what no boot calls, each with its reason. */
#include <errno.h>

#include "fake_boot.h"

#define NO_NEWS "the kernel's words are missing where a step fails; here none does"

const struct fake_tolerated fake_tolerated[] = {
	/* Said to nobody, or by nobody. */
	{ .pattern = "sys_open /dev/console *", .reason = "/dev/null takes its place" },
	{ .pattern = "sys_keep /dev/console", .reason = "it is open all the same" },
	{ .pattern = "sys_open /dev/kmsg for writing", .reason = "lines go to the console" },
	{ .pattern = "sys_open /dev/kmsg", .reason = NO_NEWS },
	{ .pattern = "sys_seek_end /dev/kmsg", .reason = NO_NEWS },
	{ .pattern = "sys_* /proc/sys/kernel/printk_devkmsg*",
	  .reason = "the kernel drops lines where there are many, or none of the real init's" },
	{ .pattern = "sys_close *", .reason = "the kernel gives the number back all the same" },
	{ .pattern = "sys_unblock_signals *", .reason = "the kernel starts it with none blocked" },
	{ .pattern = "sys_* /run/layerboot/report.json*", .reason = "it is told of, not needed" },
	{ .pattern = "sys_* /run/layerboot/manifest*", .reason = "a copy for whoever looks at it" },
	{ .pattern = "sys_* /run/layerboot/changed", .reason = "a list for whoever looks at it" },
	{ .pattern = "sys_* /run/initramfs*",
	  .reason = "the root is as good; its end is warned of",
	  .says = "cleanly unmounted" },
	{ .pattern = "sys_open /init", .reason = "the same", .says = "cleanly unmounted" },
	{ .pattern = "sys_sendfile *", .reason = "the same", .says = "cleanly unmounted" },
	/* Heard in another way. */
	{ .pattern = "sys_poll *", .reason = "everything is looked at again" },
	{ .pattern = "sys_recv uevents", .reason = "what was lost is looked for in /sys" },
	{ .pattern = "sys_wait *", .reason = "it has ended" },
	{ .pattern = "sys_* /sys/bus/*",
	  .reason = "its driver is not needed or is built in, or the "
		    "bus announces it when its own driver comes" },
	{ .pattern = "sys_* /sys/class/block", .reason = "the disks are announced" },
	{ .pattern = "sys_open /sys/class/block/*/partition",
	  .reason = "a disk without it is a whole one" },
	{ .pattern = "sys_readlink /sys/class/block/*",
	  .reason = "a disk on no known bus",
	  .says = "absent" },
	{ .pattern = "sys_* /sys/class/block/*/device/serial",
	  .reason = "a disk without one",
	  .says = "absent" },
	{ .pattern = "sys_* /sys/class/block/sda/*", .reason = "no layer is on it" },
	{ .pattern = "sys_* /dev/sda", .reason = "no layer is on it" },
	{ .pattern = "sys_* /sys/class/block/vdc/*", .reason = "no layer is on it", .late = true },
	{ .pattern = "sys_* /dev/vdc", .reason = "no layer is on it" },
	{ .pattern = "sys_* /sys/class/block/*/inflight",
	  .reason = "whether it answers is looked at again",
	  .late = true },
	{ .pattern = "sys_* /sys/class/block/*/stat",
	  .reason = "whether it answers is looked at again",
	  .late = true },
	{ .pattern = "sys_kill *", .reason = "it has ended" },
	{ .pattern = "sys_* /proc/filesystems", .reason = "the type's module is asked for" },
	{ .pattern = "sys_stat /sys/module/dm_verity", .reason = "the module is asked for" },
	/* Tried again, or done otherwise. */
	{ .pattern = "sys_pipe *",
	  .reason = "the work is tried again at the next event",
	  .late = true },
	{ .pattern = "sys_fork *",
	  .reason = "the work is tried again at the next event",
	  .late = true },
	{ .pattern = "sys_read pipe",
	  .reason = "a driver that its helper has loaded all the same" },
	{ .pattern = "sys_write pipe for writing",
	  .reason =
		  "a driver that its helper has loaded all the same, or a disk whose answer is lost",
	  .says = "absent",
	  .late = true },
	{ .pattern = "libkmod_insert *", .reason = "it is there: another helper was quicker" },
	{ .pattern = "sys_fsconfig lowerdir+=/nonexistent-layerboot",
	  .reason = "a kernel without lowerdir+: mount(2) is used" },
	{ .pattern = "sys_release *", .reason = "only the key kernel asks, and warns" },
	{ .pattern = "sys_stat */qemu_fw_cfg*", .reason = "this machine or initramfs has none" },
	{ .pattern = "sys_* /sys/class/block/nvme0n1/wwid", .reason = "no layer names it" },
	/* File systems without extended attributes hold no marks in them. */
	{ .pattern = "sys_?listxattr *",
	  .reason = "without attributes there are none to copy or judge, and "
		    "whether a whole layer has them is asked of each entry then" },
	{ .pattern = "sys_?getxattr trusted.overlay.*",
	  .reason = "not marked",
	  .error = EOPNOTSUPP },
	{ .pattern = "sys_open_beneath */usr/lib/layerboot/layers*",
	  .reason = "a symlink in the place of records, or of one: what is behind it is not read" },
	/* systemd boots without these, too. */
	{ .pattern = "sys_open /sysroot",
	  .reason = "whether the init is systemd: as if it were not" },
	{ .pattern = "sys_open_in_root /sbin/init", .reason = "the same" },
	{ .pattern = "sys_readlink /proc/self/fd/*", .reason = "the same" },
	{ .pattern = "sys_* /etc/fstab", .reason = "as if it did not name the root" },
	{ .pattern = "sys_mkdir /run/systemd*",
	  .reason = "a warning; systemd may fail to remount" },
	{ .pattern = "sys_symlinkat /run/systemd/*",
	  .reason = "a warning; systemd may fail to remount" },
	{ .pattern = "sys_open /run/systemd/system/*",
	  .reason = "a warning; systemd may fail to remount" },
	{ .pattern = "sys_write /run/systemd/system/*",
	  .reason = "a warning; systemd may fail to remount" },
	{ .pattern = "sys_stat /dev/vda",
	  .reason = "a warning; systemd does not know the disk behind /" },
	{ .pattern = "sys_* layerboot-timestamp",
	  .reason = "systemd does not tell how long this took" },
	/* In a process that ends, or in a root that nobody sees any more. */
	{ .pattern = "sys_chdir /", .reason = "the helper ends next" },
	{ .pattern = "sys_fchdir .", .reason = "the helper ends next" },
	{ .pattern = "sys_die_with_parent *",
	  .reason = "a program goes on when its parent is killed" },
	{ .pattern = "sys_unmount /run/layerboot/media/*", .reason = "it stays, read-only" },
	{ .pattern = "sys_wait_stopped *",
	  .reason = "unionfs serves; it is not woken at the shutdown" },
	{ .pattern = "sys_fstatat /sysroot/*", .reason = "looked at only to have it in memory" },
	{ .pattern = "sys_fstat /*", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_openat /*", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_getdents /", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_getdents /*", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_unlinkat /*", .reason = "what cannot be deleted only takes memory" },
};

const size_t fake_tolerated_count = sizeof(fake_tolerated) / sizeof(fake_tolerated[0]);

const struct fake_unused fake_unused[] = {
	{ "sys_geteuid", "only the commands in a guest ask who runs them" },
	{ "sys_unshare", "only the commands on a host" },
	{ "sys_pivot_root", "only the shutdown" },
	{ "sys_sync", "only the shutdown, and it cannot fail" },
	{ "sys_machine", "only the commands on a host" },
};

const size_t fake_unused_count = sizeof(fake_unused) / sizeof(fake_unused[0]);
