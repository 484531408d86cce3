#include "manifest_find.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "discover.h"
#include "file.h"
#include "manifest.h"
#include "sys.h"

#define IN_INITRAMFS "/etc/layerboot/manifest"
#define FW_CFG_NAME  "opt/org.layerboot/manifest"
#define FLOOR_NAME   "opt/org.layerboot/minimum-version"
#define FW_CFG_FILES "/sys/firmware/qemu_fw_cfg/by_name"

/* One byte more than a manifest may have, so that the parser sees that there is more, and a NUL. */
static char text[MANIFEST_SIZE_MAX + 2];

static int work_load(void *arg, struct builder *words)
{
	return modules_load(arg, "qemu_fw_cfg", words);
}

/* Whether the initramfs was built to look there, or the kernel: without a lookup in the index of modules. */
static bool has_fw_cfg(const char *release)
{
	char path[256];
	struct stat st;

	if (sys_stat(FW_CFG_FILES, &st) == 0)
		return true;
	(void)snprintf(path, sizeof(path), "/lib/modules/%s/qemu_fw_cfg.ko", release);
	return sys_stat(path, &st) == 0;
}

/* -ENOENT: no such file. */
static int read_fw_cfg(const char *name, struct modules *modules, struct builder *words,
		       ssize_t *ret_len)
{
	const int64_t patience_ms = 10000;
	char path[256];
	struct stat st;

	if (sys_stat(FW_CFG_FILES, &st) < 0) {
		int r = child_run(work_load, modules, patience_ms, words);
		if (r < 0)
			return r;
	}
	(void)snprintf(path, sizeof(path), FW_CFG_FILES "/%s/raw", name);
	*ret_len = file_read(path, text, sizeof(text));
	return *ret_len < 0 && *ret_len != -EFBIG ? (int)*ret_len : 0;
}

static int missing(const char *origin, int error, const char *words, struct failure *failure)
{
	return failure_set(failure, FAILURE_MANIFEST_MISSING, NULL, "%s: %s%s%s%s", origin,
			   strerror(-error), *words ? " (" : "", words, *words ? ")" : "");
}

/* What layerboot.manifest= names; *ret_len as file_read() returns it. */
static int find_named(const struct origin *origin, struct modules *modules, ssize_t *ret_len,
		      struct failure *failure)
{
	char said[512];
	struct builder words;
	int r;

	builder_start(&words, said, sizeof(said));
	switch (origin->kind) {
	case ORIGIN_PATH:
		*ret_len = file_read(origin->path, text, sizeof(text));
		break;
	case ORIGIN_FW_CFG:
		r = read_fw_cfg(origin->path, modules, &words, ret_len);
		if (r < 0)
			return missing(origin->text, r, said, failure);
		break;
	case ORIGIN_RAW:
	case ORIGIN_FILE:
		if (discover_manifest(origin) < 0)
			return -1;
		*ret_len = file_read(PATH_MANIFEST, text, sizeof(text));
		break;
	}
	return *ret_len < 0 && *ret_len != -EFBIG
		       ? missing(origin->text, (int)*ret_len, said, failure)
		       : 0;
}

/* The places that are looked at when nobody has named one. */
static ssize_t find_usual(struct modules *modules, const char *release, const char **ret_origin)
{
	char said[256];
	struct builder words;
	ssize_t len;

	builder_start(&words, said, sizeof(said));
	*ret_origin = "fw_cfg:" FW_CFG_NAME;
	if (has_fw_cfg(release)) {
		int r = read_fw_cfg(FW_CFG_NAME, modules, &words, &len);
		/* The next place is only for a machine without the device, or without the file. */
		if (r != -ENOENT && r != -ENODEV)
			return r < 0 ? r : len;
	}
	*ret_origin = IN_INITRAMFS;
	len = file_read(IN_INITRAMFS, text, sizeof(text));
	if (len != -ENOENT)
		return len;
	*ret_origin = "built-in manifest";
	len = (ssize_t)strlen(manifest_default);
	memcpy(text, manifest_default, (size_t)len + 1);
	return len;
}

int manifest_find_floor(struct modules *modules, const char *release, uint64_t *floor,
			struct failure *failure)
{
	char said[256];
	struct builder words;
	ssize_t len = 0;
	uint64_t number;

	builder_start(&words, said, sizeof(said));
	if (!has_fw_cfg(release))
		return 0;
	int r = read_fw_cfg(FLOOR_NAME, modules, &words, &len);
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0)
		return failure_set(failure, FAILURE_POLICY, NULL, "fw_cfg:" FLOOR_NAME ": %s%s%s",
				   strerror(-r), *said ? ": " : "", said);
	struct slice value = { text, len < 0 ? 0 : (size_t)len };
	while (value.len > 0 && strchr("\n", value.at[value.len - 1]))
		value.len--;
	if (text_number(value, UINT32_MAX, &number) < 0)
		return failure_set(failure, FAILURE_POLICY, NULL,
				   "fw_cfg:" FLOOR_NAME ": expected a number");
	if (number > *floor)
		*floor = number;
	return 0;
}

int manifest_find(const struct cmdline *c, struct modules *modules, const char *release,
		  struct slice *ret, const char **ret_origin, struct failure *failure)
{
	ssize_t len = 0;

	if (c->manifest.text) {
		*ret_origin = c->manifest.text;
		if (find_named(&c->manifest, modules, &len, failure) < 0)
			return -1;
	} else {
		len = find_usual(modules, release, ret_origin);
		if (len < 0 && len != -EFBIG)
			return missing(*ret_origin, (int)len, "", failure);
	}
	/* More than a manifest may have: the parser says so. */
	*ret = (struct slice){ text, len < 0 ? sizeof(text) - 1 : (size_t)len };
	(void)file_create(PATH_MANIFEST, text, ret->len);
	return 0;
}
