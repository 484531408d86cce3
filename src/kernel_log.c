#include "kernel_log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sys.h"

#define KMSG        "/dev/kmsg"
#define MARK        "layerboot: looks up the kernel's reason"
#define RECORD_SIZE 8192 /* more than the kernel hands out at once (PRINTK_MESSAGE_MAX) */

/* "PRIORITY,SEQUENCE,TIME,FLAGS;TEXT\n KEY=VALUE\n" (Documentation/ABI/testing/dev-kmsg). */
struct record {
	unsigned priority; /* with the facility; of the kernel's own that is 0 */
	int64_t time_us;   /* of the clock of printk, which is not CLOCK_MONOTONIC */
	struct slice text;
};

/* 1: *ret, whose text is in BUFFER; 0: no further one, or none that can be read. */
static int next(int fd, char buffer[RECORD_SIZE], struct record *ret)
{
	ssize_t len;

	/* EPIPE: records were overwritten before they were read; the next read goes on behind them. */
	do {
		len = sys_read(fd, buffer, RECORD_SIZE - 1);
	} while (len == -EPIPE || len == -EINTR);
	if (len <= 0)
		return 0;
	buffer[len] = '\0';
	const char *text = strchr(buffer, ';');
	*ret = (struct record){ .priority = UINT_MAX };
	if (text && sscanf(buffer, "%u,%*u,%" SCNd64, &ret->priority, &ret->time_us) == 2)
		ret->text = (struct slice){ .at = text + 1, .len = strcspn(text + 1, "\n") };
	return 1;
}

/*
 * By how much the clock of printk is ahead of CLOCK_MONOTONIC: a record of our own says it, not shown on the console.
 * Where it cannot be written both are taken to have started together.
 */
static int64_t clock_offset_us(void)
{
	char buffer[RECORD_SIZE];
	struct record r;
	int64_t offset_us = 0, now_us;
	int reader = sys_open(KMSG, O_RDONLY | O_NONBLOCK);
	int writer = sys_open(KMSG, O_WRONLY);

	if (reader >= 0 && writer >= 0 && sys_seek_end(reader) == 0) {
		now_us = sys_now_us();
		if (sys_write(writer, "<7>" MARK "\n", strlen("<7>" MARK "\n")) > 0)
			while (next(reader, buffer, &r))
				if (slice_is(r.text, MARK))
					offset_us = r.time_us - now_us;
	}
	if (reader >= 0)
		(void)sys_close(reader);
	if (writer >= 0)
		(void)sys_close(writer);
	return offset_us;
}

void kernel_log_since(int64_t start_us, struct builder *words)
{
	const unsigned warning = 4;
	const int64_t slack_us = 1000; /* of two clocks that are read one after the other */
	char buffer[RECORD_SIZE];
	struct record r;
	int64_t from_us = start_us + clock_offset_us() - slack_us;
	int fd = sys_open(KMSG, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return;
	while (next(fd, buffer, &r)) {
		if (r.priority > warning || r.time_us < from_us)
			continue;
		if (words->len > 0)
			builder_add(words, "; ");
		builder_add_slice(words, r.text);
	}
	(void)sys_close(fd);
}
