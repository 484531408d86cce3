#include "modules.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

#include "file.h"
#include "kernel_log.h"
#include "sys.h"

struct modules {
	struct kmod_ctx *ctx;
	const struct module_list *latest;
};

int modules_open(struct modules **ret)
{
	/* One context a process; an empty list of configuration files saves the search for them. */
	static struct modules only;
	static const char *const no_config[] = { NULL };

	only.ctx = kmod_new(NULL, no_config);
	if (!only.ctx)
		return -ENOMEM;
	/* Maps the indexes; else each look-up opens and reads them anew. What is missing, modules_find tells. */
	(void)kmod_load_resources(only.ctx);
	*ret = &only;
	return 0;
}

static const struct module_file *find_listed(const struct modules *m, const char *path)
{
	for (const struct module_list *l = m->latest; l; l = l->earlier)
		for (size_t i = 0; i < l->count; i++)
			if (strcmp(l->files[i].path, path) == 0)
				return &l->files[i];
	return NULL;
}

static int describe(const struct modules *m, struct arena *arena, struct kmod_module *module,
		    const char *path, struct module_file *file)
{
	const struct module_file *listed = find_listed(m, path);
	const char *options = kmod_module_get_options(module);

	if (listed) {
		file->path = listed->path;
		file->options = listed->options;
		file->state = listed->state ? listed->state
					    : arena_printf(arena, "/sys/module/%s/initstate",
							   kmod_module_get_name(module));
		return file->state ? 0 : -ENOMEM;
	}
	file->path = arena_copy(arena, slice_of(path));
	file->options = options ? arena_copy(arena, slice_of(options)) : "";
	return file->path && file->options ? 0 : -ENOMEM;
}

#define NEEDED_MAX 64 /* btrfs with all its checksums: 12 */

/* What goes to the kernel for one driver, in this order. */
struct needed {
	struct needed_module {
		struct kmod_module *module;
		bool optional;
	} all[NEEDED_MAX];
	size_t count;
	/* Whose softdeps were followed: they may name each other. */
	struct kmod_module *asked[NEEDED_MAX];
	size_t asked_count;
};

static struct needed_module *find_needed(struct needed *n, const struct kmod_module *module)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->all[i].module == module)
			return &n->all[i];
	return NULL;
}

static bool is_asked(const struct needed *n, const struct kmod_module *module)
{
	size_t i = 0;

	while (i < n->asked_count && n->asked[i] != module)
		i++;
	return i < n->asked_count;
}

static int need(struct needed *n, struct kmod_module *module, bool optional);

/* What it asks for beforehand ("softdep pre") is of use to it, as a cipher is, but it may load without. */
static int need_softdeps(struct needed *n, struct kmod_module *module)
{
	struct kmod_list *before = NULL, *after = NULL, *item;
	int r = 0;

	if (is_asked(n, module))
		return 0;
	if (n->asked_count == NEEDED_MAX)
		return -ENOBUFS;
	n->asked[n->asked_count++] = module;
	if (kmod_module_get_softdeps(module, &before, &after) < 0)
		return 0;
	kmod_list_foreach(item, before)
	{
		if (r == 0)
			r = need(n, kmod_module_get_module(item), true);
	}
	return r;
}

static int need_alone(struct needed *n, struct kmod_module *module, bool optional)
{
	int r = need_softdeps(n, module);
	struct needed_module *already = find_needed(n, module);

	if (already) {
		already->optional = already->optional && optional;
	} else if (r == 0) {
		if (n->count == NEEDED_MAX)
			return -ENOBUFS;
		n->all[n->count++] = (struct needed_module){ module, optional };
	}
	return r;
}

/* MODULE after what it depends on: the list of the library has that whole, and in order. */
static int need(struct needed *n, struct kmod_module *module, bool optional)
{
	struct kmod_list *first = kmod_module_get_dependencies(module), *item;
	int r = 0;

	kmod_list_foreach(item, first)
	{
		if (r == 0)
			r = need_alone(n, kmod_module_get_module(item), optional);
	}
	return r == 0 ? need_alone(n, module, optional) : r;
}

/* What is built in has no file, and needs none. */
static int add_file(const struct modules *m, struct arena *arena, const struct needed_module *n,
		    struct module_list *list)
{
	const char *path = kmod_module_get_path(n->module);
	struct module_file *file = &list->files[list->count];

	if (!path) {
		bool missing = kmod_module_get_initstate(n->module) != KMOD_MODULE_BUILTIN;
		return missing && !n->optional ? -ENOENT : 0;
	}
	file->optional = n->optional;
	list->count++;
	return describe(m, arena, n->module, path, file);
}

static int add_driver(struct modules *m, struct arena *arena, struct kmod_module *module,
		      struct module_list **ret)
{
	struct needed needed = { .count = 0 };
	struct module_list *list = arena_alloc(arena, sizeof(*list));

	int r = need(&needed, module, false);
	if (r == 0 &&
	    (!list || !(list->files = arena_alloc(arena, needed.count * sizeof(*list->files)))))
		r = -ENOMEM;
	for (size_t i = 0; i < needed.count && r == 0; i++)
		r = add_file(m, arena, &needed.all[i], list);
	if (r < 0)
		return r;
	list->earlier = m->latest;
	m->latest = *ret = list;
	return 0;
}

/* 0 if there is one at least. */
static int add_drivers(struct modules *m, struct arena *arena, struct kmod_list *drivers,
		       struct module_list **ret)
{
	const bool optional = *ret != NULL;
	struct kmod_list *item;
	int result = -ENOENT;

	while (*ret)
		ret = &(*ret)->next;
	kmod_list_foreach(item, drivers)
	{
		struct kmod_module *module = kmod_module_get_module(item);
		int r = add_driver(m, arena, module, ret);
		if (r == 0) {
			(*ret)->optional = optional;
			ret = &(*ret)->next;
		}
		if (result != 0)
			result = r;
	}
	return result;
}

int modules_find(struct modules *m, struct arena *arena, const char *name, struct module_list **ret)
{
	struct kmod_list *found = NULL, *allowed = NULL;
	int r = kmod_module_new_from_lookup(m->ctx, name, &found);

	/* -ENOSYS: there is no index, so there is no module of this kernel at all. */
	if (r < 0)
		return r == -ENOSYS ? -ENOENT : r;
	/* modprobe.blacklist= on the kernel command line: as if it were not there. */
	r = kmod_module_apply_filter(m->ctx, KMOD_FILTER_BLACKLIST, found, &allowed);
	if (r >= 0)
		r = add_drivers(m, arena, allowed, ret);
	return r;
}

static bool is_loaded(const struct module_file *file)
{
	char state[8];

	return file->state && file_read(file->state, state, sizeof(state)) > 0 &&
	       strncmp(state, "live", 4) == 0;
}

static int insert(const struct module_file *file)
{
	/* Before the kernel has checked its signature it does not notice that it has the module. */
	if (is_loaded(file))
		return 0;
	int fd = sys_open(file->path, O_RDONLY);
	if (fd < 0)
		return fd;
	int r = sys_insert_module(fd, file->options);
	(void)sys_close(fd);
	/* Two children may load what both need; the second finds it there. */
	return r == -EEXIST ? 0 : r;
}

static int insert_list(const struct module_list *list)
{
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++) {
		r = insert(&list->files[i]);
		if (list->files[i].optional)
			r = 0;
	}
	return r;
}

int modules_insert(const struct module_list *list, struct builder *words)
{
	int64_t start_us = sys_now_us();
	int result = -ENOENT;

	for (; list; list = list->next) {
		/* Of what is not needed, if that is there that needs it. */
		if (list->optional && result < 0)
			break;
		int r = insert_list(list);
		/* An alias may stand for several drivers; one that takes the device is enough. */
		if (!list->optional && (r == 0 || result == -ENOENT))
			result = r;
	}
	if (result < 0)
		kernel_log_since(start_us, words);
	return result;
}

int modules_load(struct modules *m, const char *name, struct builder *words)
{
	/* Kept from one call to the next: what has been found stays listed. */
	static char memory[16384];
	static struct arena arena;
	struct module_list *list = NULL;

	if (!arena.base)
		arena_start(&arena, memory, sizeof(memory));
	int r = modules_find(m, &arena, name, &list);
	return r < 0 ? r : modules_insert(list, words);
}

static void list_all(struct kmod_list *list, modules_listed *listed, void *arg)
{
	struct kmod_list *item;

	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);
		const char *path = kmod_module_get_path(module);
		if (path)
			listed(arg, kmod_module_get_name(module), path);
		kmod_module_unref(module);
	}
	(void)kmod_module_unref_list(list);
}

static int list_module(struct kmod_module *module, modules_listed *listed, void *arg)
{
	struct kmod_list *before = NULL, *after = NULL;
	const char *path = kmod_module_get_path(module);

	if (!path)
		return kmod_module_get_initstate(module) == KMOD_MODULE_BUILTIN ? 1 : -ENOENT;
	if (kmod_module_get_softdeps(module, &before, &after) == 0) {
		list_all(before, listed, arg);
		(void)kmod_module_unref_list(after);
	}
	list_all(kmod_module_get_dependencies(module), listed, arg);
	listed(arg, kmod_module_get_name(module), path);
	return 0;
}

int modules_list(const char *directory, const char *name, modules_listed *listed, void *arg)
{
	static const char *const no_config[] = { NULL };
	struct kmod_ctx *ctx = kmod_new(directory, no_config);
	struct kmod_module *module;

	if (!ctx)
		return -ENOMEM;
	int r = kmod_module_new_from_name(ctx, name, &module);
	if (r == 0) {
		r = list_module(module, listed, arg);
		(void)kmod_module_unref(module);
	}
	kmod_unref(ctx);
	return r;
}

bool filesystem_known(const char *type)
{
	char text[4096];
	struct slice rest = { .at = text }, line;
	int fd = sys_open("/proc/filesystems", O_RDONLY);

	if (fd < 0)
		return false;
	ssize_t len;
	while ((len = sys_read(fd, text + rest.len, sizeof(text) - rest.len)) > 0)
		rest.len += (size_t)len;
	(void)sys_close(fd);
	/* "nodev\toverlay" or "\tsquashfs" */
	while (slice_next(&rest, '\n', &line)) {
		const char *tab = memchr(line.at, '\t', line.len);
		if (tab && slice_is((struct slice){ .at = tab + 1,
						    .len = (size_t)(line.at + line.len - tab - 1) },
				    type))
			return true;
	}
	return false;
}
