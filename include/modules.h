/* Kernel modules, through libkmod; nobody else includes it. */
#pragma once

#include <stdbool.h>

#include "arena.h"
#include "text.h"

struct modules;

/* A module and its file, absolute. */
typedef void modules_listed(void *arg, const char *name, const char *path);

/*
 * The modules of DIRECTORY (.../lib/modules/RELEASE): LISTED is called for what NAME needs, each after what that needs,
 * and for NAME itself. 0; 1: built into that kernel; -ENOENT: it has none; or -errno.
 */
MUST_CHECK int modules_list(const char *directory, const char *name, modules_listed *listed,
			    void *arg);

/* Modules of the running kernel below /lib/modules. The end of the process closes them. 0 or -errno. */
MUST_CHECK int modules_open(struct modules **ret);

/* The file of a module, as it goes to the kernel. */
struct module_file {
	const char *path;    /* absolute */
	const char *options; /* of the kernel command line */
	const char *state; /* where /sys says whether it is loaded; NULL if no earlier list has it */
	bool optional; /* asked for beforehand only ("softdep pre"): the next is loaded without it, too */
};

/* A driver: what it needs or asks for first, and itself. */
struct module_list {
	struct module_list *next;
	const struct module_list *earlier; /* of all, the one that was found before it */
	struct module_file *files;
	size_t count;  /* 0: it is built in */
	bool optional; /* it does not matter if it cannot be loaded */
};

/*
 * Looks up what NAME (a module's name or an alias) stands for, in the indexes of the initramfs alone: PID 1 may do it. Each
 * driver is added to *ret, in ARENA, which has to last as long as M; what is added to a list that has some already is
 * optional. 0; -ENOENT: there is no such module, or modprobe.blacklist= names it; or -errno.
 */
MUST_CHECK int modules_find(struct modules *m, struct arena *arena, const char *name,
			    struct module_list **ret);

/*
 * Loads what has been found. Without the library, so that a child that was forked before can do it, and keeps nothing
 * of a file when it hangs in a driver. As modules_load.
 */
MUST_CHECK int modules_insert(const struct module_list *list, struct builder *words);

/*
 * Loads what NAME (a module's name or an alias) stands for, and what that needs first: in a child. 0 also where it is
 * built in or loaded; -ENOENT: the initramfs has no such module; or -errno of the kernel, with its words.
 */
MUST_CHECK int modules_load(struct modules *m, const char *name, struct builder *words);

/* Whether /proc/filesystems lists TYPE: built in, or its module is loaded. */
bool filesystem_known(const char *type);
