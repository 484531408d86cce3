#include "origin.h"

#include <errno.h>
#include <string.h>

#include "path_list.h"

/* Names of fw_cfg files have at most 56 bytes with their NUL (docs/specs/fw_cfg of QEMU). */
#define FW_CFG_NAME_MAX 55

/* Offset of the ":/" that ends the selector, outside of double quotes; the text's length if there is none. */
static size_t path_begin(struct slice text)
{
	bool quoted = false;

	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.at[i] == '"')
			quoted = !quoted;
		if (!quoted && text.at[i] == ':' && text.at[i + 1] == '/')
			return i;
	}
	return text.len;
}

static int parse_disk(struct slice text, struct arena *arena, struct origin *ret)
{
	size_t colon = path_begin(text), at;
	const char *expected;
	int r = source_parse((struct slice){ text.at, colon }, arena, &ret->source, &expected, &at);

	if (r < 0 || colon == text.len)
		return r;
	ret->kind = ORIGIN_FILE;
	return path_below_parse((struct slice){ text.at + colon + 2, text.len - colon - 2 }, false,
				arena, &ret->path);
}

static int parse_fw_cfg(struct slice name, struct arena *arena, struct origin *ret)
{
	/* The name becomes a path of sysfs. */
	int r = path_below_parse(name, false, arena, &ret->path);

	ret->kind = ORIGIN_FW_CFG;
	return r == 0 && name.len > FW_CFG_NAME_MAX ? -EINVAL : r;
}

int origin_parse(struct slice text, struct arena *arena, struct origin *ret)
{
	struct origin origin = { .kind = ORIGIN_RAW, .text = arena_copy(arena, text) };
	int r = 0;

	if (!origin.text)
		return -ENOMEM;
	if (slice_starts(text, "fw_cfg:")) {
		r = parse_fw_cfg((struct slice){ text.at + 7, text.len - 7 }, arena, &origin);
	} else if (slice_starts(text, "/") && !slice_starts(text, "/dev/")) {
		origin.kind = ORIGIN_PATH;
		origin.path = origin.text;
	} else {
		r = parse_disk(text, arena, &origin);
	}
	if (r == 0)
		*ret = origin;
	return r;
}
