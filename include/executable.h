/* What the first bytes of a program and of a kernel image say of the machine that they are for. Pure. */
#pragma once

#include "text.h"

/* As much of a file as is looked at. */
#define EXECUTABLE_HEAD_MAX 65536

enum executable_kind {
	EXECUTABLE_UNKNOWN,
	EXECUTABLE_ELF,
	EXECUTABLE_SCRIPT,
};

struct executable {
	enum executable_kind kind;
	unsigned machine;      /* of ELF: EM_* */
	char interpreter[256]; /* of a script, or the dynamic loader; empty: none */
};

void executable_parse(struct slice head, struct executable *ret);

struct kernel_image {
	const char *machine; /* as uname -m says it: x86_64, aarch64 */
	char release[128];   /* empty where the image does not say it */
};

/* A bzImage, or an arm64 Image that is not compressed. -EINVAL for anything else. */
MUST_CHECK int kernel_image_parse(struct slice head, struct kernel_image *ret);

/* The name of an EM_*, or NULL. */
const char *machine_name(unsigned machine);

/* Whether a kernel of MACHINE (as uname -m says it) runs programs for EM; true of a machine that is not known here. */
bool machine_runs(const char *machine, unsigned em);
