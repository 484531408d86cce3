/* In a directory of /tmp. Crashes are real ones: a child is killed at each of its system calls in turn. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "top.h"

static char directory[64], dir[80];
static struct top_state top;
static char text[2048];
static struct builder words;

static struct builder *fresh_words(void)
{
	builder_start(&words, text, sizeof(text));
	return &words;
}

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *content)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

static bool file_holds(const char *name, const char *content)
{
	char buffer[256];
	int fd = open(at(name), O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));

	if (fd >= 0)
		close(fd);
	return len == (ssize_t)strlen(content) && memcmp(buffer, content, (size_t)len) == 0;
}

static bool is_empty(const char *name)
{
	DIR *d = opendir(at(name));
	int count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count == 2;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void clear(void)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int start(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/layerboot-top-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(dir, sizeof(dir), "%s/a/b", directory);
	return mkdir(at("like"), 0750);
}

static int end(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void must(int r)
{
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), text);
}

static struct top_state *read_again(void)
{
	must(top_read(dir, &top, fresh_words()));
	return &top;
}

/* A top that has been used: a file in upper, an index, a stamp. */
static void make_used(const char *stamp)
{
	must(top_prepare(dir, at("like"), fresh_words()));
	write_file("a/b/index", "index");
	must(top_stamp(dir, stamp, fresh_words()));
	write_file("a/b/upper/file", stamp);
	mkdir(at("a/b/work/work"), 0);
}

static void a_first_use(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000, .tv_nsec = 5 } };
	struct stat st;

	(void)state;
	if (geteuid() == 0)
		assert_int_equal(chown(at("like"), 12, 34), 0);
	assert_int_equal(utimensat(AT_FDCWD, at("like"), times, 0), 0);
	assert_false(read_again()->used);
	assert_false(is_there("a"));
	must(top_prepare(dir, at("like"), fresh_words()));
	assert_int_equal(lstat(at("a/b/upper"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0750);
	assert_true(geteuid() != 0 || (st.st_uid == 12 && st.st_gid == 34));
	assert_true(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 5);
	assert_int_equal(lstat(at("a/b/work"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_false(read_again()->used);
	must(top_stamp(dir, "one\n", fresh_words()));
	assert_true(read_again()->used && !top.trash);
	assert_string_equal(top.stamp, "one\n");
	/* What the guest has made of its root stays. */
	assert_int_equal(chmod(at("a/b/upper"), 0711), 0);
	must(top_prepare(dir, at("like"), fresh_words()));
	assert_int_equal(lstat(at("a/b/upper"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0711);
	must(top_stamp(dir, "two\n", fresh_words()));
	assert_string_equal(read_again()->stamp, "two\n");
	assert_int_equal(top_prepare(dir, at("nonexistent"), fresh_words()), 0);
}

static void a_strange_top_is_told(void **state)
{
	static char large[TOP_STAMP_MAX + 2];

	(void)state;
	must(top_prepare(dir, at("like"), fresh_words()));
	write_file("a/b/upper/file", "");
	assert_int_equal(top_read(dir, &top, fresh_words()), -EUCLEAN);
	assert_string_equal(text, "upper is not empty and has no stamp: not made by layerboot");
	write_file("a/b/stamp", "");
	assert_int_equal(top_read(dir, &top, fresh_words()), -EUCLEAN);
	memset(large, 'x', sizeof(large) - 1);
	write_file("a/b/stamp", large);
	assert_int_equal(top_read(dir, &top, fresh_words()), -EUCLEAN);
	assert_int_equal(top_stamp(dir, large, fresh_words()), -EINVAL);
	assert_int_equal(top_stamp(dir, "", fresh_words()), -EINVAL);
	large[TOP_STAMP_MAX - 1] = '\0';
	must(top_stamp(dir, large, fresh_words()));
	assert_string_equal(read_again()->stamp, large);
	unlink(at("a/b/stamp"));
	assert_int_equal(symlink("index", at("a/b/stamp")), 0);
	assert_int_equal(top_read(dir, &top, fresh_words()), -ELOOP);
}

static void tops_are_parked(void **state)
{
	(void)state;
	make_used("one\n");
	must(top_park(dir, fresh_words()));
	assert_string_equal(text, "parked/1");
	assert_false(read_again()->used);
	assert_int_equal(top_park(dir, fresh_words()), -ENOENT);
	make_used("two\n");
	must(top_park(dir, fresh_words()));
	assert_string_equal(text, "parked/2");
	assert_true(file_holds("a/b/parked/1/upper/file", "one\n"));
	assert_true(file_holds("a/b/parked/1/stamp", "one\n"));
	assert_true(file_holds("a/b/parked/1/index", "index"));
	assert_true(file_holds("a/b/parked/2/upper/file", "two\n"));
	assert_true(read_again()->trash); /* work */
	must(top_clean(dir, fresh_words()));
	assert_false(read_again()->trash);
	assert_int_equal(rename(at("a/b/parked/1"), at("a/b/away")), 0);
	make_used("three\n");
	must(top_park(dir, fresh_words()));
	assert_string_equal(text, "parked/1");
	/* A strange upper can be put out of the way, too. */
	must(top_prepare(dir, at("like"), fresh_words()));
	write_file("a/b/upper/file", "strange");
	must(top_park(dir, fresh_words()));
	assert_true(file_holds("a/b/parked/3/upper/file", "strange"));
}

static void make_deep(unsigned levels)
{
	int here = open(at("a/b/upper"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; i < levels; i++) {
		assert_int_equal(mkdirat(here, "d", 0755), 0);
		int fd = openat(here, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0);
		close(fd);
		fd = openat(here, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(here);
		here = fd;
		assert_true(here >= 0);
	}
	close(here);
}

static void a_reset_deletes_everything(void **state)
{
	char name[64];

	(void)state;
	make_used("one\n");
	write_file("like/precious", "");
	assert_int_equal(symlink(at("like"), at("a/b/upper/link")), 0);
	for (unsigned i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "a/b/upper/%u", i);
		assert_int_equal(mkdir(at(name), 0), 0);
		(void)snprintf(name, sizeof(name), "a/b/upper/%u/1", i);
		assert_int_equal(mkdir(at(name), 0), 0);
		(void)snprintf(name, sizeof(name), "a/b/upper/%u/1/file", i);
		write_file(name, "");
	}
	make_deep(3000);
	must(top_reset(dir, fresh_words()));
	assert_false(read_again()->used);
	assert_true(!top.trash && is_empty("a/b/trash"));
	assert_false(is_there("a/b/index") || is_there("a/b/work"));
	assert_true(is_there("like/precious"));
	must(top_reset(dir, fresh_words()));
	make_used("two\n");
	assert_true(read_again()->used);
}

static void another_file_system_is_spared(void **state)
{
	(void)state;
	make_used("one\n");
	mkdir(at("a/b/upper/in"), 0755);
	mkdir(at("a/b/upper/in/in"), 0755);
	if (mount("none", at("a/b/upper/in/in"), "tmpfs", 0, NULL) < 0)
		skip();
	write_file("a/b/upper/in/in/precious", "");
	int r = top_reset(dir, fresh_words());
	bool used = read_again()->used, trash = top.trash;
	/* It moved along, and is found again by what is not deleted. */
	char line[512], found[256] = "";
	FILE *mounts = fopen("/proc/self/mounts", "re");
	while (fgets(line, sizeof(line), mounts))
		if (strstr(line, directory))
			assert_int_equal(sscanf(line, "none %255s", found), 1);
	fclose(mounts);
	assert_true(found[0] != '\0');
	strcpy(line, found);
	strcat(line, "/precious");
	bool spared = access(line, F_OK) == 0;
	assert_int_equal(umount(found), 0);
	assert_true(r < 0 && !used && trash && spared);
	must(top_clean(dir, fresh_words()));
}

/* WORK in a child that is killed when it enters its system call number N. False: it ended before. */
static bool killed_at(unsigned n, void (*work)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_EXITKILL);
	for (unsigned stops = 0;; stops++) {
		/* A stop at the beginning of each call and one at its end. */
		if (stops == 2 * n + 1) {
			kill(pid, SIGKILL);
			assert_int_equal(waitpid(pid, &status, 0), pid);
			return true;
		}
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status)) {
			assert_true(WIFEXITED(status));
			return false;
		}
	}
}

static void park_it(void)
{
	if (top_park(dir, fresh_words()) < 0)
		abort();
}

static void reset_it(void)
{
	if (top_reset(dir, fresh_words()) < 0)
		abort();
}

static void use_it_first(void)
{
	if (top_prepare(dir, at("like"), fresh_words()) < 0 ||
	    top_stamp(dir, "one\n", fresh_words()) < 0)
		abort();
}

static void stamp_it(void)
{
	if (top_stamp(dir, "two\n", fresh_words()) < 0)
		abort();
}

static void a_crash_leaves_one_state_or_the_other(void **state)
{
	bool parked = false, reset = false, stamped = false;
	unsigned n;

	(void)state;
	if (!killed_at(0, stamp_it))
		skip();
	for (n = 0; clear(), killed_at(n, use_it_first); n++) {
		(void)read_again();
		use_it_first();
		assert_true(read_again()->used);
	}
	assert_true(n > 10);
	for (n = 0; clear(), make_used("one\n"), killed_at(n, park_it); n++) {
		parked = !read_again()->used;
		if (parked) {
			assert_true(file_holds("a/b/parked/1/stamp", "one\n"));
			assert_true(file_holds("a/b/parked/1/index", "index"));
			assert_true(is_there("a/b/parked/1/upper/file"));
			assert_false(is_there("a/b/stamp") || is_there("a/b/index"));
		} else {
			assert_true(is_there("a/b/upper/file") && is_there("a/b/index"));
			park_it();
			assert_true(file_holds("a/b/parked/1/stamp", "one\n"));
		}
		make_used("two\n");
		park_it();
		assert_true(file_holds("a/b/parked/2/stamp", "two\n"));
	}
	assert_true(n > 15 && parked);
	for (n = 0; clear(), make_used("one\n"), killed_at(n, reset_it); n++) {
		reset = !read_again()->used;
		assert_int_equal(is_there("a/b/upper/file"), !reset);
		assert_int_equal(is_there("a/b/stamp"), !reset);
		if (!reset)
			assert_true(is_there("a/b/index"));
		must(top_clean(dir, fresh_words()));
		make_used("two\n");
		assert_true(read_again()->used && !top.trash);
	}
	assert_true(n > 20 && reset);
	for (n = 0; clear(), make_used("one\n"), killed_at(n, stamp_it); n++) {
		stamped = strcmp(read_again()->stamp, "two\n") == 0;
		assert_true(top.used && (stamped || strcmp(top.stamp, "one\n") == 0));
	}
	assert_true(n > 5 && stamped);
}

static void a_full_disk_keeps_the_old_stamp(void **state)
{
	char buffer[4096] = "x";

	(void)state;
	mkdir(at("a"), 0755);
	if (mount("none", at("a"), "tmpfs", 0, "size=64k") < 0)
		skip();
	make_used("one\n");
	int fd = open(at("a/b/upper/large"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	while (write(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
	int r = top_stamp(dir, "two\n", fresh_words());
	int again = top_read(dir, &top, &words);
	int prepared = top_prepare(dir, at("like"), &words);
	bool left = is_there("a/b/stamp.new");
	int reset = top_reset(dir, &words);
	assert_int_equal(umount(at("a")), 0);
	assert_int_equal(r, -ENOSPC);
	assert_string_equal(top.stamp, "one\n");
	assert_true(again == 0 && top.used && prepared == 0 && !left && reset == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
	const struct CMUnitTest tests[] = {
		TEST(a_first_use),
		TEST(a_strange_top_is_told),
		TEST(tops_are_parked),
		TEST(a_reset_deletes_everything),
		TEST(another_file_system_is_spared),
		TEST(a_crash_leaves_one_state_or_the_other),
		TEST(a_full_disk_keeps_the_old_stamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
