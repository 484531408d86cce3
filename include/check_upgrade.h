/* Which paths were changed on both sides: in a persistent top, and between two versions of the system below it. */
#pragma once

#include <stddef.h>

#include "text.h"

enum upgrade_how {
	UPGRADE_CHANGED, /* in the top and in the system */
	UPGRADE_ADDED,   /* the same, where the old system has nothing */
	UPGRADE_COPIED,  /* the top has what the old system has, and hides what the new one has */
	UPGRADE_GONE,    /* the top has it, and the system has it no longer */
	UPGRADE_DELETED, /* the top deleted it, and the system changed it */
	UPGRADE_HIDDEN, /* the same of a directory, in which the system changed or added something */
	UPGRADE_HOWS,
};

struct upgrade {
	int old_root, new_root, upper; /* descriptors of directories */
	/* Not 0 ends the comparison and is returned. PATH begins with a slash. */
	int (*found)(void *context, const char *path, enum upgrade_how how);
	void *context;
};

/*
 * Type, mode, owner, content and target count; of a directory its mode and owner. 0 or -errno, with the path in
 * WORDS.
 */
MUST_CHECK int upgrade_compare(const struct upgrade *u, struct builder *words);
