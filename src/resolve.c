#include "resolve.h"

#include <errno.h>
#include <string.h>

/* VIRTIO_BLK_ID_BYTES: a longer serial is cut there without a word (linux/virtio_blk.h). */
#define VIRTIO_SERIAL_MAX 20

struct resolver {
	const struct inventory *inv;
	struct resolution *ret;
	int64_t timeout_ms;
	bool asked; /* a disk has not said yet whether it is one of those that are looked for */
};

/* Did the cut make SOURCE match D? */
static bool matches_by_cut(const struct source *source, const struct disk *d)
{
	if (strcmp(d->transport, "virtio") != 0 || strlen(d->serial) != VIRTIO_SERIAL_MAX)
		return false;
	for (size_t i = 0; i < source->count; i++)
		if (source->any[i].kind == SELECTOR_SERIAL &&
		    strlen(source->any[i].value) > VIRTIO_SERIAL_MAX &&
		    strncmp(d->serial, source->any[i].value, VIRTIO_SERIAL_MAX) == 0)
			return true;
	return false;
}

static bool serial_matches(const struct disk *d, const char *serial)
{
	if (d->parent[0])
		return false;
	if (strcmp(d->transport, "virtio") == 0 && strlen(d->serial) == VIRTIO_SERIAL_MAX)
		return strncmp(d->serial, serial, VIRTIO_SERIAL_MAX) == 0;
	return strcmp(d->serial, serial) == 0;
}

static bool selector_matches(const struct selector *s, const struct disk *d)
{
	switch (s->kind) {
	case SELECTOR_SERIAL:
		return serial_matches(d, s->value);
	case SELECTOR_LABEL:
		return strcmp(d->label, s->value) == 0;
	case SELECTOR_UUID:
		return d->uuid[0] && text_equal_nocase(d->uuid, s->value);
	case SELECTOR_PARTLABEL:
		return strcmp(d->part_label, s->value) == 0;
	case SELECTOR_PARTUUID:
		return d->part_uuid[0] && text_equal_nocase(d->part_uuid, s->value);
	case SELECTOR_PATH:
		return strcmp(d->name, s->value) == 0;
	}
	return false;
}

static bool source_matches(const struct source *source, const struct disk *d)
{
	for (size_t i = 0; i < source->count; i++)
		if (selector_matches(&source->any[i], d))
			return true;
	return false;
}

size_t resolve_match(const struct source *source, const struct inventory *inv,
		     const struct disk **ret, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < inv->count; i++)
		if (source_matches(source, &inv->disks[i])) {
			if (count < max)
				ret[count] = &inv->disks[i];
			count++;
		}
	return count;
}

/* What must be known of every disk before SOURCE can be said to match it or not. */
static unsigned source_needs(const struct source *source)
{
	unsigned needs = 0;

	for (size_t i = 0; i < source->count; i++) {
		switch (source->any[i].kind) {
		case SELECTOR_SERIAL:
			needs |= KNOWN_IDENTITY;
			break;
		case SELECTOR_LABEL:
		case SELECTOR_UUID:
			needs |= KNOWN_SUPERBLOCK;
			break;
		case SELECTOR_PARTLABEL:
		case SELECTOR_PARTUUID:
			needs |= KNOWN_PARTITION;
			break;
		case SELECTOR_PATH:
			break;
		}
	}
	return needs;
}

unsigned resolve_wants(const struct manifest *m)
{
	unsigned wants = KNOWN_IDENTITY;

	for (size_t i = 0; i < m->layers_count; i++) {
		const struct layer *layer = &m->layers[i];
		if (layer->skipped)
			continue;
		wants |= source_needs(&layer->source) & KNOWN_SUPERBLOCK;
		if (!layer->type)
			wants |= KNOWN_SUPERBLOCK;
	}
	return wants;
}

/* False if the question could not be put down: it is put again at the next call. */
static void ask(struct resolver *r, const struct disk *d, enum known about)
{
	for (size_t i = 0; i < r->ret->questions_count; i++)
		if (r->ret->questions[i].disk == d && r->ret->questions[i].about == about)
			return;
	if (r->ret->questions_count < RESOLVE_QUESTIONS_MAX)
		r->ret->questions[r->ret->questions_count++] =
			(struct question){ .disk = d, .about = about };
}

/*
 * Asks what has not been said of a disk. Only a partition has a partition's label, and only an identified
 * disk is asked more, since it is the identity that says which it is.
 */
static bool ask_needed(struct resolver *r, const struct disk *d, unsigned needs)
{
	static const enum known bits[] = { KNOWN_IDENTITY, KNOWN_SUPERBLOCK, KNOWN_PARTITION };
	bool asked = false;

	if (needs && !(d->known & KNOWN_IDENTITY))
		needs = KNOWN_IDENTITY;
	else if (!d->parent[0])
		needs &= ~(unsigned)KNOWN_PARTITION;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (needs & bits[i] & ~d->known) {
			ask(r, d, bits[i]);
			asked = true;
		}
	return asked;
}

static int fail_duplicate(struct resolver *r, const struct layer *layer, const struct disk **found,
			  size_t count)
{
	char seen[512];
	struct builder b;
	bool cut = false;

	builder_start(&b, seen, sizeof(seen));
	for (size_t i = 0; i < count && i < 8; i++) {
		builder_add(&b, i ? ", " : "");
		disk_print_short(found[i], &b);
		cut |= matches_by_cut(&layer->source, found[i]);
	}
	return failure_set(&r->ret->failure,
			   cut ? FAILURE_SERIAL_COLLISION : FAILURE_LAYER_DUPLICATE, layer->name,
			   "%zu disks match %s: %s%s", count, layer->source.text, seen,
			   count > 8 || b.overflow ? " ..." : "");
}

static int fail_missing(struct resolver *r, const struct layer *layer, int64_t timeout_ms)
{
	char seen[1536], after[32];
	struct builder b;

	builder_start(&b, after, sizeof(after));
	builder_add_duration(&b, timeout_ms);
	builder_start(&b, seen, sizeof(seen));
	for (size_t i = 0; i < r->inv->count; i++) {
		builder_add(&b, i ? ", " : "");
		disk_print_short(&r->inv->disks[i], &b);
	}
	return failure_set(&r->ret->failure, FAILURE_LAYER_MISSING, layer->name,
			   "no disk with %s after %s; seen: %s%s", layer->source.text, after,
			   r->inv->count ? seen : "no disk at all", b.overflow ? " ..." : "");
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

static int check_content(struct resolver *r, const struct layer *layer, const struct disk *d)
{
	struct failure *f = &r->ret->failure;
	char disk[512];
	struct builder b;

	builder_start(&b, disk, sizeof(disk));
	disk_print_short(d, &b);
	if (d->error == ETIMEDOUT)
		return failure_set(f, FAILURE_LAYER_STALLED, layer->name, "%s does not answer",
				   disk);
	if (d->error)
		return failure_set(f, FAILURE_LAYER_READ, layer->name, "%s cannot be read: %s",
				   disk, strerror(d->error));
	if (d->ambivalent)
		return failure_set(
			f, FAILURE_LAYER_TYPE, layer->name,
			"%s carries more than one file system; wipe the stale one or give type",
			disk);
	if (!d->type[0])
		return failure_set(
			f, FAILURE_LAYER_TYPE, layer->name,
			"%s holds no file system of squashfs, erofs, ext4, xfs, btrfs, iso9660",
			disk);
	if (!is_layer_type(d->type))
		return failure_set(f, FAILURE_LAYER_TYPE, layer->name, "%s: %s cannot be a layer",
				   disk, d->type);
	if (d->dirty && !resolve_accepts_dirty(layer->options))
		return failure_set(f, FAILURE_LAYER_DIRTY, layer->name,
				   "%s was not cleanly unmounted", disk);
	return 0;
}

/* Of a disk whose type the manifest gives nothing is read here: the mount decides. */
static int found(struct resolver *r, struct resolved_layer *res, const struct disk *d)
{
	const struct layer *layer = res->layer;

	if (ask_needed(r, d, KNOWN_IDENTITY | (layer->type ? 0 : KNOWN_SUPERBLOCK)))
		return 0;
	if (!layer->type && check_content(r, layer, d) < 0)
		return -1;
	if (layer->type && d->size == 0)
		return failure_set(&r->ret->failure, FAILURE_LAYER_TYPE, layer->name,
				   "%s has no medium: its size is 0", d->name);
	res->state = LAYER_FOUND;
	res->disk = d;
	res->type = layer->type ? layer->type : d->type;
	return 0;
}

static void wake_at(struct resolver *r, int64_t ms)
{
	if (r->ret->wake_ms < 0 || ms < r->ret->wake_ms)
		r->ret->wake_ms = ms;
}

static int64_t timeout_of(const struct resolver *r, const struct layer *layer)
{
	return layer->timeout_ms >= 0 ? layer->timeout_ms : r->timeout_ms;
}

/*
 * No disk matches. An optional layer without a timeout of its own is given up when the disks that were there
 * at the start have all come, or when a required one would be.
 */
static int not_found(struct resolver *r, struct resolved_layer *res)
{
	const struct layer *layer = res->layer;
	int64_t timeout_ms = timeout_of(r, layer);
	bool over = r->inv->elapsed_ms >= timeout_ms;

	if (layer->optional && (over || (layer->timeout_ms < 0 && r->inv->settled))) {
		res->state = LAYER_ABSENT;
		return 0;
	}
	if (over)
		return fail_missing(r, layer, timeout_ms);
	wake_at(r, timeout_ms);
	/* While there is nothing to do but wait, learn what the message of a failure will list. */
	if (r->inv->settled && !layer->optional)
		for (size_t i = 0; i < r->inv->count; i++)
			(void)ask_needed(r, &r->inv->disks[i], KNOWN_IDENTITY | KNOWN_SUPERBLOCK);
	return 0;
}

static int resolve_layer(struct resolver *r, struct resolved_layer *res)
{
	const struct layer *layer = res->layer;
	const struct disk *matches[8];
	bool asked = false;

	if (layer->skipped) {
		res->state = LAYER_SKIPPED;
		return 0;
	}
	for (size_t i = 0; i < r->inv->count; i++)
		if (ask_needed(r, &r->inv->disks[i], source_needs(&layer->source)))
			asked = true;
	r->asked |= asked;
	size_t count = resolve_match(&layer->source, r->inv, matches, 8);
	if (count > 1)
		return fail_duplicate(r, layer, matches, count);
	if (count == 1)
		return found(r, res, matches[0]);
	if (asked && r->inv->elapsed_ms < timeout_of(r, layer)) {
		wake_at(r, timeout_of(r, layer));
		return 0;
	}
	return not_found(r, res);
}

/* One disk cannot be two layers; where the serial was cut, say that this is why. */
static int check_distinct(struct resolver *r)
{
	for (size_t i = 0; i < r->ret->layers_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct resolved_layer *a = &r->ret->layers[k],
						    *b = &r->ret->layers[i];
			if (a->state != LAYER_FOUND || b->state != LAYER_FOUND ||
			    a->disk != b->disk)
				continue;
			bool cut = matches_by_cut(&a->layer->source, a->disk) ||
				   matches_by_cut(&b->layer->source, b->disk);
			return failure_set(&r->ret->failure,
					   cut ? FAILURE_SERIAL_COLLISION : FAILURE_LAYER_DUPLICATE,
					   b->layer->name, "%s (%s) is also layer \"%s\" (%s)",
					   b->disk->name, b->layer->source.text, a->layer->name,
					   a->layer->source.text);
		}
	return 0;
}

/*
 * The union waits for the disks to settle and to say who they are, so that a duplicate is seen whatever the
 * order of events; but not longer than for a layer: one stalled disk that nobody asked for does not stop a boot.
 */
static void conclude(struct resolver *r)
{
	struct resolution *ret = r->ret;
	size_t layers = 0;

	ret->state = RESOLVE_READY;
	for (size_t i = 0; i < ret->layers_count; i++) {
		if (ret->layers[i].state == LAYER_WAITING)
			ret->state = RESOLVE_WAIT;
		layers += ret->layers[i].state == LAYER_FOUND;
	}
	if (ret->state == RESOLVE_READY && (!r->inv->settled || r->asked) &&
	    r->inv->elapsed_ms < r->timeout_ms) {
		ret->state = RESOLVE_WAIT;
		wake_at(r, r->timeout_ms);
	}
	if (ret->state == RESOLVE_READY && layers == 0) {
		ret->state = RESOLVE_FAILED;
		(void)failure_set(&ret->failure, FAILURE_NO_LAYERS, NULL,
				  "every layer of the manifest is absent or skipped");
	}
}

void resolve(const struct manifest *m, const struct inventory *inv, int64_t timeout_ms,
	     struct resolution *ret)
{
	struct resolver r = { .inv = inv, .ret = ret, .timeout_ms = timeout_ms };
	bool failed = false;

	ret->layers_count = m->layers_count;
	ret->questions_count = 0;
	ret->wake_ms = -1;
	ret->failure.kind = FAILURE_NONE;
	for (size_t i = 0; i < m->layers_count; i++) {
		ret->layers[i] = (struct resolved_layer){ .layer = &m->layers[i] };
		if (!failed && resolve_layer(&r, &ret->layers[i]) < 0)
			failed = true;
	}
	if (failed || check_distinct(&r) < 0)
		ret->state = RESOLVE_FAILED;
	else
		conclude(&r);
}
