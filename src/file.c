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

int file_copy_text(int fd, const char *to, size_t max, bool padded)
{
	char buffer[4096];
	size_t len = 0;
	bool end = false;
	ssize_t r;
	int out = sys_open(to, O_WRONLY | O_CREAT | O_TRUNC);

	if (out < 0)
		return out;
	while (len < max &&
	       (r = sys_read(fd, buffer, max - len < sizeof(buffer) ? max - len : sizeof(buffer))) >
		       0) {
		size_t text = end ? 0 : padded ? strnlen(buffer, (size_t)r) : (size_t)r;
		/* Something after the text is not padding: let the reader of the text find the NUL. */
		for (size_t i = text; padded && i < (size_t)r; i++)
			if (buffer[i])
				text = (size_t)r;
		end |= text < (size_t)r;
		len += (size_t)r;
		r = text > 0 ? sys_write(out, buffer, text) : 0;
		if (r < 0)
			break;
	}
	(void)sys_close(out);
	return len < max && r < 0 ? (int)r : 0;
}

int file_create(const char *path, const char *text, size_t len)
{
	int fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC);
	ssize_t r = fd < 0 ? fd : 0;

	for (size_t done = 0; r >= 0 && done < len; done += (size_t)r)
		r = sys_write(fd, text + done, len - done);
	if (fd >= 0)
		(void)sys_close(fd);
	return r < 0 ? (int)r : 0;
}
