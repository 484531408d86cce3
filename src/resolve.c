#include "resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "path_list.h"
#include "resolve_verity.h"
#include "resolver.h"
#include "text.h"

unsigned resolve_wants(const struct manifest *m)
{
	unsigned wants = KNOWN_IDENTITY;

	for (size_t i = 0; i < m->layers_count; i++) {
		const struct layer *layer = &m->layers[i];
		if (layer->skipped)
			continue;
		wants |= (match_needs(&layer->source) | match_needs(&layer->verity.hash_source)) &
			 KNOWN_SUPERBLOCK;
		if (!layer->type || layer->image)
			wants |= KNOWN_SUPERBLOCK;
	}
	if (m->top.kind == TOP_DISK || m->binds_count > 0)
		wants |= KNOWN_SUPERBLOCK;
	return wants;
}

static struct resolved_layer *add_layer(struct resolver *r, const struct layer *layer)
{
	struct resolution *ret = r->ret;

	if (ret->layers_count == MANIFEST_LAYERS_MAX) {
		(void)failure_set(&ret->failure, FAILURE_LIMIT, layer->name,
				  "more than %d layers with the files that match %s",
				  MANIFEST_LAYERS_MAX, layer->image);
		return NULL;
	}
	struct resolved_layer *l = &ret->layers[ret->layers_count++];
	*l = (struct resolved_layer){ .layer = layer };
	text_print(l->name, sizeof(l->name), "%s", layer->name);
	return l;
}

static int compare_images(const void *a, const void *b)
{
	const struct image_file *const *left = a, *const *right = b;

	return path_compare_versions((*left)->path, (*right)->path);
}

/* The files of the disk that the layer names, in the order of versions. */
static size_t find_images(const struct resolver *r, const struct layer *layer, const char *disk,
			  const struct image_file **ret)
{
	size_t count = 0;

	for (size_t i = 0; i < r->inv->images_count; i++) {
		const struct image_file *image = &r->inv->images[i];
		if (strcmp(image->disk, disk) == 0 && path_matches(layer->image, image->path))
			ret[count++] = image;
	}
	qsort(ret, count, sizeof(*ret), compare_images);
	return count;
}

static int found_images(struct resolver *r, const struct layer *layer, const struct disk *d,
			const struct disk *hash_disk, const struct listing *listing)
{
	static const struct image_file *images[INVENTORY_IMAGES_MAX];
	size_t count = find_images(r, layer, d->name, images);
	struct failure *f = &r->ret->failure;

	/* That a file is not there is known only of a directory that could be read, or is not there itself. */
	if (listing->error && listing->error != ENOENT)
		return check_no_image(layer, d, listing, f);
	if (count == 0 && layer->optional) {
		struct resolved_layer *l = add_layer(r, layer);
		if (l) {
			l->state = LAYER_ABSENT;
			l->disk = d;
		}
		return l ? 0 : -1;
	}
	if (count == 0)
		return check_no_image(layer, d, listing, f);
	for (size_t i = 0; i < count; i++) {
		struct resolved_layer *l = add_layer(r, layer);
		if (!l || check_image(layer, images[i], f) < 0 ||
		    check_verity(layer, d, images[i], hash_disk, f) < 0)
			return -1;
		if (path_is_glob(layer->image))
			text_print(l->name, sizeof(l->name), "%s.%zu", layer->name, i + 1);
		l->state = LAYER_FOUND;
		l->disk = d;
		l->image = images[i];
		l->hash_disk = hash_disk;
		l->type = layer->type ? layer->type : images[i]->type;
	}
	return 0;
}

/* What the files are is asked for a layer that does not say it. */
static unsigned about_images(const struct manifest *m, const char *glob)
{
	for (size_t i = 0; i < m->layers_count; i++) {
		const struct layer *l = &m->layers[i];
		if (l->image && !l->type && !l->skipped && strcmp(l->image, glob) == 0)
			return KNOWN_SUPERBLOCK;
	}
	return 0;
}

/* The disk holds files that are layers: it is mounted and asked for them. */
static int found_medium(struct resolver *r, const struct layer *layer, const struct disk *d,
			const struct disk *hash_disk)
{
	const struct listing *listing;

	if (resolver_ask_needed(r, d, KNOWN_IDENTITY | KNOWN_SUPERBLOCK))
		return add_layer(r, layer) ? 0 : -1;
	if (check_medium(layer, d, &r->ret->failure) < 0)
		return -1;
	listing = inventory_listing(r->inv, d->name, layer->image);
	if (listing)
		return found_images(r, layer, d, hash_disk, listing);
	resolver_ask(r, (struct question){ .disk = d,
					   .kind = QUESTION_LISTING,
					   .about = about_images(r->m, layer->image),
					   .glob = layer->image,
					   .layer = layer->name });
	return add_layer(r, layer) ? 0 : -1;
}

static int64_t timeout_of(const struct resolver *r, const struct layer *layer)
{
	return layer->timeout_ms >= 0 ? layer->timeout_ms : r->timeout_ms;
}

/* Of a disk whose type the manifest gives nothing is read here: the mount decides. */
static int found(struct resolver *r, const struct layer *layer, const struct disk *d)
{
	const struct disk *hash_disk = NULL;
	struct resolved_layer *l;
	int hashes = resolver_hash_disk(r, layer, timeout_of(r, layer), &hash_disk);

	if (hashes < 0)
		return -1;
	if (hashes == 0 || resolver_stalls(r, d, timeout_of(r, layer)))
		return add_layer(r, layer) ? 0 : -1;
	if (layer->image)
		return found_medium(r, layer, d, hash_disk);
	l = add_layer(r, layer);
	if (!l)
		return -1;
	if (resolver_ask_needed(r, d, KNOWN_IDENTITY | (layer->type ? 0 : KNOWN_SUPERBLOCK)))
		return 0;
	if (check_disk(layer, d, &r->ret->failure) < 0 ||
	    check_verity(layer, d, NULL, hash_disk, &r->ret->failure) < 0)
		return -1;
	l->state = LAYER_FOUND;
	l->disk = d;
	l->hash_disk = hash_disk;
	l->type = layer->type ? layer->type : d->type;
	return 0;
}

/*
 * No disk matches. An optional layer without a timeout of its own is given up when the disks that were there
 * at the start have all come, or when a required one would be.
 */
static int not_found(struct resolver *r, const struct layer *layer)
{
	int64_t timeout_ms = timeout_of(r, layer);
	bool over = r->inv->elapsed_ms >= timeout_ms;
	struct resolved_layer *l;

	if (over && !layer->optional)
		return check_missing(FAILURE_LAYER_MISSING, layer->name, &layer->source, timeout_ms,
				     r->inv, &r->ret->failure);
	l = add_layer(r, layer);
	if (!l)
		return -1;
	if (layer->optional && (over || (layer->timeout_ms < 0 && r->inv->settled))) {
		l->state = LAYER_ABSENT;
		return 0;
	}
	resolver_wake(r, timeout_ms);
	if (!layer->optional)
		resolver_ask_meanwhile(r);
	return 0;
}

static int resolve_layer(struct resolver *r, const struct layer *layer)
{
	const struct disk *matches[CHECK_MATCHES_MAX];
	struct resolved_layer *l;
	bool asked;

	if (layer->skipped) {
		l = add_layer(r, layer);
		if (l)
			l->state = LAYER_SKIPPED;
		return l ? 0 : -1;
	}
	size_t count = resolver_look_for(r, &layer->source, matches, CHECK_MATCHES_MAX, &asked);
	if (count > 1)
		return check_duplicate(layer->name, &layer->source, matches, count,
				       &r->ret->failure);
	if (count == 1)
		return found(r, layer, matches[0]);
	if (asked && r->inv->elapsed_ms < timeout_of(r, layer)) {
		resolver_wake(r, timeout_of(r, layer));
		return add_layer(r, layer) ? 0 : -1;
	}
	return not_found(r, layer);
}

static bool waits(const struct resolver *r)
{
	const struct resolution *ret = r->ret;

	for (size_t i = 0; i < ret->layers_count; i++)
		if (ret->layers[i].state == LAYER_WAITING)
			return true;
	for (size_t i = 0; i < ret->binds_count; i++)
		if (ret->binds[i].state == LAYER_WAITING)
			return true;
	return ret->top.volume && (ret->top.state == LAYER_WAITING ||
				   strcmp(r->inv->stamp.disk, ret->top.disk->name) != 0);
}

/*
 * The union waits for the disks to settle and to say who they are, so that a duplicate is seen whatever the
 * order of events; but not longer than for a layer, and not for a disk that has stalled and that nobody asked for.
 */
static void conclude(struct resolver *r)
{
	struct resolution *ret = r->ret;
	size_t layers = 0;

	for (size_t i = 0; i < ret->layers_count; i++)
		layers += ret->layers[i].state == LAYER_FOUND;
	ret->state = waits(r) ? RESOLVE_WAIT : RESOLVE_READY;
	if (ret->state == RESOLVE_READY && (!resolver_settled(r->inv) || r->asked) &&
	    r->inv->elapsed_ms < r->timeout_ms) {
		ret->state = RESOLVE_WAIT;
		resolver_wake(r, r->timeout_ms);
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
	struct resolver r = { .m = m, .inv = inv, .ret = ret, .timeout_ms = timeout_ms };
	bool failed = false;

	ret->layers_count = ret->binds_count = ret->questions_count = 0;
	ret->top = (struct resolved_volume){ 0 };
	ret->volumes_known = false;
	ret->wake_ms = -1;
	ret->failure.kind = FAILURE_NONE;
	for (size_t i = 0; i < m->layers_count && !failed; i++)
		failed = resolve_layer(&r, &m->layers[i]) < 0;
	if (failed || resolver_volumes(&r, m) < 0 || check_distinct(ret) < 0) {
		ret->state = RESOLVE_FAILED;
		return;
	}
	conclude(&r);
}

const char *resolved_identity(const struct resolved_layer *l)
{
	if (l->layer->identity)
		return l->layer->identity;
	if (l->layer->verity.root_hash)
		return l->layer->verity.root_hash;
	return l->image ? l->image->digest : l->disk ? l->disk->digest : "";
}
