#include "directory_copy.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>

#include "sys.h"

/* Tried first: the kernel allocates and clears as much as it is offered. */
static const size_t usual = 256;

enum copied {
	ALWAYS,
	IF_KNOWN,
	NEVER
};

static enum copied copied(const char *attribute)
{
	static const struct {
		const char *prefix;
		enum copied copied;
	} rows[] = {
		/* They speak of this directory's place in its own stack. */
		{ "trusted.overlay.", NEVER },
		/* Properties of the file system that has them. */
		{ "btrfs.", NEVER },
		/* tmpfs takes user.* from 6.6 on, and says EOPNOTSUPP before. */
		{ "user.", IF_KNOWN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_starts(slice_of(attribute), rows[i].prefix))
			return rows[i].copied;
	return ALWAYS;
}

static int copy_attribute(int from, int to, const char *name)
{
	char value[XATTR_SIZE_MAX];
	enum copied how = copied(name);

	if (how == NEVER)
		return 0;
	ssize_t len = sys_fgetxattr(from, name, value, usual);
	if (len == -ERANGE)
		len = sys_fgetxattr(from, name, value, sizeof(value));
	if (len < 0)
		return (int)len;
	int r = sys_fsetxattr(to, name, value, (size_t)len);
	return r == -EOPNOTSUPP && how == IF_KNOWN ? 0 : r;
}

static int copy_attributes(int from, int to)
{
	char names[XATTR_LIST_MAX + 1];
	ssize_t len = sys_flistxattr(from, names, usual);

	if (len == -ERANGE)
		len = sys_flistxattr(from, names, XATTR_LIST_MAX);
	if (len < 0)
		return len == -EOPNOTSUPP ? 0 : (int)len; /* FROM's file system has none */
	names[len] = '\0';
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		int r = copy_attribute(from, to, name);
		if (r < 0)
			return r;
	}
	return 0;
}

int directory_copy(int from, const struct stat *st, int to)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r = copy_attributes(from, to);

	/* After the attributes: an access control list sets the mode's bits of the group. */
	if (r == 0)
		r = sys_fchown(to, st->st_uid, st->st_gid);
	if (r == 0)
		r = sys_fchmod(to, st->st_mode & 07777);
	return r == 0 ? sys_futimens(to, times) : r;
}
