#include "manifest_find.h"

#include <errno.h>
#include <string.h>

#include "child.h"
#include "discover.h"
#include "file.h"
#include "manifest.h"
#include "pages.h"
#include "sys.h"
#include "text.h"

#define IN_INITRAMFS "/etc/layerboot/manifest"
#define FW_CFG_NAME  "opt/org.layerboot/manifest"
#define FLOOR_NAME   "opt/org.layerboot/minimum-version"
#define FW_CFG_FILES "/sys/firmware/qemu_fw_cfg/by_name"

/* Empty, of mkinitramfs --fw-cfg. */
#define FW_CFG_WANTED "/etc/layerboot/fw_cfg"

/* One byte more than a manifest may have, so that the parser sees that there is more, and a NUL. */
static ON_A_PAGE char text[MANIFEST_SIZE_MAX + 2];

static int work_load(void *arg, struct builder *words)
{
	return modules_load(arg, "qemu_fw_cfg", words);
}

/*
 * Whether the initramfs was built to look there, or the kernel shows it: 1, 0 or -errno. Not by the module, which may
 * be missing though it is needed.
 */
static int looks_in_fw_cfg(void)
{
	static const char *const places[] = { FW_CFG_FILES, FW_CFG_WANTED };
	struct stat st;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int r = sys_stat(places[i], &st);
		if (r != -ENOENT)
			return r < 0 ? r : 1;
	}
	return 0;
}

/* -ENOENT: there is no module; -ENODEV: it is loaded, and this machine has none. */
static int start_fw_cfg(struct modules *modules, struct builder *words)
{
	const int64_t patience_ms = 10000;
	struct stat st;
	int r = sys_stat(FW_CFG_FILES, &st);

	if (r == -ENOENT) {
		r = child_run(work_load, modules, patience_ms, words);
		if (r == 0 && sys_stat(FW_CFG_FILES, &st) < 0)
			r = -ENODEV;
	}
	return r;
}

static ssize_t read_fw_cfg(const char *name)
{
	char path[256];

	text_print(path, sizeof(path), FW_CFG_FILES "/%s/raw", name);
	return file_read(path, text, sizeof(text));
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
		r = start_fw_cfg(modules, &words);
		if (r < 0)
			return missing(origin->text, r, said, failure);
		*ret_len = read_fw_cfg(origin->path);
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
static ssize_t find_usual(struct modules *modules, const char **ret_origin)
{
	char said[256];
	struct builder words;
	ssize_t len = looks_in_fw_cfg();

	builder_start(&words, said, sizeof(said));
	*ret_origin = "fw_cfg:" FW_CFG_NAME;
	if (len > 0)
		len = start_fw_cfg(modules, &words);
	else if (len == 0)
		len = -ENOENT;
	if (len == 0)
		len = read_fw_cfg(FW_CFG_NAME);
	/* The next place is only for a machine without the device, or without the file. */
	if (len != -ENOENT && len != -ENODEV)
		return len;
	*ret_origin = IN_INITRAMFS;
	len = file_read(IN_INITRAMFS, text, sizeof(text));
	if (len != -ENOENT)
		return len;
	*ret_origin = "built-in manifest";
	len = (ssize_t)strlen(manifest_default);
	memcpy(text, manifest_default, (size_t)len + 1);
	return len;
}

static int no_floor(int error, const char *words, struct failure *failure)
{
	return failure_set(failure, FAILURE_POLICY, NULL,
			   "fw_cfg:" FLOOR_NAME
			   ": %s%s%s; the initramfs was built to ask there (--fw-cfg)",
			   error == -ENOENT   ? "no module qemu_fw_cfg"
			   : error == -ENODEV ? "this machine shows no fw_cfg"
					      : strerror(-error),
			   *words ? ": " : "", words);
}

int manifest_find_floor(struct modules *modules, uint64_t *floor, struct failure *failure)
{
	char said[256] = "";
	struct builder words;
	uint64_t number;

	builder_start(&words, said, sizeof(said));
	int r = looks_in_fw_cfg();
	if (r == 0)
		return 0;
	if (r > 0)
		r = start_fw_cfg(modules, &words);
	/* Whatever the reason: the host may have said something, and it is not known what. */
	if (r < 0)
		return no_floor(r, said, failure);
	ssize_t len = read_fw_cfg(FLOOR_NAME);
	if (len == -ENOENT)
		return 0;
	if (len < 0 && len != -EFBIG)
		return no_floor((int)len, said, failure);
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

int manifest_find(const struct cmdline *c, struct modules *modules, struct slice *ret,
		  const char **ret_origin, struct failure *failure)
{
	ssize_t len = 0;

	if (c->manifest.text) {
		*ret_origin = c->manifest.text;
		if (find_named(&c->manifest, modules, &len, failure) < 0)
			return -1;
	} else {
		len = find_usual(modules, ret_origin);
		if (len < 0 && len != -EFBIG)
			return missing(*ret_origin, (int)len, "", failure);
	}
	/* More than a manifest may have: the parser says so. */
	*ret = (struct slice){ text, len < 0 ? sizeof(text) - 1 : (size_t)len };
	(void)file_create(PATH_MANIFEST, text, ret->len);
	return 0;
}
