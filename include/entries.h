/* The entries of one directory. */
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include "text.h"

struct entries {
	int fd;
	ssize_t len, at;
	_Alignas(struct dirent) char buffer[4096];
};

/* NAME below DIR, AT_FDCWD too; -ENOTDIR for a symlink, too. To be closed also when opening it failed. */
MUST_CHECK int entries_open(struct entries *e, int dir, const char *name);
void entries_close(struct entries *e);

/* The name of the next but . and ..; NULL at the end, or after an error, which is *ERROR, -errno, else 0. */
const char *entries_next(struct entries *e, int *error);
