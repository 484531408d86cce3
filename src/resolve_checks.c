#include "resolve_checks.h"

#include <errno.h>
#include <string.h>

#include "match.h"

int check_duplicate(const char *name, const struct source *source, const struct disk **found,
		    size_t count, struct failure *f)
{
	char seen[512];
	struct builder b;
	bool cut = false;

	builder_start(&b, seen, sizeof(seen));
	for (size_t i = 0; i < count && i < CHECK_MATCHES_MAX; i++) {
		builder_add(&b, i ? ", " : "");
		disk_print_short(found[i], &b);
		cut |= match_by_cut(source, found[i]);
	}
	return failure_set(f, cut ? FAILURE_SERIAL_COLLISION : FAILURE_LAYER_DUPLICATE, name,
			   "%zu disks match %s: %s%s", count, source->text, seen,
			   count > CHECK_MATCHES_MAX || b.overflow ? " ..." : "");
}

int check_missing(enum failure_kind kind, const char *name, const struct source *source,
		  int64_t timeout_ms, const struct inventory *inv, struct failure *f)
{
	char seen[10240], after[32];
	struct builder b;

	builder_start(&b, after, sizeof(after));
	builder_add_duration(&b, timeout_ms);
	builder_start(&b, seen, sizeof(seen));
	for (size_t i = 0; i < inv->count; i++) {
		builder_add(&b, i ? ", " : "");
		disk_print_short(&inv->disks[i], &b);
	}
	return failure_set(f, kind, name, "no disk with %s after %s; seen: %s%s", source->text,
			   after, inv->count ? seen : "no disk at all", b.overflow ? " ..." : "");
}

int check_no_image(const struct layer *layer, const struct disk *d, const struct listing *listing,
		   struct failure *f)
{
	if (listing->error && listing->error != ENOENT)
		return failure_set(f, FAILURE_LAYER_READ, layer->name,
				   "the directory of %s on %s cannot be read: %s", layer->image,
				   d->name, strerror(listing->error));
	return failure_set(f, FAILURE_IMAGE_MISSING, layer->name, "no file matches %s on %s%s",
			   layer->image, d->name,
			   listing->error ? ": the directory is not there" : "");
}

/* An image that its last writer did not close is stale in ways that no mount option mends. */
bool resolve_accepts_dirty(const char *options)
{
	static const char *const accepting[] = { "noload", "norecovery", "rescue=nologreplay" };
	struct slice rest = slice_of(options ? options : ""), one;

	while (slice_next(&rest, ',', &one))
		for (size_t i = 0; i < sizeof(accepting) / sizeof(accepting[0]); i++)
			if (slice_is(one, accepting[i]))
				return true;
	return false;
}

static bool is_layer_type(const char *type)
{
	for (size_t i = 0; manifest_types[i]; i++)
		if (strcmp(type, manifest_types[i]) == 0)
			return true;
	return false;
}

/* A disk or a file, as far as it matters here. */
struct content {
	const char *name, *shown, *type;
	int error;
	bool ambivalent, dirty;
};

static int check_readable(const struct content *c, struct failure *f)
{
	if (c->error == ETIMEDOUT)
		return failure_set(f, FAILURE_LAYER_STALLED, c->name, "%s does not answer",
				   c->shown);
	if (c->error == ECHILD)
		return failure_set(
			f, FAILURE_CRASH, c->name,
			"%s: the process that looked for a file system on it died; what is "
			"there is damaged, or made to do that",
			c->shown);
	if (c->error)
		return failure_set(f, FAILURE_LAYER_READ, c->name, "%s cannot be read: %s",
				   c->shown, strerror(c->error));
	return 0;
}

static int check_single(const struct content *c, struct failure *f)
{
	if (c->ambivalent)
		return failure_set(
			f, FAILURE_LAYER_TYPE, c->name,
			"%s carries more than one file system; wipe the stale one or give type",
			c->shown);
	return 0;
}

static int check_content(const struct content *c, const char *options, struct failure *f)
{
	if (check_readable(c, f) < 0 || check_single(c, f) < 0)
		return -1;
	if (!c->type[0])
		return failure_set(
			f, FAILURE_LAYER_TYPE, c->name,
			"%s holds no file system of squashfs, erofs, ext4, xfs, btrfs, iso9660",
			c->shown);
	if (!is_layer_type(c->type))
		return failure_set(f, FAILURE_LAYER_TYPE, c->name, "%s: %s cannot be a layer",
				   c->shown, c->type);
	if (c->dirty && !resolve_accepts_dirty(options))
		return failure_set(f, FAILURE_LAYER_DIRTY, c->name, "%s was not cleanly unmounted",
				   c->shown);
	return 0;
}

static struct content content_of(const char *name, const struct disk *d, struct builder *shown)
{
	disk_print_short(d, shown);
	return (struct content){ .name = name,
				 .shown = shown->at,
				 .type = d->type,
				 .error = d->error,
				 .ambivalent = d->ambivalent,
				 .dirty = d->dirty };
}

int check_disk(const struct layer *layer, const struct disk *d, struct failure *f)
{
	char shown[512];
	struct builder b;

	if (layer->type && d->size == 0)
		return failure_set(f, FAILURE_LAYER_TYPE, layer->name,
				   "%s has no medium: its size is 0", d->name);
	builder_start(&b, shown, sizeof(shown));
	struct content c = content_of(layer->name, d, &b);
	/* Of a type that is given nothing has been read; that the disk does not answer may be known all the same. */
	if (layer->type)
		return d->error == ETIMEDOUT ? check_readable(&c, f) : 0;
	return check_content(&c, layer->options, f);
}

int check_image(const struct layer *layer, const struct image_file *i, struct failure *f)
{
	char shown[512];
	struct builder b;

	builder_start(&b, shown, sizeof(shown));
	/* Who makes the disk chooses the names on it. */
	builder_add_escaped(&b, i->path, "");
	builder_addf(&b, " on %s (%s%s", i->disk, i->type, i->type[0] ? " " : "");
	builder_add_bytes(&b, i->size);
	builder_add(&b, ")");
	struct content c = { .name = layer->name,
			     .shown = shown,
			     .type = i->type,
			     .error = i->error,
			     .ambivalent = i->ambivalent,
			     .dirty = i->dirty };
	/* Of a type that is given nothing has been read, but that the file could be opened is known. */
	return layer->type ? check_readable(&c, f) : check_content(&c, layer->options, f);
}

int check_medium(const struct layer *layer, const struct disk *d, struct failure *f)
{
	char shown[512];
	struct builder b;

	builder_start(&b, shown, sizeof(shown));
	struct content c = content_of(layer->name, d, &b);
	/* Files can be looked for in what cannot be a layer itself. */
	if (strcmp(c.type, "vfat") == 0)
		c.type = "ext4";
	/* The options of the layer are for the image, not for what it lies on. */
	return check_content(&c, NULL, f);
}

static int foreign(const struct resolved_volume *v, const char *shown, const char *more,
		   struct failure *f)
{
	return failure_set(f, FAILURE_VOLUME_FOREIGN, v->label,
			   "%s holds no file system of ext4, xfs, btrfs%s", shown, more);
}

int check_volume(const struct resolved_volume *v, struct failure *f)
{
	static const char *const writable[] = { "ext4", "xfs", "btrfs" };
	const struct disk *d = v->disk;
	const char *format = v->volume->format;
	bool known = false;
	char shown[512];
	struct builder b;

	builder_start(&b, shown, sizeof(shown));
	struct content c = content_of(v->label, d, &b);
	if (check_readable(&c, f) < 0 || check_single(&c, f) < 0)
		return -1;
	if (!d->type[0])
		return 0;
	for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
		known |= strcmp(d->type, writable[i]) == 0;
	if (!known)
		return foreign(v, shown, "", f);
	/* The initramfs has what format needs, and nothing for another type. */
	if (format && strcmp(d->type, format) != 0)
		return failure_set(f, FAILURE_VOLUME_FOREIGN, v->label,
				   "%s is there, and format = %s; give the format that it has",
				   shown, format);
	return 0;
}

int check_blank(const struct resolved_volume *v, struct failure *f)
{
	char shown[512];
	struct builder b;

	builder_start(&b, shown, sizeof(shown));
	disk_print_short(v->disk, &b);
	return foreign(v, shown, ", and format is not given", f);
}

int check_formats(const struct resolved_volume *v, const struct resolved_volume *maker,
		  struct failure *f)
{
	return failure_set(f, FAILURE_VOLUME_FOREIGN, v->label,
			   "format = %s, and %s or another on the same disk %s has format = %s",
			   v->volume->format, maker->label, v->disk->name, maker->format);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* One image cannot be two layers; where the serial was cut, say that this is why. */
static int check_pair(const struct resolved_layer *a, const struct resolved_layer *b,
		      struct failure *f)
{
	if (strcmp(a->name, b->name) == 0)
		return failure_set(f, FAILURE_LAYER_DUPLICATE, b->name,
				   "a file that matches %s gets the name of another layer",
				   a->layer->image ? a->layer->image : b->layer->image);
	if (a->disk != b->disk || a->image != b->image ||
	    !same_text(a->layer->subdir, b->layer->subdir))
		return 0;
	bool cut = match_by_cut(&a->layer->source, a->disk) ||
		   match_by_cut(&b->layer->source, b->disk);
	char shown[4 * IMAGE_PATH_MAX];
	struct builder words;
	builder_start(&words, shown, sizeof(shown));
	builder_add_escaped(&words, b->image ? b->image->path : b->disk->name, "");
	return failure_set(f, cut ? FAILURE_SERIAL_COLLISION : FAILURE_LAYER_DUPLICATE, b->name,
			   "%s (%s) is also layer \"%s\" (%s)", shown, b->layer->source.text,
			   a->name, a->layer->source.text);
}

/* The disks of layers are set read-only. */
static int check_written(const struct resolution *r, const struct resolved_volume *v,
			 struct failure *f)
{
	if (!v->volume || v->state != LAYER_FOUND)
		return 0;
	for (size_t i = 0; i < r->layers_count; i++)
		if (r->layers[i].state == LAYER_FOUND && r->layers[i].disk == v->disk)
			return failure_set(f, FAILURE_LAYER_DUPLICATE, v->label,
					   "%s (%s) is also layer \"%s\", which is read-only",
					   v->disk->name, v->volume->source.text,
					   r->layers[i].name);
	return 0;
}

int check_distinct(struct resolution *ret)
{
	for (size_t i = 0; i < ret->layers_count; i++)
		for (size_t k = 0; k < i; k++)
			if (ret->layers[k].state == LAYER_FOUND &&
			    ret->layers[i].state == LAYER_FOUND &&
			    check_pair(&ret->layers[k], &ret->layers[i], &ret->failure) < 0)
				return -1;
	for (size_t i = 0; i < ret->binds_count; i++)
		if (check_written(ret, &ret->binds[i], &ret->failure) < 0)
			return -1;
	return check_written(ret, &ret->top, &ret->failure);
}
