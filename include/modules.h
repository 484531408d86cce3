/* Kernel modules, through libkmod; nobody else includes it. */
#pragma once

#include <stdbool.h>

#include "text.h"

struct modules;

/* Modules of the running kernel below /lib/modules. The caller closes. 0 or -errno. */
MUST_CHECK int modules_open(struct modules **ret);
void modules_close(struct modules *m);

/*
 * Loads what NAME (a module's name or an alias) stands for, and what that needs first. 0 also where it is
 * built in or loaded; -ENOENT: the initramfs has no such module; or -errno of the kernel, with its words.
 */
MUST_CHECK int modules_load(struct modules *m, const char *name, struct builder *words);

/* Whether /proc/filesystems lists TYPE: built in, or its module is loaded. */
bool filesystem_known(const char *type);
