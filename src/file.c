#include "file.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

ssize_t file_read(const char *path, char *buffer, size_t size)
{
	size_t len = 0;
	ssize_t r;
	int fd = sys_open(path, O_RDONLY);

	if (fd < 0)
		return fd;
	while ((r = sys_read(fd, buffer + len, size - len)) > 0) {
		len += (size_t)r;
		if (len == size) {
			r = -EFBIG;
			break;
		}
	}
	(void)sys_close(fd);
	if (r < 0)
		return r;
	buffer[len] = '\0';
	return (ssize_t)len;
}

int file_write(const char *path, const char *text)
{
	int fd = sys_open(path, O_WRONLY);

	if (fd < 0)
		return fd;
	ssize_t r = sys_write(fd, text, strlen(text));
	(void)sys_close(fd);
	return r < 0 ? (int)r : 0;
}
