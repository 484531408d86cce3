/*
 * What a layer was made on. Where a command made a layer, mklayer leaves a record in it, a text of "key = value" lines:
 *
 *     version = 1
 *     base = sb-6874f245db2b1094 system.img
 *     command = apt-get install -y nginx
 *
 * with a line of base for each image that the layer was made on, the lowest first: its identity, and a name for people.
 * These lines stand before all others. Pure.
 */
#pragma once

#include "failure.h"
#include "inventory.h"
#include "resolve.h"

/* A directory of the layer, a record in it for each layer that has become part of this one. */
#define BASES_DIRECTORY "usr/lib/layerboot/layers"

/* Adds the identities that the record TEXT names to RET, blanks between them. -EINVAL: it is no record; -ENOSPC. */
MUST_CHECK int bases_parse(struct slice text, struct builder *ret);

/* Whether the record of the layer L names the image of the layer BELOW. */
bool bases_names(const struct inventory *inv, const struct resolved_layer *l,
		 const struct resolved_layer *below);

/*
 * Whether the found layer INDEX of R was made on an image that is not below it now; *failure then says so. Not where
 * that is not known: without a record, or where an image below has no identity.
 */
bool bases_mismatch(const struct resolution *r, const struct inventory *inv, size_t index,
		    struct failure *failure);
