/* One boot: a process that runs the program as the kernel would. */
#include "fake_boot.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define main program_main
int program_main(int argc, char **argv, char **envp);
#include "../../src/main.c"
#undef main

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/*
 * A status that nothing else ends with; leaks are none where a process only ever ends as a whole; memory that is freed is
 * not kept for long, since each fork copies it.
 */
const char *__asan_default_options(void)
{
	return "exitcode=99:detect_leaks=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

const char *__ubsan_default_options(void)
{
	return "exitcode=99:print_stacktrace=1";
}

static _Noreturn void start(void)
{
	char *argv[] = { (char *)"/init", NULL }, *envp[] = { NULL };
	const unsigned limit_s = 20;
	char path[PATH_MAX];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(limit_s);
	(void)signal(SIGPIPE, SIG_IGN); /* as for process 1, which has no handler for it */
	fake->init = getpid();
	fake_machine_build();
	(void)fake_print(path, sizeof(path), "%s/console", fake->directory);
	int fd = open(path, O_RDWR | O_APPEND);
	for (int i = 0; i < 3; i++)
		if (fake->machine->no_console && i < 2 ? close(i) < 0 : dup2(fd, i) < 0)
			_exit(1);
	for (int i = 3; i < 256; i++)
		(void)close(i);
	exit(program_main(1, argv, envp));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static void read_console(const struct fake_boot *boot, struct fake_outcome *ret)
{
	static const char mark[] = "layerboot: error[";
	char path[PATH_MAX];

	(void)fake_print(path, sizeof(path), "%s/console", boot->directory);
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, ret->console, sizeof(ret->console) - 1);
	if (fd >= 0)
		close(fd);
	ret->console[len < 0 ? 0 : len] = '\0';
	for (const char *at = ret->console; (at = strstr(at, mark)); ret->error_lines++) {
		at += strlen(mark);
		(void)fake_print(ret->word, sizeof(ret->word), "%.31s", at);
		ret->word[strcspn(ret->word, "]")] = 0;
	}
}

static const char *sought;
static bool found;

static int look_at_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type;
	found |= strcmp(path + where->base, sought) == 0;
	return 0;
}

void fake_boot_run(struct fake_boot *boot, const char *directory, const char *keeps,
		   struct fake_outcome *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)fake_print(boot->directory, sizeof(boot->directory), "%s", directory);
	if (mkdir(directory, 0755) < 0)
		abort();
	fake = boot;
	pid_t pid = fork();
	if (pid == 0)
		start();
	if (pid < 0 || waitpid(pid, &ret->status, 0) < 0)
		abort();
	ret->timeout = WIFSIGNALED(ret->status) && WTERMSIG(ret->status) == SIGALRM;
	read_console(boot, ret);
	sought = keeps;
	found = false;
	if (keeps)
		(void)nftw(directory, look_at_entry, 16, FTW_PHYS);
	ret->kept = found;
	(void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int by_target(const void *a, const void *b)
{
	const struct fake_mount *x = a, *y = b;

	return strcmp(x->target, y->target);
}

void fake_boot_mounts(const struct fake_boot *boot, char *ret, size_t size)
{
	struct fake_mount sorted[FAKE_MOUNTS_MAX];
	size_t len = 0;

	memcpy(sorted, boot->mounts, boot->mounts_count * sizeof(sorted[0]));
	qsort(sorted, boot->mounts_count, sizeof(sorted[0]), by_target);
	ret[0] = '\0';
	for (size_t i = 0; i < boot->mounts_count && len < size; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s %s %s %#lx\n", sorted[i].target,
					sorted[i].type, sorted[i].source, sorted[i].flags);
}
