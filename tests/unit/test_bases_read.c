/* Records in a directory tree; a user's layer may hold anything in their place. */
#include "scratch.h"

#include "bases.h"
#include "bases_read.h"

static char bases[128], why[256];

static int read_layer(void)
{
	struct builder b, w;
	int root = open("layer", O_RDONLY | O_DIRECTORY);

	assert_true(root >= 0);
	builder_start(&b, bases, sizeof(bases));
	builder_start(&w, why, sizeof(why));
	int r = bases_read(root, &b, &w);
	(void)close(root);
	return r;
}

static void make_records(void)
{
	make_directory("layer/" BASES_DIRECTORY);
}

static void write_file(const char *path, const char *text)
{
	make_file(path);
	int fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	must_be_0(path, close(fd));
}

static void no_record(void **state)
{
	(void)state;
	needs_root();
	make_directory("layer");
	assert_int_equal(read_layer(), 0);
	assert_string_equal(bases, "");
	write_file("layer/usr/lib", "a file");
	assert_int_equal(read_layer(), 0);
	assert_string_equal(bases, "");
	assert_string_equal(why, "");
}

static void a_record(void **state)
{
	(void)state;
	needs_root();
	make_records();
	write_file("layer/" BASES_DIRECTORY "/web", "version = 1\nbase = sb-1 system.img\n");
	assert_int_equal(read_layer(), 0);
	assert_string_equal(bases, "sb-1");
	assert_string_equal(why, "");
}

static void no_record_but_a_file(void **state)
{
	(void)state;
	needs_root();
	make_records();
	write_file("layer/" BASES_DIRECTORY "/we\nb", "base = sb-1\n");
	assert_int_equal(read_layer(), 0);
	assert_string_equal(bases, "");
	assert_string_equal(why, "/" BASES_DIRECTORY "/we\\x0ab is no record of mklayer");
}

/* None of them is opened, or read. */
static void what_is_no_regular_file(void **state)
{
	(void)state;
	needs_root();
	make_records();
	write_file("secret", "version = 1\nbase = sb-1\n");
	must_be_0("symlink", symlink("../../../../../secret", "layer/" BASES_DIRECTORY "/link"));
	must_be_0("fifo", mkfifo("layer/" BASES_DIRECTORY "/fifo", 0644));
	must_be_0("device", mknod("layer/" BASES_DIRECTORY "/null", S_IFCHR | 0644, makedev(1, 3)));
	make_directory("layer/" BASES_DIRECTORY "/directory");
	assert_int_equal(read_layer(), 0);
	assert_string_equal(bases, "");
	assert_string_equal(why, "");
}

static void a_symlink_leads_nowhere(void **state)
{
	(void)state;
	needs_root();
	make_records();
	write_file("layer/" BASES_DIRECTORY "/web", "version = 1\nbase = sb-1\n");
	must_be_0("usr", rename("layer/usr", "outside"));
	must_be_0("symlink", symlink("../outside", "layer/usr"));
	assert_int_equal(read_layer(), 0);
	assert_string_equal(bases, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(no_record),
		SCRATCH_TEST(a_record),
		SCRATCH_TEST(no_record_but_a_file),
		SCRATCH_TEST(what_is_no_regular_file),
		SCRATCH_TEST(a_symlink_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, start_scratch, end_scratch);
}
