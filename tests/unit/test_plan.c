#include "check_plan.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>

#define MS_LAYER (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* The plan of layers of these types, lowest first, all on disks of their own. */
static const struct plan *planned(const char *const *types, size_t count, const char *rest,
				  const char *cmdline)
{
	static char manifest[65536], inventory[65536];
	struct builder m, i;

	builder_start(&m, manifest, sizeof(manifest));
	builder_start(&i, inventory, sizeof(inventory));
	builder_add(&m, "version = 1\n");
	for (size_t k = 0; k < count; k++) {
		builder_addf(&m, "[layer l%zu]\nsource = /dev/d%zu\n", k, k);
		builder_addf(&i, "NAME=\"d%zu\" FSTYPE=\"%s\" SIZE=\"1024\" KNOWN=\"7\"\n", k,
			     types[k]);
	}
	builder_add(&m, rest);
	assert_false(m.overflow || i.overflow);
	fresh_arena();
	given_manifest(manifest);
	given_inventory(inventory)->settled = true;
	scene.inventory.elapsed_ms = 0;
	given_cmdline(cmdline);
	resolve(&scene.manifest, &scene.inventory, 0, &scene.resolution);
	assert_int_equal(scene.resolution.state, RESOLVE_READY);
	must_work(built(NULL, NULL, &scene.arena));
	return &plan;
}

/* The N-th step of this kind, or NULL. */
static const struct step *find(const struct plan *p, enum step_kind kind, size_t n)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].kind == kind && n-- == 0)
			return &p->steps[i];
	return NULL;
}

static const struct step *join_of(const struct plan *p)
{
	const struct step *join = find(p, STEP_UNION, 0);

	assert_non_null(join);
	assert_null(find(p, STEP_UNION, 1));
	return join;
}

static const char *const three[] = { "squashfs", "erofs", "squashfs" };

static void lowers_stand_highest_first(void **state)
{
	const struct step *join = join_of(planned(three, 3, "", ""));

	(void)state;
	assert_int_equal(join->lowers_count, 3);
	assert_string_equal(join->lowers[0], "l2");
	assert_string_equal(join->lowers[1], "l1");
	assert_string_equal(join->lowers[2], "l0");
	assert_string_equal(join->upper, PATH_TOP "/upper");
	assert_string_equal(join->work, PATH_TOP "/work");
	assert_int_equal(join->flags, 0);
	assert_string_equal(join->options, "redirect_dir=nofollow,metacopy=off,index=off,xino=off");
}

static void absent_and_skipped_layers_have_no_part(void **state)
{
	(void)state;
	(void)planned(three, 3, "[layer none]\nsource = SERIAL=none\nrequired = no\n", "");
	const struct step *join = join_of(&plan);
	assert_int_equal(join->lowers_count, 3);
	scene.manifest.layers[1].skipped = true;
	resolve(&scene.manifest, &scene.inventory, 0, &scene.resolution);
	must_work(built(NULL, NULL, &scene.arena));
	join = join_of(&plan);
	assert_int_equal(join->lowers_count, 2);
	assert_string_equal(join->lowers[0], "l2");
	assert_string_equal(join->lowers[1], "l0");
	assert_non_null(find(&plan, STEP_LAYER, 1));
	assert_null(find(&plan, STEP_LAYER, 2));
}

static void a_layer_is_mounted_read_only_and_harmless(void **state)
{
	const struct plan *p = planned(three, 3, "", "");

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char target[64], source[16];
		const struct step *s = find(p, STEP_LAYER, i);
		(void)snprintf(target, sizeof(target), "/run/layerboot/layers/l%zu", i);
		(void)snprintf(source, sizeof(source), "/dev/d%zu", i);
		assert_string_equal(s->target, target);
		assert_string_equal(s->source, source);
		assert_string_equal(s->type, three[i]);
		assert_null(s->options);
		assert_int_equal(s->flags, MS_LAYER);
		assert_int_equal(s->failure, FAILURE_LAYER_MOUNT);
		/* its directory just before it */
		assert_int_equal(s[-1].kind, STEP_DIR);
		assert_string_equal(s[-1].target, target);
	}
}

static void options_are_those_of_the_type_and_then_the_layers_own(void **state)
{
	static const struct {
		const char *type, *own, *options;
	} rows[] = {
		{ "xfs", NULL, "nouuid" },
		{ "xfs", "norecovery", "nouuid,norecovery" },
		{ "ext4", NULL, NULL },
		{ "ext4", "noload", "noload" },
		{ "btrfs", "subvol=x", "subvol=x" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char rest[64] = "";
		if (rows[i].own)
			(void)snprintf(rest, sizeof(rest), "options = %s\n", rows[i].own);
		const struct step *s = find(planned(&rows[i].type, 1, rest, ""), STEP_LAYER, 0);
		if (!rows[i].options)
			assert_null(s->options);
		else
			assert_string_equal(s->options, rows[i].options);
	}
}

static void a_module_is_loaded_once_and_before_its_mount(void **state)
{
	const struct plan *p = planned(three, 3, "", "");

	(void)state;
	assert_string_equal(find(p, STEP_MODULE, 0)->source, "fs-overlay");
	assert_string_equal(find(p, STEP_MODULE, 1)->source, "fs-squashfs");
	assert_string_equal(find(p, STEP_MODULE, 2)->source, "fs-erofs");
	assert_null(find(p, STEP_MODULE, 3));
	assert_true(find(p, STEP_MODULE, 1) < find(p, STEP_LAYER, 0));
	assert_true(find(p, STEP_MODULE, 2) < find(p, STEP_LAYER, 1));
}

static void a_tmpfs_top_has_the_options_that_were_given(void **state)
{
	static const struct {
		const char *top, *options;
	} rows[] = {
		{ "", "mode=0700" },
		{ "[top]\nsize = 50%\n", "mode=0700,size=50%" },
		{ "[top]\nnr-inodes = 7k\n", "mode=0700,nr_inodes=7k" },
		{ "[top]\nnr-inodes = 7k\nsize = 1g\n", "mode=0700,size=1g,nr_inodes=7k" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct plan *p = planned(three, 1, rows[i].top, "");
		const struct step *s = find(p, STEP_MOUNT, plan_bootstrap_count - 2);
		assert_string_equal(s->target, PATH_TOP);
		assert_string_equal(s->type, "tmpfs");
		assert_string_equal(s->options, rows[i].options);
		assert_int_equal(s->flags, MS_NOSUID | MS_NODEV | MS_NOEXEC);
		assert_int_equal(s->failure, FAILURE_TOP);
		/* The union can write through it, whoever looks at it cannot. */
		const struct step *remount = find(p, STEP_READONLY, 0);
		assert_string_equal(remount->target, PATH_TOP);
		assert_int_equal(remount->flags, MS_LAYER);
		assert_true(remount > join_of(p));
	}
}

static void without_a_top_the_union_is_read_only(void **state)
{
	const struct plan *p = planned(three, 2, "[top]\ntype = none\n", "");
	const struct step *join = join_of(p);

	(void)state;
	assert_int_equal(join->flags, MS_RDONLY);
	assert_null(join->upper);
	assert_null(join->work);
	assert_int_equal(join->lowers_count, 2);
	assert_null(find(p, STEP_READONLY, 0));
	for (size_t i = 0; i < p->count; i++)
		assert_true(!p->steps[i].target || strcmp(p->steps[i].target, PATH_TOP) != 0);
}

static void one_layer_without_a_top_gets_an_empty_one_below(void **state)
{
	const struct plan *p = planned(three, 1, "[top]\ntype = none\n", "");
	const struct step *join = join_of(p);

	(void)state;
	assert_int_equal(join->lowers_count, 2);
	assert_string_equal(join->lowers[0], "l0");
	assert_string_equal(join->lowers[1], PATH_EMPTY);
	bool made = false;
	for (const struct step *s = p->steps; s < join; s++)
		made |= s->kind == STEP_DIR && strcmp(s->target, PATH_EMPTY) == 0;
	assert_true(made);
	assert_int_equal(join_of(planned(three, 1, "", ""))->lowers_count, 1);
}

static void the_order_of_phases_and_of_the_hand_over(void **state)
{
	static const enum step_kind end[] = { STEP_INIT, STEP_READONLY, STEP_DIR,    STEP_DIR,
					      STEP_DIR,  STEP_DIR,      STEP_MOVE,   STEP_MOVE,
					      STEP_MOVE, STEP_MOVE,     STEP_SWITCH, STEP_EXEC };
	const struct plan *p = planned(three, 3, "", "init=/my/init -- x");

	(void)state;
	assert_memory_equal(p->steps, plan_bootstrap, plan_bootstrap_count * sizeof(p->steps[0]));
	for (size_t i = 1; i < p->count; i++)
		assert_true(p->steps[i].phase >= p->steps[i - 1].phase);
	for (size_t i = 0; i < p->count; i++)
		assert_true(p->steps[i].failure != FAILURE_NONE);
	const struct step *s = p->steps + p->count - ROWS(end);
	for (size_t i = 0; i < ROWS(end); i++)
		assert_int_equal(s[i].kind, end[i]);
	assert_string_equal(s[0].source, "/my/init");
	assert_null(find(planned(three, 1, "", ""), STEP_INIT, 0)->source);
}

static void the_bootstrap_mounts(void **state)
{
	static const struct {
		const char *target;
		unsigned long flags;
	} rows[] = {
		{ "/dev", MS_NOSUID },
		{ "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "/run", MS_NOSUID | MS_NODEV },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_string_equal(plan_bootstrap[i].target, rows[i].target);
		assert_int_equal(plan_bootstrap[i].flags, rows[i].flags);
	}
	assert_string_equal(plan_bootstrap[plan_bootstrap_count - 1].target, PATH_LAYERS);
	assert_int_equal(plan_bootstrap[plan_bootstrap_count - 1].mode, 0700);
}

static void as_many_layers_as_a_manifest_takes(void **state)
{
	static const char *types[MANIFEST_LAYERS_MAX];

	(void)state;
	for (size_t i = 0; i < ROWS(types); i++)
		types[i] = manifest_types[i % 6];
	const struct step *join = join_of(planned(types, ROWS(types), "", ""));
	assert_int_equal(join->lowers_count, 500);
	assert_string_equal(join->lowers[499], "l0");
}

/* At every size of memory that is too small the limit is told, and nothing is written past it. */
static void no_memory_is_told(void **state)
{
	static const char *const types[] = { "xfs", "erofs" };
	size_t size = 0;
	int r = -1;

	(void)state;
	(void)planned(types, 2, "[top]\nsize = 1g\n", "");
	for (; r < 0 && size < 4096; size++) {
		char *memory = malloc(size ? size : 1);
		struct arena a;
		assert_non_null(memory);
		arena_start(&a, memory, size);
		r = built(NULL, NULL, &a);
		free(memory);
		if (r < 0)
			assert_string_equal(failure_words(&scene.failure),
					    "error[limit]: the plan does not fit into memory; "
					    "use less of it");
	}
	assert_int_equal(r, 0);
	assert_true(size > 100);
	struct chain chain;
	scene.arena.size = scene.arena.used;
	assert_int_equal(plan_layer(&scene.resolution.layers[0], UNION_OVERLAY, NULL, &scene.arena,
				    &chain),
			 -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowers_stand_highest_first),
		cmocka_unit_test(absent_and_skipped_layers_have_no_part),
		cmocka_unit_test(a_layer_is_mounted_read_only_and_harmless),
		cmocka_unit_test(options_are_those_of_the_type_and_then_the_layers_own),
		cmocka_unit_test(a_module_is_loaded_once_and_before_its_mount),
		cmocka_unit_test(a_tmpfs_top_has_the_options_that_were_given),
		cmocka_unit_test(without_a_top_the_union_is_read_only),
		cmocka_unit_test(one_layer_without_a_top_gets_an_empty_one_below),
		cmocka_unit_test(the_order_of_phases_and_of_the_hand_over),
		cmocka_unit_test(the_bootstrap_mounts),
		cmocka_unit_test(as_many_layers_as_a_manifest_takes),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
