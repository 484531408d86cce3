/* The text of the manifest, from where a boot would take it. */
#include "host_disks.h"

#include <errno.h>
#include <string.h>

#include "disks.h"
#include "file.h"
#include "host_image.h"
#include "host_media.h"
#include "resolve.h"
#include "sys.h"

/* As much as tells that there is too much. */
#define TEXT_MAX (MANIFEST_SIZE_MAX + 1)

static int missing(struct host_disks *h, const char *text, const char *why)
{
	return failure_set(&h->failure, FAILURE_MANIFEST_MISSING, NULL, "%s: %s", text, why) < 0;
}

static ssize_t read_all(int fd, off_t offset, char *text)
{
	size_t len = 0;
	ssize_t r = 0;

	while (len < TEXT_MAX &&
	       (r = sys_pread(fd, text + len, TEXT_MAX - len, offset + (off_t)len)) > 0)
		len += (size_t)r;
	return r < 0 ? r : (ssize_t)len;
}

/* Padding is no text; a NUL that something follows, the parser is to find. */
static size_t without_padding(const char *text, size_t len)
{
	while (len > 0 && !text[len - 1])
		len--;
	return len;
}

static int open_origin(struct host_disks *h, const struct disk *disk,
		       const struct host_extent *extent, struct builder *words)
{
	bool unused;

	if (h->cmdline.manifest.kind == ORIGIN_RAW)
		return sys_open(extent->image, O_RDONLY);
	int r = host_image_enter(&unused);
	int root = r < 0 ? r : host_media_root(h, disk, words);
	return root < 0 ? root : sys_open_in_root(root, h->cmdline.manifest.path, O_RDONLY);
}

/* The same as host_read(). */
static int read_from_disk(const struct host_options *o, struct host_disks *h, struct slice *ret)
{
	static struct resolution resolution;
	const struct origin *origin = &h->cmdline.manifest;
	bool raw = origin->kind == ORIGIN_RAW;
	const struct disk *disk;
	char said[512];
	struct builder words;

	builder_start(&words, said, sizeof(said));
	if (resolve_origin(origin, &h->inventory, h->cmdline.timeout_ms, &resolution, &disk) < 0) {
		h->failure = resolution.failure;
		return 1;
	}
	const struct host_extent *extent = disk ? host_extent_of(h, disk) : NULL;
	if (!extent)
		return host_complain(o, origin->text,
				     "no image is given for this disk; give --manifest");
	int fd = open_origin(h, disk, extent, &words);
	if (fd < 0)
		return missing(h, origin->text, words.len ? said : strerror(-fd));
	ssize_t len = read_all(fd, raw ? (off_t)extent->offset : 0, h->manifest_text);
	(void)sys_close(fd);
	if (len < 0)
		return missing(h, origin->text, strerror((int)-len));
	*ret = (struct slice){ h->manifest_text,
			       raw ? without_padding(h->manifest_text, (size_t)len) : (size_t)len };
	return 0;
}

static int find_text(const struct host_options *o, struct host_disks *h, struct slice *ret,
		     const char **ret_origin)
{
	const struct origin *named = &h->cmdline.manifest;

	*ret = slice_of(manifest_default);
	*ret_origin = "built-in manifest";
	if (o->manifest) {
		ssize_t len = file_read(o->manifest, h->manifest_text, sizeof(h->manifest_text));
		if (len < 0 && len != -EFBIG)
			return host_complain(o, o->manifest, strerror((int)-len));
		*ret_origin = o->manifest;
		*ret = (struct slice){ h->manifest_text,
				       len < 0 ? sizeof(h->manifest_text) - 1 : (size_t)len };
		return 0;
	}
	if (!named->text)
		return 0;
	*ret_origin = named->text;
	if (named->kind == ORIGIN_RAW || named->kind == ORIGIN_FILE)
		return read_from_disk(o, h, ret);
	return host_complain(o, named->text, "this is in the guest; give its text with --manifest");
}

/* What is not there would otherwise lock nothing. */
static bool is_readable(const struct host_options *o, const char *path)
{
	int fd = path ? sys_open(path, O_RDONLY) : -ENOENT;

	if (fd >= 0)
		(void)sys_close(fd);
	return !path || fd >= 0 || host_complain(o, path, strerror(-fd)) == 0;
}

int host_read(const struct host_options *o, int argc, char **argv, struct host_disks *ret)
{
	const char *cmdline = o->cmdline ? o->cmdline : "", *origin;
	struct slice text;

	arena_start(&ret->arena, ret->memory, sizeof(ret->memory));
	if (!is_readable(o, o->keys) || !is_readable(o, o->policy))
		return 2;
	if (lock_load(o->keys, o->policy, &ret->arena, &ret->lock, &ret->failure) < 0 ||
	    cmdline_parse(slice_of(cmdline), &ret->arena, &ret->cmdline, &ret->failure) < 0 ||
	    policy_check_cmdline(&ret->lock.policy, &ret->cmdline, &ret->failure) < 0)
		return 1;
	disks_limit_types(ret->lock.policy.types);
	int r = host_read_disks(o, argc, argv, ret);
	if (r == 0)
		r = find_text(o, ret, &text, &origin);
	if (r != 0)
		return r;
	return lock_read_manifest(&ret->lock, text, origin, &ret->cmdline, &ret->arena,
				  &ret->manifest, &ret->signer, &ret->failure) < 0;
}
