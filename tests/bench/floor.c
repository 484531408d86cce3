/*
 * The floor of the boot benchmark: what an init costs that knows everything beforehand. Raw system calls, no library,
 * no look at what is there; modules, disks and types are fixed when it is built (floor-config.h, which
 * tests/bench/contenders.py writes). Two layers, a tmpfs top, an overlay with layerboot's four options, the initramfs emptied,
 * the real init executed. Any error ends it, and so panics the kernel.
 *
 * The nanoseconds inside finit_module(2), under icount that many instructions, go to the real init as BENCH_MODULES_NS.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

/* FLOOR_MODULES: paths; FLOOR_LAYERS: { device, type, directory name } lowest first; FLOOR_LOWERDIR. */
#include "floor-config.h"

#ifndef __x86_64__
#error "the system calls are those of x86-64"
#endif

static const char *const modules[] = { FLOOR_MODULES };
static const struct {
	const char *device, *type, *directory;
} layers[] = { FLOOR_LAYERS };
static const char *const moved[] = { "/dev", "/proc", "/sys", "/run" };

/* For tests/bench/count.c: nopl with "LBM0" or "LBM1" as its operand. */
#define MARK(digit) __asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n\t.ascii \"LBM" digit "\"")
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define RUN_LAYERS  "/run/layers/"

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

/* The exit of process 1 is a panic, whose message has the status: the line that failed. */
static long must(long result, int line)
{
	if (result < 0)
		(void)call(SYS_exit, line, 0, 0, 0, 0);
	return result;
}

#define MUST(...) must(call(__VA_ARGS__), __LINE__)

static void mount_at(const char *source, const char *target, const char *type, unsigned long flags,
		     const char *options)
{
	(void)must(call(SYS_mount, (long)source, (long)target, (long)type, (long)flags,
			(long)options),
		   __LINE__);
}

static void make_directory(const char *path)
{
	(void)MUST(SYS_mkdir, (long)path, 0755, 0, 0, 0);
}

static long now_ns(void)
{
	struct timespec t;

	(void)MUST(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The time inside finit_module(2). */
static long load_modules(void)
{
	long inside = 0;

	for (size_t i = 0; i < COUNT(modules); i++) {
		long fd = MUST(SYS_open, (long)modules[i], O_RDONLY | O_CLOEXEC, 0, 0, 0);
		long start = now_ns();
		MARK("0");
		(void)MUST(SYS_finit_module, fd, (long)"", 0, 0, 0);
		MARK("1");
		inside += now_ns() - start;
		(void)MUST(SYS_close, fd, 0, 0, 0, 0);
	}
	return inside;
}

static void mount_layers(void)
{
	static char target[] = RUN_LAYERS "................";

	make_directory("/run/layers");
	for (size_t i = 0; i < COUNT(layers); i++) {
		size_t at = sizeof(RUN_LAYERS) - 1;
		for (const char *c = layers[i].directory; *c; c++)
			target[at++] = *c;
		target[at] = '\0';
		make_directory(target);
		mount_at(layers[i].device, target, layers[i].type,
			 MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	}
}

static void mount_union(void)
{
	make_directory("/run/top");
	mount_at("tmpfs", "/run/top", "tmpfs", 0, "mode=0755,size=50%");
	make_directory("/run/top/upper");
	make_directory("/run/top/work");
	make_directory("/new");
	(void)MUST(SYS_chdir, (long)"/run/layers", 0, 0, 0, 0);
	mount_at("overlay", "/new", "overlay", 0,
		 "redirect_dir=nofollow,metacopy=off,index=off,xino=off,lowerdir=" FLOOR_LOWERDIR
		 ",upperdir=/run/top/upper,workdir=/run/top/work");
}

static void switch_root(void)
{
	static char target[] = "/new/........";

	for (size_t i = 0; i < COUNT(moved); i++) {
		for (size_t k = 0; (target[4 + k] = moved[i][k]); k++)
			continue;
		(void)MUST(SYS_mount, (long)moved[i], (long)target, 0, MS_MOVE, 0);
	}
	/* Their memory is the guest's again. */
	for (size_t i = 0; i < COUNT(modules); i++)
		(void)MUST(SYS_unlink, (long)modules[i], 0, 0, 0, 0);
	(void)MUST(SYS_unlink, (long)"/init", 0, 0, 0, 0);
	(void)MUST(SYS_chdir, (long)"/new", 0, 0, 0, 0);
	(void)MUST(SYS_mount, (long)".", (long)"/", 0, MS_MOVE, 0);
	(void)MUST(SYS_chroot, (long)".", 0, 0, 0, 0);
	(void)MUST(SYS_chdir, (long)"/", 0, 0, 0, 0);
}

static void open_console(void)
{
	long fd = MUST(SYS_open, (long)"/dev/console", O_RDWR | O_NOCTTY, 0, 0, 0);

	while (fd < 2)
		fd = MUST(SYS_dup, fd, 0, 0, 0, 0);
}

/* The arguments of a new process stand on its stack: a count, that many words and NULL, the environment and NULL. */
__attribute__((used)) _Noreturn void floor_main(long *stack)
{
	static char inside[] = "BENCH_MODULES_NS=00000000000000000000";
	static const char *environment[64];
	const char **old = (const char **)stack + stack[0] + 2;
	static const char *const arguments[] = { "/sbin/init", NULL };
	size_t count = 0;

#ifdef FLOOR_NICE
	(void)MUST(SYS_setpriority, PRIO_PROCESS, 0, -20, 0, 0);
#endif
	mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
	make_directory("/proc");
	mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	make_directory("/sys");
	mount_at("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	make_directory("/run");
	mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=20%");
	open_console();
	long ns = load_modules();
	mount_layers();
	mount_union();
	switch_root();
	while (old[count] && count < COUNT(environment) - 2) {
		environment[count] = old[count];
		count++;
	}
	for (size_t at = sizeof(inside) - 2; ns > 0; ns /= 10)
		inside[at--] = (char)('0' + ns % 10);
	environment[count] = inside;
#ifdef FLOOR_NICE
	(void)MUST(SYS_setpriority, PRIO_PROCESS, 0, 0, 0, 0);
#endif
	(void)MUST(SYS_execve, (long)arguments[0], (long)arguments, (long)environment, 0, 0);
	__builtin_unreachable();
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call floor_main\n");
