/*
 * The real init of the boot tests: says what it finds, then powers off.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define LAYERS "/run/layerboot/layers"
#define UPPER  "/run/layerboot/top/upper"

/* The first line of a file, or why it cannot be read. */
static void say_file(const char *what, const char *path)
{
	char text[512];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len < 0) {
		say("%s %s: %s", what, path, strerror(errno));
	} else {
		text[len] = '\0';
		text[strcspn(text, "\n")] = '\0';
		say("%s %s: %s", what, path, text);
	}
	if (fd >= 0)
		close(fd);
}

static void say_lines(const char *what, const char *path, const char *prefix)
{
	char line[800];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			say("%s %s", what, line);
	}
	if (f)
		fclose(f);
}

/* The file NAME of each entry of a directory. */
static void say_each(const char *what, const char *directory, const char *name)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	char path[800];

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			(void)snprintf(path, sizeof(path), "%s/%s/%s", directory, e->d_name, name);
			say_file(what, path);
		}
	if (d)
		closedir(d);
}

/* The files that the image itself asks to see, a path a line in /etc/ask: first line, mode and owner of each. */
static void say_asked(void)
{
	char path[800];
	struct stat st;
	FILE *f = fopen("/etc/ask", "re");

	while (f && fgets(path, sizeof(path), f)) {
		path[strcspn(path, "\n")] = '\0';
		say_file("file", path);
		if (lstat(path, &st) == 0)
			say("stat %s: %o %d:%d", path, st.st_mode, (int)st.st_uid, (int)st.st_gid);
	}
	if (f)
		fclose(f);
}

/* Runs the program PATH with up to six arguments, and says what it prints. */
static void say_output(char *command)
{
	char *arguments[8] = { NULL }, *rest = NULL, line[800];
	int ends[2], status = -1;
	size_t count = 0;

	for (char *word = strtok_r(command, " ", &rest); word && count < 7;
	     word = strtok_r(NULL, " ", &rest))
		arguments[count++] = word;
	if (pipe(ends) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		execv(arguments[0], arguments);
		_exit(127);
	}
	close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		say("run %s", line);
	}
	if (f)
		fclose(f);
	waitpid(pid, &status, 0);
	say("run status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* The commands that the image itself wants to be run, one a line in /etc/commands. */
static void say_commands(void)
{
	char command[800];
	FILE *f = fopen("/etc/commands", "re");

	while (f && fgets(command, sizeof(command), f)) {
		command[strcspn(command, "\n")] = '\0';
		say_output(command);
	}
	if (f)
		fclose(f);
}

/* The whole of a file, in pieces that a record of the log can hold; line feeds are left out. */
static void say_pieces(const char *what, const char *path)
{
	char piece[701];
	FILE *f = fopen(path, "re");
	size_t len;

	while (f && (len = fread(piece, 1, sizeof(piece) - 1, f)) > 0) {
		piece[len] = '\0';
		for (char *c = piece; *c; c++)
			if (*c == '\n')
				*c = ' ';
		say("%s |%s|", what, piece);
	}
	if (f)
		fclose(f);
}

static void say_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != kmsg && atoi(e->d_name) != dirfd(d))
			say("fd %s", e->d_name);
	if (d)
		closedir(d);
}

/* What a process inherits beside its descriptors and signals. */
static void say_state(void)
{
	char directory[256];
	unsigned mask = umask(0);
	bool none = waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;

	(void)umask(mask);
	say("state directory %s",
	    getcwd(directory, sizeof(directory)) ? directory : strerror(errno));
	say("state umask %o", mask);
	say("state children %s", none ? "none" : "some");
	say("state nice %d", getpriority(PRIO_PROCESS, 0));
}

static void say_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "written", 7) != 7)
		say("write %s: %s", path, strerror(errno));
	else
		say_file("write", path);
	if (fd >= 0)
		close(fd);
}

static void say_root(void)
{
	static const char *const files[] = { "/etc/which",      "/etc/only-system",
					     "/etc/only-site",  "/etc/only-user",
					     "/etc/deleted",    "/etc/d/merged",
					     "/etc/d/of-system" };
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		say_file("file", files[i]);
	say_write("/etc/written");
	say_write("/etc/which");
	say("rename /etc/d: %s", rename("/etc/d", "/etc/e") == 0 ? "done" : strerror(errno));
	say_file("top", UPPER "/etc/which");
	say_file("top", UPPER "/etc/written");
	say_each("layer", LAYERS, "etc/which");
	say("layers %o", stat(LAYERS, &st) == 0 ? st.st_mode & 07777u : 0u);
	say_file("default", "/sys/module/overlay/parameters/metacopy");
	say_file("default", "/sys/module/overlay/parameters/index");
	say_file("default", "/sys/module/overlay/parameters/xino_auto");
}

int main(int argc, char **argv, char **envp)
{
	int fd;

	if (strcmp(argv[0], "/sbin/exits") == 0)
		return 0;
	if (strcmp(argv[0], "/sbin/crashes") == 0)
		__builtin_trap();
	/* Asked first, so that what this program opens is not counted. */
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (kmsg < 0)
		return 2;
	say_file("limit", DEVKMSG_LIMIT);
	if (say_everything(8) < 0)
		return 2;
	say("begin");
	say("pid %d", (int)getpid());
	for (int i = 0; i < argc; i++)
		say("arg %s", argv[i]);
	for (char **e = envp; *e; e++)
		say("env %s", *e);
	say_descriptors();
	say_lines("signals", "/proc/self/status", "SigBlk");
	say_lines("signals", "/proc/self/status", "SigIgn");
	say_state();
	say_lines("memory", "/proc/meminfo", "Shmem:");
	say_lines("mount", "/proc/self/mountinfo", "");
	say_asked();
	say_root();
	say_commands();
	say_pieces("report", "/run/layerboot/report.json");
	say("end");
	/* Past the devices, one of which may be in the hands of a driver that waits for ever. */
	if (argc > 1 && strcmp(argv[argc - 1], "reset") == 0 &&
	    (fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC)) >= 0)
		(void)!write(fd, "b", 1);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
