#include "selector.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *tag;
	enum selector_kind kind;
} tags[] = {
	{ "SERIAL=", SELECTOR_SERIAL },       { "WWN=", SELECTOR_WWN },
	{ "LABEL=", SELECTOR_LABEL },         { "UUID=", SELECTOR_UUID },
	{ "PARTLABEL=", SELECTOR_PARTLABEL }, { "PARTUUID=", SELECTOR_PARTUUID },
	{ "/dev/", SELECTOR_PATH },
};

#define EXPECTED_TAG "SERIAL=, WWN=, LABEL=, UUID=, PARTLABEL=, PARTUUID= or a /dev path"

/* Takes one selector off *rest: up to the next | outside of double quotes. */
static struct slice take_selector(struct slice *rest)
{
	bool quoted = false;
	size_t len = 0;

	while (len < rest->len && (quoted || rest->at[len] != '|')) {
		if (rest->at[len] == '"')
			quoted = !quoted;
		len++;
	}
	struct slice head = { .at = rest->at, .len = len };
	if (len == rest->len)
		*rest = (struct slice){ 0 };
	else
		*rest = (struct slice){ .at = rest->at + len + 1, .len = rest->len - len - 1 };
	return slice_trim(head);
}

static int check_value(enum selector_kind kind, struct slice value, const char **expected)
{
	if (value.len == 0 || memchr(value.at, '\0', value.len)) {
		*expected = "a value after the tag";
		return -EINVAL;
	}
	/* The names of udev's links do not exist before udev runs. */
	if (kind == SELECTOR_PATH && slice_starts(value, "disk/by-")) {
		*expected = "LABEL=, UUID=, PARTLABEL= or PARTUUID= in place of /dev/disk/by-...";
		return -EINVAL;
	}
	if (kind == SELECTOR_PATH && memchr(value.at, '/', value.len)) {
		*expected = "the kernel's name of a disk, as /dev/vda";
		return -EINVAL;
	}
	return 0;
}

static int parse_one(struct slice text, struct arena *arena, struct selector *ret,
		     const char **expected)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (!slice_starts(text, tags[i].tag))
			continue;
		size_t skip = strlen(tags[i].tag);
		struct slice value = { .at = text.at + skip, .len = text.len - skip };
		if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
			value = (struct slice){ .at = value.at + 1, .len = value.len - 2 };
		if (memchr(value.at, '"', value.len)) {
			*expected = "double quotes around the whole value";
			return -EINVAL;
		}
		int r = check_value(tags[i].kind, value, expected);
		if (r < 0)
			return r;
		const char *copy = arena_copy(arena, value);
		if (!copy)
			return -ENOMEM;
		*ret = (struct selector){ .kind = tags[i].kind, .value = copy };
		return 0;
	}
	*expected = EXPECTED_TAG;
	return -EINVAL;
}

int source_parse(struct slice text, struct arena *arena, struct source *ret, const char **expected,
		 size_t *at)
{
	struct source source = { 0 };
	struct slice rest = slice_trim(text);

	*at = 0;
	*expected = EXPECTED_TAG;
	source.text = arena_copy(arena, rest);
	if (!source.text)
		return -ENOMEM;
	while (rest.at) {
		struct slice one = take_selector(&rest);
		*at = (size_t)(one.at - text.at);
		if (source.count == SOURCE_SELECTORS_MAX) {
			*expected = "at most 4 selectors";
			return -EINVAL;
		}
		int r = parse_one(one, arena, &source.any[source.count], expected);
		if (r < 0)
			return r;
		source.count++;
	}
	*ret = source;
	return 0;
}
