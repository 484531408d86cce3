/* loadkexec KERNEL INITRAMFS CMDLINE: loads what "systemctl kexec" starts, as kexec(8) does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	int kernel = open(argv[1], O_RDONLY), initramfs = open(argv[2], O_RDONLY);

	/* The length counts the NUL (kexec_file_load(2)). */
	if (kernel < 0 || initramfs < 0 ||
	    syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[3]) + 1, argv[3], 0) < 0) {
		(void)fprintf(stderr, "loadkexec: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
