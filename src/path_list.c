#include "path_list.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#define PATH_LENGTH_MAX 1023

/* Parts between slashes, none of them empty, "." or "..". */
static bool parts_valid(struct slice path)
{
	struct slice part;

	while (slice_next(&path, '/', &part))
		if (part.len == 0 || slice_is(part, ".") || slice_is(part, ".."))
			return false;
	return true;
}

static bool absolute_valid(struct slice path)
{
	if (path.len == 0 || path.len > PATH_LENGTH_MAX || path.at[0] != '/')
		return false;
	return path.len == 1 || parts_valid((struct slice){ path.at + 1, path.len - 1 });
}

/*
 * Takes a word off *text, without its double quotes; one whose quotes are not closed, or that goes on behind them, is
 * empty. False if there is none left.
 */
static bool take_word(struct slice *text, struct slice *ret)
{
	*text = slice_trim(*text);
	if (text->len == 0)
		return false;
	bool quoted = text->at[0] == '"';
	size_t skip = quoted ? 1 : 0, len = skip;
	while (len < text->len &&
	       (quoted ? text->at[len] != '"' : !memchr(" \t", text->at[len], 2)))
		len++;
	*ret = (struct slice){ .at = text->at + skip, .len = len - skip };
	if (quoted) {
		len++;
		if (len > text->len || (len < text->len && !memchr(" \t", text->at[len], 2)))
			ret->len = 0;
		len = len > text->len ? text->len : len;
	}
	*text = (struct slice){ .at = text->at + len, .len = text->len - len };
	return true;
}

static int parse_list(struct slice text, bool paths, struct arena *arena, const char *const **ret,
		      size_t *ret_count, size_t *at)
{
	struct slice rest = text, word;
	size_t count = 0;

	while (take_word(&rest, &word))
		count++;
	*at = 0;
	if (count == 0)
		return -EINVAL;
	const char **list = arena_alloc(arena, count * sizeof(*list));
	if (!list)
		return -ENOMEM;
	rest = text;
	for (size_t i = 0; take_word(&rest, &word); i++) {
		*at = (size_t)(word.at - text.at);
		if (word.len == 0 || (paths && !absolute_valid(word)))
			return -EINVAL;
		list[i] = arena_copy(arena, word);
		if (!list[i])
			return -ENOMEM;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

int path_list_parse(struct slice text, struct arena *arena, const char *const **ret,
		    size_t *ret_count, size_t *at)
{
	return parse_list(text, true, arena, ret, ret_count, at);
}

int words_parse(struct slice text, struct arena *arena, const char *const **ret, size_t *ret_count)
{
	size_t at;

	return parse_list(text, false, arena, ret, ret_count, &at);
}

static bool has_glob(const char *text, size_t len)
{
	return memchr(text, '*', len) || memchr(text, '?', len) || memchr(text, '[', len);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int path_below_parse(struct slice text, bool glob, struct arena *arena, const char **ret)
{
	if (text.len > 0 && text.at[0] == '/')
		text = (struct slice){ .at = text.at + 1, .len = text.len - 1 };
	/* As long as a listing can hold. */
	if (text.len == 0 || text.len > 255 || !parts_valid(text))
		return -EINVAL;
	const char *copy = arena_copy(arena, text);
	if (!copy)
		return -ENOMEM;
	size_t directory = (size_t)(last_part(copy) - copy);
	if (has_glob(copy, glob ? directory : text.len))
		return -EINVAL;
	*ret = copy;
	return 0;
}

bool path_is_glob(const char *path)
{
	return has_glob(path, strlen(path));
}

bool path_matches(const char *glob, const char *path)
{
	size_t directory = (size_t)(last_part(glob) - glob);

	if ((size_t)(last_part(path) - path) != directory || strncmp(glob, path, directory) != 0)
		return false;
	return fnmatch(glob + directory, path + directory, FNM_PERIOD) == 0;
}

int path_compare_versions(const char *a, const char *b)
{
	return strverscmp(a, b);
}
