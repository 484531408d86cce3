/* A source. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[65536];
	const char *expected = NULL;
	struct source source = { 0 };
	struct arena arena;
	size_t at = SIZE_MAX;

	/* One byte says how much memory there is. */
	if (size == 0)
		return 0;
	arena_start(&arena, memory, data[0] == 0xff ? sizeof(memory) : data[0]);
	if (source_parse((struct slice){ .at = (const char *)data + 1, .len = size - 1 }, &arena,
			 &source, &expected, &at) < 0) {
		if (!expected || at > size - 1 || source.count != 0)
			abort();
		return 0;
	}
	if (source.count == 0 || source.count > SOURCE_SELECTORS_MAX || !source.text)
		abort();
	for (size_t i = 0; i < source.count; i++)
		if (source.any[i].value[0] == '\0')
			abort();
	return 0;
}
