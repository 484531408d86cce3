#include "bases.h"

#include <errno.h>
#include <string.h>

#define IDENTITY_MAX 128

/* The value of a line, or an empty slice where it is of another key. */
static struct slice value_of(struct slice line, const char *key)
{
	struct slice rest = line, name;

	if (!slice_next(&rest, '=', &name) || !rest.at || !slice_is(slice_trim(name), key))
		return (struct slice){ 0 };
	return slice_trim(rest);
}

static struct slice first_word(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == ' ' || text.at[i] == '\t')
			return (struct slice){ text.at, i };
	return text;
}

/* It becomes a word of messages and of the inventory. */
static bool is_identity(struct slice word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.at[i] <= ' ' || word.at[i] > '~' || word.at[i] == '"' ||
		    word.at[i] == '\\')
			return false;
	return word.len > 0 && word.len <= IDENTITY_MAX;
}

static int parse(struct slice text, struct builder *ret)
{
	struct slice line, value;

	if (!slice_next(&text, '\n', &line) || !slice_is(value_of(line, "version"), "1"))
		return -EINVAL;
	while (slice_next(&text, '\n', &line) && (value = value_of(line, "base")).len > 0) {
		struct slice word = first_word(value);
		if (!is_identity(word))
			return -EINVAL;
		builder_add(ret, ret->len ? " " : "");
		builder_add_slice(ret, word);
	}
	return ret->overflow ? -ENOSPC : 0;
}

int bases_parse(struct slice text, struct builder *ret)
{
	size_t before = ret->len;
	int r = parse(text, ret);

	if (r < 0) {
		ret->len = before;
		ret->at[before] = '\0';
		ret->overflow = false;
	}
	return r;
}

static const char *digest_of(const struct resolved_layer *l)
{
	return l->image ? l->image->digest : l->disk->digest;
}

/* By the name that the manifest gives it, or by its own. */
static bool is_image(const struct resolved_layer *l, struct slice identity)
{
	return (l->layer->identity && slice_is(identity, l->layer->identity)) ||
	       slice_is(identity, digest_of(l));
}

bool bases_names(const struct inventory *inv, const struct resolved_layer *l,
		 const struct resolved_layer *below)
{
	struct slice rest = slice_of(inventory_made_on(inv, l->name)), word;

	while (slice_next(&rest, ' ', &word))
		if (word.len > 0 && is_image(below, word))
			return true;
	return false;
}

static void name_layers_below(const struct resolution *r, size_t index, struct builder *b)
{
	size_t named = 0;

	for (size_t i = 0; i < index; i++)
		if (r->layers[i].state == LAYER_FOUND)
			builder_addf(b, "%s%s (%s)", named++ ? ", " : "", r->layers[i].name,
				     resolved_identity(&r->layers[i]));
	builder_add(b, named ? "" : "nothing");
}

bool bases_mismatch(const struct resolution *r, const struct inventory *inv, size_t index,
		    struct failure *failure)
{
	const struct resolved_layer *l = &r->layers[index];
	struct slice rest = slice_of(inventory_made_on(inv, l->name)), word;
	char below[1024];
	struct builder b;

	while (rest.len > 0 && slice_next(&rest, ' ', &word)) {
		bool found = false, known = true;
		for (size_t i = 0; i < index; i++) {
			if (r->layers[i].state != LAYER_FOUND)
				continue;
			found |= is_image(&r->layers[i], word);
			known &= digest_of(&r->layers[i])[0] != '\0';
		}
		if (found || !known)
			continue;
		builder_start(&b, below, sizeof(below));
		name_layers_below(r, index, &b);
		(void)failure_set(failure, FAILURE_BASE_MISMATCH, l->name,
				  "it was made on %.*s, and below it is %s", (int)word.len, word.at,
				  below);
		return true;
	}
	return false;
}
