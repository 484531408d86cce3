/*
 * The work of bench-fs that no common program times well, in nanoseconds of CLOCK_MONOTONIC:
 *
 *   fswork walk DIR            every name below DIR is read, and looked at (lstat)
 *   fswork lookup DIR COUNT    the names f0 to fCOUNT-1 of DIR are looked up, each for the first time; of one lookup
 *   fswork absent DIR COUNT    the same with names that are not there
 *   fswork copy-up FILE        FILE is opened for writing
 *   fswork time PROGRAM ...    PROGRAM is run, with no output
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long names;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	names++;
	return type == FTW_DNR || type == FTW_NS;
}

/* Returns how many of COUNT names were found. */
static long look_up(const char *directory, const char *letter, long count)
{
	char name[32];
	struct stat st;
	long found = 0;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (long i = 0; fd >= 0 && i < count; i++) {
		snprintf(name, sizeof(name), "%s%ld", letter, i);
		found += fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	}
	close(fd);
	return found;
}

/* Returns 0 if the program has ended well. */
static int run(char **command)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY);
		(void)dup2(fd, STDOUT_FILENO);
		(void)execvp(command[0], command);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	long count = argc > 3 && strcmp(what, "time") != 0 ? strtol(argv[3], NULL, 10) : 1,
	     good = -1, wanted = 0;
	long long start = now_ns();

	if (strcmp(what, "walk") == 0) {
		good = nftw(argv[2], visit, 64, FTW_PHYS);
	} else if (strcmp(what, "lookup") == 0) {
		good = look_up(argv[2], "f", count);
		wanted = count;
	} else if (strcmp(what, "absent") == 0) {
		good = look_up(argv[2], "g", count);
	} else if (strcmp(what, "copy-up") == 0) {
		good = open(argv[2], O_WRONLY | O_CLOEXEC) < 0;
	} else if (strcmp(what, "time") == 0) {
		good = run(argv + 2);
	}
	long long took = now_ns() - start;
	if (good != wanted || count < 1) {
		fprintf(stderr, "fswork: %s %s failed\n", what, argc > 2 ? argv[2] : "");
		return 1;
	}
	printf("%lld\n", took / count);
	if (names)
		fprintf(stderr, "fswork: %ld names\n", names);
	return 0;
}
