#include "manifest_verity.h"

#include <errno.h>
#include <string.h>

#include "path_list.h"

/* As long as the kernel takes it (dm-verity-target.c, verity_ctr: a string of the table). */
#define SALT_BYTES_MAX 256
#define SIZE_MAX_BYTES (UINT64_MAX >> 4)

static int expect(struct place *p, const char *expected)
{
	p->expected = expected;
	return -EINVAL;
}

/* Digits of whole bytes, in lower case, as veritysetup prints them. */
static int set_hex(struct place *p, struct slice value, size_t bytes_max, const char *expected,
		   const char **ret)
{
	if (value.len == 0 || value.len % 2 || value.len > 2 * bytes_max)
		return expect(p, expected);
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] == '\0' || !strchr("0123456789abcdef", value.at[i])) {
			p->at = i;
			return expect(p, expected);
		}
	const char *text = arena_copy(p->arena, value);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

int set_verity(struct place *p, struct slice value)
{
	const size_t sha512 = 64;

	return set_hex(p, value, sha512,
		       "a root hash as veritysetup prints it: 64 digits of 0-9 a-f",
		       &p->layer->verity.root_hash);
}

int set_verity_salt(struct place *p, struct slice value)
{
	if (slice_is(value, "-")) {
		p->layer->verity.salt = NULL;
		return 0;
	}
	return set_hex(p, value, SALT_BYTES_MAX, "an even number of digits of 0-9 a-f, or -",
		       &p->layer->verity.salt);
}

int set_verity_hash_source(struct place *p, struct slice value)
{
	return source_parse(value, p->arena, &p->layer->verity.hash_source, &p->expected, &p->at);
}

static int set_bytes(struct place *p, struct slice value, uint64_t *ret)
{
	return text_number(value, SIZE_MAX_BYTES, ret) < 0 ? expect(p, "a number of bytes") : 0;
}

int set_verity_data_size(struct place *p, struct slice value)
{
	return set_bytes(p, value, &p->layer->verity.data_size);
}

int set_verity_hash_offset(struct place *p, struct slice value)
{
	p->layer->verity.hash_offset_given = true;
	return set_bytes(p, value, &p->layer->verity.hash_offset);
}

/* The kernel takes powers of two up to its page size, which is 64 KiB at most. */
static int set_block(struct place *p, struct slice value, uint64_t *ret)
{
	uint64_t size;

	if (text_number(value, 65536, &size) < 0 || size < 512 || (size & (size - 1)))
		return expect(p, "a power of two from 512 to 65536");
	*ret = size;
	return 0;
}

int set_verity_block_size(struct place *p, struct slice value)
{
	return set_block(p, value, &p->layer->verity.data_block);
}

int set_verity_hash_block_size(struct place *p, struct slice value)
{
	return set_block(p, value, &p->layer->verity.hash_block);
}

int set_verity_algorithm(struct place *p, struct slice value)
{
	const char *name = slice_is(value, "sha256")   ? "sha256"
			   : slice_is(value, "sha512") ? "sha512"
						       : NULL;

	if (!name)
		return expect(p, "sha256 or sha512");
	p->layer->verity.algorithm = name;
	return 0;
}

int set_on_corruption(struct place *p, struct slice value)
{
	for (int i = 0; verity_corruption_words[i]; i++)
		if (slice_is(value, verity_corruption_words[i])) {
			p->layer->verity.on_corruption = (enum on_corruption)i;
			return 0;
		}
	return expect(p, "eio, restart or panic");
}

const char *layer_verity_problem(const struct layer *layer)
{
	const char *problem = verity_problem(&layer->verity);

	if (problem || !layer->verity.root_hash)
		return problem;
	if (!layer->type)
		return "a type with verity: an image is not probed before it is verified";
	if (layer->image && path_is_glob(layer->image))
		return "an image that is one file with verity, not a glob";
	return NULL;
}
