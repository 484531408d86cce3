/* The way from the initramfs into the merged root. */
#pragma once

#include "text.h"

/* The directory of the initramfs whose files are kept. */
#define SWITCH_ROOT_KEEPS "shutdown-root"

/* 0 if / is a ramfs or tmpfs, of which an initramfs is; -EXDEV if not; or another -errno. */
MUST_CHECK int switch_root_in_memory(void);

/* 0 if / is what the kernel unpacked: a ramfs or tmpfs, with an /init. -EXDEV if it is something else. */
MUST_CHECK int switch_root_check(void);

/*
 * Makes TARGET, a mount, the root of this process and its working directory; then deletes the files
 * that the old root held, but for those in SWITCH_ROOT_KEEPS. Nothing is changed unless switch_root_check() agrees. 0 or -errno.
 */
MUST_CHECK int switch_root(const char *target);

/*
 * Finds the program to start inside ROOT, symlinks resolved as they will be once ROOT is /: WANTED, or where
 * it is NULL the first of /sbin/init, /etc/init and /bin/init. 0 and *ret, which is WANTED or a constant; or
 * -ENOENT, -EACCES (not executable), -EISDIR, or another -errno, and *ret is the last that was looked at.
 */
MUST_CHECK int find_init(const char *root, const char *wanted, const char **ret);
