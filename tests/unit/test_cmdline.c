#include "check.h"

static void defaults(void **state)
{
	(void)state;
	fresh_arena();
	const struct cmdline *c = given_cmdline("");
	assert_null(c->manifest.text);
	assert_int_equal(c->layers_count, 0);
	assert_int_equal(c->skips_count, 0);
	assert_null(c->top);
	assert_int_equal(c->timeout_ms, CMDLINE_DEFAULT_TIMEOUT_MS);
	assert_int_equal(c->timeout_ms, 10000);
	assert_int_equal(c->on_failure, ON_FAILURE_AUTO);
	assert_int_equal(c->log, LOG_NORMAL);
	assert_null(c->init);
	assert_false(c->panic);
	given_cmdline(
		"BOOT_IMAGE=/vmlinuz root=/dev/vda ro console=ttyS0 systemd.unit=x nolayerboot.y=1 "
		"layerboot\n");
	assert_int_equal(scene.cmdline.layers_count, 0);
}

static void every_parameter(void **state)
{
	(void)state;
	fresh_arena();
	const struct cmdline *c = given_cmdline(
		"a layerboot.manifest=/etc/x layerboot.layer=one,source=SERIAL=a\tlayerboot.skip=two "
		"layerboot.layer=three,type=erofs layerboot.skip=four layerboot.top=tmpfs,size=1g "
		"layerboot.timeout=500ms layerboot.on-failure=halt layerboot.log=debug init=/x panic=-1\n");
	assert_string_equal(c->manifest.text, "/etc/x");
	assert_int_equal(c->manifest.kind, ORIGIN_PATH);
	assert_int_equal(c->layers_count, 2);
	assert_string_equal(c->layers[0], "one,source=SERIAL=a");
	assert_string_equal(c->layers[1], "three,type=erofs");
	assert_int_equal(c->skips_count, 2);
	assert_string_equal(c->skips[0], "two");
	assert_string_equal(c->skips[1], "four");
	assert_string_equal(c->top, "tmpfs,size=1g");
	assert_int_equal(c->timeout_ms, 500);
	assert_int_equal(c->on_failure, ON_FAILURE_HALT);
	assert_int_equal(c->log, LOG_DEBUG);
	assert_string_equal(c->init, "/x");
	assert_true(c->panic);
}

static void the_last_of_a_kind_counts(void **state)
{
	(void)state;
	fresh_arena();
	const struct cmdline *c =
		given_cmdline("layerboot.timeout=1 layerboot.timeout=2 init=/a init=/b "
			      "layerboot.top=none layerboot.top=tmpfs");
	assert_int_equal(c->timeout_ms, 2000);
	assert_string_equal(c->init, "/b");
	assert_string_equal(c->top, "tmpfs");
}

static void words_of_policy_and_log(void **state)
{
	static const struct {
		const char *text;
		enum on_failure on_failure;
		enum log_level log;
	} rows[] = {
		{ "layerboot.on-failure=auto", ON_FAILURE_AUTO, LOG_NORMAL },
		{ "layerboot.on-failure=panic", ON_FAILURE_PANIC, LOG_NORMAL },
		{ "layerboot.on-failure=reboot", ON_FAILURE_REBOOT, LOG_NORMAL },
		{ "layerboot.on-failure=poweroff", ON_FAILURE_POWEROFF, LOG_NORMAL },
		{ "layerboot.on-failure=halt", ON_FAILURE_HALT, LOG_NORMAL },
		/* - and _ are alike in names, not in values */
		{ "layerboot.on_failure=halt", ON_FAILURE_HALT, LOG_NORMAL },
		{ "quiet", ON_FAILURE_AUTO, LOG_QUIET },
		{ "\"quiet\"", ON_FAILURE_AUTO, LOG_QUIET },
		{ "quieter", ON_FAILURE_AUTO, LOG_NORMAL },
		{ "layerboot.log=quiet", ON_FAILURE_AUTO, LOG_QUIET },
		{ "layerboot.log=normal quiet", ON_FAILURE_AUTO, LOG_NORMAL },
		{ "quiet layerboot.log=normal", ON_FAILURE_AUTO, LOG_NORMAL },
		{ "layerboot.log=debug quiet", ON_FAILURE_AUTO, LOG_DEBUG },
		{ "quiet layerboot.log=debug", ON_FAILURE_AUTO, LOG_DEBUG },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh_arena();
		const struct cmdline *c = given_cmdline(rows[i].text);
		if (c->on_failure != rows[i].on_failure || c->log != rows[i].log)
			fail_msg("%s", rows[i].text);
	}
}

static void what_is_told_of_failures(void **state)
{
	(void)state;
	fresh_arena();
	const struct cmdline *c = given_cmdline("");
	assert_int_equal(c->reboots_max, CMDLINE_DEFAULT_REBOOTS);
	assert_int_equal(c->failed, 0);
	assert_int_equal(c->report_to, REPORT_FILE);
	c = given_cmdline("layerboot.on-failure=reboot,3 layerboot.failed=2 "
			  "layerboot.report=virtio:org.layerboot");
	assert_int_equal(c->on_failure, ON_FAILURE_REBOOT);
	assert_int_equal(c->reboots_max, 3);
	assert_int_equal(c->failed, 2);
	assert_int_equal(c->report_to, REPORT_VIRTIO);
	assert_string_equal(c->report_port, "org.layerboot");
	c = given_cmdline("layerboot.on-failure=shell layerboot.report=console");
	assert_int_equal(c->on_failure, ON_FAILURE_SHELL);
	assert_int_equal(c->report_to, REPORT_CONSOLE);
}

static void panic_is_any_number_but_0(void **state)
{
	static const struct {
		const char *text;
		bool panic;
	} rows[] = {
		{ "panic=0", false },         { "panic=1", true },
		{ "panic=-1", true },         { "panic=10 panic=0", false },
		{ "panic=0 panic=10", true }, { "panic", false },
		{ "panic=", false },          { "panic_print=1", false },
		{ "-- panic=1", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh_arena();
		if (given_cmdline(rows[i].text)->panic != rows[i].panic)
			fail_msg("%s", rows[i].text);
	}
}

/* lib/cmdline.c, next_arg(). */
static void quotes_as_the_kernel_reads_them(void **state)
{
	static const struct {
		const char *text, *init, *manifest;
	} rows[] = {
		{ "init=\"/a b\" x", "/a b", NULL },
		{ "\"init=/a b\" x", "/a b", NULL },
		{ "init=/a\" \"b", "/a\" \"b", NULL },
		{ "init=\"/a", "/a", NULL },
		{ "init=\"/a b\n", "/a b", NULL }, /* as /proc/cmdline ends */
		{ "init=\"/a b layerboot.manifest=/c", "/a b layerboot.manifest=/c", NULL },
		{ "\"init=/a", "/a", NULL },
		{ "init=\"", "", NULL },
		{ "init=\"\"", "", NULL },
		{ "\" init=/a\"", NULL, NULL },
		{ "\"", NULL, NULL },
		{ "x=\"a b\"init=/c", NULL, NULL },
		{ "x=\"a b\" init=/c", "/c", NULL },
		{ "init=/a=b", "/a=b", NULL },
		{ "layerboot.manifest=\"/a b\"", NULL, "/a b" },
		{ "\"layerboot.manifest=/a b:/c\"", NULL, "/a b:/c" },
		{ "\"layerboot.manifest=LABEL=a b:/c\"", NULL, "LABEL=a b:/c" },
		{ "init=/a\n", "/a", NULL },
		{ "\f\v\r init=/a\vlayerboot.manifest=/b", "/a", "/b" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		fresh_arena();
		must_work(cmdline_parse(text, &scene.arena, &scene.cmdline, &scene.failure));
		free((char *)text.at);
		const char *init = scene.cmdline.init, *manifest = scene.cmdline.manifest.text;
		if (!init != !rows[i].init || (init && strcmp(init, rows[i].init) != 0))
			fail_msg("%s: init %s", rows[i].text, init ? init : "(none)");
		if (!manifest != !rows[i].manifest ||
		    (manifest && strcmp(manifest, rows[i].manifest) != 0))
			fail_msg("%s: manifest %s", rows[i].text, manifest ? manifest : "(none)");
	}
}

static void nothing_is_read_after_two_dashes(void **state)
{
	(void)state;
	fresh_arena();
	const struct cmdline *c = given_cmdline("init=/a -- init=/b layerboot.nonsense quiet");
	assert_string_equal(c->init, "/a");
	assert_int_equal(c->log, LOG_NORMAL);
	c = given_cmdline("--x init=/b");
	assert_string_equal(c->init, "/b");
}

#define KNOWN     "there are: manifest, layer, skip, top, timeout, on-failure, failed, report, log; "
#define POLICY    "expected auto, panic, reboot[,TIMES], poweroff, halt or shell" NEXT
#define REPORT_TO "expected virtio:NAME of a virtio serial port, or console" NEXT
#define NEXT      "; correct the kernel command line"

static void errors(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "layerboot.timout=1", "unknown parameter layerboot.timout; " KNOWN },
		{ "layerboot.", "unknown parameter layerboot.; " KNOWN },
		{ "layerboot.Log=quiet", "unknown parameter layerboot.Log; " KNOWN },
		{ "layerboot.logs=quiet", "unknown parameter layerboot.logs; " KNOWN },
		{ "\"layerboot.on failure=halt\"",
		  "unknown parameter layerboot.on failure; " KNOWN },
		{ "layerboot.log", "layerboot.log=: expected quiet, normal or debug" NEXT },
		{ "layerboot.log=loud",
		  "layerboot.log=loud: expected quiet, normal or debug" NEXT },
		{ "layerboot.on-failure=shutdown", "layerboot.on-failure=shutdown: " POLICY },
		{ "layerboot.on-failure=halt,3", "layerboot.on-failure=halt,3: " POLICY },
		{ "layerboot.on-failure=reboot,", "layerboot.on-failure=reboot,: " POLICY },
		{ "layerboot.on-failure=reboot,1001", "layerboot.on-failure=reboot,1001: " POLICY },
		{ "layerboot.failed=x", "layerboot.failed=x: expected the number of failed boots" },
		{ "layerboot.report=", "layerboot.report=: " REPORT_TO },
		{ "layerboot.report=virtio:", "layerboot.report=virtio:: " REPORT_TO },
		{ "layerboot.report=tty", "layerboot.report=tty: " REPORT_TO },
		{ "layerboot.timeout=1h",
		  "layerboot.timeout=1h: expected a duration of at most a day, as 10, 10s or 500ms" NEXT },
		{ "layerboot.timeout=2000min", "layerboot.timeout=2000min: expected a duration" },
		{ "layerboot.manifest=", "layerboot.manifest=: expected " EXPECTED_ORIGIN NEXT },
		{ "layerboot.manifest=x", "layerboot.manifest=x: expected " EXPECTED_ORIGIN NEXT },
		{ "layerboot.layer=",
		  "layerboot.layer=: expected NAME,key=value,..., at most 64 times" NEXT },
		{ "layerboot.layer=,source=x", "layerboot.layer=,source=x: expected NAME,key" },
		{ "layerboot.skip=",
		  "layerboot.skip=: expected the name of a layer, at most 64 times" NEXT },
		{ "layerboot.top=",
		  "layerboot.top=: expected tmpfs[,size=...][,nr-inodes=...], none, disk,source=..., "
		  "reset or park" NEXT },
		/* the first is told */
		{ "layerboot.log=1 layerboot.log=2", "layerboot.log=1: expected" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char whole[1024] = "error[cmdline-invalid]: ";
		strcat(whole, rows[i].words);
		fresh_arena();
		assert_int_equal(cmdline_parse(slice_of(rows[i].text), &scene.arena, &scene.cmdline,
					       &scene.failure),
				 -1);
		const char *words = failure_words(&scene.failure);
		if (strncmp(words, whole, strlen(whole)) != 0)
			fail_msg("%s: %s", rows[i].text, words);
	}
}

static void the_policy_is_honoured_even_after_an_error(void **state)
{
	(void)state;
	fresh_arena();
	assert_int_equal(
		cmdline_parse(slice_of("layerboot.nonsense=1 layerboot.on-failure=halt panic=5 "
				       "layerboot.on-failure=typo layerboot.timeout=x quiet"),
			      &scene.arena, &scene.cmdline, &scene.failure),
		-1);
	assert_non_null(strstr(scene.failure.text, "layerboot.nonsense"));
	assert_int_equal(scene.cmdline.on_failure, ON_FAILURE_HALT);
	assert_int_equal(scene.cmdline.timeout_ms, CMDLINE_DEFAULT_TIMEOUT_MS);
	assert_int_equal(scene.cmdline.log, LOG_QUIET);
	assert_true(scene.cmdline.panic);
}

static void lists_are_bounded(void **state)
{
	static const char *const one[] = { "layerboot.layer=a ", "layerboot.skip=a " };
	static char text[CMDLINE_LAYERS_MAX * 18 + 64];

	(void)state;
	for (size_t i = 0; i < ROWS(one); i++) {
		struct builder b;
		fresh_arena();
		builder_start(&b, text, sizeof(text));
		for (size_t k = 0; k < CMDLINE_LAYERS_MAX; k++)
			builder_add(&b, one[i]);
		given_cmdline(text);
		assert_int_equal(scene.cmdline.layers_count + scene.cmdline.skips_count, 64);
		builder_add(&b, one[i]);
		assert_false(b.overflow);
		assert_int_equal(cmdline_parse(slice_of(text), &scene.arena, &scene.cmdline,
					       &scene.failure),
				 -1);
		assert_int_equal(scene.failure.kind, FAILURE_CMDLINE);
		assert_non_null(strstr(scene.failure.text, "at most 64 times"));
	}
}

static void no_memory_is_told(void **state)
{
	static const char text[] = "layerboot.manifest=/ab init=/init layerboot.on-failure=halt";
	const size_t enough = 4 + 4 + 6 + 5;

	(void)state;
	for (size_t size = 0; size <= enough; size++) {
		struct arena a;
		arena_start(&a, scene.memory, size);
		int r = cmdline_parse(slice_of(text), &a, &scene.cmdline, &scene.failure);
		assert_int_equal(r, size < enough ? -1 : 0);
		if (r == 0)
			continue;
		assert_string_equal(
			failure_words(&scene.failure),
			"error[limit]: the kernel command line is too long; use less of it");
	}
	assert_string_equal(scene.cmdline.init, "/init");
}

static void patience_is_never_short(void **state)
{
	(void)state;
	fresh_arena();
	assert_int_equal(cmdline_patience_ms(given_cmdline("layerboot.timeout=0")), 10000);
	assert_int_equal(cmdline_patience_ms(given_cmdline("layerboot.timeout=10001ms")), 10001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_parameter),
		cmocka_unit_test(the_last_of_a_kind_counts),
		cmocka_unit_test(words_of_policy_and_log),
		cmocka_unit_test(what_is_told_of_failures),
		cmocka_unit_test(panic_is_any_number_but_0),
		cmocka_unit_test(quotes_as_the_kernel_reads_them),
		cmocka_unit_test(nothing_is_read_after_two_dashes),
		cmocka_unit_test(errors),
		cmocka_unit_test(the_policy_is_honoured_even_after_an_error),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(patience_is_never_short),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
