/* Paths in a manifest: lists of absolute ones, and single ones below a directory. Pure. */
#pragma once

#include "arena.h"
#include "text.h"

#define EXPECTED_PATHS \
	"absolute paths without . or .. in them, separated by blanks; double quotes around one that has blanks"

/*
 * Paths separated by blanks, each in double quotes if it has blanks itself. *ret and its strings go into ARENA.
 * -EINVAL with the offset of the first that is no such path in *at, or -ENOMEM.
 */
MUST_CHECK int path_list_parse(struct slice text, struct arena *arena, const char *const **ret,
			       size_t *ret_count, size_t *at);

/*
 * One path below some directory, with or without a leading /, which *ret has not. Its last part may be a glob
 * (* ? [...]) where GLOB says so; no other may. -EINVAL or -ENOMEM.
 */
MUST_CHECK int path_below_parse(struct slice text, bool glob, struct arena *arena,
				const char **ret);

/* Words separated by blanks. -EINVAL if there is none, or -ENOMEM. */
MUST_CHECK int words_parse(struct slice text, struct arena *arena, const char *const **ret,
			   size_t *ret_count);

/* Whether the last part of PATH is a glob. */
bool path_is_glob(const char *path);

/* Whether PATH is named by GLOB: in the same directory, its name matched; a leading dot only by a dot. */
bool path_matches(const char *glob, const char *path);

/* The order of versions (strverscmp(3)): 2-a before 10-a. */
int path_compare_versions(const char *a, const char *b);
