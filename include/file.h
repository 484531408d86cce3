/* Small files as a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads PATH into BUFFER, terminated. Its length; -EFBIG if it does not fit with its NUL; or -errno. */
ssize_t file_read(const char *path, char *buffer, size_t size);

/* Writes TEXT to PATH, which exists (a sysctl, an attribute of sysfs). 0 or -errno. */
int file_write(const char *path, const char *text);

/*
 * Copies the text on FD, at most MAX bytes of it, to the new file TO. PADDED: zeroes at its end, as on a disk, are left
 * out. 0 or -errno.
 */
int file_copy_text(int fd, const char *to, size_t max, bool padded);

/* Writes the LEN bytes of TEXT to the file PATH, made if it is not there. 0 or -errno. */
int file_create(const char *path, const char *text, size_t len);
