#include "failed_boots.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "child.h"
#include "discover.h"
#include "file.h"
#include "sys.h"
#include "text.h"

#define NAME "failed-boots"

/* Where the top keeps what is its own; NULL if it is not mounted. */
static const char *directory(void)
{
	const struct mounting *top = discover_mounting(MOUNTING_VOLUME, "top");

	for (size_t i = 0; top && top->progress == PROGRESS_DONE && i < top->chain.count; i++)
		if (top->chain.steps[i].kind == STEP_TOP_READ)
			return top->chain.steps[i].target;
	return NULL;
}

static int work_count(void *arg, struct builder *answer)
{
	char path[1024], text[32];
	uint64_t failed = 0;
	struct builder b;

	text_print(path, sizeof(path), "%s/" NAME, (const char *)arg);
	ssize_t len = file_read(path, text, sizeof(text));
	if (len > 0 &&
	    text_number((struct slice){ text, strcspn(text, "\n") }, UINT32_MAX, &failed) < 0)
		failed = 0;
	builder_start(&b, text, sizeof(text));
	builder_addf(&b, "%llu", (unsigned long long)failed + 1);
	builder_add(answer, text);
	builder_add(&b, "\n");
	/* It may be the read-only view already. */
	(void)sys_mount(NULL, PATH_TOP, NULL,
			MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	int r = file_create(path, b.at, b.len);
	if (r < 0)
		return r;
	int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	r = sys_fsync(fd);
	(void)sys_close(fd);
	return r;
}

int failed_boots_count(uint64_t *ret)
{
	const int64_t patience_ms = 10000;
	const char *dir = directory();
	char text[32];
	struct builder answer;

	*ret = 0;
	if (!dir)
		return 0;
	builder_start(&answer, text, sizeof(text));
	int r = child_run(work_count, (void *)dir, patience_ms, &answer);
	return r < 0 ? r : text_number(slice_of(text), UINT32_MAX, ret);
}

int failed_boots_forget(const char *dir)
{
	int fd = sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	int r = sys_unlinkat(fd, NAME, false);
	(void)sys_close(fd);
	return r == -ENOENT ? 0 : r;
}
