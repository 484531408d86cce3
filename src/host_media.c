#include "host_media.h"

#include <errno.h>
#include <string.h>

#include "host_image.h"
#include "listings.h"
#include "sys.h"
#include "text.h"
#include "verity_tree.h"

/* Disks that hold image files are mounted once, whatever the number of layers on them. */
static struct {
	char disk[32];
	int root;
} media[INVENTORY_LISTINGS_MAX];
static size_t media_count;

/* The file system of a disk; what it says of itself is the type, unless TYPE is given. */
static int mount_disk(const struct host_disks *h, const struct disk *d, const char *type,
		      const char *options, struct builder *words)
{
	const struct host_extent *e = host_extent_of(h, d);

	if (!e) {
		builder_addf(words, "%s is known from the inventory only", d->name);
		return -ENODEV;
	}
	int fd = sys_open(e->image, O_RDONLY);
	if (fd < 0)
		return fd;
	const struct host_image image = { .fd = fd,
					  .offset = e->offset,
					  .size = e->offset ? e->size : 0,
					  .type = type,
					  .options = options };
	int root = host_image_mount(&image, words);
	(void)sys_close(fd);
	return root;
}

int host_media_root(const struct host_disks *h, const struct disk *d, struct builder *words)
{
	for (size_t i = 0; i < media_count; i++)
		if (strcmp(media[i].disk, d->name) == 0)
			return media[i].root;
	if (media_count == sizeof(media) / sizeof(media[0]))
		return -ENOSPC;
	int root = mount_disk(h, d, d->type, NULL, words);
	if (root >= 0) {
		text_print(media[media_count].disk, sizeof(media[0].disk), "%s", d->name);
		media[media_count++].root = root;
	}
	return root;
}

int host_media_answer(struct host_disks *h, const struct question *q, struct builder *words)
{
	static char lines[1 << 20];
	char directory[32];
	struct slice rest, line;
	struct builder b;

	if (q->kind != QUESTION_LISTING)
		return -EOPNOTSUPP;
	int root = host_media_root(h, q->disk, words);
	if (root < 0)
		return root;
	text_print(directory, sizeof(directory), "/proc/self/fd/%d", root);
	builder_start(&b, lines, sizeof(lines));
	int r = listing_read(directory, q->disk->name, q->glob, true, &b);
	rest = slice_of(lines);
	while (r == 0 && slice_next(&rest, '\n', &line))
		if (line.len > 0)
			r = inventory_add_line(&h->inventory, line);
	return r;
}

static int mount_file(const struct host_disks *h, const struct resolved_layer *l,
		      struct builder *words)
{
	int medium = host_media_root(h, l->disk, words);

	if (medium < 0)
		return medium;
	int fd = sys_open_in_root(medium, l->image->path, O_RDONLY);
	if (fd < 0)
		return fd;
	const struct host_image image = { .fd = fd, .type = l->type, .options = l->layer->options };
	int root = host_image_mount(&image, words);
	(void)sys_close(fd);
	return root;
}

static int open_disk(const struct host_disks *h, const struct disk *d, uint64_t *ret_offset)
{
	const struct host_extent *e = host_extent_of(h, d);

	*ret_offset = e ? e->offset : 0;
	return e ? sys_open(e->image, O_RDONLY) : -ENODEV;
}

int host_media_verify(const struct host_disks *h, const struct resolved_layer *l,
		      struct builder *words)
{
	struct verity_image image = { .data_offset = 0 };
	int medium = l->image ? host_media_root(h, l->disk, words) : 0, hash = -1;

	if (medium < 0)
		return medium;
	image.data = l->image ? sys_open_in_root(medium, l->image->path, O_RDONLY)
			      : open_disk(h, l->disk, &image.data_offset);
	if (image.data < 0)
		return image.data;
	image.hash = image.data;
	image.hash_offset = image.data_offset;
	if (l->hash_disk)
		image.hash = hash = open_disk(h, l->hash_disk, &image.hash_offset);
	int r = l->hash_disk && hash < 0 ? hash
					 : verity_tree_check(&l->layer->verity, &image, words);
	if (hash >= 0)
		(void)sys_close(hash);
	(void)sys_close(image.data);
	return r;
}

int host_media_open_layer(const struct host_disks *h, const struct resolved_layer *l,
			  struct builder *words)
{
	int root = l->image ? mount_file(h, l, words)
			    : mount_disk(h, l->disk, l->type, l->layer->options, words);

	if (root < 0 || !l->layer->subdir)
		return root;
	int directory = sys_open_in_root(root, l->layer->subdir, O_RDONLY | O_DIRECTORY);
	(void)sys_close(root);
	if (directory < 0)
		builder_addf(words, "subdir %s", l->layer->subdir);
	return directory;
}
