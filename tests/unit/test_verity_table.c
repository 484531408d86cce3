#include "check.h"

#include "manifest_verity.h"
#include "verity_table.h"

#define HASH   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define START  "version = 1\n[layer a]\nsource = SERIAL=a\ntype = erofs\n"
#define VERITY "verity = " HASH "\nverity-data-size = 8192\n"

static const struct verity *given(const char *keys)
{
	char text[2048];
	struct builder b;

	builder_start(&b, text, sizeof(text));
	builder_addf(&b, "%s%s", START, keys);
	fresh_arena();
	return &given_manifest(text)->layers[0].verity;
}

static void a_layer_is_not_verified_unless_said(void **state)
{
	(void)state;
	assert_null(given("")->root_hash);
	assert_false(verity_is_set(given("")));
	assert_null(verity_problem(given("")));
}

static void tables(void **state)
{
	static const struct {
		const char *keys, *data, *hash, *table;
	} rows[] = {
		{ VERITY, "/dev/vda", "/dev/vda",
		  "1 /dev/vda /dev/vda 4096 4096 2 2 sha256 " HASH " -" },
		{ VERITY "verity-hash-offset = 16384\nverity-salt = 00ff\non-corruption = eio\n",
		  "/dev/vda", "/dev/vda",
		  "1 /dev/vda /dev/vda 4096 4096 2 4 sha256 " HASH " 00ff" },
		{ VERITY
		  "verity-hash-source = SERIAL=b\nverity-salt = -\non-corruption = restart\n",
		  "/dev/vda", "/dev/vdb",
		  "1 /dev/vda /dev/vdb 4096 4096 2 0 sha256 " HASH " - 1 restart_on_corruption" },
		{ VERITY "verity-hash-source = SERIAL=b\nverity-hash-offset = 2048\n"
			 "verity-block-size = 512\nverity-hash-block-size = 1024\n"
			 "on-corruption = panic\n",
		  "/dev/loop0", "/dev/vdb",
		  "1 /dev/loop0 /dev/vdb 512 1024 16 2 sha256 " HASH " - 1 panic_on_corruption" },
		{ "verity = " HASH HASH "\nverity-algorithm = sha512\nverity-data-size = 4096\n",
		  "/dev/vda", "/dev/vda",
		  "1 /dev/vda /dev/vda 4096 4096 1 1 sha512 " HASH HASH " -" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[1024];
		struct builder b;
		builder_start(&b, text, sizeof(text));
		verity_table_print(given(rows[i].keys), rows[i].data, rows[i].hash, &b);
		assert_string_equal(text, rows[i].table);
	}
}

/* As veritysetup makes it. */
static void the_size_of_a_tree(void **state)
{
	static const struct {
		uint64_t data, tree;
	} rows[] = {
		{ 4096, 0 },
		{ 2 * 4096, 4096 },
		{ 128 * 4096, 4096 },
		{ 129 * 4096, 3 * 4096 },
		{ 128 * 128 * 4096, 129 * 4096 },
		{ (128 * 128 + 1) * 4096, (129 + 2 + 1) * 4096 },
	};
	struct verity v = verity_default();

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		v.data_size = rows[i].data;
		assert_int_equal(verity_tree_size(&v), rows[i].tree);
	}
	v.algorithm = "sha512";
	v.data_size = 65 * 4096;
	assert_int_equal(verity_tree_size(&v), 3 * 4096);
	assert_int_equal(verity_digest_size("sha1"), 0);
}

#define DIGITS "a root hash as veritysetup prints it: 64 digits of 0-9 a-f"
#define BLOCK  "a power of two from 512 to 65536"

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ START "verity = \n", "5:9: verity: expected " DIGITS },
		{ START "verity = abc\n", "5:10: verity: expected " DIGITS },
		{ START "verity = 00FF\n", "5:12: verity: expected " DIGITS },
		{ START "verity = 00g0\n", "5:12: verity: expected " DIGITS },
		{ START "verity = " HASH HASH "00\n", "5:10: verity: expected " DIGITS },
		{ START "verity-salt = 0\n",
		  "5:15: verity-salt: expected an even number of digits of 0-9 a-f, or -" },
		{ START "verity-hash-source = vdb\n",
		  "5:22: verity-hash-source: expected SERIAL=, WWN=, LABEL=, UUID=, PARTLABEL=, "
		  "PARTUUID= or a /dev path" },
		{ START "verity-hash-offset = -1\n",
		  "5:22: verity-hash-offset: expected a number of bytes" },
		{ START "verity-data-size = 1k\n",
		  "5:20: verity-data-size: expected a number of bytes" },
		{ START "verity-block-size = 1000\n", "5:21: verity-block-size: expected " BLOCK },
		{ START "verity-block-size = 256\n", "5:21: verity-block-size: expected " BLOCK },
		{ START "verity-hash-block-size = 131072\n",
		  "5:26: verity-hash-block-size: expected " BLOCK },
		{ START "verity-algorithm = sha1\n",
		  "5:20: verity-algorithm: expected sha256 or sha512" },
		{ START "on-corruption = ignore\n",
		  "5:17: on-corruption: expected eio, restart or panic" },
		/* what the keys say together */
		{ START "verity-salt = 00\n",
		  "2:1: [layer a]: expected verity = ROOTHASH with the keys that say how" },
		{ START "verity = 00ff\nverity-data-size = 4096\n",
		  "2:1: [layer a]: expected a root hash of 64 digits, or of 128 with "
		  "verity-algorithm = sha512" },
		{ START "verity = " HASH "\n",
		  "2:1: [layer a]: expected verity-data-size with verity" },
		{ START "verity = " HASH "\nverity-data-size = 4097\n",
		  "2:1: [layer a]: expected a verity-data-size of whole blocks" },
		{ START VERITY "verity-hash-offset = 10000\n",
		  "2:1: [layer a]: expected a verity-hash-offset of whole hash blocks" },
		{ START VERITY "verity-hash-offset = 4096\n",
		  "2:1: [layer a]: expected a verity-hash-offset behind the data, or "
		  "verity-hash-source" },
		{ "version = 1\n[layer a]\nsource = SERIAL=a\n" VERITY,
		  "2:1: [layer a]: expected a type with verity: an image is not probed before it "
		  "is verified" },
		{ START VERITY "image = x/*\n",
		  "2:1: [layer a]: expected an image that is one file with verity, not a glob" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char expected[512];
		struct builder b;
		builder_start(&b, expected, sizeof(expected));
		builder_addf(&b, "m:%s", rows[i].error);
		fresh_arena();
		assert_int_equal(manifest_parse(slice_of(rows[i].text), "m", &scene.arena,
						&scene.manifest, &scene.failure),
				 -1);
		assert_string_equal(scene.failure.text, expected);
	}
}

static void no_memory_is_told(void **state)
{
	char small[8];

	(void)state;
	fresh_arena();
	struct place p = { .manifest = &scene.manifest, .arena = &scene.arena };
	p.layer = &scene.manifest.layers[0];
	arena_start(&scene.arena, small, sizeof(small));
	assert_int_equal(set_verity(&p, slice_of(HASH)), -12);
}

static void the_command_line_is_held_to_the_same(void **state)
{
	(void)state;
	fresh_arena();
	given_manifest(START);
	assert_int_equal(manifest_override(&scene.manifest,
					   given_cmdline("layerboot.layer=a,verity-salt=00"),
					   &scene.arena, &scene.failure),
			 -1);
	assert_string_equal(scene.failure.text, "verity = ROOTHASH with the keys that say how");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_layer_is_not_verified_unless_said),
		cmocka_unit_test(tables),
		cmocka_unit_test(the_size_of_a_tree),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(the_command_line_is_held_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
