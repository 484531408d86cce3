/* Hash trees that veritysetup has made, and what becomes of them when one byte changes. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "verity_tree.h"

/* In blocks of DATA and HASH bytes. */
static const struct layout {
	const char *name, *algorithm, *salt;
	unsigned data, hash, blocks, offset; /* OFFSET: of the tree, in bytes behind the data */
	bool apart;                          /* the tree is in a file of its own */
} layouts[] = {
	{ "as mklayer makes it", "sha256", "00ff10", 4096, 4096, 300, 0, false },
	{ "three levels, small blocks", "sha256", "-", 512, 512, 300, 1024, false },
	{ "a longer digest", "sha512", "0123456789abcdef", 1024, 512, 130, 0, false },
	{ "one block, no tree", "sha256", "00", 4096, 4096, 1, 0, false },
	{ "a file of its own", "sha256", "77", 4096, 1024, 40, 2048, true },
};

static struct {
	char directory[64], image[80], tree[80], root[160];
	const struct layout *layout;
} at;

static void make_image(void)
{
	char block[4096];
	int fd = open(at.image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (unsigned i = 0; i < at.layout->blocks; i++) {
		for (unsigned k = 0; k < at.layout->data; k++)
			block[k] = (char)(i * 31 + k * 7 + k / 256);
		assert_int_equal(write(fd, block, at.layout->data), at.layout->data);
	}
	close(fd);
}

/* The root hash goes into at.root. */
static void make_tree(void)
{
	const struct layout *l = at.layout;
	char command[512];

	(void)snprintf(command, sizeof(command),
		       "PATH=$PATH:/usr/sbin:/sbin; veritysetup format --no-superblock --hash=%s "
		       "--salt=%s --data-block-size=%u --hash-block-size=%u --data-blocks=%u "
		       "--hash-offset=%u %s %s | sed -n 's/^Root hash:[[:space:]]*//p'",
		       l->algorithm, l->salt, l->data, l->hash, l->blocks,
		       (l->apart ? 0 : l->data * l->blocks) + l->offset, at.image, at.tree);
	FILE *made = popen(command, "re");
	assert_non_null(made);
	at.root[0] = '\0';
	if (!fgets(at.root, sizeof(at.root), made))
		fail_msg("veritysetup says nothing: is cryptsetup-bin installed?");
	at.root[strcspn(at.root, "\n")] = '\0';
	assert_int_equal(pclose(made), 0);
}

static void given(const struct layout *layout)
{
	at.layout = layout;
	(void)snprintf(at.tree, sizeof(at.tree), "%s/%s", at.directory,
		       layout->apart ? "tree" : "image");
	make_image();
	if (layout->apart)
		close(open(at.tree, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	make_tree();
}

static int checked_with(const char *root)
{
	const struct layout *l = at.layout;
	char manifest[1024];
	struct builder b;

	(void)snprintf(
		manifest, sizeof(manifest),
		"version = 1\n[layer a]\nsource = SERIAL=a\ntype = squashfs\nverity = %s\n"
		"verity-algorithm = %s\nverity-salt = %s\nverity-block-size = %u\n"
		"verity-hash-block-size = %u\nverity-data-size = %u\nverity-hash-offset = %u\n"
		"%s",
		root, l->algorithm, l->salt, l->data, l->hash, l->data * l->blocks,
		(l->apart ? 0 : l->data * l->blocks) + l->offset,
		l->apart ? "verity-hash-source = SERIAL=b\n" : "");
	fresh_arena();
	given_manifest(manifest);
	struct verity_image image = { .data = open(at.image, O_RDONLY | O_CLOEXEC),
				      .hash = open(at.tree, O_RDONLY | O_CLOEXEC) };
	assert_true(image.data >= 0 && image.hash >= 0);
	builder_start(&b, scene.words, sizeof(scene.words));
	int r = verity_tree_check(&scene.manifest.layers[0].verity, &image, &b);
	close(image.data);
	close(image.hash);
	return r;
}

/* Turns one bit of the byte at OFFSET over; a second time brings it back. */
static void flip(const char *path, off_t offset)
{
	unsigned char byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static off_t size_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);

	close(fd);
	return size;
}

static void a_whole_image_is_the_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(layouts); i++) {
		given(&layouts[i]);
		if (checked_with(at.root) != 0)
			fail_msg("%s: %s", layouts[i].name, scene.words);
		assert_string_equal(scene.words, "");
	}
}

static void a_changed_block_of_data_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(layouts); i++) {
		const struct layout *l = &layouts[i];
		const unsigned blocks[] = { 0, l->blocks / 2, l->blocks - 1 };
		given(l);
		for (size_t k = 0; k < ROWS(blocks); k++) {
			char expected[80];
			off_t offset = (off_t)blocks[k] * l->data + l->data - 1;
			(void)snprintf(expected, sizeof(expected),
				       l->blocks == 1 ? "it is the image of another root hash"
						      : "block %u of the data is not what the hash "
							"tree says",
				       blocks[k]);
			flip(at.image, offset);
			assert_int_equal(checked_with(at.root), -EBADMSG);
			assert_string_equal(scene.words, expected);
			flip(at.image, offset);
		}
		assert_int_equal(checked_with(at.root), 0);
	}
}

/* Every block of the tree, the bytes behind its last digest as well: the kernel's digest covers them. */
static void a_changed_block_of_the_tree_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(layouts); i++) {
		const struct layout *l = &layouts[i];
		if (l->blocks == 1)
			continue;
		given(l);
		off_t start = (l->apart ? 0 : (off_t)l->data * l->blocks) + l->offset;
		off_t size = size_of(at.tree);
		assert_true(size > start && (size - start) % l->hash == 0);
		for (off_t offset = start; offset < size; offset += l->hash) {
			for (unsigned k = 0; k < 2; k++) {
				off_t byte = offset + (k ? l->hash - 1 : 0);
				flip(at.tree, byte);
				if (checked_with(at.root) != -EBADMSG)
					fail_msg("%s: byte %lld", l->name, (long long)byte);
				/* The topmost block stands first. */
				if (offset == start)
					assert_string_equal(scene.words,
							    "it is the image of another root hash");
				flip(at.tree, byte);
			}
		}
		assert_int_equal(checked_with(at.root), 0);
	}
}

static void another_root_hash_is_another_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(layouts); i++) {
		given(&layouts[i]);
		char *last = at.root + strlen(at.root) - 1;
		*last = *last == '0' ? '1' : '0';
		assert_int_equal(checked_with(at.root), -EBADMSG);
		assert_string_equal(scene.words, "it is the image of another root hash");
	}
}

/* One byte is missing, of the tree or of the data. */
static void a_short_image_cannot_be_read_to_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(layouts); i++) {
		given(&layouts[i]);
		const char *last = layouts[i].blocks == 1 ? at.image : at.tree;
		assert_int_equal(truncate(last, size_of(last) - 1), 0);
		assert_int_equal(checked_with(at.root), -EIO);
		given(&layouts[i]);
		if (!layouts[i].apart)
			continue;
		assert_int_equal(truncate(at.image, size_of(at.image) - 1), 0);
		assert_int_equal(checked_with(at.root), -EIO);
	}
}

static int start(void **state)
{
	(void)state;
	strcpy(at.directory, "/tmp/layerboot-tree-XXXXXX");
	if (!mkdtemp(at.directory))
		return -1;
	(void)snprintf(at.image, sizeof(at.image), "%s/image", at.directory);
	return 0;
}

static int end(void **state)
{
	char tree[80];

	(void)state;
	(void)snprintf(tree, sizeof(tree), "%s/tree", at.directory);
	unlink(tree);
	unlink(at.image);
	return rmdir(at.directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_image_is_the_one),
		cmocka_unit_test(a_changed_block_of_data_is_named),
		cmocka_unit_test(a_changed_block_of_the_tree_is_seen),
		cmocka_unit_test(another_root_hash_is_another_image),
		cmocka_unit_test(a_short_image_cannot_be_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, start, end);
}
