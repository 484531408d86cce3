/* Kernel modules, through libkmod; nobody else includes it. */
#pragma once

#include <stdbool.h>

#include "text.h"

struct modules;
struct module_set;

/* A module and its file, absolute. */
typedef void modules_listed(void *arg, const char *name, const char *path);

/*
 * The modules of DIRECTORY (.../lib/modules/RELEASE): LISTED is called for what NAME needs, each after what that needs,
 * and for NAME itself. 0; 1: built into that kernel; -ENOENT: it has none; or -errno.
 */
MUST_CHECK int modules_list(const char *directory, const char *name, modules_listed *listed,
			    void *arg);

/* Modules of the running kernel below /lib/modules. The caller closes. 0 or -errno. */
MUST_CHECK int modules_open(struct modules **ret);
void modules_close(struct modules *m);

/*
 * Looks up what NAME (a module's name or an alias) stands for, in the indexes of the initramfs alone: PID 1 may do it.
 * 0 with *ret, which lasts as long as M; -ENOENT: there is no such module; or -errno.
 */
MUST_CHECK int modules_find(struct modules *m, const char *name, struct module_set **ret);

/*
 * Loads what has been found, and what that needs first, and gives SET back: the library keeps a loaded file mapped as long,
 * and what hangs in a driver would keep it in memory after the initramfs has gone. As modules_load.
 */
MUST_CHECK int modules_insert(struct module_set *set, struct builder *words);

/*
 * Loads what NAME (a module's name or an alias) stands for, and what that needs first. 0 also where it is
 * built in or loaded; -ENOENT: the initramfs has no such module; or -errno of the kernel, with its words.
 */
MUST_CHECK int modules_load(struct modules *m, const char *name, struct builder *words);

/* Whether /proc/filesystems lists TYPE: built in, or its module is loaded. */
bool filesystem_known(const char *type);
