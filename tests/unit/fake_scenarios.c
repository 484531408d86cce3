/* The machines that boots are tried on. */
#include "fake_boot.h"

#define VIRTIO_PCI                                                                             \
	{                                                                                      \
		"pci", "0000:00:04.0", "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00" \
	}
#define PVPANIC                                                                                \
	{                                                                                      \
		"pci", "0000:00:05.0", "pci:v00001B36d00000011sv00001AF4sd00001100bc08scFFi00" \
	}

#define SYSTEM .name = "vda", .image = "system.squashfs", .tree = "system", .serial = "system"
#define USER   .name = "vdb", .image = "user.squashfs", .tree = "user", .serial = "user"

#define TWO                                        \
	"version = 1\n"                            \
	"[layer system]\nsource = SERIAL=system\n" \
	"[layer user]\nsource = SERIAL=user\n"
#define OPTIONAL_USER TWO "required = no\n"

#define BUILT_IN "nodev\tproc\nnodev\toverlay\n\tsquashfs\n\text4\n"

/* The first is the one that each call fails of with every errno. */
const struct fake_scenario fake_scenarios[] = {
	/* Everything is a module, the disks come with their driver. */
	{ .machine = { .name = "two layers",
		       .cmdline = "quiet panic=1\n",
		       .manifest = TWO,
		       .disks = { { SYSTEM, .at_ms = FAKE_BY_DRIVER },
				  { USER, .at_ms = FAKE_BY_DRIVER } },
		       .devices = { VIRTIO_PCI } } },
	{ .machine = { .name = "an older kernel, a read-only root, everything said",
		       .cmdline = "layerboot.top=none layerboot.log=debug init=/sbin/init",
		       .manifest = OPTIONAL_USER,
		       .filesystems = BUILT_IN,
		       .no_lowerdir_plus = true,
		       .disks = { { SYSTEM }, { USER } } } },
	{ .machine = { .name = "the built-in manifest and partitions",
		       .cmdline = "layerboot.on-failure=reboot",
		       .filesystems = BUILT_IN,
		       .no_console = true,
		       .disks = { { .name = "sda",
				    .image = "empty",
				    .bus = "target0:0:0",
				    .serial = "disk" },
				  { .name = "sda1",
				    .image = "system.squashfs",
				    .tree = "system",
				    .bus = "target0:0:0",
				    .parent = "sda",
				    .part_label = "layerboot-system" },
				  { .name = "nvme0n1",
				    .image = "user.ext4",
				    .tree = "user",
				    .bus = "nvme/nvme0",
				    .serial = "user" } } } },
	{ .machine = { .name = "a disk that comes late",
		       .cmdline = "layerboot.on-failure=poweroff",
		       .manifest = OPTIONAL_USER "timeout = 3s\n",
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM }, { USER, .at_ms = 1500 } } } },
	{ .machine = { .name = "a disk that no layer is on does not answer",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM },
				  { USER },
				  { .name = "vdc", .image = "empty", .stalls = true } } } },
	{ .machine = { .name = "an optional layer is absent",
		       .manifest = OPTIONAL_USER,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM } } } },
	{ .machine = { .name = "a disk goes",
		       .cmdline = "panic=1",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM, .at_ms = 500 }, { USER, .gone_ms = 100 } } },
	  .word = "layer-missing" },
	{ .machine = { .name = "a missing disk",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .devices = { PVPANIC },
		       .disks = { { SYSTEM } } },
	  .word = "layer-missing" },
	{ .machine = { .name = "a dirty layer, and nobody is there to be told",
		       .cmdline = "layerboot.layer=user,source=SERIAL=dirty",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM },
				  { .name = "vdb",
				    .image = "dirty.ext4",
				    .tree = "user",
				    .serial = "dirty" } } },
	  .word = "layer-dirty" },
	{ .machine = { .name = "a disk that cannot be read",
		       .cmdline = "layerboot.on-failure=halt",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM }, { USER, .broken = true } } },
	  .word = "layer-read" },
	{ .machine = { .name = "a disk that does not answer, nor does the kernel then",
		       .cmdline = "layerboot.on-failure=reboot",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .reboot_hangs = true,
		       .disks = { { SYSTEM }, { USER, .stalls = true } } },
	  .word = "layer-missing" },
	{ .machine = { .name = "a mount that does not end",
		       .cmdline = "layerboot.on-failure=poweroff",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM }, { USER, .mount_stalls = true } } },
	  .word = "layer-stalled" },
	{ .machine = { .name = "a layer that cannot be mounted",
		       .cmdline = "panic=1",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .disks = { { SYSTEM },
				  { .name = "vdb", .image = "user.squashfs", .serial = "user" } } },
	  .word = "layer-mount" },
	{ .machine = { .name = "no module for the union",
		       .cmdline = "panic=1",
		       .manifest = TWO,
		       .filesystems = "\tsquashfs\n",
		       .modules_missing = true,
		       .disks = { { SYSTEM }, { USER } } },
	  .word = "module-missing" },
	{ .machine = { .name = "a union that is refused",
		       .cmdline = "panic=1",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .union_refused = true,
		       .disks = { { SYSTEM }, { USER } } },
	  .word = "union-failed" },
	{ .machine = { .name = "no init in the root",
		       .cmdline = "panic=1",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .union_files = { "etc/passwd" },
		       .disks = { { SYSTEM }, { USER } } },
	  .word = "init-missing" },
	{ .machine = { .name = "an init that cannot be executed",
		       .cmdline = "panic=1",
		       .manifest = TWO,
		       .filesystems = BUILT_IN,
		       .exec_refused = true,
		       .disks = { { SYSTEM }, { USER } } },
	  .word = "init-exec" },
	{ .machine = { .name = "a manifest with an error",
		       .manifest = "version = 2\n",
		       .devices = { PVPANIC } },
	  .word = "manifest-invalid" },
	{ .machine = { .name = "an unknown parameter", .cmdline = "layerboot.nothing=1 panic=1" },
	  .word = "cmdline-invalid" },
	{ .machine = { .name = "a root that is no initramfs", .not_initramfs = true },
	  .word = "not-initramfs" },
	{ .machine = { .name = "a process that is not the first", .not_first = true },
	  .word = "not-pid1" },
};

const size_t fake_scenarios_count = sizeof(fake_scenarios) / sizeof(fake_scenarios[0]);

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
	{ .pattern = "sys_* /sys/class/block/vdc/*", .reason = "no layer is on it" },
	{ .pattern = "sys_* /dev/vdc", .reason = "no layer is on it" },
	{ .pattern = "sys_kill *", .reason = "it has ended" },
	{ .pattern = "sys_* /proc/filesystems", .reason = "the type's module is asked for" },
	/* Tried again, or done otherwise. */
	{ .pattern = "sys_pipe *", .reason = "the work is tried again at the next event" },
	{ .pattern = "sys_fork *", .reason = "the work is tried again at the next event" },
	{ .pattern = "sys_read pipe",
	  .reason = "a driver that its helper has loaded all the same" },
	{ .pattern = "sys_write pipe for writing",
	  .reason =
		  "a driver that its helper has loaded all the same, or a disk whose answer is lost",
	  .says = "absent" },
	{ .pattern = "libkmod_insert *", .reason = "it is there: another helper was quicker" },
	{ .pattern = "sys_fsopen overlay", .reason = "mount(2) is what there is besides" },
	{ .pattern = "sys_fsconfig lowerdir+=/nonexistent-layerboot",
	  .reason = "a kernel without lowerdir+: mount(2) is used" },
	{ .pattern = "sys_pread /dev/nvme0n1",
	  .reason = "whether it is clean: the kernel asks again when it mounts" },
	/* In a process that ends, or in a root that nobody sees any more. */
	{ .pattern = "sys_chdir /", .reason = "the helper ends next" },
	{ .pattern = "sys_fstatat //sysroot/*", .reason = "looked at only to have it in memory" },
	{ .pattern = "sys_fstatat //*", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_openat //*", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_getdents /", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_getdents //*", .reason = "what cannot be deleted only takes memory" },
	{ .pattern = "sys_unlinkat //*", .reason = "what cannot be deleted only takes memory" },
};

const size_t fake_tolerated_count = sizeof(fake_tolerated) / sizeof(fake_tolerated[0]);

const struct fake_unused fake_unused[] = {
	{ "sys_openat_mode", "whiteouts" },
};

const size_t fake_unused_count = sizeof(fake_unused) / sizeof(fake_unused[0]);
