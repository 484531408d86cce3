#include "check.h"

#include <errno.h>

#include "guest.h"

static struct guest guest;

static int parse(const char *text)
{
	memset(&guest, 0, sizeof(guest));
	return guest_parse(slice_of(text), "/run/x", fresh_arena(), &guest);
}

static void a_report_is_taken_apart(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"format\": 1, \"kernel\": \"6.1.0-50-cloud-amd64\", \"later\": [{\"new\": 1}],"
		      "\"layers\": [{\"name\": \"system\", \"state\": \"found\", \"source\": \"SERIAL=system\","
		      "  \"disk\": \"vda\", \"image\": \"i\", \"subdir\": \"s\", \"type\": \"squashfs\","
		      "  \"identity\": \"sb-1\", \"trust\": \"trusted\", \"ms\": 3, \"entries\": 0},"
		      " {\"name\": \"user\", \"state\": \"absent\", \"source\": \"SERIAL=user\"}],"
		      "\"union\": {\"lowerdirs\": [\"system\", \"user+below\", \"user\", \"user+above\"]},"
		      "\"top\": {\"type\": \"tmpfs\"},"
		      "\"binds\": [{\"name\": \"a\", \"paths\": [\"/a\", \"/b\"]}, {\"name\": \"none\"},"
		      "  {\"name\": \"c\", \"paths\": [\"/c\"]}],"
		      "\"protect\": [{\"layer\": \"system\", \"path\": \"/usr/bin/sudo\"}]}"),
		0);
	assert_int_equal(guest.layers_count, 2);
	assert_string_equal(guest.layers[0].name, "system");
	assert_string_equal(guest.layers[0].subdir, "s");
	assert_string_equal(guest.layers[0].trust, "trusted");
	assert_int_equal(guest.layers[0].ms, 3);
	assert_string_equal(guest.layers[1].state, "absent");
	assert_string_equal(guest.layers[1].disk, "");
	assert_int_equal(guest.layers[1].ms, -1);

	static const struct guest_directory stack[] = {
		{ .path = "/run/x/top/upper", .layer = "top" },
		{ .path = "/run/x/layers/user+above", .layer = "user" },
		{ .path = "/run/x/layers/user", .layer = "user" },
		{ .path = "/run/x/layers/user+below", .layer = "user" },
		{ .path = "/run/x/layers/system", .layer = "system" },
	};
	assert_true(guest.has_top);
	assert_int_equal(guest.stack_count, ROWS(stack));
	for (size_t i = 0; i < ROWS(stack); i++) {
		assert_string_equal(guest.stack[i].path, stack[i].path);
		assert_string_equal(guest.stack[i].layer, stack[i].layer);
		assert_int_equal(guest.stack[i].fd, -1);
		assert_false(guest.stack[i].xattr_whiteouts);
	}
	assert_int_equal(guest.binds_count, 3);
	assert_string_equal(guest.binds[1].owner, "a");
	assert_string_equal(guest.binds[1].path, "/b");
	assert_string_equal(guest.binds[2].owner, "c");
	assert_int_equal(guest.protects_count, 1);
	assert_string_equal(guest.protects[0].owner, "system");
}

static void a_report_may_be_short(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"format\": 1}"), 0);
	assert_int_equal(guest.layers_count + guest.stack_count + guest.binds_count +
				 guest.protects_count,
			 0);
	assert_false(guest.has_top);
	assert_int_equal(
		parse("{\"format\": 1, \"layers\": 5, \"union\": [], \"top\": {\"type\": \"none\"},"
		      "\"binds\": [1, {\"paths\": [2]}], \"protect\": [\"x\"]}"),
		0);
	assert_false(guest.has_top);
	assert_int_equal(guest.layers_count, 0);
	assert_string_equal(guest.binds[0].path, "");
	assert_string_equal(guest.protects[0].path, "");
}

static void the_top_may_be_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"format\": 1, \"top\": {\"type\": \"disk\", \"upper\": \"/run/x/top/a/upper\"}}"),
		0);
	assert_int_equal(guest.stack_count, 1);
	assert_string_equal(guest.stack[0].path, "/run/x/top/a/upper");
}

static void others_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse(""), -EINVAL);
	assert_int_equal(parse("[]"), -EINVAL);
	assert_int_equal(parse("{\"layers\": []}"), -EINVAL);
	assert_int_equal(parse("{\"format\": \"1\"}"), -EINVAL);
	assert_int_equal(parse("{\"format\": 1"), -EINVAL);
	assert_int_equal(parse("{\"format\": 2}"), -EPROTONOSUPPORT);
	assert_int_equal(parse("{\"format\": 1, \"union\": {\"lowerdirs\": [\"\"]}}"), -EINVAL);
	assert_int_equal(parse("{\"format\": 1, \"union\": {\"lowerdirs\": [7]}}"), -EINVAL);
}

static void little_memory_is_an_error(void **state)
{
	static const char text[] =
		"{\"format\": 1, \"layers\": [{}, {}], \"union\": {\"lowerdirs\": [\"a\", \"b\"]},"
		"\"top\": {\"type\": \"tmpfs\"}, \"binds\": [{\"paths\": [\"/a\"]}], \"protect\": [{}]}";
	bool refused = false;

	(void)state;
	for (size_t size = 0; size < 2048; size++) {
		struct arena a;
		arena_start(&a, scene.memory, size);
		guest = (struct guest){ 0 };
		int r = guest_parse(slice_of(text), "/run/x", &a, &guest);
		refused |= r == -ENOMEM;
		for (size_t i = 0; i < guest.stack_count; i++)
			assert_int_equal(guest.stack[i].fd, -1);
		if (r == 0) {
			assert_int_equal(guest.stack_count, 3);
			assert_true(refused);
		}
	}
	assert_int_equal(parse(text), 0);
}

static void the_kernel_decides_about_whiteouts_by_attribute(void **state)
{
	static const struct {
		const char *release;
		bool known;
	} rows[] = {
		{ "6.1.0-50-amd64", false },
		{ "6.7.12", false },
		{ "6.8.0", true },
		{ "6.12.5", true },
		{ "7.0.1", true },
		{ "5.10.0", false },
		{ "", true },
		{ "next", true },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct builder b;
		builder_start(&b, text, sizeof(text));
		builder_addf(&b, "{\"format\":1,\"kernel\":\"%s\",\"top\":{}}", rows[i].release);
		assert_int_equal(parse(text), 0);
		assert_int_equal(guest.stack[0].xattr_whiteouts, rows[i].known);
	}
}

static void claims_cover_what_is_below_them(void **state)
{
	static const struct guest_claim claims[] = { { "none", "" },
						     { "a", "/var/lib/docker" },
						     { "b", "/etc" } };

	(void)state;
	assert_ptr_equal(guest_claim_of(claims, 3, "/var/lib/docker"), &claims[1]);
	assert_ptr_equal(guest_claim_of(claims, 3, "/var/lib/docker/x/y"), &claims[1]);
	assert_ptr_equal(guest_claim_of(claims, 3, "/etc/motd"), &claims[2]);
	assert_null(guest_claim_of(claims, 3, "/var/lib/dockers"));
	assert_null(guest_claim_of(claims, 3, "/var/lib"));
	assert_null(guest_claim_of(claims, 3, "/"));
	assert_null(guest_claim_of(claims, 0, "/etc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_taken_apart),
		cmocka_unit_test(a_report_may_be_short),
		cmocka_unit_test(the_top_may_be_elsewhere),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(little_memory_is_an_error),
		cmocka_unit_test(the_kernel_decides_about_whiteouts_by_attribute),
		cmocka_unit_test(claims_cover_what_is_below_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
