/* The layers of a resolution as directories, read from the images on this host. host_image_enter() comes first. */
#pragma once

#include "host_disks.h"
#include "resolve.h"

/* Answers a QUESTION_LISTING into the inventory. -EOPNOTSUPP for another question, or -errno with the reason in WORDS. */
MUST_CHECK int host_media_answer(struct host_disks *h, const struct question *question,
				 struct builder *words);

/*
 * A descriptor of the root of the disk's file system, which is mounted once and stays open, or -errno with the
 * reason in WORDS.
 */
MUST_CHECK int host_media_root(const struct host_disks *h, const struct disk *d,
			       struct builder *words);

/*
 * Reads all of a layer with verity, and its hash tree .0, -EBADMSG with what is wrong in WORDS,
	or another - errno.*/
MUST_CHECK int host_media_verify(const struct host_disks *h, const struct resolved_layer *l,
				 struct builder *words);

/* A descriptor of the directory that is the layer, or -errno with the reason in WORDS. */
MUST_CHECK int host_media_open_layer(const struct host_disks *h, const struct resolved_layer *l,
				     struct builder *words);
