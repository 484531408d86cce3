#include "check.h"

#include <stdio.h>

#include "manifest_sections.h"

#define MANIFEST                                                              \
	"version = 1\n[layer system]\nsource = SERIAL=system\ntype = erofs\n" \
	"[layer user]\nsource = SERIAL=user\nrequired = no\n[top]\nsize = 10%\nnr-inodes = 5k\n"

static struct manifest *overridden(const char *cmdline)
{
	fresh_arena();
	given_manifest(MANIFEST);
	must_work(manifest_override(&scene.manifest, given_cmdline(cmdline), &scene.arena,
				    &scene.failure));
	return &scene.manifest;
}

static void nothing_said_changes_nothing(void **state)
{
	const struct manifest *m = overridden("quiet");

	(void)state;
	assert_int_equal(m->layers_count, 2);
	assert_string_equal(m->top.size, "10%");
	assert_false(m->layers[0].skipped || m->layers[1].skipped);
}

static void a_layer_is_changed_where_said(void **state)
{
	const struct manifest *m =
		overridden("layerboot.layer=system,type=auto,timeout=2s,required=no");

	(void)state;
	assert_int_equal(m->layers_count, 2);
	assert_null(m->layers[0].type);
	assert_true(m->layers[0].optional);
	assert_int_equal(m->layers[0].timeout_ms, 2000);
	assert_string_equal(m->layers[0].source.text, "SERIAL=system");
	m = overridden(
		"layerboot.layer=user,source=LABEL=a|SERIAL=b layerboot.layer=user,required=yes");
	assert_int_equal(m->layers[1].source.count, 2);
	assert_false(m->layers[1].optional);
	m = overridden("layerboot.layer=user");
	assert_string_equal(m->layers[1].source.text, "SERIAL=user");
}

static void a_new_layer_stands_highest(void **state)
{
	const struct manifest *m = overridden("layerboot.layer=extra,source=/dev/vdz");

	(void)state;
	assert_int_equal(m->layers_count, 3);
	assert_string_equal(m->layers[2].name, "extra");
	assert_string_equal(m->layers[2].source.any[0].value, "vdz");
	assert_false(m->layers[2].optional);
}

static void options_take_all_that_follows(void **state)
{
	const struct manifest *m =
		overridden("layerboot.layer=user,type=ext4,options=noload,required=yes,a=b");

	(void)state;
	assert_string_equal(m->layers[1].options, "noload,required=yes,a=b");
	assert_string_equal(m->layers[1].type, "ext4");
	assert_true(m->layers[1].optional);
}

static void layers_are_skipped(void **state)
{
	const struct manifest *m = overridden(
		"layerboot.skip=user layerboot.skip=extra layerboot.layer=extra,source=SERIAL=x");

	(void)state;
	assert_false(m->layers[0].skipped);
	assert_true(m->layers[1].skipped);
	assert_true(m->layers[2].skipped);
}

static void the_top_is_replaced_as_a_whole(void **state)
{
	const struct manifest *m = overridden("layerboot.top=none");

	(void)state;
	assert_int_equal(m->top.kind, TOP_NONE);
	m = overridden("layerboot.top=tmpfs");
	assert_int_equal(m->top.kind, TOP_TMPFS);
	assert_null(m->top.size);
	assert_null(m->top.nr_inodes);
	m = overridden("layerboot.top=tmpfs,nr-inodes=7k,size=1g");
	assert_string_equal(m->top.size, "1g");
	assert_string_equal(m->top.nr_inodes, "7k");
}

#define NAME       "expected a name of letters, digits, . _ - (at most 32 bytes), but not top"
#define LAYER_KEYS "expected NAME,key=value,... with the keys of [layer NAME]"
#define TOP_KEYS   "expected TYPE,key=value,... with the keys of [top]"

static void errors(void **state)
{
	static const struct {
		const char *parameter, *words;
	} rows[] = {
		{ "layer=a/b,source=SERIAL=x", NAME },
		{ "layer=a=b", NAME },
		{ "layer=new", "expected source=... for a layer that is new" },
		{ "layer=new,type=erofs", "expected source=... for a layer that is new" },
		{ "layer=user,", LAYER_KEYS },
		{ "layer=user,source", LAYER_KEYS },
		{ "layer=user,size=1m", LAYER_KEYS },
		{ "layer=user,version=1", LAYER_KEYS },
		{ "layer=user,required=no,,", LAYER_KEYS },
		{ "layer=user,required=perhaps", "expected yes or no" },
		{ "layer=user,source=vda",
		  "expected SERIAL=, WWN=, LABEL=, UUID=, PARTLABEL=, PARTUUID= or a /dev path" },
		{ "layer=user,options=noload,exec",
		  "expected an option of the file system: a layer is always mounted "
		  "ro,nosuid,nodev,noexec" },
		{ "skip=nobody", "expected the name of a layer of the manifest" },
		{ "top=ramdisk", "expected tmpfs, disk or none" },
		{ "top=size=1m", "expected tmpfs, disk or none" },
		{ "top=tmpfs,", TOP_KEYS },
		{ "top=tmpfs,sources=SERIAL=x", TOP_KEYS },
		{ "top=reset", "expected a manifest with a [top] of type = disk" },
		{ "top=park", "expected a manifest with a [top] of type = disk" },
		{ "top=disk", "expected a source for type = disk" },
		{ "top=disk,source=LABEL=x,size=1m",
		  "expected size and nr-inodes with type = tmpfs only" },
		{ "top=none,size=1m", "expected size and nr-inodes with type = tmpfs only" },
		{ "top=tmpfs,grow=yes", "expected source, subdir, format, fsck, grow and "
					"on-system-change with type = disk only" },
		{ "top=tmpfs,format=vfat", "expected ext4 or xfs" },
		{ "layer=user,image=a*/b",
		  "expected a path inside the source, at most 255 bytes, a "
		  "glob in its last part only" },
		{ "top=tmpfs,size=huge", "expected a size as tmpfs takes it, as 50% or 512m" },
		{ "top=tmpfs,nr-inodes=5%", "expected a number as tmpfs takes it, as 100k" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char cmdline[256], whole[512];
		(void)snprintf(cmdline, sizeof(cmdline), "layerboot.%s", rows[i].parameter);
		(void)snprintf(whole, sizeof(whole), "%s: %s", cmdline, rows[i].words);
		fresh_arena();
		given_manifest(MANIFEST);
		given_cmdline(cmdline);
		assert_int_equal(manifest_override(&scene.manifest, &scene.cmdline, &scene.arena,
						   &scene.failure),
				 -1);
		assert_int_equal(scene.failure.kind, FAILURE_CMDLINE);
		assert_string_equal(scene.failure.text, whole);
	}
}

static void a_top_on_a_disk_comes_from_the_command_line(void **state)
{
	const struct manifest *m = overridden(
		"layerboot.top=disk,source=LABEL=state,format=ext4,on-system-change=reset");

	(void)state;
	assert_int_equal(m->top.kind, TOP_DISK);
	assert_string_equal(m->top.volume.source.text, "LABEL=state");
	assert_string_equal(m->top.volume.format, "ext4");
	assert_int_equal(m->top.on_change, ON_CHANGE_RESET);
	assert_null(m->top.size);
}

#define DISK_TOP                                                          \
	"version = 1\n[layer a]\nsource = SERIAL=a\n[top]\ntype = disk\n" \
	"source = LABEL=t\nformat = xfs\n"

/* The factory reset and the rescue boot leave the rest of the top as it is. */
static void what_lies_on_the_disk_of_the_top_goes_once(void **state)
{
	static const struct {
		const char *cmdline;
		bool reset, park;
	} rows[] = {
		{ "layerboot.top=reset", true, false },
		{ "layerboot.top=park", false, true },
		{ "quiet", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh_arena();
		const struct top *top = &given_manifest(DISK_TOP)->top;
		must_work(manifest_override(&scene.manifest, given_cmdline(rows[i].cmdline),
					    &scene.arena, &scene.failure));
		assert_int_equal(top->reset, rows[i].reset);
		assert_int_equal(top->park, rows[i].park);
		assert_int_equal(top->kind, TOP_DISK);
		assert_string_equal(top->volume.format, "xfs");
	}
	fresh_arena();
	given_manifest(DISK_TOP);
	assert_int_equal(manifest_override(&scene.manifest, given_cmdline("layerboot.top=reset,x"),
					   &scene.arena, &scene.failure),
			 -1);
	assert_string_equal(scene.failure.text,
			    "layerboot.top=reset,x: expected nothing after reset and park");
}

static void a_contradiction_is_told_at_the_end(void **state)
{
	(void)state;
	fresh_arena();
	given_manifest("version = 1\nredirect = on\n[layer a]\nsource = SERIAL=a\n");
	must_work(manifest_override(&scene.manifest, given_cmdline(""), &scene.arena,
				    &scene.failure));
	assert_int_equal(manifest_override(&scene.manifest,
					   given_cmdline("layerboot.layer=a,trust=untrusted"),
					   &scene.arena, &scene.failure),
			 -1);
	assert_int_equal(scene.failure.kind, FAILURE_MANIFEST);
	assert_string_equal(scene.failure.text, "redirect = on needs layers that are all trusted");
	given_manifest("version = 1\n[layer a]\nsource = SERIAL=a\nimage = d/*.sb\n");
	assert_int_equal(manifest_override(&scene.manifest,
					   given_cmdline("layerboot.layer=a,protect=/p"),
					   &scene.arena, &scene.failure),
			 -1);
	assert_int_equal(scene.failure.kind, FAILURE_MANIFEST);
	assert_string_equal(scene.failure.text,
			    "protect needs an image that is one file, not a glob");
}

static void layers_end_at_500(void **state)
{
	(void)state;
	fresh_arena();
	given_manifest(MANIFEST);
	while (scene.manifest.layers_count < MANIFEST_LAYERS_MAX)
		assert_non_null(layer_add(&scene.manifest, slice_of("x"), &scene.arena));
	given_cmdline("layerboot.layer=new,source=SERIAL=x");
	assert_int_equal(manifest_override(&scene.manifest, &scene.cmdline, &scene.arena,
					   &scene.failure),
			 -1);
	assert_string_equal(failure_words(&scene.failure),
			    "error[limit]: more than 500 layers; use less of it");
}

static void no_memory_is_told(void **state)
{
	static const struct {
		const char *cmdline, *words;
		size_t enough;
	} rows[] = {
		{ "layerboot.layer=new,source=SERIAL=x,options=y",
		  "error[limit]: layerboot.layer=: too much text; use less of it", 4 + 9 + 2 + 2 },
		{ "layerboot.top=tmpfs,size=1m,nr-inodes=1k",
		  "error[limit]: layerboot.top=: too much text; use less of it", 3 + 3 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (size_t size = 0; size <= rows[i].enough; size++) {
			char *memory = malloc(size ? size : 1);
			struct arena a;
			assert_non_null(memory);
			fresh_arena();
			given_manifest(MANIFEST);
			given_cmdline(rows[i].cmdline);
			arena_start(&a, memory, size);
			int r = manifest_override(&scene.manifest, &scene.cmdline, &a,
						  &scene.failure);
			assert_int_equal(r, size < rows[i].enough ? -1 : 0);
			if (r < 0)
				assert_string_equal(failure_words(&scene.failure), rows[i].words);
			free(memory);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_changes_nothing),
		cmocka_unit_test(a_layer_is_changed_where_said),
		cmocka_unit_test(a_new_layer_stands_highest),
		cmocka_unit_test(options_take_all_that_follows),
		cmocka_unit_test(layers_are_skipped),
		cmocka_unit_test(the_top_is_replaced_as_a_whole),
		cmocka_unit_test(errors),
		cmocka_unit_test(a_top_on_a_disk_comes_from_the_command_line),
		cmocka_unit_test(what_lies_on_the_disk_of_the_top_goes_once),
		cmocka_unit_test(a_contradiction_is_told_at_the_end),
		cmocka_unit_test(layers_end_at_500),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
