#include "layer_stack.h"

#include <errno.h>
#include <string.h>

#include "overlay_marks.h"
#include "sys.h"

static bool has_whiteout_attribute(int dir, const char *path)
{
	int fd = sys_open_beneath(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return false;
	ssize_t len = sys_fgetxattr(fd, "trusted.overlay.whiteout", NULL, 0);
	(void)sys_close(fd);
	return len >= 0;
}

static bool is_opaque(int dir, const char *path)
{
	int fd = sys_open_beneath(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		return false;
	bool opaque = overlay_is_opaque(fd);
	(void)sys_close(fd);
	return opaque;
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
	if (S_ISDIR(e.st.st_mode))
		e.kind = strcmp(path, PATH_ROOT) != 0 && is_opaque(d->fd, path) ? ENTRY_OPAQUE
										: ENTRY_DIRECTORY;
	else if (overlay_is_whiteout(&e.st) ||
		 (d->xattr_whiteouts && S_ISREG(e.st.st_mode) && e.st.st_size == 0 &&
		  has_whiteout_attribute(d->fd, path)))
		e.kind = ENTRY_WHITEOUT;
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
