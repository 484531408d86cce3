/*
 * A TCG plugin of QEMU that counts what a boot executes: instructions and system calls, of the kernel and of all
 * processes, before and between two marks. Unlike the clock, which also runs while the guest waits for its disks, the
 * count does not depend on how busy the host is.
 *
 * A mark is a NOP with an operand that no compiler makes, nopl N(%rax,%rax): in tests/bench/start.c and realinit.c, and
 * around finit_module(2) in floor.c. Counted is where a block of instructions is entered, so an exception inside one
 * counts the rest of it, too.
 *
 * Debian has the interface (version 1, docs/devel/tcg-plugins.rst of QEMU) but not its header; what is used of it is
 * declared here.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum {
	INLINE_ADD_U64 = 0,
	CB_NO_REGS = 0
};

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *at,
					      uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *at,
						uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*executed)(unsigned int, void *), int flags,
					    void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

struct counts {
	uint64_t instructions, calls;
};

static struct counts now, at_init, at_ready, at_load;
static uint64_t loading;
static const char *output;

static const unsigned char syscall_insn[] = { 0x0f, 0x05 };

static void passed(unsigned int vcpu, void *mark)
{
	(void)vcpu;
	*(struct counts *)mark = now;
}

static void loaded(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	loading += now.instructions - at_load.instructions;
}

static const struct {
	char text[4];
	void (*executed)(unsigned int, void *);
	struct counts *data;
} marks[] = {
	{ "LBIN", passed, &at_init },
	{ "LBRD", passed, &at_ready },
	{ "LBM0", passed, &at_load },
	{ "LBM1", loaded, NULL },
};

static void register_mark(struct qemu_plugin_insn *insn)
{
	const unsigned char *bytes = qemu_plugin_insn_data(insn);
	static const unsigned char nop[] = { 0x0f, 0x1f, 0x84, 0x00 };

	if (qemu_plugin_insn_size(insn) != 8 || memcmp(bytes, nop, sizeof(nop)) != 0)
		return;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (memcmp(bytes + sizeof(nop), marks[i].text, sizeof(marks[i].text)) == 0)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marks[i].executed, CB_NO_REGS,
							       marks[i].data);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &now.instructions, count);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		if (qemu_plugin_insn_size(insn) == sizeof(syscall_insn) &&
		    memcmp(qemu_plugin_insn_data(insn), syscall_insn, sizeof(syscall_insn)) == 0)
			qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &now.calls,
								   1);
		register_mark(insn);
	}
}

static void ended(uint64_t id, void *data)
{
	FILE *f = fopen(output, "w");

	(void)id;
	(void)data;
	if (!f)
		return; /* a file that is missing is noticed */
	fprintf(f, "%llu %llu %llu\n",
		(unsigned long long)(at_ready.instructions - at_init.instructions),
		(unsigned long long)(at_ready.calls - at_init.calls), (unsigned long long)loading);
	fclose(f);
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info,
							       int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "output=", 7) != 0)
		return -1;
	output = strdup(argv[0] + 7);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return output ? 0 : -1;
}
