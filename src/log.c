#include "log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define RECORD_MAX 900

static int target = STDERR_FILENO;
static bool to_kmsg;
static enum log_priority limit = LOG_PRIORITY_INFO;
static void (*before_many)(void);
static unsigned records;

void log_target(int fd, bool kmsg)
{
	target = fd;
	to_kmsg = kmsg;
}

void log_before_many(void (*call)(void))
{
	before_many = call;
}

void log_limit(enum log_priority priority)
{
	limit = priority;
}

bool log_wants(enum log_priority priority)
{
	return priority <= limit;
}

static void put(enum log_priority priority, struct slice part, bool more)
{
	/*
	 * The console leaves the kernel's debug level out; who asked for these lines wants to see them. With quiet it
	 * shows errors alone (CONFIG_CONSOLE_LOGLEVEL_QUIET), and nothing else would be said of a warning.
	 */
	int level = priority == LOG_PRIORITY_WARNING ? LOG_PRIORITY_ERROR
		    : priority > LOG_PRIORITY_INFO   ? LOG_PRIORITY_INFO
						     : priority;
	char record[RECORD_MAX + 64];
	struct builder b;

	/* Three less than the kernel takes at once (include/linux/ratelimit_types.h, DEFAULT_RATELIMIT_BURST). */
	if (to_kmsg && ++records == 8 && before_many)
		before_many();
	builder_start(&b, record, sizeof(record));
	if (to_kmsg)
		builder_addf(&b, "<%d>", level);
	builder_add(&b, "layerboot: ");
	builder_add_slice(&b, part);
	builder_add(&b, more ? " ...\n" : "\n");
	/* A console that cannot be written to has nobody to be told about it. */
	ssize_t ignored = write(target, record, b.len);
	(void)ignored;
}

void log_line(enum log_priority priority, const char *format, ...)
{
	char line[16384]; /* an error may name many disks */
	struct builder b;
	va_list args;
	int saved = errno;

	if (!log_wants(priority))
		return;
	builder_start(&b, line, sizeof(line));
	va_start(args, format);
	builder_addv(&b, format, args);
	va_end(args);

	struct slice rest = { .at = line, .len = b.len };
	while (to_kmsg && rest.len > RECORD_MAX) {
		size_t len = RECORD_MAX;
		while (len > RECORD_MAX / 2 && rest.at[len] != ' ')
			len--;
		put(priority, (struct slice){ .at = rest.at, .len = len }, true);
		/* The blank is that after "layerboot:". */
		len += rest.at[len] == ' ';
		rest.at += len;
		rest.len -= len;
	}
	put(priority, rest, false);
	errno = saved;
}
