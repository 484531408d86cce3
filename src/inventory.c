#include "inventory.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "record.h"

#define MEMBER(structure, kind, key, member)                           \
	{                                                              \
		key, FIELD_##kind, offsetof(struct structure, member), \
			sizeof(((struct structure *)0)->member)        \
	}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct field disk_fields[] = {
	MEMBER(disk, TEXT, "NAME", name),
	MEMBER(disk, TEXT, "PKNAME", parent),
	MEMBER(disk, TEXT, "TRAN", transport),
	MEMBER(disk, TEXT, "SERIAL", serial),
	MEMBER(disk, TEXT, "WWN", wwn),
	MEMBER(disk, TEXT, "PARTLABEL", part_label),
	MEMBER(disk, TEXT, "PARTUUID", part_uuid),
	MEMBER(disk, TEXT, "FSTYPE", type),
	MEMBER(disk, TEXT, "LABEL", label),
	MEMBER(disk, TEXT, "UUID", uuid),
	MEMBER(disk, TEXT, "DIGEST", digest),
	MEMBER(disk, SIZE, "SIZE", size),
	MEMBER(disk, FLAG, "AMBIVALENT", ambivalent),
	MEMBER(disk, FLAG, "DIRTY", dirty),
	{ "ERROR", FIELD_NUMBER, offsetof(struct disk, error), 4096 },
	{ "KNOWN", FIELD_NUMBER, offsetof(struct disk, known),
	  KNOWN_IDENTITY | KNOWN_SUPERBLOCK | KNOWN_PARTITION },
};

static const struct field image_fields[] = {
	MEMBER(image_file, TEXT, "IMAGE", path),
	MEMBER(image_file, TEXT, "DISK", disk),
	MEMBER(image_file, TEXT, "FSTYPE", type),
	MEMBER(image_file, TEXT, "DIGEST", digest),
	MEMBER(image_file, SIZE, "SIZE", size),
	MEMBER(image_file, FLAG, "AMBIVALENT", ambivalent),
	MEMBER(image_file, FLAG, "DIRTY", dirty),
	{ "ERROR", FIELD_NUMBER, offsetof(struct image_file, error), 4096 },
};

static const struct field listing_fields[] = {
	MEMBER(listing, TEXT, "LISTING", glob),
	MEMBER(listing, TEXT, "DISK", disk),
	{ "ERROR", FIELD_NUMBER, offsetof(struct listing, error), 4096 },
};

static const struct field made_fields[] = {
	MEMBER(made, TEXT, "MADE", layer),
	MEMBER(made, TEXT, "BASES", bases),
};

static const struct field stamp_fields[] = {
	MEMBER(stamp, TEXT, "STAMP", text),
	MEMBER(stamp, TEXT, "DISK", disk),
	MEMBER(stamp, FLAG, "USED", used),
};

int disk_parse(struct slice line, struct disk *ret)
{
	struct disk d = { 0 };

	if (record_parse(line, disk_fields, COUNT(disk_fields), &d) < 0 || !d.name[0])
		return -EINVAL;
	*ret = d;
	return 0;
}

void disk_print(const struct disk *d, struct builder *b)
{
	record_print(d, disk_fields, COUNT(disk_fields), b);
}

void image_print(const struct image_file *i, struct builder *b)
{
	record_print(i, image_fields, COUNT(image_fields), b);
}

void listing_print(const struct listing *l, struct builder *b)
{
	record_print(l, listing_fields, COUNT(listing_fields), b);
}

void made_print(const struct made *m, struct builder *b)
{
	record_print(m, made_fields, COUNT(made_fields), b);
}

void stamp_print(const struct stamp *s, struct builder *b)
{
	/* An empty text is said, too: it is by its first key that a line is known. */
	if (!s->text[0])
		builder_add(b, "STAMP=\"\" ");
	record_print(s, stamp_fields, COUNT(stamp_fields), b);
}

static void add_tag(struct builder *b, const char *tag, const char *value)
{
	if (!*value)
		return;
	builder_add(b, tag);
	builder_add_escaped(b, value, "");
	builder_add(b, " ");
}

void disk_print_short(const struct disk *d, struct builder *b)
{
	builder_addf(b, "%s (", d->name);
	/* A boot that fails early has not heard of every disk that it knows of. */
	if (!d->known && !d->error && d->size == 0) {
		builder_add(b, "not asked yet)");
		return;
	}
	add_tag(b, "SERIAL=", d->serial);
	if (!d->serial[0])
		add_tag(b, "WWN=", d->wwn);
	add_tag(b, "PARTLABEL=", d->part_label);
	add_tag(b, "LABEL=", d->label);
	if (d->error == ETIMEDOUT)
		builder_add(b, "no answer ");
	else if (d->error)
		builder_addf(b, "unreadable ");
	else if (d->ambivalent)
		builder_add(b, "ambivalent ");
	add_tag(b, "", d->type);
	builder_add_bytes(b, d->size);
	builder_add(b, ")");
}

static int compare_names(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	return a_len != b_len ? (a_len < b_len ? -1 : 1) : strcmp(a, b);
}

/* Index of the first disk whose name is not before NAME. */
static size_t position(const struct inventory *inv, const char *name)
{
	size_t low = 0, high = inv->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_names(inv->disks[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct disk *inventory_find(struct inventory *inv, const char *name)
{
	size_t at = position(inv, name);

	return at < inv->count && strcmp(inv->disks[at].name, name) == 0 ? &inv->disks[at] : NULL;
}

struct disk *inventory_add(struct inventory *inv, const char *name)
{
	size_t at = position(inv, name), len = strlen(name);
	struct disk *d = &inv->disks[at];

	if (at < inv->count && strcmp(d->name, name) == 0)
		return d;
	if (inv->count == INVENTORY_DISKS_MAX || len == 0 || len >= sizeof(d->name))
		return NULL;
	memmove(d + 1, d, (inv->count - at) * sizeof(*d));
	inv->count++;
	*d = (struct disk){ 0 };
	memcpy(d->name, name, len);
	return d;
}

void inventory_remove(struct inventory *inv, const char *name)
{
	struct disk *d = inventory_find(inv, name);

	if (!d)
		return;
	inv->count--;
	memmove(d, d + 1, (size_t)(inv->disks + inv->count - d) * sizeof(*d));
}

const struct listing *inventory_listing(const struct inventory *inv, const char *name,
					const char *glob)
{
	for (size_t i = 0; i < inv->listings_count; i++)
		if (strcmp(inv->listings[i].disk, name) == 0 &&
		    strcmp(inv->listings[i].glob, glob) == 0)
			return &inv->listings[i];
	return NULL;
}

static int add_image(struct inventory *inv, struct slice line)
{
	struct image_file *to = &inv->images[inv->images_count];
	struct image_file image = { 0 };

	if (record_parse(line, image_fields, COUNT(image_fields), &image) < 0 || !image.path[0] ||
	    !image.disk[0])
		return -EINVAL;
	for (size_t i = 0; i < inv->images_count; i++)
		if (strcmp(inv->images[i].disk, image.disk) == 0 &&
		    strcmp(inv->images[i].path, image.path) == 0)
			to = &inv->images[i];
	if (to == &inv->images[INVENTORY_IMAGES_MAX])
		return -ENOSPC;
	if (to == &inv->images[inv->images_count])
		inv->images_count++;
	else if (!image.type[0] && !image.error && !image.ambivalent)
		return 0; /* another glob, whose layer does not need to know what the file is */
	*to = image;
	return 0;
}

static int add_listing(struct inventory *inv, struct slice line)
{
	struct listing listing = { 0 };

	if (record_parse(line, listing_fields, COUNT(listing_fields), &listing) < 0 ||
	    !listing.disk[0])
		return -EINVAL;
	if (inventory_listing(inv, listing.disk, listing.glob))
		return 0;
	if (inv->listings_count == INVENTORY_LISTINGS_MAX)
		return -ENOSPC;
	inv->listings[inv->listings_count++] = listing;
	return 0;
}

static struct made *find_made(struct inventory *inv, const char *layer)
{
	for (size_t i = 0; i < inv->made_count; i++)
		if (strcmp(inv->made[i].layer, layer) == 0)
			return &inv->made[i];
	return inv->made_count < INVENTORY_MADE_MAX ? &inv->made[inv->made_count++] : NULL;
}

void inventory_keep_digest(struct inventory *inv, const char *path, const char digest[24])
{
	size_t disk = strcspn(path, "/");

	for (size_t i = 0; i < inv->images_count; i++) {
		struct image_file *image = &inv->images[i];
		if (!image->digest[0] && path[disk] == '/' &&
		    slice_is((struct slice){ path, disk }, image->disk) &&
		    strcmp(path + disk + 1, image->path) == 0)
			memcpy(image->digest, digest, sizeof(image->digest));
	}
}

int inventory_add_made(struct inventory *inv, const char *layer, const char *bases)
{
	struct made *to = find_made(inv, layer);
	struct builder b;

	if (!to)
		return -ENOSPC;
	builder_start(&b, to->layer, sizeof(to->layer));
	builder_add(&b, layer);
	builder_start(&b, to->bases, sizeof(to->bases));
	builder_add(&b, bases);
	return 0;
}

const char *inventory_made_on(const struct inventory *inv, const char *layer)
{
	for (size_t i = 0; i < inv->made_count; i++)
		if (strcmp(inv->made[i].layer, layer) == 0)
			return inv->made[i].bases;
	return "";
}

static int add_made(struct inventory *inv, struct slice line)
{
	struct made m = { 0 };

	if (record_parse(line, made_fields, COUNT(made_fields), &m) < 0 || !m.layer[0])
		return -EINVAL;
	return inventory_add_made(inv, m.layer, m.bases);
}

int inventory_add_line(struct inventory *inv, struct slice line)
{
	struct disk d;

	if (record_is(line, "IMAGE"))
		return add_image(inv, line);
	if (record_is(line, "LISTING"))
		return add_listing(inv, line);
	if (record_is(line, "MADE"))
		return add_made(inv, line);
	if (record_is(line, "STAMP")) {
		memset(&inv->stamp, 0, sizeof(inv->stamp));
		return record_parse(line, stamp_fields, COUNT(stamp_fields), &inv->stamp);
	}
	if (disk_parse(line, &d) < 0)
		return -EINVAL;
	struct disk *to = inventory_add(inv, d.name);
	if (!to)
		return -ENOSPC;
	*to = d;
	return 0;
}

void inventory_print(const struct inventory *inv, struct builder *b)
{
	for (size_t i = 0; i < inv->count; i++) {
		disk_print(&inv->disks[i], b);
		builder_add(b, "\n");
	}
	for (size_t i = 0; i < inv->listings_count; i++) {
		listing_print(&inv->listings[i], b);
		builder_add(b, "\n");
	}
	for (size_t i = 0; i < inv->images_count; i++) {
		image_print(&inv->images[i], b);
		builder_add(b, "\n");
	}
	for (size_t i = 0; i < inv->made_count; i++) {
		made_print(&inv->made[i], b);
		builder_add(b, "\n");
	}
	if (inv->stamp.disk[0]) {
		stamp_print(&inv->stamp, b);
		builder_add(b, "\n");
	}
}

int inventory_parse(struct slice text, struct inventory *ret, size_t *line)
{
	struct slice one;

	ret->count = ret->images_count = ret->listings_count = ret->made_count = 0;
	ret->stamp.disk[0] = ret->stamp.text[0] = '\0';
	ret->stamp.used = false;
	for (*line = 1; slice_next(&text, '\n', &one); (*line)++) {
		size_t before = ret->count;
		one = slice_trim(one);
		if (one.len == 0 || one.at[0] == '#')
			continue;
		int r = inventory_add_line(ret, one);
		/* A disk of this name was there already. */
		if (r == 0 && record_is(one, "NAME") && ret->count == before)
			r = -EINVAL;
		if (r < 0)
			return r;
	}
	return 0;
}
