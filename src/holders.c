#include "holders.h"

#include <dirent.h>
#include <errno.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "file.h"
#include "sys.h"

#define MAPPER "/dev/mapper/control"

/* Calls EACH with the names in the directory PATH until it fails. The sum of what it returned, or -errno. */
static int each_entry(const char *path, int (*each)(void *arg, const char *name), void *arg)
{
	char buffer[4096];
	ssize_t len;
	int sum = 0, r = 0, fd = sys_open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	while (r >= 0 && (len = sys_getdents(fd, buffer, sizeof(buffer))) != 0) {
		if (len < 0)
			r = (int)len;
		for (ssize_t at = 0; at < len && r >= 0;) {
			struct dirent *e = (struct dirent *)(void *)(buffer + at);
			at += e->d_reclen;
			r = each(arg, e->d_name);
			sum += r;
		}
	}
	(void)sys_close(fd);
	return r < 0 ? r : sum;
}

static pid_t process_of(const char *name)
{
	uint64_t pid;

	return text_number(slice_of(name), INT32_MAX, &pid) == 0 ? (pid_t)pid : 0;
}

static int kill_one(void *arg, const char *name)
{
	const pid_t first = 1, self = *(const pid_t *)arg;
	char path[64], text[4096];
	struct builder b;
	pid_t pid = process_of(name);

	if (pid <= first || pid == self)
		return 0;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/proc/%s/cmdline", name);
	int fd = sys_open(path, O_RDONLY);
	ssize_t len = fd < 0 ? fd : sys_read(fd, text, sizeof(text));
	if (fd >= 0)
		(void)sys_close(fd);
	/* Without arguments: a thread of the kernel, or one that has ended and only waits for its parent. */
	return len > 0 && text[0] != '@' && sys_kill(pid, SIGKILL) == 0;
}

int holders_kill(void)
{
	pid_t self = sys_getpid();

	return each_entry("/proc", kill_one, &self);
}

static int detach_one(void *arg, const char *name)
{
	struct builder b, *words = arg;
	char path[64], file[4096];

	if (strncmp(name, "loop", strlen("loop")) != 0)
		return 0;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/sys/block/%s/loop/backing_file", name);
	if (file_read(path, file, sizeof(file)) < 0)
		return 0;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/dev/%s", name);
	int fd = sys_open(path, O_RDONLY);
	if (fd >= 0) {
		/* With another user the kernel does it later, as for autoclear. */
		(void)sys_ioctl(fd, LOOP_CLR_FD, NULL);
		(void)sys_close(fd);
	}
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/sys/block/%s/loop/backing_file", name);
	if (file_read(path, file, sizeof(file)) < 0)
		return 0;
	file[strcspn(file, "\n")] = '\0';
	builder_addf(words, "%s%s (%s)", words->len ? ", " : "", name, file);
	return 1;
}

int holders_detach_loops(struct builder *words)
{
	return each_entry("/sys/block", detach_one, words);
}

static void fill_request(struct dm_ioctl *request, size_t size, const char *name)
{
	struct builder b;

	*request = (struct dm_ioctl){
		.version = { DM_VERSION_MAJOR, 0, 0 },
		.data_size = (uint32_t)size,
		.data_start = sizeof(*request),
	};
	builder_start(&b, request->name, sizeof(request->name));
	builder_add(&b, name);
}

int holders_remove_maps(void)
{
	static _Alignas(struct dm_ioctl) char list[1 << 16];
	struct dm_ioctl *head = (struct dm_ioctl *)(void *)list, remove;
	int removed = 0, fd = sys_open(MAPPER, O_RDWR);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENXIO || fd == -ENODEV ? 0 : fd;
	fill_request(head, sizeof(list), "");
	int r = sys_ioctl(fd, DM_LIST_DEVICES, head);
	size_t at = r < 0 ? 0 : head->data_start, next = 1;
	while (r == 0 && next && at + sizeof(struct dm_name_list) < head->data_size) {
		const struct dm_name_list *map = (const void *)(list + at);
		/* A list of none is one entry without a device. */
		if (map->dev && strncmp(map->name, "layerboot-", strlen("layerboot-")) == 0) {
			fill_request(&remove, sizeof(remove), map->name);
			removed += sys_ioctl(fd, DM_DEV_REMOVE, &remove) == 0;
		}
		next = map->next;
		at += next;
	}
	(void)sys_close(fd);
	return r < 0 ? r : removed;
}

struct search {
	const char *branches;
	pid_t found;
};

static int look_at(void *arg, const char *name)
{
	struct search *s = arg;
	struct stat root, branches;
	char path[128];
	struct builder b;

	if (process_of(name) <= 0 || s->found)
		return 0;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/proc/%s/root", name);
	if (sys_stat(path, &root) < 0)
		return 0;
	builder_add(&b, s->branches);
	if (sys_stat(path, &branches) == 0 && branches.st_dev != root.st_dev)
		s->found = process_of(name);
	return 0;
}

int holders_find_server(const char *branches)
{
	struct search s = { .branches = branches };
	int r = each_entry("/proc", look_at, &s);

	return r < 0 ? r : s.found ? s.found : -ESRCH;
}
