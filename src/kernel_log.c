#include "kernel_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sys.h"

int kernel_log_open(void)
{
	int fd = sys_open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd >= 0)
		(void)sys_seek_end(fd);
	return fd;
}

/* A record is "PRIORITY,SEQUENCE,TIME,FLAGS;TEXT\n KEY=VALUE\n" (Documentation/ABI/testing/dev-kmsg). */
static void add_record(const char *record, struct builder *words)
{
	const unsigned warning = 4, levels = 8;
	const char *text = strchr(record, ';');
	unsigned priority;

	/* From facility 0 on: the kernel's own. */
	if (!text || sscanf(record, "%u,", &priority) != 1 || priority >= levels ||
	    priority > warning)
		return;
	text++;
	if (words->len > 0)
		builder_add(words, "; ");
	builder_add_slice(words, (struct slice){ .at = text, .len = strcspn(text, "\n") });
}

void kernel_log_take(int fd, struct builder *words)
{
	char record[8192];
	ssize_t len;

	if (fd < 0)
		return;
	/* EPIPE: records were overwritten before they were read; the next read goes on behind them. */
	while ((len = sys_read(fd, record, sizeof(record) - 1)) > 0 || len == -EPIPE ||
	       len == -EINTR) {
		if (len < 0)
			continue;
		record[len] = '\0';
		add_record(record, words);
	}
	(void)sys_close(fd);
}
