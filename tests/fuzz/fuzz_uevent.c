/* Messages of a netlink socket. The first byte of each says how long it is, the second who sent it. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"
#include "uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice rest;

int sys_uevent_socket(void)
{
	return 7;
}

ssize_t sys_recv(int fd, void *buffer, size_t size, unsigned *ret_sender)
{
	static const int errors[] = { EINTR, ENOBUFS, EIO };
	size_t len;

	if (fd != 7)
		abort();
	if (rest.len < 2)
		return -EAGAIN;
	len = (unsigned char)rest.at[0];
	*ret_sender = (unsigned char)rest.at[1] & 1;
	int error = rest.at[1] & 0xe ? 0 : errors[len % 3];
	rest.at += 2;
	rest.len -= 2;
	if (error && len > 252)
		return -error;
	/* Many times the length, for messages that fill the buffer. */
	len = len == 251 ? size : len;
	len = len < rest.len ? len : rest.len;
	len = len < size ? len : size;
	memcpy(buffer, rest.at, len);
	rest.at += len;
	rest.len -= len;
	return (ssize_t)len;
}

/* Inside the event's own text, or the empty one, and terminated there. */
static void check_value(const struct uevent *u, const char *value)
{
	bool inside = value >= u->text && value < u->text + sizeof(u->text);

	if (!inside && *value != '\0')
		abort();
	if (inside && !memchr(value, '\0', (size_t)(u->text + sizeof(u->text) - value)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct uevent event;
	int r, fd = uevent_open();

	rest = (struct slice){ .at = (const char *)data, .len = size };
	memset(event.text, 0xff, sizeof(event.text));
	while ((r = uevent_read(fd, &event)) != 0) {
		if (r < 0)
			continue;
		check_value(&event, event.action);
		check_value(&event, event.devpath);
		check_value(&event, event.subsystem);
		check_value(&event, event.devname);
		check_value(&event, event.modalias);
		if (!*event.action || !*event.devpath)
			abort();
	}
	return 0;
}
