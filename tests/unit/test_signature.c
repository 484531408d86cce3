#include "check.h"

#include <errno.h>

#include "ed25519.h"
#include "signature.h"

/* Made by signify-openbsd -G and -S -e. */
#define KEY       "untrusted comment: layerboot public key\n" KEY_LINE "\n"
#define KEY_LINE  "RWSf1phyH/+6z0C7HP5wiEFU/hZw0I7TMoS2Y8RxIMzeyp+C8W1VooNz"
#define NUMBER    "9fd698721fffbacf"
#define SIGNATURE "untrusted comment: verify with rel.pub\n" SIGNATURE_LINE "\n"
#define SIGNATURE_LINE \
	"RWSf1phyH/+6zwntzAmplvbrXwtAIGfJQCAi7yBSEtqnYxexD+3T8rw75cecuXf66E2OtIxR29Aq94QgoOfLYjasOpqhHSmzZAE="
#define TEXT "version = 1\n"

static void what_signify_makes(void **state)
{
	struct slice keys = slice_of(KEY KEY), text;
	struct signature_key key;
	struct signature signature;
	char number[24];
	struct builder b;

	(void)state;
	fresh_arena();
	for (int i = 0; i < 2; i++)
		assert_int_equal(signature_take_key(&keys, &key), 0);
	assert_int_equal(signature_take_key(&keys, &key), -ENOENT);
	assert_int_equal(signature_split(slice_of(SIGNATURE TEXT), &signature, &text), 0);
	assert_true(slice_is(text, TEXT));
	assert_memory_equal(signature.number, key.number, sizeof(key.number));
	builder_start(&b, number, sizeof(number));
	signature_print_number(key.number, &b);
	assert_string_equal(number, NUMBER);
	assert_true(ed25519_verifies(signature.bytes, key.key, text, &scene.arena));
	/* without the line feed at the end */
	text.len--;
	assert_false(ed25519_verifies(signature.bytes, key.key, text, &scene.arena));
	text.len++;
	/* each bit counts */
	for (size_t i = 0; i < 8 * sizeof(signature.bytes); i += 37) {
		signature.bytes[i / 8] ^= (unsigned char)(1u << i % 8);
		assert_false(ed25519_verifies(signature.bytes, key.key, text, &scene.arena));
		signature.bytes[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	key.key[3] ^= 1;
	assert_false(ed25519_verifies(signature.bytes, key.key, text, &scene.arena));
}

/* RFC 8032, 7.1, test 3. */
static void a_vector_of_the_standard(void **state)
{
	static const unsigned char key[] = { 0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3,
					     0x8d, 0xa4, 0x7e, 0xd0, 0x02, 0x30, 0xf0, 0x58,
					     0x08, 0x16, 0xed, 0x13, 0xba, 0x33, 0x03, 0xac,
					     0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25 };
	static const unsigned char signature[] = {
		0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02, 0x48, 0x27, 0xe6, 0x9c, 0x3a,
		0xbe, 0x01, 0xa3, 0x0c, 0xe5, 0x48, 0xa2, 0x84, 0x74, 0x3a, 0x44, 0x5e, 0x36,
		0x80, 0xd7, 0xdb, 0x5a, 0xc3, 0xac, 0x18, 0xff, 0x9b, 0x53, 0x8d, 0x16, 0xf2,
		0x90, 0xae, 0x67, 0xf7, 0x60, 0x98, 0x4d, 0xc6, 0x59, 0x4a, 0x7c, 0x15, 0xe9,
		0x71, 0x6e, 0xd2, 0x8d, 0xc0, 0x27, 0xbe, 0xce, 0xea, 0x1e, 0xc4, 0x0a
	};

	(void)state;
	fresh_arena();
	assert_true(
		ed25519_verifies(signature, key, (struct slice){ "\xaf\x82", 2 }, &scene.arena));
	assert_false(
		ed25519_verifies(signature, key, (struct slice){ "\xaf\x83", 2 }, &scene.arena));
	scene.arena.used = scene.arena.size - 64;
	assert_false(
		ed25519_verifies(signature, key, (struct slice){ "\xaf\x82", 2 }, &scene.arena));
}

static void what_is_no_signature(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ TEXT, -ENOENT },
		{ "", -ENOENT },
		{ "# untrusted comment: x\n", -ENOENT },
		{ "untrusted comment: ", -EINVAL },
		{ "untrusted comment: x\n", -EINVAL },
		{ "untrusted comment: x\nUldT\n", -EINVAL },
		{ "untrusted comment: x\n" KEY_LINE "\n", -EINVAL },
		{ "untrusted comment: x\nX" SIGNATURE_LINE "\n", -EINVAL },
		{ "untrusted comment: x\n " SIGNATURE_LINE "\n", -EINVAL },
	};
	char changed[512];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text, exact = exact_copy(rows[i].text, strlen(rows[i].text));
		struct signature signature;
		assert_int_equal(signature_split(exact, &signature, &text), rows[i].error);
		free((char *)(uintptr_t)exact.at);
	}
	/* another algorithm, a letter that is none of base64, one of the padding, bits that are left over */
	static const struct {
		size_t at;
		char to;
	} changes[] = {
		{ 0, 'X' }, { 20, '-' }, { 99, 'A' }, { 98, 'B' }, { 30, '=' }, { 30, '\0' }
	};
	size_t line = strlen(SIGNATURE) - strlen(SIGNATURE_LINE "\n");
	for (size_t i = 0; i < ROWS(changes); i++) {
		struct signature signature;
		struct slice text;
		memcpy(changed, SIGNATURE TEXT, sizeof(SIGNATURE TEXT));
		changed[line + changes[i].at] = changes[i].to;
		assert_int_equal(signature_split((struct slice){ changed, strlen(SIGNATURE TEXT) },
						 &signature, &text),
				 -EINVAL);
	}
}

static void what_is_no_key(void **state)
{
	static const char *const rows[] = { "x\n", "untrusted comment: \nRWS=\n", SIGNATURE };
	struct signature_key key;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct slice text = slice_of(rows[i]);
		assert_int_equal(signature_take_key(&text, &key), -EINVAL);
	}
	struct slice unended = { KEY, strlen(KEY) - 1 };
	assert_int_equal(signature_take_key(&unended, &key), 0);
	assert_int_equal(unended.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_signify_makes),
		cmocka_unit_test(a_vector_of_the_standard),
		cmocka_unit_test(what_is_no_signature),
		cmocka_unit_test(what_is_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
