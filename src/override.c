#include "override.h"

#include <errno.h>
#include <string.h>

#include "manifest_keys.h"
#include "manifest_sections.h"

static int override_error(struct failure *f, const char *parameter, const char *text,
			  const char *expected)
{
	return failure_set(f, FAILURE_CMDLINE, NULL, "layerboot.%s=%s: expected %s", parameter,
			   text, expected);
}

static int no_room(struct failure *f, const char *parameter)
{
	return failure_set(f, FAILURE_LIMIT, NULL, "layerboot.%s=: too much text", parameter);
}

/* One key=value of a parameter; options= takes all that follows, since its value holds commas itself. */
static int override_key(enum section section, struct place *place, struct slice *rest)
{
	struct slice one = *rest;

	if (slice_starts(one, "options="))
		*rest = (struct slice){ 0 };
	else
		(void)slice_next(rest, ',', &one);
	const char *equals = memchr(one.at, '=', one.len);
	struct slice name = { .at = one.at, .len = equals ? (size_t)(equals - one.at) : one.len };
	const struct key *key = equals ? key_find(section, name) : NULL;
	if (!key) {
		place->expected = section == SECTION_LAYER
					  ? "NAME,key=value,... with the keys of [layer NAME]"
					  : "TYPE,key=value,... with the keys of [top]";
		return -EINVAL;
	}
	return key->set(place, (struct slice){ .at = equals + 1, .len = one.len - name.len - 1 });
}

static int override_layer(struct manifest *m, const char *text, struct arena *arena,
			  struct failure *f)
{
	struct place place = { .manifest = m, .arena = arena };
	struct slice rest = slice_of(text), name;

	if (!slice_next(&rest, ',', &name) || !layer_name_valid(name))
		return override_error(f, "layer", text, EXPECTED_LAYER_NAME);
	place.layer = layer_find(m, name);
	if (!place.layer && m->layers_count == MANIFEST_LAYERS_MAX)
		return failure_set(f, FAILURE_LIMIT, NULL, "more than %d layers",
				   MANIFEST_LAYERS_MAX);
	if (!place.layer)
		place.layer = layer_add(m, name, arena);
	if (!place.layer)
		return no_room(f, "layer");
	while (rest.at) {
		int r = override_key(SECTION_LAYER, &place, &rest);
		if (r == -ENOMEM)
			return no_room(f, "layer");
		if (r < 0)
			return override_error(f, "layer", text, place.expected);
	}
	if (place.layer->source.count == 0)
		return override_error(f, "layer", text, "source=... for a layer that is new");
	return 0;
}

/* What lies on the disk of the top is put aside or deleted, this once. */
static int override_old_top(struct manifest *m, struct slice order, const char *text,
			    struct failure *f)
{
	if (!slice_is(order, text))
		return override_error(f, "top", text, "nothing after reset and park");
	if (m->top.kind != TOP_DISK)
		return override_error(f, "top", text, "a manifest with a [top] of type = disk");
	m->top.reset = slice_is(order, "reset");
	m->top.park = !m->top.reset;
	return 0;
}

static int override_top(struct manifest *m, const char *text, struct arena *arena,
			struct failure *f)
{
	struct place place = { .manifest = m, .arena = arena };
	struct slice rest = slice_of(text), type;

	(void)slice_next(&rest, ',', &type);
	if (slice_is(type, "reset") || slice_is(type, "park"))
		return override_old_top(m, type, text, f);
	m->top = (struct top){ 0 };
	int r = key_find(SECTION_TOP, slice_of("type"))->set(&place, type);
	while (r == 0 && rest.at)
		r = override_key(SECTION_TOP, &place, &rest);
	if (r == -ENOMEM)
		return no_room(f, "top");
	if (r == 0)
		place.expected = top_problem(&m->top);
	return place.expected ? override_error(f, "top", text, place.expected) : 0;
}

int manifest_override(struct manifest *m, const struct cmdline *c, struct arena *arena,
		      struct failure *failure)
{
	for (size_t i = 0; i < c->layers_count; i++)
		if (override_layer(m, c->layers[i], arena, failure) < 0)
			return -1;
	for (size_t i = 0; i < c->skips_count; i++) {
		struct layer *layer = layer_find(m, slice_of(c->skips[i]));
		if (!layer)
			return override_error(failure, "skip", c->skips[i],
					      "the name of a layer of the manifest");
		layer->skipped = true;
	}
	if (c->top && override_top(m, c->top, arena, failure) < 0)
		return -1;
	const char *problem = manifest_contradiction(m);
	return problem ? failure_set(failure, FAILURE_MANIFEST, NULL, "%s", problem) : 0;
}
