#include "overlay_marks.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "sys.h"

bool overlay_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Not there, or not on this file system at all; a value that is longer than the one that is looked for. */
static bool says_no(ssize_t error)
{
	return error == -ENODATA || error == -EOPNOTSUPP || error == -ERANGE;
}

int overlay_is_xattr_whiteout(const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_size != 0)
		return 0;
	ssize_t len = sys_lgetxattr(path, "trusted.overlay.whiteout", NULL, 0);
	return len >= 0 ? 1 : says_no(len) ? 0 : (int)len;
}

int overlay_opaque(int fd, char *ret)
{
	char value = '\0';
	ssize_t len = sys_fgetxattr(fd, "trusted.overlay.opaque", &value, 1);

	if (len < 0 && !says_no(len))
		return (int)len;
	*ret = len == 1 ? value : '\0';
	return 0;
}

int overlay_is_opaque(int fd)
{
	char value;
	int r = overlay_opaque(fd, &value);

	return r < 0 ? r : value == 'y';
}
