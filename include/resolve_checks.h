/* What is wrong with a disk that was found, or not; resolve.c says when to ask. Pure. */
#pragma once

#include "resolve.h"

#define CHECK_MATCHES_MAX 8

/* Each returns 0, or -1 with *f set; those that are only called for something wrong always return -1. */

int check_missing(enum failure_kind kind, const char *name, const struct source *source,
		  int64_t timeout_ms, const struct inventory *inv, struct failure *f);
int check_duplicate(const char *name, const struct source *source, const struct disk **found,
		    size_t count, struct failure *f);
int check_no_image(const struct layer *layer, const struct disk *d, const struct listing *listing,
		   struct failure *f);

/* That the content of the disk, or of a file in it, can be the layer. */
MUST_CHECK int check_disk(const struct layer *layer, const struct disk *d, struct failure *f);
MUST_CHECK int check_image(const struct layer *layer, const struct image_file *i,
			   struct failure *f);

/* That the disk has a file system in which files can be looked for. */
MUST_CHECK int check_medium(const struct layer *layer, const struct disk *d, struct failure *f);

/* That the disk of the volume can be written to. One that is blank is judged by check_blank() and check_formats(). */
MUST_CHECK int check_volume(const struct resolved_volume *v, struct failure *f);

/* Nobody says which file system to make on it; or two that share it say two. */
int check_blank(const struct resolved_volume *v, struct failure *f);
int check_formats(const struct resolved_volume *v, const struct resolved_volume *maker,
		  struct failure *f);

/* That no two layers are the same, and no layer is on a disk that is written to. */
MUST_CHECK int check_distinct(struct resolution *ret);
