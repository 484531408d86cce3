/* What a step that went well tells: one line of KEY="value" pairs. */
#pragma once

#include "text.h"

struct facts {
	uint64_t step;     /* STEP: which of a chain it was */
	uint64_t start_us; /* CLOCK_MONOTONIC */
	uint64_t us;       /* that it took */
	char digest[24];   /* of the image that was mounted */
	char device[32];   /* that it was mounted from, if that is not the source */
	char bases[512];   /* identities of the images that the layer was made on */
	int entries;       /* that were looked through */
	int whiteouts;     /* that were made */
	char warning[512]; /* that is worth a line */
};

void facts_print(const struct facts *f, struct builder *b);

/* -EINVAL; *ret is then untouched. */
MUST_CHECK int facts_parse(struct slice line, struct facts *ret);
