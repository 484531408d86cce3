#include "check.h"

#include <errno.h>

#include "origin.h"

static void every_form(void **state)
{
	static const struct {
		const char *text;
		enum origin_kind kind;
		const char *source, *path;
	} rows[] = {
		{ "/etc/layerboot/manifest", ORIGIN_PATH, NULL, "/etc/layerboot/manifest" },
		{ "/device/x", ORIGIN_PATH, NULL, "/device/x" },
		{ "fw_cfg:opt/org.layerboot/manifest", ORIGIN_FW_CFG, NULL,
		  "opt/org.layerboot/manifest" },
		{ "SERIAL=manifest", ORIGIN_RAW, "SERIAL=manifest", NULL },
		{ "/dev/vdb", ORIGIN_RAW, "/dev/vdb", NULL },
		{ "SERIAL=a | WWN=0x5", ORIGIN_RAW, "SERIAL=a | WWN=0x5", NULL },
		{ "LABEL=config-2:/openstack/manifest", ORIGIN_FILE, "LABEL=config-2",
		  "openstack/manifest" },
		{ "/dev/vdb1:/m", ORIGIN_FILE, "/dev/vdb1", "m" },
		{ "LABEL=a:b", ORIGIN_RAW, "LABEL=a:b", NULL },
		{ "LABEL=a:b:/c:/d", ORIGIN_FILE, "LABEL=a:b", "c:/d" },
		{ "LABEL=\"a:/b\":/c", ORIGIN_FILE, "LABEL=\"a:/b\"", "c" },
		{ "LABEL=\"a:/b\"", ORIGIN_RAW, "LABEL=\"a:/b\"", NULL },
		{ "SERIAL=a|LABEL=b:/c", ORIGIN_FILE, "SERIAL=a|LABEL=b", "c" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i].text, strlen(rows[i].text));
		struct origin o;
		if (origin_parse(text, fresh_arena(), &o) != 0)
			fail_msg("%s", rows[i].text);
		free((char *)text.at);
		assert_int_equal(o.kind, rows[i].kind);
		assert_string_equal(o.text, rows[i].text);
		if (rows[i].source)
			assert_string_equal(o.source.text, rows[i].source);
		else
			assert_int_equal(o.source.count, 0);
		if (rows[i].path)
			assert_string_equal(o.path, rows[i].path);
		else
			assert_null(o.path);
	}
}

static void malformed(void **state)
{
	static const char *const rows[] = {
		"",
		"manifest",
		"SERIAL=",
		"LABEL=a:/",
		"LABEL=a:/b/../c",
		"LABEL=a:/b//c",
		"LABEL=a:/*",
		"LABEL=:/c",
		"LABEL=\"a:/b",
		"file:/x",
		"fw_cfg:",
		"fw_cfg:../../x",
		"fw_cfg:a*",
		"fw_cfg:a/",
		/* 56 bytes leave no room for the NUL */
		"fw_cfg:12345678901234567890123456789012345678901234567890123456",
		"/dev/disk/by-label/x",
		"/dev/",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = exact_copy(rows[i], strlen(rows[i]));
		struct origin o = { .path = "untouched" };
		if (origin_parse(text, fresh_arena(), &o) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
		free((char *)text.at);
		assert_string_equal(o.path, "untouched");
	}
}

static void the_longest_name_of_fw_cfg(void **state)
{
	struct origin o;

	(void)state;
	assert_int_equal(
		origin_parse(
			slice_of("fw_cfg:1234567890123456789012345678901234567890123456789012345"),
			fresh_arena(), &o),
		0);
}

static void no_memory_is_told(void **state)
{
	static const struct {
		const char *text;
		size_t enough;
	} rows[] = {
		{ "/ab", 4 },
		{ "fw_cfg:a", 9 + 2 },
		{ "LABEL=a:/b", 11 + 8 + 2 + 2 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (size_t size = 0; size <= rows[i].enough; size++) {
			struct origin o;
			struct arena a;
			arena_start(&a, scene.memory, size);
			assert_int_equal(origin_parse(slice_of(rows[i].text), &a, &o),
					 size < rows[i].enough ? -ENOMEM : 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),
		cmocka_unit_test(malformed),
		cmocka_unit_test(the_longest_name_of_fw_cfg),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
