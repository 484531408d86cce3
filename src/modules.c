#include "modules.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

#include "kernel_log.h"
#include "sys.h"

struct modules {
	struct kmod_ctx *ctx;
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

void modules_close(struct modules *m)
{
	kmod_unref(m->ctx);
	m->ctx = NULL;
}

int modules_find(struct modules *m, const char *name, struct module_set **ret)
{
	struct kmod_list *list = NULL;
	int r = kmod_module_new_from_lookup(m->ctx, name, &list);

	/* -ENOSYS: there is no index, so there is no module of this kernel at all. */
	if (r == -ENOSYS || (r >= 0 && !list))
		return -ENOENT;
	if (r < 0)
		return r;
	*ret = (struct module_set *)list;
	return 0;
}

static int insert(struct kmod_list *list)
{
	struct kmod_list *item;
	int result = -ENOENT;

	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);
		int r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL,
							NULL, NULL, NULL);
		kmod_module_unref(module);
		/* Two children may load what both need; the second finds it there. */
		if (r == -EEXIST)
			r = 0;
		/* modprobe.blacklist= on the kernel command line: as if it were not there. */
		if (r > 0)
			r = -ENOENT;
		/* An alias may stand for several drivers; one that takes the device is enough. */
		if (r >= 0 || result == -ENOENT)
			result = r < 0 ? r : 0;
	}
	return result;
}

int modules_insert(struct module_set *set, struct builder *words)
{
	int64_t start_us = sys_now_us();
	int r = insert((struct kmod_list *)set);

	(void)kmod_module_unref_list((struct kmod_list *)set);
	if (r < 0)
		kernel_log_since(start_us, words);
	return r;
}

int modules_load(struct modules *m, const char *name, struct builder *words)
{
	struct module_set *set;
	int r = modules_find(m, name, &set);

	return r < 0 ? r : modules_insert(set, words);
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
