#include "entries.h"

#include <string.h>

#include "sys.h"

int entries_open(struct entries *e, int dir, const char *name)
{
	e->len = e->at = 0;
	e->fd = sys_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	return e->fd < 0 ? e->fd : 0;
}

void entries_close(struct entries *e)
{
	if (e->fd >= 0)
		(void)sys_close(e->fd);
	e->fd = -1;
}

const char *entries_next(struct entries *e, int *error)
{
	*error = 0;
	for (;;) {
		if (e->at >= e->len) {
			e->at = 0;
			e->len = sys_getdents(e->fd, e->buffer, sizeof(e->buffer));
			if (e->len <= 0) {
				*error = (int)e->len;
				return NULL;
			}
		}
		const struct dirent *d = (const void *)(e->buffer + e->at);
		e->at += d->d_reclen;
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			return d->d_name;
	}
}
