#include "facts.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "record.h"

static const struct field fields[] = {
	{ "STEP", FIELD_SIZE, offsetof(struct facts, step), 0 },
	{ "START", FIELD_SIZE, offsetof(struct facts, start_us), 0 },
	{ "US", FIELD_SIZE, offsetof(struct facts, us), 0 },
	{ "DIGEST", FIELD_TEXT, offsetof(struct facts, digest), 24 },
	{ "DEVICE", FIELD_TEXT, offsetof(struct facts, device), 32 },
	{ "BASES", FIELD_TEXT, offsetof(struct facts, bases), 512 },
	{ "ENTRIES", FIELD_NUMBER, offsetof(struct facts, entries), INT_MAX },
	{ "WHITEOUTS", FIELD_NUMBER, offsetof(struct facts, whiteouts), INT_MAX },
	{ "WARNING", FIELD_TEXT, offsetof(struct facts, warning), 512 },
};

#define FIELDS_COUNT (sizeof(fields) / sizeof(fields[0]))

void facts_print(const struct facts *f, struct builder *b)
{
	record_print(f, fields, FIELDS_COUNT, b);
	builder_add(b, "\n");
}

int facts_parse(struct slice line, struct facts *ret)
{
	struct facts f = { 0 };

	if (record_parse(line, fields, FIELDS_COUNT, &f) < 0)
		return -EINVAL;
	*ret = f;
	return 0;
}
