/* What the superblock of a read-only image says, where its type is known. */
#pragma once

#include <sys/types.h>

#include "text.h"

/* 1 if the superblock of TYPE on FD, from OFFSET on, says that it was not cleanly unmounted; 0, or -errno. */
MUST_CHECK int layer_is_dirty(int fd, uint64_t offset, const char *type);

/* A name for the image on FD from OFFSET on, made of its superblock: sb- and 16 digits; empty for other types. 0 or -errno. */
MUST_CHECK int layer_digest(int fd, uint64_t offset, const char *type, char ret[24]);
