/* On loop devices of this machine; skipped where there are none. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "volume.h"

#define MIB ((size_t)1 << 20)

static struct {
	char directory[64], image[80], target[80], loop[32];
	int fd; /* of the image */
	bool mounted;
	char text[2048];
	struct builder words;
} disk;

/* In the place of the C library's: the sanitizer needs an address space of terabytes. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limits)
{
	(void)resource, (void)limits;
	return 0;
}

static struct builder *fresh_words(void)
{
	builder_start(&disk.words, disk.text, sizeof(disk.text));
	return &disk.words;
}

static int on_loop(unsigned long request, unsigned long value)
{
	int fd = open(disk.loop, O_RDWR | O_CLOEXEC);
	int r = fd < 0 ? -1 : ioctl(fd, request, value);

	if (fd >= 0)
		close(fd);
	return r;
}

static void attach(size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control < 0 || geteuid() != 0)
		skip();
	assert_int_equal(ftruncate(disk.fd, 0), 0);
	assert_int_equal(ftruncate(disk.fd, (off_t)size), 0);
	/* Somebody else may have taken the free one meanwhile. */
	do
		(void)snprintf(disk.loop, sizeof(disk.loop), "/dev/loop%d",
			       ioctl(control, LOOP_CTL_GET_FREE));
	while (on_loop(LOOP_SET_FD, (unsigned long)disk.fd) < 0 && errno == EBUSY);
	close(control);
}

static int start(void **state)
{
	(void)state;
	strcpy(disk.directory, "/tmp/layerboot-volume-XXXXXX");
	if (!mkdtemp(disk.directory))
		return -1;
	(void)snprintf(disk.image, sizeof(disk.image), "%s/image", disk.directory);
	(void)snprintf(disk.target, sizeof(disk.target), "%s/mounted", disk.directory);
	disk.fd = open(disk.image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	disk.loop[0] = '\0';
	return disk.fd < 0 ? -1 : mkdir(disk.target, 0700);
}

static int end(void **state)
{
	(void)state;
	if (disk.mounted)
		(void)umount2(disk.target, MNT_DETACH);
	disk.mounted = false;
	if (disk.loop[0])
		(void)on_loop(LOOP_CLR_FD, 0);
	close(disk.fd);
	unlink(disk.image);
	rmdir(disk.target);
	return rmdir(disk.directory);
}

/* Through the disk itself: the image of a loop device is behind its cache. */
static void put(const void *data, size_t len, size_t at)
{
	int fd = open(disk.loop, O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, data, len, (off_t)at), (ssize_t)len);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

static void get(void *data, size_t len, size_t at)
{
	int fd = open(disk.loop, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, data, len, (off_t)at), (ssize_t)len);
	close(fd);
}

static enum volume_state examined(void)
{
	enum volume_state state;
	char type[24];

	assert_int_equal(volume_examine(disk.loop, &state, type, fresh_words()), 0);
	assert_int_equal(state == VOLUME_FILESYSTEM, type[0] != '\0');
	return state;
}

static void formatted(const char *type)
{
	int r = volume_format(disk.loop, type, fresh_words());

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), disk.text);
	assert_int_equal(examined(), VOLUME_FILESYSTEM);
}

/* COMMAND with the disk as $0. */
static int run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, disk.loop, NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) < 0 ? -1 : status;
}

static const struct {
	const char *type;
	size_t size;
} kinds[] = { { "ext4", 64 * MIB }, { "xfs", 320 * MIB } };

static void a_blank_disk_gets_a_file_system(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		if (disk.loop[0])
			(void)on_loop(LOOP_CLR_FD, 0);
		attach(kinds[i].size);
		assert_int_equal(examined(), VOLUME_BLANK);
		formatted(kinds[i].type);
		assert_int_equal(volume_check(disk.loop, kinds[i].type, fresh_words()), 0);
		assert_int_equal(volume_mount(disk.loop, disk.target, kinds[i].type, fresh_words()),
				 0);
		disk.mounted = true;
		assert_int_equal(volume_format(disk.loop, kinds[i].type, fresh_words()), -EBUSY);
		assert_int_equal(umount(disk.target), 0);
		disk.mounted = false;
		assert_int_equal(volume_format(disk.loop, kinds[i].type, fresh_words()), -EEXIST);
	}
}

/* One byte somewhere, or anything that libblkid knows, and the disk is somebody's. */
static void what_is_not_blank_is_never_formatted(void **state)
{
	static const size_t bytes[] = {
		0, 511, 12345, MIB - 1, 64 * MIB - (64 << 10), 64 * MIB - 1
	};
	static const char *const makers[] = {
		"mkswap \"$0\" >/dev/null",
		"echo , | sfdisk -q --no-reread --no-tell-kernel \"$0\" >/dev/null 2>&1",
		"echo , | sfdisk -q -X gpt --no-reread --no-tell-kernel \"$0\" >/dev/null 2>&1",
		"mkfs.vfat \"$0\" >/dev/null 2>&1",
		"printf 'LUKS\\272\\276\\0\\1' | dd of=\"$0\" conv=notrunc status=none",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(bytes) + ROWS(makers); i++) {
		if (disk.loop[0])
			(void)on_loop(LOOP_CLR_FD, 0);
		attach(64 * MIB);
		if (i < ROWS(bytes))
			put("x", 1, bytes[i]);
		else if (run(makers[i - ROWS(bytes)]) != 0)
			continue; /* no such program here */
		if (examined() != VOLUME_FOREIGN)
			fail_msg("case %zu", i);
		assert_true(disk.words.len > 0);
		assert_int_equal(volume_format(disk.loop, "ext4", fresh_words()), -EEXIST);
	}
}

static char *image_of(size_t size)
{
	char *at = malloc(size);

	assert_non_null(at);
	get(at, size, 0);
	return at;
}

/*
 * A power cut in the middle of mkfs leaves any of its blocks written and any not, as a volatile cache likes;
 * the mark was on the disk before the first.
 */
static void any_part_of_a_format_is_torn(void **state)
{
	static const char mark[512] = "layerboot: this disk was being formatted\n";
	static const char zero[512];

	(void)state;
	srandom(1);
	for (size_t i = 0; i < ROWS(kinds); i++) {
		size_t size = kinds[i].size;
		if (disk.loop[0])
			(void)on_loop(LOOP_CLR_FD, 0);
		attach(size);
		formatted(kinds[i].type);
		char *whole = image_of(size);
		for (unsigned round = 0; round < 60; round++) {
			/* Sectors of the first 128 KiB, which signatures are in, and blocks of the rest. */
			put(mark, sizeof(mark), size - VOLUME_RESERVE);
			for (size_t at = 0; at < 128 << 10; at += 512)
				put(random() % 60 < round ? whole + at : zero, 512, at);
			if (examined() != VOLUME_TORN)
				fail_msg("%s round %u", kinds[i].type, round);
		}
		/* Tried again, as the other one too. */
		formatted(kinds[(i + 1) % ROWS(kinds)].type[0] == 'x' && size < 300 * MIB
				  ? "ext4"
				  : kinds[(i + 1) % ROWS(kinds)].type);
		free(whole);
	}
}

/* What a file system or somebody else's data has at the place of the mark is not the mark. */
static void a_mark_inside_of_something_is_data(void **state)
{
	static const char mark[512] = "layerboot: this disk was being formatted\n";

	(void)state;
	attach(64 * MIB);
	if (run("mkfs.ext4 -q -F \"$0\"") != 0)
		skip();
	put(mark, sizeof(mark), 64 * MIB - VOLUME_RESERVE);
	assert_int_equal(examined(), VOLUME_FILESYSTEM);
	assert_int_equal(volume_format(disk.loop, "ext4", fresh_words()), -EEXIST);
	(void)on_loop(LOOP_CLR_FD, 0);
	attach(64 * MIB);
	if (run("mkswap \"$0\" >/dev/null") != 0)
		skip();
	put(mark, sizeof(mark), 64 * MIB - VOLUME_RESERVE);
	assert_int_equal(examined(), VOLUME_FOREIGN);
}

static void a_format_that_fails_leaves_the_mark(void **state)
{
	(void)state;
	attach(16 * MIB);
	/* mkfs.xfs wants 300 MiB */
	assert_int_equal(volume_format(disk.loop, "xfs", fresh_words()), -EIO);
	assert_true(disk.words.len > 0);
	assert_int_equal(examined(), VOLUME_TORN);
	formatted("ext4");
	(void)on_loop(LOOP_CLR_FD, 0);
	attach(MIB);
	assert_int_equal(volume_format(disk.loop, "ext4", fresh_words()), -ENOSPC);
	assert_int_equal(volume_format(disk.loop, "btrfs", fresh_words()), -EINVAL);
}

/* 1: clean, 2: errors (fs/ext4/ext4.h, s_state) */
static unsigned ext4_state(void)
{
	unsigned char field[2];

	get(field, 2, 1024 + 0x3a);
	return field[0];
}

static void an_ext4_is_checked_when_it_says_so(void **state)
{
	(void)state;
	attach(64 * MIB);
	formatted("ext4");
	if (run("debugfs -w -R 'ssv state 0' \"$0\" >/dev/null 2>&1") != 0)
		skip();
	assert_int_equal(ext4_state(), 0);
	assert_int_equal(volume_check(disk.loop, "xfs", fresh_words()), 0);
	assert_int_equal(ext4_state(), 0);
	assert_int_equal(volume_check(disk.loop, "ext4", fresh_words()), 0);
	assert_int_equal(ext4_state(), 1);
	/* The root's inode is gone: not for e2fsck -p to repair. */
	assert_int_equal(run("debugfs -w -R 'clri <2>' \"$0\" >/dev/null 2>&1"), 0);
	assert_int_equal(volume_check(disk.loop, "ext4", fresh_words()), 0);
	assert_int_equal(run("debugfs -w -R 'ssv state 2' \"$0\" >/dev/null 2>&1"), 0);
	assert_int_equal(volume_check(disk.loop, "ext4", fresh_words()), -EUCLEAN);
	assert_true(strstr(disk.text, "MANUALLY") != NULL);
}

static uint64_t file_system_bytes(void)
{
	struct statfs fs;

	assert_int_equal(statfs(disk.target, &fs), 0);
	return (uint64_t)fs.f_blocks * (uint64_t)fs.f_frsize;
}

static void a_file_system_grows_with_its_disk(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		struct volume_size size;
		if (disk.loop[0])
			(void)on_loop(LOOP_CLR_FD, 0);
		attach(kinds[i].size);
		formatted(kinds[i].type);
		assert_int_equal(volume_mount(disk.loop, disk.target, kinds[i].type, fresh_words()),
				 0);
		disk.mounted = true;
		uint64_t before = file_system_bytes();
		assert_int_equal(volume_grow(disk.target, &size, fresh_words()), 0);
		assert_true(size.before == size.after && size.device == kinds[i].size);
		assert_true(file_system_bytes() == before);
		/* Also to just behind the beginning of a group of blocks, which cannot hold its own tables. */
		static const size_t more[] = { 64 * MIB, 33 * MIB + 4096, 600 * MIB };
		size_t bytes = kinds[i].size;
		for (size_t m = 0; m < ROWS(more); m++) {
			bytes += more[m];
			assert_int_equal(ftruncate(disk.fd, (off_t)bytes), 0);
			assert_int_equal(on_loop(LOOP_SET_CAPACITY, 0), 0);
			int r = volume_grow(disk.target, &size, fresh_words());
			/* A container may lack CAP_SYS_RESOURCE, which ext4 asks for. */
			if (r == -EPERM && i == 0)
				break;
			if (r < 0)
				fail_msg("%s: %s", strerror(-r), disk.text);
			assert_true(size.device == bytes && size.after <= bytes - VOLUME_RESERVE);
			assert_int_equal(volume_grow(disk.target, &size, fresh_words()), 0);
			assert_true(size.before == size.after);
		}
		assert_true(bytes == kinds[i].size + 64 * MIB ||
			    file_system_bytes() > before + 500 * MIB);
		assert_int_equal(umount(disk.target), 0);
		disk.mounted = false;
		assert_int_equal(examined(), VOLUME_FILESYSTEM);
		assert_int_equal(run(i == 0 ? "e2fsck -fn \"$0\" >/dev/null 2>&1"
					    : "xfs_repair -n \"$0\" >/dev/null 2>&1"),
				 0);
	}
}

static void only_a_disk_grows(void **state)
{
	struct volume_size size;
	int r = volume_grow("/proc", &size, fresh_words());

	(void)state;
	assert_int_equal(r, -EOPNOTSUPP);
	assert_int_equal(volume_grow("/nonexistent", &size, fresh_words()), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
	const struct CMUnitTest tests[] = {
		TEST(a_blank_disk_gets_a_file_system),
		TEST(what_is_not_blank_is_never_formatted),
		TEST(any_part_of_a_format_is_torn),
		TEST(a_mark_inside_of_something_is_data),
		TEST(a_format_that_fails_leaves_the_mark),
		TEST(an_ext4_is_checked_when_it_says_so),
		TEST(a_file_system_grows_with_its_disk),
		TEST(only_a_disk_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
