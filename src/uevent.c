#include "uevent.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

int uevent_open(void)
{
	return sys_uevent_socket();
}

int uevent_parse(struct uevent *ret, size_t len)
{
	struct {
		const char *key;
		const char **value;
	} keys[] = {
		{ "ACTION=", &ret->action },       { "DEVPATH=", &ret->devpath },
		{ "SUBSYSTEM=", &ret->subsystem }, { "DEVNAME=", &ret->devname },
		{ "MODALIAS=", &ret->modalias },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		*keys[i].value = "";
	if (len == 0 || len >= sizeof(ret->text))
		return -EINVAL;
	ret->text[len] = '\0';
	for (const char *at = ret->text; at < ret->text + len; at += strlen(at) + 1)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (*at != *keys[i].key)
				continue;
			size_t key_len = strlen(keys[i].key);
			if (strncmp(at, keys[i].key, key_len) == 0)
				*keys[i].value = at + key_len;
		}
	return *ret->action && *ret->devpath ? 0 : -EINVAL;
}

int uevent_read(int fd, struct uevent *ret)
{
	for (;;) {
		unsigned sender;
		ssize_t len = sys_recv(fd, ret->text, sizeof(ret->text) - 1, &sender);
		if (len == -EINTR)
			continue;
		if (len == -EAGAIN)
			return 0;
		if (len < 0)
			return (int)len;
		/* Any process may send to the group; the kernel's own address is 0. */
		if (sender == 0 && uevent_parse(ret, (size_t)len) == 0)
			return 1;
	}
}
