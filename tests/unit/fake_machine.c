/* The files of the fake machine: initramfs, /dev, /proc, /sys, the merged root; and its disks, as they come. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fake_sys.h"
#include "layer_superblock.h"

static void must(bool holds, const char *what)
{
	if (!holds)
		fake_finish(FAKE_MISUSED, errno, what);
}

static void make_parents(char *path)
{
	char *last = strrchr(path, '/');

	*last = '\0';
	if (mkdir(path, 0755) < 0 && errno == ENOENT) {
		make_parents(path);
		must(mkdir(path, 0755) == 0, path);
	}
	*last = '/';
}

/* A name below the boot's directory, whose parents exist then. */
static char *name(char *path, const char *format, va_list args)
{
	int len = snprintf(path, PATH_MAX, "%s/", fake->directory);

	(void)vsnprintf(path + len, PATH_MAX - (size_t)len, format, args);
	make_parents(path);
	return path;
}

__attribute__((format(printf, 2, 3))) static void put(const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, format);
	(void)name(path, format, args);
	va_end(args);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

__attribute__((format(printf, 2, 3))) static void put_link(const char *to, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, format);
	(void)name(path, format, args);
	va_end(args);
	must(symlink(to, path) == 0, path);
}

/* Ends in a slash. */
__attribute__((format(printf, 1, 2))) static void make_directory(const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, format);
	(void)name(path, format, args);
	va_end(args);
}

static void announce(const char *action, const char *subsystem, const char *path, const char *key,
		     const char *value)
{
	must(fake->events_count < FAKE_EVENTS_MAX, "too many events");
	struct fake_event *e = &fake->events[fake->events_count++];
	e->at_us = fake->now_us;
	e->len = (size_t)snprintf(e->text, sizeof(e->text),
				  "%s@%s%cACTION=%s%cDEVPATH=%s%cSUBSYSTEM=%s%c%s=%s", action, path,
				  0, action, 0, path, 0, subsystem, 0, key, value) +
		 1;
	must(e->len < sizeof(e->text), "a long event");
}

static void disk_path(const struct fake_disk *d, char *ret, size_t size)
{
	(void)fake_print(ret, size, "/devices/pci0000:00/%s/block/%s%s%s",
			 d->bus ? d->bus : "virtio1", d->parent ? d->parent : "",
			 d->parent ? "/" : "", d->name);
}

void fake_copy_image(const char *image, const char *copy)
{
	char buffer[65536];
	struct stat st, old;
	int from = open(image, O_RDONLY | O_CLOEXEC);
	int to = open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	must(from >= 0 && to >= 0 && fstat(from, &st) == 0 && fstat(to, &old) == 0, copy);
	must(old.st_size > 0 || ftruncate(to, st.st_size) == 0, copy);
	for (off_t at = 0; (at = lseek(from, at, SEEK_DATA)) >= 0;) {
		ssize_t len = pread(from, buffer, sizeof(buffer), at);
		must(len > 0 && pwrite(to, buffer, (size_t)len, at) == len, copy);
		at += len;
	}
	close(from);
	close(to);
}

/* @IMAGE@ is the digest of a squashfs of the fixtures, which differs from run to run. */
static char *with_digests(const char *text, char *ret, size_t size)
{
	const char *at = strchr(text, '@'), *end = at ? strchr(at + 1, '@') : NULL;
	char path[PATH_MAX], digest[24], rest[PATH_MAX];

	if (!end)
		return fake_print(ret, size, "%s", text);
	(void)fake_print(path, sizeof(path), "%s/%.*s", fake->fixtures, (int)(end - at - 1),
			 at + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && layer_digest(fd, 0, "squashfs", digest) == 0, path);
	close(fd);
	return fake_print(ret, size, "%.*s%s%s", (int)(at - text), text, digest,
			  with_digests(end + 1, rest, sizeof(rest)));
}

/* What a boot may change of a disk. */
static void make_volume(const struct fake_disk *d, const char *path, char *image)
{
	char text[PATH_MAX];
	char copy[PATH_MAX], up[PATH_MAX];
	struct stat st;

	(void)fake_print(copy, sizeof(copy), "%s/image-%s", fake->directory, d->name);
	fake_copy_image(image, copy);
	(void)fake_print(image, PATH_MAX, "%s", copy);
	make_directory("volume-%s/", d->name);
	for (size_t i = 0; i < 6 && fake->machine->volume_files[i].disk; i++) {
		const struct fake_file *f = &fake->machine->volume_files[i];
		if (strcmp(f->disk, d->name) == 0)
			put(with_digests(f->text, text, sizeof(text)), "volume-%s/%s", d->name,
			    f->path);
	}
	/* All volumes are on one device, that of the directory. */
	must(stat(fake->directory, &st) == 0, fake->directory);
	(void)fake_print(up, sizeof(up), "%s/sysfs/dev/block/%u:%u", fake->directory,
			 major(st.st_dev), minor(st.st_dev));
	if (access(up, F_OK) == 0)
		return;
	(void)fake_print(up, sizeof(up), "../..%s", path);
	put_link(up, "sysfs/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
}

/* Its own attributes stand in /sys after all others, and then it is announced. */
static void disk_is_whole(const struct fake_disk *d)
{
	char path[PATH_MAX], text[PATH_MAX];

	disk_path(d, path, sizeof(path));
	if (d->serial && strstr(path, "nvme"))
		put(d->serial, "sysfs%s/device/serial", path);
	else if (d->serial && strstr(path, "/target")) {
		put("", "sysfs%s/device/vpd_pg80", path);
		(void)fake_print(text, sizeof(text), "....%s", d->serial);
		put(text, "sysfs%s/device/vpd_pg80", path);
	} else if (d->serial) {
		put(d->serial, "sysfs%s/serial", path);
	}
	put("", "sysfs%s/bdi", path);
	if (!d->scan_stalls)
		announce("add", "block", path, "DEVNAME", d->name);
}

static void disk_appears(const struct fake_disk *d)
{
	char path[PATH_MAX], text[PATH_MAX];
	struct stat st = { 0 };

	disk_path(d, path, sizeof(path));
	(void)fake_print(text, sizeof(text), "%s/%s", fake->fixtures, d->image);
	must(stat(text, &st) == 0, text);
	if (d->writable)
		make_volume(d, path, text);
	put_link(text, "devtmpfs/%s", d->name);
	(void)fake_print(text, sizeof(text), "DEVNAME=%s\n", d->name);
	put(text, "sysfs%s/uevent", path);
	(void)fake_print(text, sizeof(text), "%lld\n", (long long)st.st_size / 512);
	put(text, "sysfs%s/size", path);
	if (d->parent) {
		put("1\n", "sysfs%s/partition", path);
		(void)fake_print(text, sizeof(text), "DEVTYPE=partition\nPARTNAME=%s\n",
				 d->part_label ? d->part_label : "");
		put(text, "sysfs%s/uevent", path);
	}
	(void)fake_print(text, sizeof(text), "../..%s", path);
	put_link(text, "sysfs/class/block/%s", d->name);
	put(d->stalls || d->scan_stalls ? "       1        0\n" : "       0        0\n",
	    "sysfs%s/inflight", path);
	put("       9        0       72        4        0        0        0        0\n",
	    "sysfs%s/stat", path);
}

static void disk_goes(const struct fake_disk *d)
{
	char path[PATH_MAX], link[PATH_MAX];

	disk_path(d, path, sizeof(path));
	(void)fake_print(link, sizeof(link), "%s/sysfs/class/block/%s", fake->directory, d->name);
	must(unlink(link) == 0, link);
	(void)fake_print(link, sizeof(link), "%s/devtmpfs/%s", fake->directory, d->name);
	must(unlink(link) == 0, link);
	announce("remove", "block", path, "DEVNAME", d->name);
}

void fake_machine_tick(void)
{
	for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++) {
		const struct fake_disk *d = &fake->machine->disks[i];
		bool due = d->at_ms == FAKE_BY_DRIVER  ? fake->blk_driver
			   : d->at_ms == FAKE_BY_PROBE ? fake->probed
						       : fake->now_us >= d->at_ms * 1000ll;
		if (due && !fake->announced[i]) {
			fake->announced[i] = true;
			disk_appears(d);
		}
		if (fake->announced[i] && !fake->whole[i] && fake->now_us >= d->whole_ms * 1000ll) {
			fake->whole[i] = true;
			disk_is_whole(d);
		}
		if (d->gone_ms && fake->now_us >= d->gone_ms * 1000ll && !fake->removed[i]) {
			fake->removed[i] = true;
			disk_goes(d);
		}
	}
}

static void device_appears(const char *bus, const char *device, const char *modalias)
{
	char path[PATH_MAX];

	put(modalias, "sysfs/bus/%s/devices/%s/modalias", bus, device);
	put("", "sysfs/bus/%s/drivers_probe", bus);
	(void)fake_print(path, sizeof(path), "/devices/%s/%s", bus, device);
	announce("add", bus, path, "MODALIAS", modalias);
}

void fake_module_loaded(const char *module)
{
	if (fake->modules_count < sizeof(fake->modules) / sizeof(fake->modules[0]))
		(void)fake_print(fake->modules[fake->modules_count++], sizeof(fake->modules[0]),
				 "%s", module);
	put("live\n", "sysfs/module/%s/initstate", module);
	if (strcmp(module, "fake_pci") == 0) {
		put("", "sysfs/bus/pci/devices/0000:00:04.0/driver");
		device_appears("virtio", "virtio0", "virtio:d00000002v00001AF4");
	}
	if (strcmp(module, "fake_blk") == 0) {
		put("", "sysfs/bus/virtio/devices/virtio0/driver");
		fake->blk_driver = true;
		fake_machine_tick();
		/* It comes back when the disks that it has found are announced. */
		for (size_t i = 0; i < FAKE_DISKS_MAX && fake->machine->disks[i].name; i++)
			if (fake->machine->disks[i].scan_stalls)
				(void)raise(SIGSTOP);
	}
}

void fake_device_probed(const char *bus, const char *device)
{
	put("", "sysfs/bus/%s/devices/%s/driver", bus, device);
	fake->probed = true;
	fake_machine_tick();
}

static void make_union(void)
{
	static const char *const usual[] = { "sbin/init", "etc/passwd" };

	make_directory("union/dev/");
	make_directory("union/proc/");
	make_directory("union/sys/");
	make_directory("union/run/");
	for (size_t i = 0; i < FAKE_FILES_MAX && fake->machine->union_files[i]; i++) {
		const char *file = fake->machine->union_files[i];
		size_t len = strcspn(file, "@=");
		if (file[len] == '@')
			put_link(file + len + 1, "union/%.*s", (int)len, file);
		else
			put(file[len] ? file + len + 1 : "", "union/%.*s", (int)len, file);
	}
	for (size_t i = 0; !fake->machine->union_files[0] && i < 2; i++)
		put("", "union/%s", usual[i]);
}

void fake_machine_build(void)
{
	const struct fake_machine *m = fake->machine;
	const unsigned fail_at = fake->fail_at;

	fake->fail_at = 0;
	put("", "root/init");
	make_directory("root/dev/");
	make_directory("root/sys/");
	make_directory("root/proc/");
	if (m->manifest)
		put(m->manifest, "root/etc/layerboot/manifest");
	if (m->keys)
		put(m->keys, "root/etc/layerboot/keys");
	if (m->policy)
		put(m->policy, "root/etc/layerboot/policy");
	put("", "devtmpfs/console");
	put("", "devtmpfs/null");
	put("", "devtmpfs/kmsg");
	put("", "devtmpfs/fuse");
	put("", "devtmpfs/loop-control");
	put("", "devtmpfs/mapper/control");
	for (size_t i = 0; i < FAKE_LOOPS_MAX; i++)
		put("", "devtmpfs/loop%zu", i);
	put(m->cmdline ? m->cmdline : "", "proc/cmdline");
	put(m->filesystems ? m->filesystems : "nodev\tproc\n", "proc/filesystems");
	put("ratelimit\n", "proc/sys/kernel/printk_devkmsg");
	put("0\n", "proc/sys/kernel/panic");
	put("0\n", "proc/self/oom_score_adj");
	for (size_t i = 0; i < 4 && m->programs[i]; i++)
		put("", "root%s", m->programs[i]);
	if (m->fw_cfg)
		put(m->fw_cfg, "sysfs/firmware/qemu_fw_cfg/by_name/opt/org.layerboot/manifest/raw");
	if (m->floor)
		put(m->floor,
		    "sysfs/firmware/qemu_fw_cfg/by_name/opt/org.layerboot/minimum-version/raw");
	if (m->wants_fw_cfg)
		put("", "root/etc/layerboot/fw_cfg");
	make_directory("sysfs/class/block/");
	put("", "console");
	put("", "kernel-log");
	make_union();
	for (size_t i = 0; i < FAKE_DEVICES_MAX && m->devices[i].bus; i++)
		device_appears(m->devices[i].bus, m->devices[i].name, m->devices[i].modalias);
	fake_machine_tick();
	/* Nobody listened yet; what was called until now is the test's own. */
	fake->events_count = 0;
	fake->calls = 0;
	memset(fake->counts, 0, sizeof(fake->counts));
	fake->fail_at = fail_at;
}
