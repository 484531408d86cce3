/* A file of keys, or a signed text: what is taken off is as long as what is left is shorter. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = { .at = (const char *)data, .len = size }, rest = all, text;
	struct signature_key key;
	struct signature signature;
	char number[32];
	struct builder b;

	while (signature_take_key(&rest, &key) == 0)
		if (rest.at + rest.len != all.at + all.len || rest.len >= all.len)
			abort();
	int r = signature_split(all, &signature, &text);
	if (r == 0 && (text.at + text.len != all.at + all.len || all.len - text.len < 120))
		abort();
	if (r == -ENOENT && (text.at != all.at || text.len != all.len))
		abort();
	builder_start(&b, number, sizeof(number));
	if (r == 0)
		signature_print_number(signature.number, &b);
	return 0;
}
