#include "resolve_verity.h"

#include "match.h"

/*
 * An optional layer that is there is not given up for the lack of its tree: whoever can take a disk away could
 * otherwise choose what is merged.
 */
int resolver_hash_disk(struct resolver *r, const struct layer *layer, int64_t timeout_ms,
		       const struct disk **ret)
{
	const struct source *source = &layer->verity.hash_source;
	const struct disk *matches[CHECK_MATCHES_MAX];
	bool asked;

	if (source->count == 0)
		return 1;
	size_t count = resolver_look_for(r, source, matches, CHECK_MATCHES_MAX, &asked);
	if (count > 1)
		return check_duplicate(layer->name, source, matches, count, &r->ret->failure);
	if (count == 0 && r->inv->elapsed_ms >= timeout_ms)
		return check_missing(FAILURE_LAYER_MISSING, layer->name, source, timeout_ms, r->inv,
				     &r->ret->failure);
	if (count == 0) {
		resolver_wake(r, timeout_ms);
		if (!asked)
			resolver_ask_meanwhile(r);
		return 0;
	}
	if (resolver_ask_needed(r, matches[0], KNOWN_IDENTITY))
		return 0;
	*ret = matches[0];
	return 1;
}

static int check_length(const struct layer *layer, const char *what, const char *name,
			uint64_t size, uint64_t wanted, struct failure *f)
{
	char shown[4 * IMAGE_PATH_MAX];
	struct builder b;

	if (size >= wanted)
		return 0;
	builder_start(&b, shown, sizeof(shown));
	builder_add_escaped(&b, name, "");
	return failure_set(f, FAILURE_LAYER_SHORT, layer->name,
			   "%s has %llu bytes, and %s ends at %llu", shown,
			   (unsigned long long)size, what, (unsigned long long)wanted);
}

int check_verity(const struct layer *layer, const struct disk *d, const struct image_file *image,
		 const struct disk *hash_disk, struct failure *f)
{
	const struct verity *v = &layer->verity;
	const char *name = image ? image->path : d->name;
	uint64_t size = image ? image->size : d->size;

	if (!v->root_hash)
		return 0;
	if (check_length(layer, "what its root hash covers", name, size, v->data_size, f) < 0)
		return -1;
	return check_length(layer, "the hash tree", hash_disk ? hash_disk->name : name,
			    hash_disk ? hash_disk->size : size,
			    verity_tree_offset(v) + verity_tree_size(v), f);
}
