/* Small files as a whole. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads PATH into BUFFER, terminated. Its length; -EFBIG if it does not fit with its NUL; or -errno. */
ssize_t file_read(const char *path, char *buffer, size_t size);

/* Writes TEXT to PATH, which exists (a sysctl, an attribute of sysfs). 0 or -errno. */
int file_write(const char *path, const char *text);
