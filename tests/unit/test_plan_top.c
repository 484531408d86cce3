/* What becomes of a persistent top when the layers below it have changed. */
#include "check_plan.h"

#include <stdio.h>

#define LAYERS                                                                           \
	"version = 1\n[layer a]\nsource = SERIAL=a\nidentity = %s\n[layer b]\nsource = " \
	"SERIAL=b\n[top]\ntype = disk\nsource = SERIAL=t\nsubdir = s\n%s"
#define INVENTORY                                                                                \
	"NAME=\"vda\" SERIAL=\"a\" FSTYPE=\"erofs\" DIGEST=\"sb-a\" SIZE=\"1024\" KNOWN=\"7\"\n" \
	"NAME=\"vdb\" SERIAL=\"b\" FSTYPE=\"erofs\" DIGEST=\"sb-b\" SIZE=\"1024\" KNOWN=\"7\"\n" \
	"NAME=\"vdt\" SERIAL=\"t\" FSTYPE=\"ext4\" SIZE=\"1024\" KNOWN=\"7\"\n"                  \
	"STAMP=\"\" DISK=\"vdt\"\n"
#define STAMP(a) "layerboot-top 1\nunion overlay\nlayer a " a "\nlayer b sb-b\n"

static struct stamp stamp;

/* The steps of the top, as kinds; "" and the failure set where it is refused. */
static const char *decided(const char *identity, const char *keys, const char *cmdline,
			   const struct stamp *given)
{
	char manifest[512];
	struct builder b;

	(void)snprintf(manifest, sizeof(manifest), LAYERS, identity, keys);
	given_layers(manifest, INVENTORY, cmdline);
	builder_start(&b, scene.words, sizeof(scene.words));
	if (built(given, NULL, &scene.arena) < 0)
		return scene.words;
	for (size_t i = 0; i < plan.count; i++) {
		const struct step *s = &plan.steps[i];
		if (s->phase != PHASE_ROOT || s->kind < STEP_TOP_READ || s->kind > STEP_TOP_STAMP)
			continue;
		assert_string_equal(s->target, PATH_TOP "/s");
		assert_string_equal(s->layer, "top");
		assert_int_equal(s->failure, FAILURE_TOP);
		builder_addf(&b, "%s%s", b.len ? " " : "",
			     s->kind == STEP_TOP_RESET     ? "reset"
			     : s->kind == STEP_TOP_PARK    ? "park"
			     : s->kind == STEP_TOP_COMPARE ? "compare"
			     : s->kind == STEP_TOP_PREPARE ? "prepare"
			     : s->tolerant                 ? "stamp?"
							   : "stamp");
	}
	return scene.words;
}

static const struct stamp *stamped(const char *text, bool used)
{
	stamp = (struct stamp){ .disk = "vdt", .used = used };
	strcpy(stamp.text, text);
	return &stamp;
}

static void what_is_done_with_the_top(void **state)
{
	static const struct {
		const char *keys, *cmdline;
		const char *text; /* of the stamp; NULL: nobody knows */
		bool used;
		const char *steps;
	} rows[] = {
		/* images on a host: as if nothing had changed */
		{ "", "", NULL, false, "prepare" },
		{ "", "", "", true, "prepare" },
		/* the first boot */
		{ "", "", "", false, "prepare stamp" },
		{ "on-system-change = refuse\n", "", "", false, "prepare stamp" },
		/* the same layers */
		{ "", "", STAMP("v1"), true, "prepare" },
		{ "on-system-change = refuse\n", "", STAMP("v1"), true, "prepare" },
		{ "on-system-change = reset\n", "", STAMP("v1"), true, "prepare" },
		/* others; only a top that is kept keeps its stamp, too, where the new one has no room */
		{ "", "", STAMP("v0"), true, "compare prepare stamp?" },
		{ "on-system-change = keep\n", "", STAMP("v0"), true, "compare prepare stamp?" },
		{ "on-system-change = park\n", "", STAMP("v0"), true, "park prepare stamp" },
		{ "on-system-change = reset\n", "", STAMP("v0"), true, "reset prepare stamp" },
		{ "on-system-change = refuse\n", "", STAMP("v0"), true, "" },
		/* torn: there is nothing that could have been made on other layers */
		{ "on-system-change = refuse\n", "", STAMP("v0"), false, "prepare stamp" },
		/* the command line goes first, whatever has changed */
		{ "", "layerboot.top=reset", STAMP("v1"), true, "reset prepare stamp" },
		{ "on-system-change = refuse\n", "layerboot.top=park", STAMP("v0"), true,
		  "park prepare stamp" },
		{ "on-system-change = refuse\n", "layerboot.top=reset", STAMP("v0"), true,
		  "reset prepare stamp" },
		{ "", "layerboot.top=reset", NULL, false, "reset prepare stamp" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct stamp *given = rows[i].text ? stamped(rows[i].text, rows[i].used)
							 : NULL;
		const char *steps = decided("v1", rows[i].keys, rows[i].cmdline, given);
		if (strcmp(steps, rows[i].steps) != 0)
			fail_msg("row %zu: %s", i, steps);
	}
}

static void what_the_steps_are_told(void **state)
{
	(void)state;
	(void)decided("v1", "", "", stamped("", false));
	for (size_t i = 0; i < plan.count; i++) {
		const struct step *s = &plan.steps[i];
		if (s->kind == STEP_TOP_PREPARE)
			assert_string_equal(s->source, "/run/layerboot/layers/b");
		if (s->kind == STEP_TOP_STAMP) {
			assert_string_equal(s->source, STAMP("v1"));
			assert_int_equal(s->lowers_count, 2);
			assert_string_equal(s->lowers[0], "b");
		}
		if (s->kind == STEP_UNION) {
			assert_string_equal(s->upper, PATH_TOP "/s/upper");
			assert_string_equal(s->work, PATH_TOP "/s/work");
		}
	}
}

/* A boot that got so far is no failed one; only where failed boots are counted on the disk of the top. */
static void failed_boots_are_forgotten(void **state)
{
	static const struct {
		const char *cmdline;
		bool forgotten;
	} rows[] = { { "layerboot.on-failure=reboot", true },
		     { "layerboot.on-failure=panic", false },
		     { "layerboot.on-failure=reboot layerboot.top=tmpfs", false } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		bool forgotten = false, writable = true, init = false;
		(void)decided("v1", "", rows[i].cmdline, NULL);
		for (const struct step *s = plan.steps; s < plan.steps + plan.count; s++) {
			writable &= s->kind != STEP_READONLY;
			init |= s->kind == STEP_INIT;
			if (s->kind != STEP_TOP_GOOD)
				continue;
			assert_string_equal(s->target, PATH_TOP "/s");
			assert_string_equal(s->layer, "top");
			/* a root without an init would be booted again without end */
			assert_true(writable && init);
			forgotten = true;
		}
		assert_int_equal(forgotten, rows[i].forgotten);
	}
}

static void a_refusal_names_what_differs(void **state)
{
	static const struct {
		const char *stamp, *words;
	} rows[] = {
		{ STAMP("v0"), "\"layer a v0\", and there is \"layer a v1\" now" },
		{ "layerboot-top 1\nunion aufs\n",
		  "\"union aufs\", and there is \"union overlay\" now" },
		{ "layerboot-top 1\nunion overlay\nlayer a v1\n",
		  "nothing, and there is \"layer b sb-b\" now" },
		{ "layerboot-top 1\nunion overlay", "nothing, and there is \"layer a v1\" now" },
		{ STAMP("v1") "layer c x\n", "\"layer c x\", and there is nothing now" },
		/* a disk says what it likes */
		{ STAMP("v1") "\nnothing", "\"nothing\", and there is nothing now" },
		{ STAMP("v1") "\n", "nothing, and there is nothing now" },
		{ "\x1b[2J", "\"\\x1b[2J\", and there is \"layerboot-top 1\" now" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char whole[512];
		(void)snprintf(whole, sizeof(whole), "the top was made on %s", rows[i].words);
		(void)decided("v1", "on-system-change = refuse\n", "",
			      stamped(rows[i].stamp, true));
		assert_int_equal(scene.failure.kind, FAILURE_TOP_CHANGED);
		if (strcmp(scene.failure.text, whole) != 0)
			fail_msg("row %zu: %s", i, scene.failure.text);
	}
}

/* The identities of 500 layers may be longer than a stamp. */
static void a_stamp_has_an_end(void **state)
{
	(void)state;
	(void)decided("v1", "", "", NULL);
	char identity[129] = "";
	memset(identity, 'x', 128);
	struct layer layer = { .name = "l", .identity = identity };
	scene.resolution.layers_count = MANIFEST_LAYERS_MAX;
	for (size_t i = 0; i < MANIFEST_LAYERS_MAX; i++)
		scene.resolution.layers[i] = (struct resolved_layer){ .layer = &layer,
								      .name = "l",
								      .state = LAYER_FOUND };
	assert_null(plan_stamp(&scene.manifest, &scene.resolution, &scene.arena));
	scene.resolution.layers_count = 100;
	const char *text = plan_stamp(&scene.manifest, &scene.resolution, &scene.arena);
	assert_non_null(text);
	assert_int_equal(strlen(text),
			 strlen("layerboot-top 1\nunion overlay\n") + 100 * (8 + 129));
	scene.arena.size = scene.arena.used;
	assert_null(plan_stamp(&scene.manifest, &scene.resolution, &scene.arena));
	scene.resolution.layers[0] = (struct resolved_layer){ .layer = &(struct layer){ 0 } };
	assert_string_equal(resolved_identity(&scene.resolution.layers[0]), "");
}

static void a_long_subdir_is_refused_beforehand(void **state)
{
	char subdir[256];

	(void)state;
	memset(subdir, 'x', sizeof(subdir));
	subdir[230] = '\0';
	(void)decided("v1", "", "", NULL);
	scene.manifest.top.volume.subdir = subdir;
	must_work(built(NULL, NULL, &scene.arena));
	subdir[230] = 'x';
	subdir[231] = '\0';
	assert_int_equal(built(NULL, NULL, &scene.arena), -1);
	assert_int_equal(scene.failure.kind, FAILURE_LIMIT);
	assert_string_equal(scene.failure.text,
			    "subdir makes an upperdir of 256 bytes, and the kernel takes 255");
}

static void no_memory_is_told(void **state)
{
	size_t size = STAMP_MAX;
	int r = -1;

	(void)state;
	(void)decided("v1", "[bind x]\nsource = SERIAL=t\npaths = /p\nsubdir = x\n", "", NULL);
	for (; r < 0 && size < STAMP_MAX + 4096; size += 1) {
		char *memory = malloc(size);
		struct arena a;
		assert_non_null(memory);
		arena_start(&a, memory, size);
		r = built(stamped("", false), NULL, &a);
		free(memory);
		if (r < 0)
			assert_string_equal(scene.failure.text,
					    "the plan does not fit into memory");
	}
	assert_int_equal(r, 0);
	assert_true(size > STAMP_MAX + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_done_with_the_top),
		cmocka_unit_test(what_the_steps_are_told),
		cmocka_unit_test(failed_boots_are_forgotten),
		cmocka_unit_test(a_refusal_names_what_differs),
		cmocka_unit_test(a_stamp_has_an_end),
		cmocka_unit_test(a_long_subdir_is_refused_beforehand),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
