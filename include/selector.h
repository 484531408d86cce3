/* Names of disks as in fstab: SERIAL= WWN= LABEL= UUID= PARTLABEL= PARTUUID= or a /dev path. Pure. */
#pragma once

#include "arena.h"
#include "text.h"

enum selector_kind {
	SELECTOR_SERIAL, /* virtio-blk, virtio-scsi and NVMe; a whole disk only */
	SELECTOR_WWN,    /* of scsi as 0x5000..., of NVMe as eui.0025...; a whole disk only */
	SELECTOR_LABEL,
	SELECTOR_UUID,
	SELECTOR_PARTLABEL,
	SELECTOR_PARTUUID,
	SELECTOR_PATH, /* the kernel's own name below /dev */
};

struct selector {
	enum selector_kind kind;
	const char *value; /* without the tag; of a path, what follows /dev/ */
};

#define SOURCE_SELECTORS_MAX 4

/* A disk that any of the selectors names. */
struct source {
	struct selector any[SOURCE_SELECTORS_MAX];
	size_t count;
	const char *text; /* as it was written, for messages */
};

/*
 * Parses "SERIAL=x", or several selectors with | between them; a value may stand in double quotes. Strings
 * go into ARENA. On error returns -EINVAL (or -ENOMEM), sets *expected to what should stand there and *at
 * to the offset in TEXT; *ret is untouched.
 */
MUST_CHECK int source_parse(struct slice text, struct arena *arena, struct source *ret,
			    const char **expected, size_t *at);
