#include "executable.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

/* Programs of the older word size run where the kernel was built to run them, as distributions do. */
static const struct {
	const char *name;
	const char *kernel; /* that runs it, as uname -m says it */
	unsigned em;
} machines[] = {
	{ "x86-64", "x86_64", EM_X86_64 },  { "i386", "x86_64", EM_386 },
	{ "arm64", "aarch64", EM_AARCH64 }, { "arm", "aarch64", EM_ARM },
	{ "i386", "i686", EM_386 },         { "riscv64", "riscv64", EM_RISCV },
};

const char *machine_name(unsigned machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].em == machine)
			return machines[i].name;
	return NULL;
}

bool machine_runs(const char *machine, unsigned em)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		bool same = strcmp(machines[i].kernel, machine) == 0;
		if (same && machines[i].em == em)
			return true;
		known |= same;
	}
	return !known;
}

/* Both byte orders are 0 beyond the end. */
static uint64_t number(struct slice s, uint64_t at, unsigned bytes, bool big)
{
	uint64_t value = 0;

	if (at > s.len || s.len - at < bytes)
		return 0;
	for (unsigned i = 0; i < bytes; i++) {
		unsigned char byte = (unsigned char)s.at[at + (big ? i : bytes - 1 - i)];
		value = value << 8 | byte;
	}
	return value;
}

/* Text up to one of END or a NUL. False if it does not fit; *to is then empty. */
static bool take_text(struct slice s, uint64_t at, const char *end, char *to, size_t size)
{
	size_t len = 0;

	to[0] = '\0';
	while (at < s.len && len < s.len - at && s.at[at + len] && !strchr(end, s.at[at + len]))
		len++;
	if (at >= s.len || len >= size)
		return false;
	memcpy(to, s.at + at, len);
	to[len] = '\0';
	return true;
}

static void parse_elf(struct slice head, struct executable *ret)
{
	bool big = head.at[EI_DATA] == ELFDATA2MSB, wide = head.at[EI_CLASS] == ELFCLASS64;
	uint64_t table = wide ? number(head, 32, 8, big) : number(head, 28, 4, big);
	uint64_t size = number(head, wide ? 54 : 42, 2, big);
	uint64_t count = number(head, wide ? 56 : 44, 2, big);

	ret->kind = EXECUTABLE_ELF;
	ret->machine = (unsigned)number(head, 18, 2, big);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = table + i * size;
		if (at < table || number(head, at, 4, big) != PT_INTERP)
			continue;
		(void)take_text(head,
				wide ? number(head, at + 8, 8, big) : number(head, at + 4, 4, big),
				"", ret->interpreter, sizeof(ret->interpreter));
		return;
	}
}

void executable_parse(struct slice head, struct executable *ret)
{
	size_t at = 2;

	*ret = (struct executable){ 0 };
	if (head.len >= EI_NIDENT && memcmp(head.at, ELFMAG, SELFMAG) == 0) {
		parse_elf(head, ret);
	} else if (slice_starts(head, "#!")) {
		ret->kind = EXECUTABLE_SCRIPT;
		while (at < head.len && (head.at[at] == ' ' || head.at[at] == '\t'))
			at++;
		(void)take_text(head, at, " \t\n", ret->interpreter, sizeof(ret->interpreter));
	}
}

/* Documentation/arch/x86/boot.rst: the header, and a pointer to the version behind the first sector. */
static bool is_bzimage(struct slice head)
{
	return number(head, 0x1fe, 2, false) == 0xaa55 && head.len > 0x206 &&
	       memcmp(head.at + 0x202, "HdrS", 4) == 0;
}

int kernel_image_parse(struct slice head, struct kernel_image *ret)
{
	struct kernel_image image = { 0 };

	if (is_bzimage(head)) {
		uint64_t version = number(head, 0x20e, 2, false);
		/* XLF_KERNEL_64 of xloadflags. */
		image.machine = number(head, 0x236, 2, false) & 1 ? "x86_64" : "i686";
		if (version)
			(void)take_text(head, version + 0x200, " ", image.release,
					sizeof(image.release));
	} else if (head.len > 60 && memcmp(head.at + 56, "ARM\x64", 4) == 0) {
		/* Documentation/arch/arm64/booting.rst */
		image.machine = "aarch64";
	} else {
		return -EINVAL;
	}
	*ret = image;
	return 0;
}
