/* The union and what stands around it, for manifests that say more than which disks. */
#include "check_plan.h"

#include <stdio.h>
#include <sys/mount.h>

#define START   "version = 1\n"
#define LAYER_A "[layer a]\nsource = SERIAL=a\n"
#define LAYER_B "[layer b]\nsource = SERIAL=b\n"
#define INVENTORY                                                                   \
	"NAME=\"vda\" SERIAL=\"a\" FSTYPE=\"squashfs\" SIZE=\"1024\" KNOWN=\"7\"\n" \
	"NAME=\"vdb\" SERIAL=\"b\" FSTYPE=\"squashfs\" SIZE=\"1024\" KNOWN=\"7\"\n" \
	"NAME=\"vdm\" LABEL=\"m\" FSTYPE=\"ext4\" SIZE=\"1024\" KNOWN=\"7\"\n"      \
	"NAME=\"vdt\" LABEL=\"t\" FSTYPE=\"ext4\" SIZE=\"1024\" KNOWN=\"7\"\n"      \
	"NAME=\"vdx\" LABEL=\"x\" FSTYPE=\"xfs\" SIZE=\"1024\" KNOWN=\"7\"\n"       \
	"LISTING=\"*.sb\" DISK=\"vdm\"\nLISTING=\"no\" DISK=\"vdm\"\n"              \
	"IMAGE=\"1.sb\" DISK=\"vdm\" FSTYPE=\"squashfs\"\n"                         \
	"IMAGE=\"2.sb\" DISK=\"vdm\" FSTYPE=\"squashfs\"\nSTAMP=\"\" DISK=\"vdt\"\n"

static const struct plan *planned(const char *manifest, const char *release)
{
	given_layers(manifest, INVENTORY, "");
	must_work(built(&scene.inventory.stamp, release, &scene.arena));
	return &plan;
}

static const struct step *find(enum step_kind kind, size_t n)
{
	for (size_t i = 0; i < plan.count; i++)
		if (plan.steps[i].kind == kind && n-- == 0)
			return &plan.steps[i];
	return NULL;
}

static const char *lowers(const struct step *join)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	for (size_t i = 0; i < join->lowers_count; i++)
		builder_addf(&b, "%s%s", i ? " " : "", join->lowers[i]);
	return scene.words;
}

static void deletions_stand_around_their_layer(void **state)
{
	static const struct {
		const char *manifest, *lowers;
	} rows[] = {
		{ START LAYER_A "whiteouts = wh\n" LAYER_B, "b a+above a a+below" },
		{ START LAYER_A LAYER_B "whiteouts = xattr\n", "b+above b b+below a" },
		{ START "union = aufs\n" LAYER_A "whiteouts = wh\n" LAYER_B, "b a" },
		{ START "union = unionfs\n" LAYER_A LAYER_B, "b a" },
		{ START LAYER_A "[layer m]\nsource = LABEL=m\nimage = *.sb\nwhiteouts = wh\n",
		  "m.2+above m.2 m.2+below m.1+above m.1 m.1+below a" },
		{ START LAYER_A "whiteouts = wh\n[top]\ntype = none\n", "a+above a a+below" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)planned(rows[i].manifest, NULL);
		assert_string_equal(lowers(find(STEP_UNION, 0)), rows[i].lowers);
	}
}

static void more_layers_than_the_kernel_takes(void **state)
{
	static char manifest[65536], inventory[65536];
	struct builder m, v;

	(void)state;
	builder_start(&m, manifest, sizeof(manifest));
	builder_start(&v, inventory, sizeof(inventory));
	builder_add(&m, START);
	for (int i = 0; i < 167; i++) {
		builder_addf(&m, "[layer l%d]\nsource = /dev/d%d\nwhiteouts = %s\n", i, i,
			     i == 166 ? "overlay" : "wh");
		builder_addf(&v, "NAME=\"d%d\" FSTYPE=\"erofs\" SIZE=\"1024\" KNOWN=\"7\"\n", i);
	}
	assert_false(m.overflow || v.overflow);
	given_layers(manifest, inventory, "");
	must_work(built(NULL, NULL, &scene.arena));
	assert_int_equal(find(STEP_UNION, 0)->lowers_count, 499);
	given_layers(manifest, inventory, "layerboot.layer=l166,whiteouts=wh");
	assert_int_equal(built(NULL, NULL, &scene.arena), -1);
	assert_string_equal(failure_words(&scene.failure),
			    "error[limit]: 501 layers with those that stand for whiteouts, and the "
			    "kernel takes 500; use less of it");
}

/* As mount(2) takes them, where there is no lowerdir+. */
static void the_bytes_of_the_options_are_counted(void **state)
{
	static const char options[] = "redirect_dir=nofollow,metacopy=off,index=off,xino=off";

	(void)state;
	(void)planned(START LAYER_A LAYER_B "whiteouts = wh\n[top]\ntype = none\n", NULL);
	assert_int_equal(plan_union_bytes(&plan),
			 strlen("lowerdir=b+above:b:b+below:a,") + strlen(options));
	(void)planned(START LAYER_A, NULL);
	assert_int_equal(plan_union_bytes(&plan),
			 strlen("lowerdir=a,upperdir=/run/layerboot/top/upper,"
				"workdir=/run/layerboot/top/work,") +
				 strlen(options));
	(void)planned(START LAYER_A "[top]\ntype = none\n", NULL);
	assert_int_equal(plan_union_bytes(&plan),
			 strlen("lowerdir=a:/run/layerboot/empty,") + strlen(options));
	(void)planned(START "redirect = on\n" LAYER_A LAYER_B, NULL);
	assert_int_equal(plan_union_bytes(&plan),
			 strlen("lowerdir=b:a,upperdir=/run/layerboot/top/upper,"
				"workdir=/run/layerboot/top/work,"
				"redirect_dir=on,metacopy=off,index=off,xino=off"));
	(void)planned(START LAYER_A "[top]\ntype = disk\nsource = LABEL=t\nsubdir = s/t\n", NULL);
	assert_int_equal(plan_union_bytes(&plan),
			 strlen("lowerdir=a,upperdir=/run/layerboot/top/s/t/upper,"
				"workdir=/run/layerboot/top/s/t/work,") +
				 strlen(options));
	plan.count = 0;
	assert_int_equal(plan_union_bytes(&plan), 0);
}

static void unions_of_every_kind(void **state)
{
	static const struct {
		const char *keys, *module, *type, *source, *options;
	} rows[] = {
		{ "", "fs-overlay", "overlay", "overlayroot",
		  "redirect_dir=nofollow,metacopy=off,index=off,xino=off" },
		{ "redirect = on\n", "fs-overlay", "overlay", "overlayroot",
		  "redirect_dir=on,metacopy=off,index=off,xino=off" },
		{ "union = aufs\n", "fs-aufs", "aufs", "aufs", "xino=/run/layerboot/aufs.xino" },
		{ "union = unionfs\n", "fs-fuse", "unionfs", "unionfs",
		  "cow,allow_other,use_ino,suid,dev,hide_meta_files,statfs_omit_ro,max_files=65536" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256];
		(void)snprintf(manifest, sizeof(manifest), START "%s" LAYER_A, rows[i].keys);
		(void)planned(manifest, NULL);
		const struct step *join = find(STEP_UNION, 0);
		assert_string_equal(find(STEP_MODULE, 0)->source, rows[i].module);
		assert_string_equal(join->type, rows[i].type);
		assert_string_equal(join->source, rows[i].source);
		assert_string_equal(join->options, rows[i].options);
		assert_string_equal(plan_union_type(scene.manifest.union_kind), rows[i].type);
		assert_string_equal(plan_union_module(scene.manifest.union_kind),
				    rows[i].module + 3);
	}
}

static const char everything[] = START LAYER_A
	"whiteouts = wh\ntrust = untrusted\nprotect = /etc/a\n"
	"[layer m]\nsource = LABEL=m\nimage = *.sb\nsubdir = s\n"
	"[layer n]\nsource = LABEL=m\nimage = no\nrequired = no\nprotect = /n\n" LAYER_B
	"kernel = any\nprotect = /p /q\n"
	"[top]\ntype = disk\nsource = LABEL=t\ngrow = yes\n"
	"[bind x]\nsource = LABEL=x\nsubdir = in\npaths = /var/x /etc/x\n"
	"[bind y]\nsource = LABEL=x\npaths = /y\n";

/* Each of them serves what stands behind it, and the root is last. */
static void the_order_of_steps(void **state)
{
	static const enum step_kind once[] = { STEP_MODULE, STEP_DIR, STEP_MEDIUM };
	enum phase phase = PHASE_BOOTSTRAP;

	(void)state;
	(void)planned(everything, "6.1");
	for (size_t i = 0; i < plan.count; i++) {
		assert_true(plan.steps[i].phase >= phase);
		phase = plan.steps[i].phase;
		assert_true(plan.steps[i].failure != FAILURE_NONE);
	}
	for (size_t kind = 0; kind < ROWS(once); kind++)
		for (const struct step *s = plan.steps; s < plan.steps + plan.count; s++)
			for (const struct step *t = plan.steps; t < s; t++)
				if (s->kind == once[kind] && t->kind == once[kind])
					assert_string_not_equal(
						s->kind == STEP_DIR ? s->target : s->source,
						t->kind == STEP_DIR ? t->target : t->source);
	assert_null(find(STEP_MEDIUM, 1));
	assert_true(find(STEP_MEDIUM, 0) < find(STEP_LAYER, 1));
	assert_true(find(STEP_LAYER, 1) < find(STEP_SUBDIR, 0));
	assert_true(find(STEP_LAYER, 0) < find(STEP_WALK, 0));
	assert_true(find(STEP_WALK, 0) < find(STEP_WHITEOUTS, 0));
	assert_true(find(STEP_VOLUME, 0) < find(STEP_TOP_READ, 0));
	assert_true(find(STEP_TOP_READ, 0) < find(STEP_TOP_PREPARE, 0));
	assert_true(find(STEP_TOP_STAMP, 0) < find(STEP_UNION, 0));
	assert_true(find(STEP_UNION, 0) < find(STEP_PROTECT, 0));
	assert_true(find(STEP_PROTECT, 2) < find(STEP_BIND, 0));
	assert_true(find(STEP_BIND, 2) < find(STEP_INIT, 0));
	/* What is made of a bind on first use may be written to the top before. */
	assert_true(find(STEP_INIT, 0) < find(STEP_READONLY, 0));
	assert_true(find(STEP_READONLY, 0) < find(STEP_MOVE, 0));
}

static void what_is_bound_past_the_union(void **state)
{
	struct builder b;

	(void)state;
	(void)planned(everything, "6.1");
	builder_start(&b, scene.words, sizeof(scene.words));
	for (size_t i = 0; i < plan.count; i++)
		if (plan.steps[i].kind == STEP_PROTECT || plan.steps[i].kind == STEP_BIND) {
			assert_string_equal(plan.steps[i].target, PATH_SYSROOT);
			builder_addf(&b, "%s %s %s\n", plan.steps[i].layer, plan.steps[i].source,
				     plan.steps[i].path);
		}
	assert_string_equal(scene.words, "a /run/layerboot/layers/a /etc/a\n"
					 "b /run/layerboot/layers/b /p\n"
					 "b /run/layerboot/layers/b /q\n"
					 "bind x /run/layerboot/binds/x/in /var/x\n"
					 "bind x /run/layerboot/binds/x/in /etc/x\n"
					 "bind y /run/layerboot/binds/y /y\n");
	/* Both are on one disk: the first makes the file system ready. */
	assert_string_equal(find(STEP_FSCK, 1)->layer, "bind x");
	assert_null(find(STEP_FSCK, 2));
}

static void a_disk_is_mounted_even_if_it_lacks_the_file(void **state)
{
	(void)state;
	(void)planned(START LAYER_A "[layer n]\nsource = LABEL=m\nimage = no\nrequired = no\n",
		      NULL);
	assert_string_equal(find(STEP_MEDIUM, 0)->source, "/dev/vdm");
	assert_null(find(STEP_LAYER, 1));
	assert_string_equal(lowers(find(STEP_UNION, 0)), "a");
	/* but not for a layer that is skipped */
	given_layers(START LAYER_A "[layer n]\nsource = LABEL=m\nimage = no\nrequired = no\n",
		     INVENTORY, "layerboot.skip=n");
	must_work(built(NULL, NULL, &scene.arena));
	assert_null(find(STEP_MEDIUM, 0));
}

static void kernels_and_the_layers_that_bring_their_modules(void **state)
{
	static const struct {
		const char *kernel, *release, *words; /* NULL: it boots */
	} rows[] = {
		{ "6.1", "6.1", NULL },
		{ "6.1 6.12", "6.12", NULL },
		{ "6.1", NULL, NULL },
		{ "any", "6.1", NULL },
		{ "6.1", "6.12", "kernel 6.12 boots, and the layer has the modules of 6.1" },
		{ "6.1", "6.1.0", "kernel 6.1.0 boots, and the layer has the modules of 6.1" },
		{ "6.1 6.2 6.3", "5.10",
		  "kernel 5.10 boots, and the layer has the modules of 6.1 and others" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char manifest[256];
		(void)snprintf(manifest, sizeof(manifest), START LAYER_A "kernel = %s\n",
			       rows[i].kernel);
		given_layers(manifest, INVENTORY, "");
		int r = built(NULL, rows[i].release, &scene.arena);
		assert_int_equal(r, rows[i].words ? -1 : 0);
		if (r == 0)
			continue;
		assert_int_equal(scene.failure.kind, FAILURE_MODULES_MISSING);
		assert_string_equal(scene.failure.layer, "a");
		assert_string_equal(scene.failure.text, rows[i].words);
	}
}

static void more_steps_than_a_plan_holds(void **state)
{
	static char manifest[65536];
	struct builder b;

	(void)state;
	builder_start(&b, manifest, sizeof(manifest));
	builder_add(&b, START LAYER_A "protect =");
	for (int i = 0; i < PLAN_STEPS_MAX; i++)
		builder_add(&b, " /a");
	builder_add(&b, "\n");
	assert_false(b.overflow);
	given_layers(manifest, INVENTORY, "");
	assert_int_equal(built(NULL, NULL, &scene.arena), -1);
	assert_string_equal(scene.failure.text, "more than 8192 steps");
}

/* At every size of memory that is too small the limit is told, and nothing is written past it. */
static void no_memory_is_told(void **state)
{
	size_t size = 0;
	int r = -1;

	(void)state;
	(void)planned(everything, "6.1");
	for (; r < 0 && size < STAMP_MAX + 16384;
	     size += size < 4096 || size > STAMP_MAX ? 3 : 512) {
		char *memory = malloc(size ? size : 1);
		struct arena a;
		assert_non_null(memory);
		arena_start(&a, memory, size);
		r = built(&scene.inventory.stamp, "6.1", &a);
		free(memory);
		if (r < 0)
			assert_string_equal(scene.failure.text,
					    "the plan does not fit into memory");
	}
	assert_int_equal(r, 0);
	assert_true(size > STAMP_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deletions_stand_around_their_layer),
		cmocka_unit_test(more_layers_than_the_kernel_takes),
		cmocka_unit_test(the_bytes_of_the_options_are_counted),
		cmocka_unit_test(unions_of_every_kind),
		cmocka_unit_test(the_order_of_steps),
		cmocka_unit_test(what_is_bound_past_the_union),
		cmocka_unit_test(a_disk_is_mounted_even_if_it_lacks_the_file),
		cmocka_unit_test(kernels_and_the_layers_that_bring_their_modules),
		cmocka_unit_test(more_steps_than_a_plan_holds),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
