/* JSON text: as a report, and every value in it taken out again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char words[1 << 16], again[1 << 18];

/* What has been unescaped is written and read, and comes out the same. */
static void check_string(struct slice value)
{
	struct builder b, c;
	struct slice whole;

	builder_start(&b, words, sizeof(words));
	if (json_unescape(value, &b) < 0 || b.overflow)
		return;
	if (b.len > value.len ||
	    slice_utf8_end((struct slice){ .at = b.at, .len = b.len }) != b.len)
		abort();
	size_t len = b.len;
	builder_start(&c, again, sizeof(again));
	json_string(&c, words);
	if (c.overflow)
		return;
	if (json_parse((struct slice){ .at = c.at, .len = c.len }, &whole) < 0)
		abort();
	char *copy = malloc(len + 1);
	if (!copy)
		abort();
	memcpy(copy, words, len + 1);
	builder_start(&b, words, sizeof(words));
	if (json_unescape(whole, &b) < 0 || strcmp(words, copy) != 0)
		abort();
	free(copy);
}

static void walk(struct slice value, bool sound)
{
	struct slice rest = json_array(value), one;
	int64_t number;

	(void)json_integer(value, &number);
	if (sound)
		check_string(value);
	if (json_member(value, "layers", &one) || json_member(value, "a", &one))
		walk(one, sound);
	while (json_next(&rest, &one))
		walk(one, sound);
	if (sound && value.len > 0 && value.at[0] == '[' && !slice_is(rest, "]"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { .at = (const char *)data, .len = size }, value;

	if (size > 4096)
		return 0;
	/* What json_parse has refused must do no harm either. */
	walk(text, false);
	if (json_parse(text, &value) == 0)
		walk(value, true);
	return 0;
}
