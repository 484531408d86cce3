#include "program.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "sys.h"

#define EXIT_NOT_STARTED 127

static _Noreturn void become(const char *const *argv, int out)
{
	/* No locale and no configuration but what the program brings. */
	static char path[] = "PATH=/sbin:/bin", locale[] = "LC_ALL=C";
	static char *const environment[] = { path, locale, NULL };
	int null = sys_open("/dev/null", O_RDWR);

	/* Nobody is left to wait for a program whose parent was killed at its deadline. */
	(void)sys_die_with_parent();
	(void)sys_unblock_signals();
	if (null >= 0 && sys_duplicate(null, 0) >= 0 && sys_duplicate(out, 1) >= 0 &&
	    sys_duplicate(out, 2) >= 0)
		(void)sys_execve(argv[0], (char *const *)argv, environment);
	sys_exit(EXIT_NOT_STARTED);
}

/* Lines become one; a progress meter's backspaces and all else that is not printable become blanks. */
static void add_line(struct builder *line, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool end = text[i] == '\n';
		char c = text[i] >= ' ' && text[i] <= '~' ? text[i] : ' ';
		if (c == ' ' && (line->len == 0 || line->at[line->len - 1] == ' '))
			continue;
		if (end && line->at[line->len - 1] != ';')
			builder_add(line, "; ");
		else
			builder_add_slice(line, (struct slice){ .at = &c, .len = 1 });
	}
}

/* All of it, or the program would block on a full pipe. */
static void read_output(int fd, struct builder *line)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char buffer[512];
	ssize_t len;

	for (;;) {
		len = sys_read(fd, buffer, sizeof(buffer));
		if (len > 0)
			add_line(line, buffer, (size_t)len);
		else if (len == -EAGAIN)
			(void)sys_poll(&wait, 1, -1);
		else if (len != -EINTR)
			return;
	}
}

static void add_words(struct builder *words, struct builder *line)
{
	size_t room = words->size - words->len, len = line->len;

	while (len > 0 && strchr("; ", line->at[len - 1]))
		len--;
	if (len == 0 || room < 4)
		return;
	if (words->len > 0)
		builder_add(words, "; ");
	room = words->size - words->len - 1;
	builder_add_slice(words, (struct slice){ .at = line->at, .len = len < room ? len : room });
}

int program_run(const char *const *argv, struct builder *words)
{
	char memory[1024];
	struct builder line;
	struct stat st;
	int ends[2], status, r = sys_stat(argv[0], &st);

	if (r < 0)
		return r;
	r = sys_pipe(ends);
	if (r < 0)
		return r;
	pid_t pid = sys_fork();
	if (pid == 0)
		become(argv, ends[1]);
	(void)sys_close(ends[1]);
	builder_start(&line, memory, sizeof(memory));
	if (pid > 0)
		read_output(ends[0], &line);
	(void)sys_close(ends[0]);
	if (pid < 0)
		return pid;
	do
		r = sys_wait(pid, &status);
	while (r == -EINTR);
	if (r < 0)
		return r;
	add_words(words, &line);
	if (WIFSIGNALED(status)) {
		builder_addf(words, "%skilled by signal %d", words->len ? "; " : "",
			     WTERMSIG(status));
		return -EINTR;
	}
	return WEXITSTATUS(status) == EXIT_NOT_STARTED ? -ENOEXEC : WEXITSTATUS(status);
}
