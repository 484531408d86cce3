#include "check.h"

#include <stdio.h>

#define START "version = 1\n"
#define LAYER "[layer a]\nsource = SERIAL=a\n"

static void every_key(void **state)
{
	(void)state;
	fresh_arena();
	const struct manifest *m = given_manifest("# a comment\n"
						  "\n"
						  "  version=1\n"
						  "union\t=\toverlay\n"
						  "[layer system]\n"
						  "source = SERIAL=system | /dev/vdb\n"
						  "type = ext4\n"
						  "options = noload,user_xattr\n"
						  "timeout = 1500ms\n"
						  "  # another = one\n"
						  "[ layer   user.1_2-3 ]  \n"
						  "required = no\n"
						  "source = LABEL=\"a b\"\n"
						  "type = auto\n"
						  "[top]\n"
						  "type = tmpfs\n"
						  "size = 25%\n"
						  "nr-inodes = 10k");
	assert_int_equal(m->union_kind, UNION_OVERLAY);
	assert_int_equal(m->layers_count, 2);
	const struct layer *l = &m->layers[0];
	assert_string_equal(l->name, "system");
	assert_int_equal(l->source.count, 2);
	assert_string_equal(l->source.text, "SERIAL=system | /dev/vdb");
	assert_int_equal(l->source.any[1].kind, SELECTOR_PATH);
	assert_string_equal(l->type, "ext4");
	assert_string_equal(l->options, "noload,user_xattr");
	assert_int_equal(l->timeout_ms, 1500);
	assert_false(l->optional);
	assert_false(l->skipped);
	l = &m->layers[1];
	assert_string_equal(l->name, "user.1_2-3");
	assert_string_equal(l->source.any[0].value, "a b");
	assert_true(l->optional);
	assert_null(l->type);
	assert_null(l->options);
	assert_true(l->timeout_ms < 0);
	assert_int_equal(m->top.kind, TOP_TMPFS);
	assert_string_equal(m->top.size, "25%");
	assert_string_equal(m->top.nr_inodes, "10k");
}

static void what_is_not_said_is_default(void **state)
{
	(void)state;
	fresh_arena();
	const struct manifest *m = given_manifest(START LAYER);
	assert_int_equal(m->union_kind, UNION_OVERLAY);
	assert_int_equal(m->top.kind, TOP_TMPFS);
	assert_null(m->top.size);
	assert_null(m->top.nr_inodes);
	m = given_manifest(START LAYER "[top]\ntype = none\n");
	assert_int_equal(m->top.kind, TOP_NONE);
}

static void every_key_of_what_a_layer_holds(void **state)
{
	(void)state;
	fresh_arena();
	const struct manifest *m = given_manifest(START "union = unionfs\nredirect = off\n"
							"[layer a]\n"
							"source = WWN=0x5000c500a1b2c3d4\n"
							"image = /bundles/*.sb\n"
							"subdir = root fs/usr\n"
							"identity = v1-2\n"
							"kernel = 6.1.0-1-amd64\t6.12.0\n"
							"base-mismatch = error\n"
							"whiteouts = wh\n"
							"trust = untrusted\n"
							"only = /opt \"/a b\" /\n"
							"protect = /etc/x\n"
							"[layer b]\n"
							"source = SERIAL=b\n"
							"kernel = any\n"
							"base-mismatch = warn\n"
							"whiteouts = xattr\n"
							"trust = trusted\n"
							"[layer c]\n"
							"source = SERIAL=c\n"
							"whiteouts = overlay\n");
	const struct layer *l = &m->layers[0];
	assert_int_equal(m->union_kind, UNION_UNIONFS);
	assert_int_equal(l->source.any[0].kind, SELECTOR_WWN);
	assert_string_equal(l->image, "bundles/*.sb");
	assert_string_equal(l->subdir, "root fs/usr");
	assert_string_equal(l->identity, "v1-2");
	assert_int_equal(l->kernels_count, 2);
	assert_string_equal(l->kernels[0], "6.1.0-1-amd64");
	assert_string_equal(l->kernels[1], "6.12.0");
	assert_false(l->kernel_any);
	assert_int_equal(l->whiteouts, LAYER_WHITEOUTS_WH);
	assert_true(l->untrusted);
	assert_true(l->base_strict);
	assert_int_equal(l->only_count, 3);
	assert_string_equal(l->only[0], "/opt");
	assert_string_equal(l->only[1], "/a b");
	assert_string_equal(l->only[2], "/");
	assert_int_equal(l->protect_count, 1);
	assert_string_equal(l->protect[0], "/etc/x");
	l = &m->layers[1];
	assert_true(l->kernel_any);
	assert_int_equal(l->kernels_count, 0);
	assert_int_equal(l->whiteouts, LAYER_WHITEOUTS_XATTR);
	assert_false(l->untrusted);
	assert_false(l->base_strict);
	assert_null(l->image);
	assert_null(l->only);
	assert_int_equal(m->layers[2].whiteouts, LAYER_WHITEOUTS_OVERLAY);
	assert_int_equal(given_manifest(START "union = aufs\n" LAYER)->union_kind, UNION_AUFS);
	assert_true(given_manifest(START "redirect = on\n" LAYER)->redirect);
	assert_false(given_manifest(START LAYER)->redirect);
}

static void every_key_of_disks_that_are_written_to(void **state)
{
	static const struct {
		const char *word;
		enum on_change on_change;
	} changes[] = { { "keep", ON_CHANGE_KEEP },
			{ "refuse", ON_CHANGE_REFUSE },
			{ "park", ON_CHANGE_PARK },
			{ "reset", ON_CHANGE_RESET } };

	(void)state;
	fresh_arena();
	/* what follows [bind NAME] in [top] is the top's */
	const struct manifest *m = given_manifest(
		START LAYER
		"[bind etc]\nsource = LABEL=b\nsubdir = /x/y\nformat = xfs\nfsck = no\ngrow = no\n"
		"paths = /etc/ssh /etc/machine-id\n"
		"[top]\ntype = disk\nsource = LABEL=t | WWN=eui.1\nsubdir = tops/a\nformat = ext4\n"
		"fsck = auto\ngrow = yes\non-system-change = park\n"
		"[bind var]\npaths = /var/lib/docker\nsource = /dev/vdz\n");
	const struct volume *v = &m->binds[0].volume;
	assert_int_equal(m->binds_count, 2);
	assert_string_equal(m->binds[0].name, "etc");
	assert_string_equal(v->source.text, "LABEL=b");
	assert_string_equal(v->subdir, "x/y");
	assert_string_equal(v->format, "xfs");
	assert_true(v->no_fsck);
	assert_false(v->grow);
	assert_int_equal(m->binds[0].paths_count, 2);
	assert_string_equal(m->binds[0].paths[1], "/etc/machine-id");
	assert_string_equal(m->binds[1].volume.source.text, "/dev/vdz");
	assert_int_equal(m->binds[1].paths_count, 1);
	v = &m->top.volume;
	assert_int_equal(m->top.kind, TOP_DISK);
	assert_int_equal(v->source.count, 2);
	assert_string_equal(v->subdir, "tops/a");
	assert_string_equal(v->format, "ext4");
	assert_false(v->no_fsck);
	assert_true(v->grow);
	assert_false(m->top.reset || m->top.park);
	for (size_t i = 0; i < ROWS(changes); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text),
			       START LAYER "[top]\ntype = disk\nsource = LABEL=t\n"
					   "on-system-change = %s\n",
			       changes[i].word);
		assert_int_equal(given_manifest(text)->top.on_change, changes[i].on_change);
	}
}

static void the_built_in_one_is_valid(void **state)
{
	(void)state;
	fresh_arena();
	const struct manifest *m = given_manifest(manifest_default);
	assert_int_equal(m->layers_count, 2);
	assert_string_equal(m->layers[0].source.text, "SERIAL=system | PARTLABEL=layerboot-system");
	assert_string_equal(m->layers[1].source.text, "SERIAL=user | PARTLABEL=layerboot-user");
	assert_false(m->layers[0].optional);
	assert_true(m->layers[1].optional);
	assert_string_equal(m->top.size, "50%");
}

static void every_type(void **state)
{
	char text[128];

	(void)state;
	for (size_t i = 0; manifest_types[i]; i++) {
		fresh_arena();
		(void)snprintf(text, sizeof(text), START LAYER "type = %s\n", manifest_types[i]);
		assert_string_equal(given_manifest(text)->layers[0].type, manifest_types[i]);
	}
}

#define NAME   "expected a name of letters, digits, . _ - (at most 32 bytes), but not top"
#define TAGS   "SERIAL=, WWN=, LABEL=, UUID=, PARTLABEL=, PARTUUID= or a /dev path"
#define OPTION "an option of the file system: a layer is always mounted ro,nosuid,nodev,noexec"
#define LAYER_KEYS                                                                                              \
	"source, type, image, subdir, options, required, timeout, identity, kernel, base-mismatch, whiteouts, " \
	"trust, only, protect, verity, verity-hash-source, verity-hash-offset, verity-data-size, "              \
	"verity-block-size, verity-hash-block-size, verity-salt, verity-algorithm, on-corruption"
#define IMAGE   "a path inside the source, at most 255 bytes, a glob in its last part only"
#define SUBDIR  "a directory inside the file system, without . or .. or a glob"
#define KERNELS "kernel releases as uname -r prints them, or any"
#define PATHS                                                                                \
	"absolute paths without . or .. in them, separated by blanks; double quotes around " \
	"one that has blanks"
#define DISK_ONLY "source, subdir, format, fsck, grow and on-system-change with type = disk only"
#define BIND      "[bind a]\nsource = LABEL=a\npaths = /a\n"
#define FIRST     "expected \"version = 1\" before anything else"
#define SIZE      "size: expected a size as tmpfs takes it, as 50% or 512m"

static void errors(void **state)
{
	static const struct {
		const char *text, *words; /* after "m:" */
	} rows[] = {
		/* the version */
		{ "", "1:1: " FIRST },
		{ "# nothing\n", "1:1: " FIRST },
		{ "\n\n" LAYER, "3:1: " FIRST },
		{ "\n  union = overlay\n", "2:3: " FIRST },
		{ "version = 2\n", "1:11: version: expected 1, the version of this format" },
		{ "version =\n", "1:10: version: expected 1, the version of this format" },
		{ START "version = 1\n", "2:1: a second version in this section" },
		{ START, "2:1: expected at least one [layer NAME]" },
		{ START "[top]\ntype = none", "3:12: expected at least one [layer NAME]" },
		/* lines */
		{ START "nonsense\n", "2:1: expected key = value, [section] or # comment" },
		{ START "]\n", "2:1: expected key = value, [section] or # comment" },
		{ "version = 1\r\n", "1:12: expected lines that end with LF alone, not CR LF" },
		{ START "\r\n", "2:1: expected lines that end with LF alone, not CR LF" },
		{ START "[layer a]\r\n", "2:10: expected lines that end with LF alone, not CR LF" },
		/* keys and sections */
		{ START "union = overlay # or not\n",
		  "2:17: expected a comment on a line of its own, or double quotes" },
		{ START "[layer a]\nsource = LABEL=\x1b[2J\n",
		  "3:16: expected text, found a control character" },
		{ START "  colour = red\n",
		  "2:3: unknown key; expected one of: version, union, redirect, domain, set, set-version" },
		{ START "= red\n",
		  "2:1: unknown key; expected one of: version, union, redirect, domain, set, set-version" },
		{ START "Union = overlay\n",
		  "2:1: unknown key; expected one of: version, union, redirect, domain, set, set-version" },
		{ START "source = SERIAL=a\n",
		  "2:1: unknown key; expected one of: version, union, redirect, domain, set, set-version" },
		{ START LAYER "version = 1\n", "4:1: unknown key; expected one of: " LAYER_KEYS },
		{ START LAYER "size = 1m\n", "4:1: unknown key; expected one of: " LAYER_KEYS },
		{ START LAYER "[top]\nrequired = no\n",
		  "5:1: unknown key; expected one of: type, size, nr-inodes, source, subdir, "
		  "format, fsck, grow, on-system-change" },
		{ START LAYER "source = SERIAL=b\n", "4:1: a second source in this section" },
		{ START LAYER "[top]\nsize = 1m\nsize = 1m\n",
		  "6:1: a second size in this section" },
		{ START "union = overlay\nunion = overlay\n",
		  "3:1: a second union in this section" },
		{ START "[bottom]\n",
		  "2:2: unknown section; expected [layer NAME], [top] or [bind NAME]" },
		{ START "[]\n",
		  "2:2: unknown section; expected [layer NAME], [top] or [bind NAME]" },
		{ START "[layer]\n",
		  "2:2: unknown section; expected [layer NAME], [top] or [bind NAME]" },
		{ START "[layer ]\n",
		  "2:2: unknown section; expected [layer NAME], [top] or [bind NAME]" },
		{ START "[TOP]\n",
		  "2:2: unknown section; expected [layer NAME], [top] or [bind NAME]" },
		{ START "[top\n", "2:5: expected ] at the end of the section's name" },
		{ START "[\n", "2:2: expected ] at the end of the section's name" },
		{ START "[top] # x\n", "2:10: expected ] at the end of the section's name" },
		{ START LAYER "[top]\n[top]\n", "5:1: a second [top]" },
		{ START LAYER LAYER, "4:8: a second [layer a]" },
		{ START "[layer a]\n[layer b]\n", "2:1: [layer a] has no source" },
		{ START LAYER "[layer b]\ntype = auto\n", "4:1: [layer b] has no source" },
		{ START "[layer a]", "2:1: [layer a] has no source" },
		/* names become directories */
		{ START "[layer .]\n", "2:8: " NAME },
		{ START "[layer ..]\n", "2:8: " NAME },
		{ START "[layer a/b]\n", "2:8: " NAME },
		{ START "[layer a:b]\n", "2:8: " NAME },
		{ START "[layer a,b]\n", "2:8: " NAME },
		{ START "[layer a b]\n", "2:8: " NAME },
		{ START "[layer -a]\n", "2:8: " NAME },
		{ START "[layer \xc3\xa4]\n", "2:8: " NAME },
		{ START "[layer a12345678901234567890123456789012]\n", "2:8: " NAME },
		/* values */
		{ START "union = both\n", "2:9: union: expected overlay, aufs or unionfs" },
		{ START "[layer a]\nsource = sda\n", "3:10: source: expected " TAGS },
		{ START "[layer a]\nsource =\n", "3:9: source: expected " TAGS },
		{ START "[layer a]\nsource = SERIAL=a | LABEL=\n",
		  "3:21: source: expected a value after the tag" },
		{ START "[layer a]\ntype = ntfs\n",
		  "3:8: type: expected auto, squashfs, erofs, ext4, xfs, btrfs or iso9660" },
		{ START "[layer a]\ntype = vfat\n",
		  "3:8: type: expected another type: overlay refuses vfat as a layer" },
		{ START "[layer a]\noptions =\n",
		  "3:10: options: expected mount options, separated by commas" },
		{ START "[layer a]\noptions = noload,rw\n", "3:18: options: expected " OPTION },
		{ START "[layer a]\noptions = suid\n", "3:11: options: expected " OPTION },
		{ START "[layer a]\noptions = a,dev,b\n", "3:13: options: expected " OPTION },
		{ START "[layer a]\noptions = exec\n", "3:11: options: expected " OPTION },
		{ START "[layer a]\noptions = remount\n", "3:11: options: expected " OPTION },
		{ START "[layer a]\noptions = bind\n", "3:11: options: expected " OPTION },
		{ START "[layer a]\nrequired = maybe\n", "3:12: required: expected yes or no" },
		{ START "[layer a]\nrequired = Yes\n", "3:12: required: expected yes or no" },
		{ START "[layer a]\ntimeout = soon\n",
		  "3:11: timeout: expected a duration of at most a day, as 10, 10s or 500ms" },
		{ START "[layer a]\ntimeout = 25h\n",
		  "3:11: timeout: expected a duration of at most a day, as 10, 10s or 500ms" },
		{ START "[top]\ntype = ram\n", "3:8: type: expected tmpfs, disk or none" },
		{ START "redirect = yes\n", "2:12: redirect: expected on or off" },
		{ START "[layer a]\nimage =\n", "3:8: image: expected " IMAGE },
		{ START "[layer a]\nimage = /\n", "3:9: image: expected " IMAGE },
		{ START "[layer a]\nimage = a*/b\n", "3:9: image: expected " IMAGE },
		{ START "[layer a]\nimage = a//b\n", "3:9: image: expected " IMAGE },
		{ START "[layer a]\nimage = a/../b\n", "3:9: image: expected " IMAGE },
		{ START "[layer a]\nimage = a/\n", "3:9: image: expected " IMAGE },
		{ START "[layer a]\nsubdir = a?\n", "3:10: subdir: expected " SUBDIR },
		{ START "[layer a]\nsubdir = .\n", "3:10: subdir: expected " SUBDIR },
		{ START "[layer a]\nsubdir = /\n", "3:10: subdir: expected " SUBDIR },
		{ START "[layer a]\nidentity =\n",
		  "3:11: identity: expected a word of at most 128 bytes" },
		{ START "[layer a]\nidentity = a b\n",
		  "3:12: identity: expected a word of at most 128 bytes" },
		{ START "[layer a]\nidentity = a\tb\n",
		  "3:12: identity: expected a word of at most 128 bytes" },
		{ START "[layer a]\nkernel =\n", "3:9: kernel: expected " KERNELS },
		{ START "[layer a]\nkernel = \"\"\n", "3:10: kernel: expected " KERNELS },
		{ START "[layer a]\nwhiteouts = aufs\n",
		  "3:13: whiteouts: expected overlay, wh or xattr" },
		{ START "[layer a]\ntrust = yes\n", "3:9: trust: expected trusted or untrusted" },
		{ START "[layer a]\nonly =\n", "3:7: only: expected " PATHS },
		{ START "[layer a]\nonly = opt\n", "3:8: only: expected " PATHS },
		{ START "[layer a]\nonly = /opt  usr\n", "3:14: only: expected " PATHS },
		{ START "[layer a]\nonly = /a /b/../c\n", "3:11: only: expected " PATHS },
		{ START "[layer a]\nonly = /a/\n", "3:8: only: expected " PATHS },
		{ START "[layer a]\nonly = /a \"/b c\n", "3:12: only: expected " PATHS },
		{ START "[layer a]\nonly = \"/a\"b\n", "3:9: only: expected " PATHS },
		{ START "[layer a]\nprotect = /a b\n", "3:14: protect: expected " PATHS },
		{ START "[layer a]\nprotect = /a /\n", "3:11: protect: expected paths below /" },
		/* the disks of a top and of binds */
		{ START "[top]\nsource = sda\n", "3:10: source: expected " TAGS },
		{ START "[top]\nsubdir = ../x\n", "3:10: subdir: expected " SUBDIR },
		{ START "[top]\nformat = btrfs\n", "3:10: format: expected ext4 or xfs" },
		{ START "[top]\nfsck = yes\n", "3:8: fsck: expected auto or no" },
		{ START "[top]\ngrow = auto\n", "3:8: grow: expected yes or no" },
		{ START "[top]\non-system-change = ask\n",
		  "3:20: on-system-change: expected keep, refuse, park or reset" },
		{ START LAYER "[top]\ntype = disk\n",
		  "4:1: [top]: expected a source for type = disk" },
		{ START LAYER "[top]\ntype = disk\nsource = LABEL=x\nsize = 1m\n[layer b]\n",
		  "4:1: [top]: expected size and nr-inodes with type = tmpfs only" },
		{ START LAYER "[top]\ntype = none\nnr-inodes = 1k\n",
		  "4:1: [top]: expected size and nr-inodes with type = tmpfs only" },
		{ START LAYER "[top]\nformat = ext4\n", "4:1: [top]: expected " DISK_ONLY },
		{ START LAYER "[top]\non-system-change = park\n",
		  "4:1: [top]: expected " DISK_ONLY },
		{ START LAYER "[top]\ntype = none\nsource = LABEL=x\n",
		  "4:1: [top]: expected " DISK_ONLY },
		{ START "[bind]\n",
		  "2:2: unknown section; expected [layer NAME], [top] or [bind NAME]" },
		{ START "[bind a/b]\n", "2:7: " NAME },
		{ START "[layer top]\n", "2:8: " NAME },
		{ START "[bind top]\n", "2:7: " NAME },
		{ START BIND "[bind  a]\n", "5:8: a second [bind a]" },
		{ START "[bind a]\npaths = /a\n[top]\n", "2:1: [bind a] has no source" },
		{ START "[bind a]\nsource = LABEL=a\n", "2:1: [bind a] has no paths" },
		{ START "[bind a]\npaths = a\n", "3:9: paths: expected " PATHS },
		{ START "[bind a]\npaths = / /b\n", "3:9: paths: expected paths below /" },
		{ START "[bind a]\ntype = ext4\n",
		  "3:1: unknown key; expected one of: source, subdir, format, fsck, grow, paths" },
		{ START BIND, "5:1: expected at least one [layer NAME]" },
		{ START "[top]\nsize = big\n", "3:8: " SIZE },
		{ START "[top]\nsize = 1m,mode=777\n", "3:8: " SIZE },
		{ START "[top]\nnr-inodes = 5%\n",
		  "3:13: nr-inodes: expected a number as tmpfs takes it, as 100k" },
		/* bytes; a column is a byte */
		{ START "# \xff\n", "2:3: expected UTF-8" },
		{ START "\xc3\xbc = \xc3", "2:6: expected UTF-8" },
		{ START "# \xed\xa0\x80", "2:3: expected UTF-8" },
		{ START "\xc3\xbc x\n", "2:1: expected key = value, [section] or # comment" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char whole[1024];
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		fresh_arena();
		int r = manifest_parse(text, "m", &scene.arena, &scene.manifest, &scene.failure);
		free((char *)text.at);
		if (r == 0)
			fail_msg("row %zu was taken: %s", i, rows[i].words);
		(void)snprintf(whole, sizeof(whole), "m:%s", rows[i].words);
		assert_int_equal(scene.failure.kind, FAILURE_MANIFEST);
		assert_string_equal(scene.failure.text, whole);
	}
	assert_string_equal(
		failure_words(&scene.failure),
		"error[manifest-invalid]: m:2:1: expected key = value, [section] or # comment; "
		"correct it; \"layerboot plan --manifest FILE\" shows the same error");
}

static void nul_is_not_text(void **state)
{
	static const char text[] = START "union = over\0lay\n";

	(void)state;
	fresh_arena();
	assert_int_equal(manifest_parse((struct slice){ .at = text, .len = sizeof(text) - 1 },
					"disk vda", &scene.arena, &scene.manifest, &scene.failure),
			 -1);
	assert_string_equal(scene.failure.text, "disk vda:2:13: expected text, found a NUL byte");
}

/* A manifest of LEN bytes, most of them comment. */
static struct slice padded(size_t len)
{
	static const char start[] = START LAYER "#";
	char *at = malloc(len);

	assert_non_null(at);
	memset(at, 'x', len);
	memcpy(at, start, sizeof(start) - 1);
	return (struct slice){ .at = at, .len = len };
}

static void size_ends_at_64_kib(void **state)
{
	(void)state;
	fresh_arena();
	struct slice text = padded(65536);
	must_work(manifest_parse(text, "m", &scene.arena, &scene.manifest, &scene.failure));
	free((char *)text.at);
	text = padded(65537);
	assert_int_equal(manifest_parse(text, "m", &scene.arena, &scene.manifest, &scene.failure),
			 -1);
	free((char *)text.at);
	assert_int_equal(scene.failure.kind, FAILURE_MANIFEST);
	assert_string_equal(scene.failure.text, "m: larger than 64 KiB, which is the limit");
}

static void layers_end_at_500(void **state)
{
	static char text[65536];
	struct builder b;

	(void)state;
	fresh_arena();
	builder_start(&b, text, sizeof(text));
	builder_add(&b, START);
	for (int i = 0; i < MANIFEST_LAYERS_MAX; i++)
		builder_addf(&b, "[layer n%d]\nsource=SERIAL=s%d\n", i, i);
	given_manifest(text);
	assert_int_equal(scene.manifest.layers_count, 500);
	assert_string_equal(scene.manifest.layers[499].name, "n499");
	builder_add(&b, "[layer one-more]\nsource=SERIAL=x\n");
	assert_false(b.overflow);
	assert_int_equal(manifest_parse(slice_of(text), "m", &scene.arena, &scene.manifest,
					&scene.failure),
			 -1);
	assert_string_equal(scene.failure.text, "m:1002:8: more than 500 layers");
}

static void binds_end_at_32(void **state)
{
	static char text[8192];
	struct builder b;

	(void)state;
	fresh_arena();
	builder_start(&b, text, sizeof(text));
	builder_add(&b, START LAYER);
	for (int i = 0; i < MANIFEST_BINDS_MAX; i++)
		builder_addf(&b, "[bind n%d]\nsource=SERIAL=s%d\npaths=/a\n", i, i);
	assert_int_equal(given_manifest(text)->binds_count, 32);
	builder_add(&b, "[bind one-more]\n");
	assert_false(b.overflow);
	assert_int_equal(manifest_parse(slice_of(text), "m", &scene.arena, &scene.manifest,
					&scene.failure),
			 -1);
	assert_string_equal(scene.failure.text, "m:100:7: more than 32 [bind NAME]");
}

static void long_words_are_refused(void **state)
{
	static const struct {
		const char *key;
		size_t longest;
	} rows[] = { { "identity", 128 }, { "image", 255 }, { "subdir", 255 } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (size_t more = 0; more < 2; more++) {
			char text[512], value[300];
			memset(value, 'x', sizeof(value));
			value[rows[i].longest + more] = '\0';
			(void)snprintf(text, sizeof(text), START LAYER "%s = %s\n", rows[i].key,
				       value);
			fresh_arena();
			assert_int_equal(manifest_parse(slice_of(text), "m", &scene.arena,
							&scene.manifest, &scene.failure),
					 more ? -1 : 0);
		}
}

/* At every size of memory that is too small the limit is told, and nothing is written past it. */
static void no_memory_is_told(void **state)
{
	static const char text[] = START "[layer a]\nsource = SERIAL=a\noptions = noload\n"
					 "image = i\nsubdir = s\nidentity = d\nkernel = k\n"
					 "only = /o\nprotect = /p\n"
					 "[top]\nsize = 1m\nnr-inodes = 1k\n" BIND
					 "subdir = b\nformat = xfs\n";
	size_t size = 0;
	int r = -1;

	(void)state;
	for (; r < 0 && size < 1024; size++) {
		char *memory = malloc(size ? size : 1);
		struct arena a;
		assert_non_null(memory);
		arena_start(&a, memory, size);
		r = manifest_parse(slice_of(text), "m", &a, &scene.manifest, &scene.failure);
		if (r < 0)
			assert_string_equal(failure_words(&scene.failure),
					    "error[limit]: m: too much text for a manifest; "
					    "use less of it");
		free(memory);
	}
	assert_int_equal(r, 0);
	assert_true(size > 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(what_is_not_said_is_default),
		cmocka_unit_test(every_key_of_what_a_layer_holds),
		cmocka_unit_test(every_key_of_disks_that_are_written_to),
		cmocka_unit_test(the_built_in_one_is_valid),
		cmocka_unit_test(every_type),
		cmocka_unit_test(errors),
		cmocka_unit_test(nul_is_not_text),
		cmocka_unit_test(size_ends_at_64_kib),
		cmocka_unit_test(layers_end_at_500),
		cmocka_unit_test(binds_end_at_32),
		cmocka_unit_test(long_words_are_refused),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
