#include "needs.h"

#include <stdio.h>
#include <string.h>

#include "plan.h"

/* Every type that a disk may have, and whether it is needed. vfat only holds files. */
static const char *const types[] = {
	"squashfs", "erofs", "ext4", "xfs", "btrfs", "iso9660", "vfat"
};

#define TYPES_COUNT (sizeof(types) / sizeof(types[0]))

struct needs {
	bool types[TYPES_COUNT];
	bool image, verity, sha512;
	bool e2fsck, mkfs_ext4, mkfs_xfs;
};

static void need_type(struct needs *n, const char *type)
{
	for (size_t i = 0; i < TYPES_COUNT; i++)
		n->types[i] |= strcmp(type, types[i]) == 0;
}

static void need_layer(struct needs *n, const struct layer *l)
{
	for (size_t i = 0; manifest_types[i]; i++)
		/* The type is that of the file; the disk it is on may have any. */
		if (!l->type || l->image)
			need_type(n, manifest_types[i]);
	if (l->type)
		need_type(n, l->type);
	n->verity |= l->verity.root_hash != NULL;
	n->sha512 |= l->verity.root_hash && verity_digest_size(l->verity.algorithm) > 32;
	if (l->image) {
		need_type(n, "vfat");
		n->image = true;
	}
}

static void need_volume(struct needs *n, const struct volume *v)
{
	if (v->format) {
		need_type(n, v->format);
		n->mkfs_ext4 |= strcmp(v->format, "ext4") == 0;
		n->mkfs_xfs |= strcmp(v->format, "xfs") == 0;
		n->e2fsck |= !v->no_fsck && strcmp(v->format, "ext4") == 0;
		return;
	}
	need_type(n, "ext4");
	need_type(n, "xfs");
	need_type(n, "btrfs");
	n->e2fsck |= !v->no_fsck;
}

static struct needs needs_of(const struct manifest *m)
{
	struct needs n = { 0 };

	for (size_t i = 0; i < m->layers_count; i++)
		need_layer(&n, &m->layers[i]);
	if (m->top.kind == TOP_DISK)
		need_volume(&n, &m->top.volume);
	for (size_t i = 0; i < m->binds_count; i++)
		need_volume(&n, &m->binds[i].volume);
	return n;
}

const char *const *needed_types(const struct manifest *m)
{
	static const char *list[TYPES_COUNT + 1];
	struct needs n = needs_of(m);
	size_t count = 0;

	for (size_t i = 0; i < TYPES_COUNT; i++)
		if (n.types[i])
			list[count++] = types[i];
	list[count] = NULL;
	return list;
}

int print_needs(const struct manifest *m)
{
	struct needs n = needs_of(m);
	bool unionfs = m->union_kind == UNION_UNIONFS;

	for (size_t i = 0; i < TYPES_COUNT; i++)
		if (n.types[i])
			(void)printf("fs %s\n", types[i]);
	(void)printf("union %s\n%s", plan_union_type(m->union_kind), n.image ? "image\n" : "");
	(void)printf("%s%s", n.verity ? "verity\n" : "", n.sha512 ? "verity sha512\n" : "");
	return printf("%s%s%s%s", n.mkfs_ext4 ? "program mkfs.ext4\n" : "",
		      n.mkfs_xfs ? "program mkfs.xfs\n" : "", n.e2fsck ? "program e2fsck\n" : "",
		      unionfs ? "program unionfs\n" : "") < 0;
}
