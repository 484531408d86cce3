#include "bases_read.h"

#include <errno.h>
#include <string.h>

#include "bases.h"
#include "entries.h"
#include "sys.h"

/* A record begins with what is looked for; what follows it is a command line of any length. */
#define RECORD_READ_MAX 16384
/* More than this is no work of mklayer. */
#define RECORDS_MAX 64

static int read_record(int dir, const char *name, struct builder *ret, struct builder *words)
{
	static char text[RECORD_READ_MAX];
	struct stat st;
	int fd = sys_open_beneath(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	/* A symlink, a device of a layer that is mounted nodev, a socket. */
	if (fd == -ELOOP || fd == -EACCES || fd == -ENXIO)
		return 0;
	if (fd < 0)
		return fd;
	int r = sys_fstat(fd, &st);
	ssize_t len = r < 0 || !S_ISREG(st.st_mode) ? r : sys_pread(fd, text, sizeof(text), 0);
	(void)sys_close(fd);
	if (len < 0 || (r == 0 && !S_ISREG(st.st_mode)))
		return (int)len;
	r = bases_parse((struct slice){ text, (size_t)len }, ret);
	if (r < 0 && !words->len) {
		builder_add(words, "/" BASES_DIRECTORY "/");
		builder_add_escaped(words, name, "");
		builder_add(words,
			    r == -ENOSPC ? " names too many images" : " is no record of mklayer");
	}
	return 0;
}

int bases_read(int root, struct builder *ret, struct builder *words)
{
	struct entries e;
	const char *name;
	int error = 0, count = 0;
	int dir = sys_open_beneath(root, BASES_DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP)
		return 0;
	if (dir < 0)
		return dir;
	int r = entries_open(&e, dir, ".");
	while (r == 0 && count++ < RECORDS_MAX && (name = entries_next(&e, &error)))
		r = read_record(dir, name, ret, words);
	entries_close(&e);
	(void)sys_close(dir);
	return r < 0 ? r : error;
}
