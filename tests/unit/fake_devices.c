/* What is asked of the fake machine's devices by ioctl(2), and what the programs of its initramfs do. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_sys.h"

static int size_of(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.st_size;
	return 0;
}

/* From now on the device's descriptor reads the file. */
static int configure_loop(int fd, const struct loop_config *config)
{
	char link[64], file[PATH_MAX];
	int number = atoi(fake_descriptor(fd) + strlen("/dev/loop"));
	ssize_t len = readlink(fake_print(link, sizeof(link), "/proc/self/fd/%u", config->fd), file,
			       sizeof(file) - 1);

	if (len < 0)
		return -errno;
	file[len] = '\0';
	if (number != (int)fake->loops_count || number >= FAKE_LOOPS_MAX)
		return -EBUSY;
	(void)fake_print(fake->loops[fake->loops_count++], sizeof(fake->loops[0]), "%s", file);
	return dup3((int)config->fd, fd, O_CLOEXEC) < 0 ? -errno : 0;
}

int fake_ioctl(int fd, unsigned long request, void *arg)
{
	const unsigned long ext4_resize = _IOW('f', 16, uint64_t);

	if (request == LOOP_CTL_GET_FREE)
		return (int)fake->loops_count;
	if (request == ext4_resize)
		return 0;
	if (!fake_descriptor_is_disk(fd))
		fake_finish(FAKE_MISUSED, (int)request, "ioctl of no disk");
	if (strcmp(fake_descriptor(fd), "/dev/mapper/control") == 0)
		return fake_mapper(request, arg);
	if (request == BLKROSET)
		return 0;
	if (request == BLKGETSIZE64)
		return size_of(fd, arg);
	if (request == LOOP_CONFIGURE)
		return configure_loop(fd, arg);
	fake_finish(FAKE_MISUSED, (int)request, "ioctl");
}

/* DEVICE as mkfs leaves it. */
static void format(const char *device)
{
	char from[PATH_MAX], to[PATH_MAX];

	fake_copy_image(fake_print(from, sizeof(from), "%s/top.ext4", fake->fixtures),
			fake_path(device, to, sizeof(to)));
}

/* The state in its superblock is "clean". */
static void repair(const char *device)
{
	static const char clean[] = { 1, 0 };
	const off_t state = 1024 + 0x3a;
	char path[PATH_MAX];
	int fd = open(fake_path(device, path, sizeof(path)), O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, clean, sizeof(clean), state) != sizeof(clean))
		_exit(1);
}

void fake_program(const char *path, char *const argv[])
{
	static const char said[] = "fake: one line\nand another\n";
	const int status = fake->machine->program_status;
	size_t last = 0;

	while (argv[last + 1])
		last++;
	/* It mounts, and goes on in the background. */
	if (strcmp(path, "/sbin/unionfs") == 0)
		_exit(fake_add_union(argv[last], "fuse", 0) < 0);
	if (strcmp(path, "/sbin/mkfs.ext4") == 0 && status == 0)
		format(argv[last - 1]);
	if (strcmp(path, "/sbin/e2fsck") == 0 && status < 4)
		repair(argv[last]);
	if (status != 0 && write(STDOUT_FILENO, said, strlen(said)) < 0)
		_exit(1);
	_exit(status);
}
