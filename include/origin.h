/* Where layerboot.manifest= says that the manifest is. Pure. */
#pragma once

#include "selector.h"

enum origin_kind {
	ORIGIN_PATH,   /* a file of the initramfs */
	ORIGIN_FW_CFG, /* path is the name of a file in QEMU's fw_cfg */
	ORIGIN_RAW,    /* the disk itself holds the text, filled up with NUL */
	ORIGIN_FILE,   /* path is in the file system of the disk, without a leading / */
};

struct origin {
	enum origin_kind kind;
	struct source source; /* ORIGIN_RAW and ORIGIN_FILE */
	const char *path;
	const char *text; /* as it was written */
};

#define EXPECTED_ORIGIN \
	"/PATH in the initramfs, fw_cfg:NAME, SERIAL=x (and so on) of a disk that holds the text, or LABEL=x:/PATH"

/* Strings go into ARENA. -EINVAL or -ENOMEM; *ret is then untouched. */
MUST_CHECK int origin_parse(struct slice text, struct arena *arena, struct origin *ret);
