#include "verity_tree.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "sys.h"

/* The library's own annotations, which no compiler here knows. */
#define __bounded__(a, b, c)
#include <signify/sha2.h>

#define BLOCK_MAX  65536
#define DIGEST_MAX 64
#define LEVELS_MAX 64

struct tree {
	const struct verity *v;
	const struct verity_image *image;
	unsigned char salt[256];
	size_t salt_len, digest_len;
};

static unsigned nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t from_hex(const char *hex, unsigned char *ret)
{
	size_t len = hex ? strlen(hex) / 2 : 0;

	for (size_t i = 0; i < len; i++)
		ret[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return len;
}

/* Version 1 of the format: the salt comes first. */
static void digest(const struct tree *t, const void *block, size_t len, unsigned char *ret)
{
	SHA2_CTX context;

	if (t->digest_len == SHA256_DIGEST_LENGTH) {
		SHA256Init(&context);
		SHA256Update(&context, t->salt, t->salt_len);
		SHA256Update(&context, block, len);
		SHA256Final(ret, &context);
		return;
	}
	SHA512Init(&context);
	SHA512Update(&context, t->salt, t->salt_len);
	SHA512Update(&context, block, len);
	SHA512Final(ret, &context);
}

static int read_block(int fd, void *block, uint64_t size, uint64_t offset)
{
	ssize_t len = sys_pread(fd, block, size, (off_t)offset);

	return len < 0 ? (int)len : (uint64_t)len == size ? 0 : -EIO;
}

/* Blocks of one size, one after the other. */
struct level {
	const char *what;
	int fd;
	uint64_t offset, size, count;
};

/* The blocks of L against the digests in the level of the tree that is at UP. */
static int check_level(const struct tree *t, const struct level *l, uint64_t up,
		       struct builder *words)
{
	static unsigned char block[BLOCK_MAX], above[BLOCK_MAX];
	uint64_t per_block = t->v->hash_block / t->digest_len;
	unsigned char found[DIGEST_MAX];

	for (uint64_t i = 0; i < l->count; i++) {
		int r = i % per_block ? 0
				      : read_block(t->image->hash, above, t->v->hash_block,
						   up + i / per_block * t->v->hash_block);
		if (r == 0)
			r = read_block(l->fd, block, l->size, l->offset + i * l->size);
		if (r < 0)
			return r;
		digest(t, block, l->size, found);
		if (memcmp(found, above + i % per_block * t->digest_len, t->digest_len) == 0)
			continue;
		builder_addf(words, "block %llu of the %s is not what the hash tree says",
			     (unsigned long long)i, l->what);
		return -EBADMSG;
	}
	return 0;
}

/* The topmost block, or the only one of data. */
static int check_root(const struct tree *t, int fd, uint64_t offset, uint64_t size,
		      struct builder *words)
{
	static unsigned char block[BLOCK_MAX];
	unsigned char found[DIGEST_MAX], root[DIGEST_MAX];
	int r = read_block(fd, block, size, offset);

	if (r < 0)
		return r;
	digest(t, block, size, found);
	(void)from_hex(t->v->root_hash, root);
	if (memcmp(found, root, t->digest_len) == 0)
		return 0;
	builder_add(words, "it is the image of another root hash");
	return -EBADMSG;
}

int verity_tree_check(const struct verity *v, const struct verity_image *image,
		      struct builder *words)
{
	struct tree t = { .v = v, .image = image, .digest_len = verity_digest_size(v->algorithm) };
	uint64_t per_block = v->hash_block / t.digest_len, count[LEVELS_MAX], at[LEVELS_MAX];
	uint64_t position = image->hash_offset + verity_tree_offset(v);
	size_t levels = 0;

	t.salt_len = from_hex(v->salt, t.salt);
	for (uint64_t n = v->data_size / v->data_block; n > 1;) {
		n = (n + per_block - 1) / per_block;
		count[levels++] = n;
	}
	/* The topmost level stands first. */
	for (size_t i = levels; i > 0; i--) {
		at[i - 1] = position;
		position += count[i - 1] * v->hash_block;
	}
	struct level data = { "data", image->data, image->data_offset, v->data_block,
			      v->data_size / v->data_block };
	int r = levels ? check_root(&t, image->hash, at[levels - 1], v->hash_block, words)
		       : check_root(&t, data.fd, data.offset, data.size, words);
	for (size_t i = levels; r == 0 && i > 1; i--) {
		const struct level level = { "hash tree", image->hash, at[i - 2], v->hash_block,
					     count[i - 2] };
		r = check_level(&t, &level, at[i - 1], words);
	}
	return r == 0 && levels ? check_level(&t, &data, at[0], words) : r;
}
