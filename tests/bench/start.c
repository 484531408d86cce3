/*
 * Started by the kernel (rdinit=) ahead of an initramfs' own /init: writes down CLOCK_MONOTONIC, and becomes that.
 * The time is kept where no init looks, and where it outlives every exec and every change of root: in the name of
 * the NIS domain.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* For tests/bench/count.c. */
#define MARK_INIT __asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n\t.ascii \"LBIN\"")

int main(int argc, char **argv, char **envp)
{
	char text[32];
	struct timespec t;

	(void)argc;
	MARK_INIT;
	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		return 1;
	int len =
		snprintf(text, sizeof(text), "%lld", (long long)t.tv_sec * 1000000000 + t.tv_nsec);
	argv[0] = "/init";
	if (setdomainname(text, (size_t)len) < 0)
		return 2;
	(void)execve(argv[0], argv, envp);
	return 3;
}
