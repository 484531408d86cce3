/*
 * How the real inits of the tests tell what they find: in records "T TEXT" of the kernel's log. A record is whole, whereas
 * lines on the console mix with the kernel's own. Each is one program, so this is part of its only source.
 */
#pragma once

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#define DEVKMSG_LIMIT "/proc/sys/kernel/printk_devkmsg"

static int kmsg;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	char line[900] = "<1>T ";
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line + 5, sizeof(line) - 5, format, args);
	va_end(args);
	if (write(kmsg, line, strlen(line)) < 0)
		_exit(3);
}

/* As many records as there are, and on the console what is below LEVEL. 0, or -1. */
static int say_everything(int level)
{
	int fd = open(DEVKMSG_LIMIT, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "on\n", 3) != 3)
		return -1;
	close(fd);
	klogctl(8, NULL, level);
	return 0;
}
