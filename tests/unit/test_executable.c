#include "check.h"

#include <elf.h>
#include <errno.h>

#include "executable.h"

static void programs_are_told_apart(void **state)
{
	struct executable e;

	(void)state;
	executable_parse(slice_of("#! /bin/sh -e\nx"), &e);
	assert_int_equal(e.kind, EXECUTABLE_SCRIPT);
	assert_string_equal(e.interpreter, "/bin/sh");
	executable_parse(slice_of("#!"), &e);
	assert_int_equal(e.kind, EXECUTABLE_SCRIPT);
	assert_string_equal(e.interpreter, "");
	executable_parse(slice_of("text"), &e);
	assert_int_equal(e.kind, EXECUTABLE_UNKNOWN);
	executable_parse(slice_of(""), &e);
	assert_int_equal(e.kind, EXECUTABLE_UNKNOWN);
}

static void put(char *at, uint64_t value, unsigned bytes, bool big)
{
	for (unsigned i = 0; i < bytes; i++)
		at[big ? bytes - 1 - i : i] = (char)(value >> (8 * i));
}

/* A program with two headers, the second of which names the interpreter. Its length. */
static size_t make_elf(char *to, bool wide, bool big, unsigned machine, const char *interpreter)
{
	size_t table = wide ? 64 : 52, size = wide ? 56 : 32, text = table + 2 * size;

	memset(to, 0, text);
	memcpy(to, ELFMAG, SELFMAG);
	to[EI_CLASS] = wide ? ELFCLASS64 : ELFCLASS32;
	to[EI_DATA] = big ? ELFDATA2MSB : ELFDATA2LSB;
	put(to + 18, machine, 2, big);
	put(to + (wide ? 32 : 28), table, wide ? 8 : 4, big);
	put(to + (wide ? 54 : 42), size, 2, big);
	put(to + (wide ? 56 : 44), 2, 2, big);
	put(to + table, PT_LOAD, 4, big);
	put(to + table + size, PT_INTERP, 4, big);
	put(to + table + size + (wide ? 8 : 4), text, wide ? 8 : 4, big);
	strcpy(to + text, interpreter);
	return text + strlen(interpreter) + 1;
}

static void elf_of_either_size_and_order(void **state)
{
	char head[512];
	struct executable e;

	(void)state;
	for (int i = 0; i < 4; i++) {
		size_t len = make_elf(head, i & 1, i & 2, EM_AARCH64, "/lib/ld.so");
		struct slice exact = exact_copy(head, len);
		executable_parse(exact, &e);
		assert_int_equal(e.kind, EXECUTABLE_ELF);
		assert_int_equal(e.machine, EM_AARCH64);
		assert_string_equal(e.interpreter, "/lib/ld.so");
		free((void *)exact.at);
	}
}

/* Wherever it is cut, nothing beyond is read. */
static void a_cut_program_does_no_harm(void **state)
{
	char head[512];
	struct executable e;
	size_t len = make_elf(head, true, false, EM_X86_64, "/lib/ld.so");

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		struct slice exact = exact_copy(head, cut);
		executable_parse(exact, &e);
		assert_true(e.kind == (cut >= EI_NIDENT ? EXECUTABLE_ELF : EXECUTABLE_UNKNOWN));
		free((void *)exact.at);
	}
	/* Headers that lie. */
	put(head + 32, UINT64_MAX, 8, false);
	put(head + 56, UINT16_MAX, 2, false);
	executable_parse((struct slice){ .at = head, .len = len }, &e);
	assert_string_equal(e.interpreter, "");
}

static void machines(void **state)
{
	(void)state;
	assert_true(machine_runs("x86_64", EM_X86_64));
	assert_true(machine_runs("x86_64", EM_386));
	assert_false(machine_runs("x86_64", EM_AARCH64));
	assert_true(machine_runs("aarch64", EM_AARCH64));
	assert_false(machine_runs("aarch64", EM_X86_64));
	assert_true(machine_runs("sparc64", EM_SPARCV9));
	assert_string_equal(machine_name(EM_AARCH64), "arm64");
	assert_null(machine_name(EM_SPARCV9));
}

static void kernel_images(void **state)
{
	char head[0x700] = { 0 };
	struct kernel_image image;
	struct slice all = { .at = head, .len = sizeof(head) };

	(void)state;
	assert_int_equal(kernel_image_parse(all, &image), -EINVAL);
	memcpy(head + 0x1fe, "\x55\xaa", 2);
	memcpy(head + 0x202, "HdrS", 4);
	put(head + 0x20e, 0x400, 2, false);
	put(head + 0x236, 1, 2, false);
	strcpy(head + 0x600, "6.1.0-1-cloud-amd64 (debian) #1");
	assert_int_equal(kernel_image_parse(all, &image), 0);
	assert_string_equal(image.machine, "x86_64");
	assert_string_equal(image.release, "6.1.0-1-cloud-amd64");
	for (size_t cut = 0; cut < sizeof(head); cut++) {
		struct slice exact = exact_copy(head, cut);
		assert_int_equal(kernel_image_parse(exact, &image), cut > 0x206 ? 0 : -EINVAL);
		free((void *)exact.at);
	}
	memset(head, 0, sizeof(head));
	memcpy(head + 56, "ARM\x64", 4);
	assert_int_equal(kernel_image_parse(all, &image), 0);
	assert_string_equal(image.machine, "aarch64");
	assert_string_equal(image.release, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_told_apart),
		cmocka_unit_test(elf_of_either_size_and_order),
		cmocka_unit_test(a_cut_program_does_no_harm),
		cmocka_unit_test(machines),
		cmocka_unit_test(kernel_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
