#include "command_upgrade.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_upgrade.h"
#include "disks.h"
#include "host_image.h"
#include "json.h"
#include "manifest.h"
#include "shadow_index.h"
#include "sys.h"
#include "text.h"

#define PARTS_MAX 128

struct hit {
	char *path;
	enum upgrade_how how;
	bool database;
};

static struct {
	struct hit *hits;
	size_t count, size;
	bool entered;
} found;

/* The column of text, and what each side did, for JSON. */
static const struct {
	const char *text, *top, *system;
} says[UPGRADE_HOWS] = {
	[UPGRADE_CHANGED] = { "changed in both", "changed", "changed" },
	[UPGRADE_ADDED] = { "added in both", "added", "added" },
	[UPGRADE_COPIED] = { "copied in TOP, changed in NEW", "copied", "changed" },
	[UPGRADE_GONE] = { "kept in TOP, deleted in NEW", "kept", "deleted" },
	[UPGRADE_DELETED] = { "deleted in TOP, changed in NEW", "deleted", "changed" },
	[UPGRADE_HIDDEN] = { "replaced in TOP, changed in NEW", "replaced", "changed below" },
};

static int complain(const char *what, int error, const char *words)
{
	(void)fprintf(stderr, "layerboot: check --upgrade: %s: %s%s%s\n", what, strerror(-error),
		      words[0] ? ": " : "", words);
	return 2;
}

static bool is_layer_type(const char *type)
{
	for (size_t i = 0; manifest_types[i]; i++)
		if (strcmp(manifest_types[i], type) == 0)
			return true;
	return false;
}

/* The file system of the image, or of the first partition that has one. */
static int find_file_system(int fd, struct host_image *image, char *type, size_t size)
{
	static struct disk_part parts[PARTS_MAX];
	static struct disk probed;
	int r;

	probed = (struct disk){ 0 };
	r = disk_probe(fd, 0, 0, &probed);
	*image = (struct host_image){ .fd = fd, .type = type };
	if (r < 0)
		return r;
	int count = is_layer_type(probed.type) ? 0 : disk_partitions(fd, parts, PARTS_MAX);
	for (int i = 0; i < count && !is_layer_type(probed.type); i++) {
		probed = (struct disk){ 0 };
		r = disk_probe(fd, parts[i].offset, parts[i].size, &probed);
		image->offset = parts[i].offset;
		image->size = parts[i].size;
	}
	if (r < 0 || !is_layer_type(probed.type))
		return r < 0 ? r : -EMEDIUMTYPE;
	text_print(type, size, "%s", probed.type);
	return 0;
}

/* Mounts come late: until the first image there is no need for a right that not everybody has. */
static int enter(void)
{
	bool root;

	if (found.entered)
		return 0;
	int r = host_image_enter(&root);
	if (r < 0)
		return r;
	found.entered = true;
	if (!root)
		(void)fputs("note: without root, owners are not compared, and what opaque "
			    "directories hide is not seen\n",
			    stderr);
	return 0;
}

/* An image, or a directory as it is. A descriptor of its root or -errno. */
static int open_tree(const char *path, struct builder *words)
{
	struct host_image image;
	struct stat st;
	char type[24];
	int fd = sys_open(path, O_RDONLY);
	int r = fd < 0 ? fd : sys_fstat(fd, &st);

	if (r < 0 || S_ISDIR(st.st_mode))
		return r < 0 ? r : fd;
	r = find_file_system(fd, &image, type, sizeof(type));
	if (r == -EMEDIUMTYPE)
		builder_add(words, "no file system that can be a layer, nor a partition with one");
	if (r == 0)
		r = enter();
	if (r == 0)
		r = host_image_mount(&image, words);
	(void)sys_close(fd);
	return r;
}

/* Where a top keeps its files; of a directory without "upper" it is the directory itself. */
static int open_upper(int top, const char *subdir, bool may_be_top)
{
	char path[PATH_MAX];

	text_print(path, sizeof(path), "%s%supper", subdir ? subdir : "", subdir ? "/" : "");
	int fd = sys_open_in_root(top, path, O_RDONLY | O_DIRECTORY);
	return fd == -ENOENT && may_be_top && !subdir ? sys_openat(top, ".", O_RDONLY | O_DIRECTORY)
						      : fd;
}

static int add_hit(void *context, const char *path, enum upgrade_how how)
{
	(void)context;
	if (found.count == found.size) {
		size_t size = found.size ? found.size * 2 : 64;
		void *more = realloc(found.hits, size * sizeof(*found.hits));
		if (!more)
			return -ENOMEM;
		found.hits = more;
		found.size = size;
	}
	struct hit *hit = &found.hits[found.count];
	*hit = (struct hit){ .path = strdup(path),
			     .how = how,
			     .database = shadow_is_database(path) };
	if (!hit->path)
		return -ENOMEM;
	found.count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->database != y->database ? y->database - x->database : strcmp(x->path, y->path);
}

static int print_json(void)
{
	static char line[65536];
	struct builder b;

	(void)fputs("{\"paths\":[", stdout);
	for (size_t i = 0; i < found.count; i++) {
		const struct hit *hit = &found.hits[i];
		builder_start(&b, line, sizeof(line));
		json_open(&b, "{");
		json_member_string(&b, "path", hit->path);
		json_member_string(&b, "top", says[hit->how].top);
		json_member_string(&b, "system", says[hit->how].system);
		json_key(&b, "database");
		json_bool(&b, hit->database);
		json_close(&b, "}");
		(void)printf("%s%s", i ? "," : "", line);
	}
	return puts("]}");
}

static int print_text(const char *new)
{
	static char path[4 * PATH_MAX];
	struct builder b;
	size_t databases = 0;

	for (size_t i = 0; i < found.count; i++) {
		builder_start(&b, path, sizeof(path));
		builder_add_escaped(&b, found.hits[i].path, "");
		(void)printf("%-31s  %s\n", says[found.hits[i].how].text, path);
		databases += found.hits[i].database;
	}
	if (found.count > 0)
		(void)printf(
			"next: the top's files hide what %s brings. Make a layer of the change and build "
			"it anew on %s\n"
			"      (scripts/mklayer DIR -o user.img --base %s) instead of installing into "
			"the top, and reset the top\n"
			"      (layerboot.top=reset, or =park to keep the old one).\n",
			new, new, new);
	return printf("check: %zu path%s changed on both sides, %zu of package databases\n",
		      found.count, found.count == 1 ? "" : "s", databases);
}

int command_upgrade(int argc, char **argv, const char *subdir, bool json)
{
	int roots[3];
	char why[5000];
	struct builder words;
	struct stat st;

	if (argc != 3) {
		(void)fputs("layerboot: check --upgrade: expected OLD NEW TOP\n"
			    "try: layerboot check --help\n",
			    stderr);
		return 2;
	}
	for (int i = 0; i < 3; i++) {
		builder_start(&words, why, sizeof(why));
		roots[i] = open_tree(argv[i], &words);
		if (roots[i] < 0)
			return complain(argv[i], roots[i], why);
	}
	bool directory = sys_stat(argv[2], &st) == 0 && S_ISDIR(st.st_mode);
	int upper = open_upper(roots[2], subdir, directory);
	builder_start(&words, why, sizeof(why));
	if (upper < 0)
		return complain(argv[2], upper, "no directory \"upper\" of a top");
	const struct upgrade u = {
		.old_root = roots[0], .new_root = roots[1], .upper = upper, .found = add_hit
	};
	int r = upgrade_compare(&u, &words);
	if (r < 0)
		return complain("comparing", r, why);
	if (found.count > 0)
		qsort(found.hits, found.count, sizeof(*found.hits), compare);
	if ((json ? print_json() : print_text(argv[1])) < 0 || fflush(stdout) < 0)
		return 2;
	return found.count > 0;
}
