#include "listings.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "disks.h"
#include "inventory.h"
#include "path_list.h"
#include "sys.h"
#include "text.h"

/* What a disk would say, said by a file. */
static void learn_image(int root, bool probe, struct image_file *image)
{
	struct disk d = { 0 };
	struct stat st;
	int fd = sys_open_in_root(root, image->path, O_RDONLY | O_NONBLOCK);
	int r = fd < 0 ? fd : sys_fstat(fd, &st);

	if (r >= 0 && !S_ISREG(st.st_mode))
		r = -EISDIR;
	if (r >= 0) {
		image->size = (uint64_t)st.st_size;
		if (probe)
			r = disk_probe(fd, 0, 0, &d);
	}
	if (fd >= 0)
		(void)sys_close(fd);
	memcpy(image->type, d.type, sizeof(image->type));
	memcpy(image->digest, d.digest, sizeof(image->digest));
	image->ambivalent = d.ambivalent;
	image->dirty = d.dirty;
	image->error = r < 0 ? -r : 0;
}

static void add_image(int root, const char *name, const char *path, bool probe,
		      struct builder *answer)
{
	struct image_file image = { 0 };

	text_print(image.disk, sizeof(image.disk), "%s", name);
	text_print(image.path, sizeof(image.path), "%s", path);
	learn_image(root, probe, &image);
	image_print(&image, answer);
	builder_add(answer, "\n");
}

static int read_directory(int root, int dir, const char *name, const char *glob, bool probe,
			  struct builder *answer)
{
	const char *slash = strrchr(glob, '/');
	int prefix = slash ? (int)(slash + 1 - glob) : 0;
	char buffer[4096];
	ssize_t len;

	while ((len = sys_getdents(dir, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < len;) {
			struct dirent *e = (struct dirent *)(void *)(buffer + at);
			char path[IMAGE_PATH_MAX];
			struct builder b;
			at += e->d_reclen;
			builder_start(&b, path, sizeof(path));
			builder_addf(&b, "%.*s%s", prefix, glob, e->d_name);
			if (!b.overflow && path_matches(glob, path))
				add_image(root, name, path, probe, answer);
		}
	}
	return (int)len;
}

/* Opens the directory that the last part of GLOB is looked up in; symlinks do not lead out of ROOT. */
static int open_directory(int root, const char *glob)
{
	char path[IMAGE_PATH_MAX];
	const char *slash = strrchr(glob, '/');

	text_print(path, sizeof(path), "%.*s", slash ? (int)(slash - glob) : 1, slash ? glob : ".");
	return sys_open_in_root(root, path, O_RDONLY | O_DIRECTORY);
}

int listing_read(const char *directory, const char *name, const char *glob, bool probe,
		 struct builder *answer)
{
	struct listing listing = { 0 };
	int root = sys_open(directory, O_RDONLY | O_DIRECTORY);

	if (root < 0)
		return root;
	text_print(listing.disk, sizeof(listing.disk), "%s", name);
	text_print(listing.glob, sizeof(listing.glob), "%s", glob);
	int dir = open_directory(root, glob);
	int r = dir < 0 ? dir : read_directory(root, dir, name, glob, probe, answer);
	if (dir >= 0)
		(void)sys_close(dir);
	(void)sys_close(root);
	listing.error = r < 0 ? -r : 0;
	listing_print(&listing, answer);
	builder_add(answer, "\n");
	return answer->overflow ? -ENOBUFS : 0;
}
