#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "policy.h"

#define START  "version = 1\n"
#define HASH   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define VERITY "type = erofs\nverity-data-size = 4096\nverity = " HASH "\n"
#define SET    "domain = layerboot-manifest\nset = fleet\nset-version = 3\n"
#define LAYER  "[layer a]\nsource = SERIAL=a\n"

static struct policy policy;

static int given_policy(bool keys, const char *text)
{
	fresh_arena();
	policy = policy_default(keys);
	return policy_parse(slice_of(text), "p", &scene.arena, &policy, &scene.failure);
}

static void without_keys_and_policy_nothing_is_locked(void **state)
{
	(void)state;
	fresh_arena();
	policy = policy_default(false);
	given_manifest(START LAYER);
	given_cmdline("init=/x layerboot.on-failure=shell layerboot.layer=a,type=ext4 "
		      "layerboot.manifest=/m layerboot.top=disk,source=LABEL=x layerboot.skip=a");
	policy_clamp(&policy, &scene.cmdline);
	assert_int_equal(scene.cmdline.on_failure, ON_FAILURE_SHELL);
	assert_int_equal(policy_check_cmdline(&policy, &scene.cmdline, &scene.failure), 0);
	assert_int_equal(policy_check_overrides(&policy, &scene.cmdline, &scene.manifest,
						&scene.failure),
			 0);
	assert_int_equal(policy_check_manifest(&policy, &scene.manifest, false, &scene.failure), 0);
}

static void every_key(void **state)
{
	(void)state;
	must_work(given_policy(false, "# comment\n\n" START
				      "manifest = signed\nverify = hash\ntypes = squashfs vfat\n"
				      "set = fleet\nminimum-version = 7\non-failure = reboot\n"
				      "init = yes\n[layer user]\nverify = none\n[ layer x ]\n"));
	assert_true(policy.locked);
	assert_false(policy.any_manifest);
	assert_int_equal(policy.verify, POLICY_HASH);
	assert_string_equal(policy.types[0], "squashfs");
	assert_string_equal(policy.types[1], "vfat");
	assert_null(policy.types[2]);
	assert_string_equal(policy.set, "fleet");
	assert_int_equal(policy.minimum_version, 7);
	assert_true(policy.on_failure_given);
	assert_int_equal(policy.on_failure, ON_FAILURE_REBOOT);
	assert_true(policy.allow_init);
	assert_int_equal(policy.roles_count, 2);
	assert_string_equal(policy.roles[0].layer, "user");
	assert_int_equal(policy.roles[0].verify, POLICY_NONE);
	/* of its own nothing is said */
	assert_int_equal(policy.roles[1].verify, POLICY_HASH);
}

static void what_is_default(void **state)
{
	(void)state;
	must_work(given_policy(true, START));
	assert_false(policy.any_manifest);
	assert_int_equal(policy.verify, POLICY_SIGNED);
	must_work(given_policy(false, START));
	assert_true(policy.locked && policy.any_manifest);
	assert_int_equal(policy.verify, POLICY_NONE);
}

static void what_is_no_policy(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "p: expected version = 1" },
		{ "verify = none\n", "p:1: expected \"version = 1\" before anything else" },
		{ "version = 2\n", "p:1: expected 1, the version of this format" },
		{ START START, "p:2: expected each key once in its section" },
		{ START "nonsense\n", "p:2: expected key = value, [layer NAME] or # comment" },
		{ START "colour = red\n",
		  "p:2: expected version, manifest, verify, types, set, minimum-version, "
		  "on-failure or init" },
		{ START "manifest = no\n", "p:2: expected signed or any" },
		{ START "verify = yes\n", "p:2: expected signed, hash or none" },
		{ START "types =\n", "p:2: expected types of file systems, with blanks between" },
		{ START "types = ntfs\n",
		  "p:2: expected types of file systems, with blanks between" },
		{ START "types = ext4 ext4 ext4 ext4 ext4 ext4 ext4 ext4 ext4\n",
		  "p:2: expected types of file systems, with blanks between" },
		{ START "set = a/b\n",
		  "p:2: expected a name of letters, digits, . _ - (at most 32 bytes), but not top" },
		{ START "minimum-version = x\n", "p:2: expected a number" },
		{ START "on-failure = shell\n",
		  "p:2: expected auto, panic, reboot, poweroff or halt" },
		{ START "init = maybe\n", "p:2: expected no or yes" },
		{ START "[top]\n", "p:2: expected [layer NAME]" },
		{ START "[layer a\n", "p:2: expected [layer NAME]" },
		{ START "[\n", "p:2: expected [layer NAME]" },
		{ "[", "p:1: expected [layer NAME]" },
		{ START "[]\n", "p:2: expected [layer NAME]" },
		{ START "[layer /]\n", "p:2: expected [layer NAME]" },
		{ START "[layer a]\nverify = none\nverify = none\n",
		  "p:4: expected each key once in its section" },
		{ START "[layer a]\ninit = no\n", "p:3: expected verify" },
		{ START "[layer a]\n[layer a]\n", "p:3: expected each layer once, and at most 32" },
		{ START "# \xff\n", "p: expected UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(given_policy(false, rows[i].text), -1);
		assert_string_equal(scene.failure.text, rows[i].error);
		assert_int_equal(scene.failure.kind, FAILURE_POLICY);
		assert_true(policy.locked);
	}
}

static void too_much_is_refused(void **state)
{
	char text[2048];
	struct builder b;

	(void)state;
	builder_start(&b, text, sizeof(text));
	builder_add(&b, START);
	for (int i = 0; i <= POLICY_ROLES_MAX; i++)
		builder_addf(&b, "[layer l%d]\n", i);
	assert_int_equal(given_policy(false, text), -1);
	static const char *const needy[] = { START "set = fleet\n", START "types = ext4\n",
					     START "[layer a]\n" };
	for (size_t i = 0; i < ROWS(needy); i++) {
		char memory[1];
		struct arena arena;
		arena_start(&arena, memory, sizeof(memory));
		policy = policy_default(false);
		assert_int_equal(
			policy_parse(slice_of(needy[i]), "p", &arena, &policy, &scene.failure), -1);
		assert_int_equal(scene.failure.kind, FAILURE_LIMIT);
	}
}

static void the_end_of_a_boot_is_not_chosen(void **state)
{
	(void)state;
	must_work(given_policy(false, START));
	given_cmdline("layerboot.on-failure=shell");
	assert_int_equal(policy_check_cmdline(&policy, &scene.cmdline, &scene.failure), -1);
	policy_clamp(&policy, &scene.cmdline);
	assert_int_equal(scene.cmdline.on_failure, ON_FAILURE_AUTO);
	given_cmdline("layerboot.on-failure=poweroff");
	policy_clamp(&policy, &scene.cmdline);
	assert_int_equal(scene.cmdline.on_failure, ON_FAILURE_POWEROFF);
	must_work(given_policy(false, START "on-failure = halt\n"));
	given_cmdline("");
	policy_clamp(&policy, &scene.cmdline);
	assert_int_equal(scene.cmdline.on_failure, ON_FAILURE_HALT);
}

static void what_the_command_line_may_do(void **state)
{
	static const struct {
		const char *policy, *cmdline, *refused; /* NULL: it may */
	} rows[] = {
		{ START, "quiet layerboot.log=debug layerboot.timeout=5 panic=1", NULL },
		{ START, "init=/bin/sh", "init=/bin/sh: the policy does not let it be chosen" },
		{ START "init = yes\n", "init=/bin/sh", NULL },
		{ START, "layerboot.on-failure=reboot", NULL },
		{ START "on-failure = panic\n", "layerboot.on-failure=panic", NULL },
		{ START "on-failure = panic\n", "layerboot.on-failure=reboot",
		  "layerboot.on-failure=: the policy has its own on-failure" },
		{ START, "layerboot.manifest=/m",
		  "layerboot.manifest=/m: another manifest needs a policy of manifest = signed" },
		{ START "manifest = signed\n", "layerboot.manifest=/m", NULL },
		{ START, "layerboot.layer=a,required=yes,trust=untrusted", NULL },
		{ START, "layerboot.layer=a", NULL },
		{ START, "layerboot.layer=a,required=no",
		  "layerboot.layer=a,required=no: only required=yes and trust=untrusted tighten" },
		{ START, "layerboot.layer=a,options=noload",
		  "layerboot.layer=a,options=noload: only required=yes and trust=untrusted tighten" },
		{ START, "layerboot.layer=c,source=LABEL=c",
		  "layerboot.layer=c,source=LABEL=c: no layer may be added" },
		{ START, "layerboot.skip=a", "layerboot.skip=a: the layer is required" },
		{ START, "layerboot.skip=b", NULL },
		{ START, "layerboot.top=none", NULL },
		{ START, "layerboot.top=tmpfs", NULL },
		{ START, "layerboot.top=reset", NULL },
		{ START, "layerboot.top=disk,source=LABEL=x",
		  "layerboot.top=disk,source=LABEL=x: no disk may be put on top" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		must_work(given_policy(false, rows[i].policy));
		given_manifest(START LAYER "[layer b]\nsource = SERIAL=b\nrequired = no\n");
		given_cmdline(rows[i].cmdline);
		bool refused = policy_check_cmdline(&policy, &scene.cmdline, &scene.failure) < 0 ||
			       policy_check_overrides(&policy, &scene.cmdline, &scene.manifest,
						      &scene.failure) < 0;
		if (refused != (rows[i].refused != NULL))
			fail_msg("%s", rows[i].cmdline);
		if (refused) {
			assert_string_equal(scene.failure.text, rows[i].refused);
			assert_int_equal(scene.failure.kind, FAILURE_POLICY_REFUSED);
		}
	}
}

static void which_manifests_are_taken(void **state)
{
	static const struct {
		bool keys, is_signed;
		const char *policy, *manifest;
		enum failure_kind kind; /* NONE: it is */
	} rows[] = {
		{ true, true, START, START SET LAYER VERITY, FAILURE_NONE },
		{ true, false, START, START SET LAYER VERITY, FAILURE_SIGNATURE },
		{ true, true, START, START SET LAYER, FAILURE_UNVERIFIED },
		{ true, true, START "[layer a]\nverify = none\n", START SET LAYER, FAILURE_NONE },
		{ true, true, START "[layer b]\nverify = none\n", START SET LAYER,
		  FAILURE_UNVERIFIED },
		{ true, true, START, START "set = fleet\nset-version = 3\n" LAYER VERITY,
		  FAILURE_SIGNATURE },
		{ true, true, START,
		  START "domain = layerboot-manifest\nset-version = 3\n" LAYER VERITY,
		  FAILURE_SIGNATURE },
		{ true, true, START, START "domain = layerboot-manifest\nset = x\n" LAYER VERITY,
		  FAILURE_SIGNATURE },
		{ true, true, START "set = fleet\nminimum-version = 3\n", START SET LAYER VERITY,
		  FAILURE_NONE },
		{ true, true, START "set = other\n", START SET LAYER VERITY,
		  FAILURE_POLICY_REFUSED },
		{ true, true, START "minimum-version = 4\n", START SET LAYER VERITY,
		  FAILURE_MANIFEST_OLD },
		{ true, true, START "types = squashfs\n", START SET LAYER VERITY,
		  FAILURE_POLICY_REFUSED },
		{ true, true, START "types = squashfs erofs\n", START SET LAYER VERITY,
		  FAILURE_NONE },
		{ true, false, START "manifest = any\n", START LAYER VERITY, FAILURE_UNVERIFIED },
		{ true, false, START "manifest = any\nverify = hash\n", START LAYER VERITY,
		  FAILURE_NONE },
		{ false, false, START "verify = hash\n", START LAYER, FAILURE_UNVERIFIED },
		{ false, false, START, START LAYER, FAILURE_NONE },
		{ false, false, START "minimum-version = 4\n", START LAYER, FAILURE_SIGNATURE },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		must_work(given_policy(rows[i].keys, rows[i].policy));
		given_manifest(rows[i].manifest);
		int r = policy_check_manifest(&policy, &scene.manifest, rows[i].is_signed,
					      &scene.failure);
		if (r != (rows[i].kind == FAILURE_NONE ? 0 : -1) ||
		    (r < 0 && scene.failure.kind != rows[i].kind))
			fail_msg("row %zu: %s", i, r < 0 ? failure_words(&scene.failure) : "taken");
	}
}

static void the_lines_of_a_set(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ START "domain = other\n", "m:2:10: domain: expected layerboot-manifest" },
		{ START "set = a b\n",
		  "m:2:7: set: expected a name of letters, digits, . _ - (at most 32 bytes), but "
		  "not top" },
		{ START "set-version = 0\n", "m:2:15: set-version: expected a number from 1 on" },
		{ START "set-version = x\n", "m:2:15: set-version: expected a number from 1 on" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh_arena();
		assert_int_equal(manifest_parse(slice_of(rows[i].text), "m", &scene.arena,
						&scene.manifest, &scene.failure),
				 -1);
		assert_string_equal(scene.failure.text, rows[i].error);
	}
	fresh_arena();
	const struct manifest *m = given_manifest(START SET LAYER);
	assert_string_equal(m->set, "fleet");
	assert_int_equal(m->set_version, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_keys_and_policy_nothing_is_locked),
		cmocka_unit_test(every_key),
		cmocka_unit_test(what_is_default),
		cmocka_unit_test(what_is_no_policy),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(the_end_of_a_boot_is_not_chosen),
		cmocka_unit_test(what_the_command_line_may_do),
		cmocka_unit_test(which_manifests_are_taken),
		cmocka_unit_test(the_lines_of_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
