/* The text of /proc/cmdline. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cmdline cmdline;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[4096];
	struct failure failure = { .kind = FAILURE_NONE };
	struct arena arena;

	arena_start(&arena, memory, sizeof(memory));
	int r = cmdline_parse((struct slice){ .at = (const char *)data, .len = size }, &arena,
			      &cmdline, &failure);
	if ((r < 0) != (failure.kind != FAILURE_NONE) || cmdline.timeout_ms < 0 ||
	    cmdline.timeout_ms > 86400000 || cmdline.layers_count > CMDLINE_LAYERS_MAX ||
	    cmdline.skips_count > CMDLINE_SKIPS_MAX)
		abort();
	for (size_t i = 0; i < cmdline.layers_count; i++)
		if (strlen(cmdline.layers[i]) == 0)
			abort();
	return 0;
}
