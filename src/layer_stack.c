#include "layer_stack.h"

#include <errno.h>
#include <string.h>

#include "overlay_marks.h"
#include "sys.h"

/* These are 1, 0 or -errno. */
static int has_whiteout_attribute(int dir, const char *path)
{
	int fd = sys_open_beneath(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return fd;
	ssize_t len = sys_fgetxattr(fd, "trusted.overlay.whiteout", NULL, 0);
	(void)sys_close(fd);
	return len >= 0 ? 1 : len == -ENODATA || len == -EOPNOTSUPP ? 0 : (int)len;
}

static int is_opaque(int dir, const char *path)
{
	int fd = sys_open_beneath(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	int r = overlay_is_opaque(fd);
	(void)sys_close(fd);
	return r;
}

static int is_whiteout(const struct guest_directory *d, const char *path, const struct stat *st)
{
	if (overlay_is_whiteout(st))
		return 1;
	return d->xattr_whiteouts && S_ISREG(st->st_mode) && st->st_size == 0
		       ? has_whiteout_attribute(d->fd, path)
		       : 0;
}

int layer_look(const struct guest_directory *d, const char *path, struct entry *ret)
{
	struct entry e = { .kind = ENTRY_OTHER };
	int fd = sys_open_beneath(d->fd, path, O_PATH | O_NOFOLLOW);

	/* What a symlink or a file on the way hides is not there under this name. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
		*ret = (struct entry){ .kind = ENTRY_ABSENT };
		return 0;
	}
	if (fd < 0)
		return fd;
	int r = sys_fstat(fd, &e.st);
	(void)sys_close(fd);
	if (r < 0)
		return r;
	/* The root of a layer is merged whatever its attribute says (ovl_get_root). */
	if (S_ISDIR(e.st.st_mode)) {
		r = strcmp(path, PATH_ROOT) != 0 ? is_opaque(d->fd, path) : 0;
		e.kind = r > 0 ? ENTRY_OPAQUE : ENTRY_DIRECTORY;
	} else {
		r = is_whiteout(d, path, &e.st);
		e.kind = r > 0 ? ENTRY_WHITEOUT : ENTRY_OTHER;
	}
	if (r < 0)
		return r;
	*ret = e;
	return 0;
}

int merge_look(const struct guest *g, const struct merge *in, const char *path, struct entry *ret,
	       struct merge *out, int *ret_stop)
{
	struct entry e, first = { .kind = ENTRY_ABSENT };

	*ret_stop = -1;
	out->count = 0;
	for (size_t i = 0; i < in->count && *ret_stop < 0; i++) {
		int r = layer_look(&g->stack[in->at[i]], path, &e);
		if (r < 0)
			return r;
		if (e.kind == ENTRY_ABSENT)
			continue;
		if (e.kind != ENTRY_DIRECTORY)
			*ret_stop = in->at[i];
		/* A file under a directory ends the merge as a whiteout does. */
		if (e.kind == ENTRY_WHITEOUT || (out->count > 0 && e.kind == ENTRY_OTHER))
			break;
		if (out->count == 0)
			first = e;
		out->at[out->count++] = in->at[i];
	}
	*ret = first;
	return 0;
}
