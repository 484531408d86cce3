/* Lines for whoever watches the console. Keeps errno. */
#pragma once

#include <stdbool.h>

enum log_priority {
	LOG_PRIORITY_ERROR = 3,
	LOG_PRIORITY_WARNING = 4, /* something is wrong: shown with quiet, too */
	LOG_PRIORITY_NOTICE = 5,  /* as was asked for, and worth a second look */
	LOG_PRIORITY_INFO = 6,
	LOG_PRIORITY_DEBUG = 7,
};

/* Lines go to FD; KMSG: it is /dev/kmsg, one record a line. At the start: to stderr. */
void log_target(int fd, bool kmsg);

/*
 * Where lines go to /dev/kmsg, CALL is made once, before there are more of this process than the kernel takes: ten in five
 * seconds, unless the sysctl kernel.printk_devkmsg is on. NULL: none.
 */
void log_before_many(void (*call)(void));

/* Lines less important than this are dropped. */
void log_limit(enum log_priority limit);

/* Whether such a line would be written: spares putting it together. */
bool log_wants(enum log_priority priority);

/*
 * Writes "layerboot: " and the line. The kernel keeps at most about 1000 bytes of a record
 * (kernel/printk/printk.c, LOG_LINE_MAX): a longer line is split, and its parts marked.
 */
void log_line(enum log_priority priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
