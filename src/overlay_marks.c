#include "overlay_marks.h"

#include <sys/sysmacros.h>

#include "sys.h"

bool overlay_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool overlay_is_xattr_whiteout(const char *path, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0 &&
	       sys_lgetxattr(path, "trusted.overlay.whiteout", NULL, 0) >= 0;
}

bool overlay_is_opaque(int fd)
{
	char value = '\0';

	return sys_fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}
