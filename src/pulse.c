#include "pulse.h"

#include <errno.h>
#include <stdio.h>

#include "file.h"

/* The kernel answers from memory: this does not wait for the disk. */
static int read_attribute(const char *name, const char *attribute, char *text, size_t size)
{
	char path[128];
	int len = snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, attribute);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	ssize_t r = file_read(path, text, size);
	return r < 0 ? (int)r : 0;
}

int pulse_read(const char *name, struct pulse *ret)
{
	unsigned long long reads, writes, reading, writing;
	char text[512];
	int r = read_attribute(name, "inflight", text, sizeof(text));

	if (r == 0 && sscanf(text, "%llu %llu", &reading, &writing) != 2)
		r = -EINVAL;
	if (r == 0)
		r = read_attribute(name, "stat", text, sizeof(text));
	/* read I/Os, merges, sectors and ticks, write I/Os */
	if (r == 0 && sscanf(text, "%llu %*u %*u %*u %llu", &reads, &writes) != 2)
		r = -EINVAL;
	if (r == 0)
		*ret = (struct pulse){ .waiting = reading + writing, .completed = reads + writes };
	return r;
}
