#include "commands.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "sys.h"
#include "volume.h"

#define TOP "/run/layerboot/top"

static const char help[] =
	"usage: layerboot grow\n"
	"\n"
	"In a running guest, as root: grows the file system of the persistent top to its disk.\n"
	"Make the disk larger on the host first. The guest notices that by itself on virtio-blk and\n"
	"NVMe; on SCSI after: echo 1 >/sys/class/block/sdX/device/rescan\n"
	"A partition must be made larger, too (growpart or sfdisk), before its file system can grow.\n"
	"\n"
	"exit status: 0 grown, or there was nothing to do; 1 failed; 2 usage\n";

static int complain(const char *what, int error, const char *words)
{
	(void)fprintf(stderr, "layerboot: grow: %s: %s%s%s\n", what, strerror(-error),
		      words[0] ? ": " : "", words);
	return 1;
}

/*
 * /run/layerboot/top is a read-only view, and a resize wants a mount that is written to. So it is made one in a mount
 * namespace of this process alone.
 */
static int make_writable(void)
{
	int r = sys_unshare(CLONE_NEWNS);

	if (r == 0)
		r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r == 0)
		r = sys_mount(NULL, TOP, NULL,
			      MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return r;
}

static void print_size(const char *what, uint64_t bytes)
{
	char text[32];
	struct builder b;

	builder_start(&b, text, sizeof(text));
	builder_add_bytes(&b, bytes);
	(void)printf("%s%s", what, text);
}

int command_grow(int argc, char **argv)
{
	char text[1024];
	struct volume_size size;
	struct builder words;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0;
	if (argc != 1) {
		(void)fputs("try: layerboot grow --help\n", stderr);
		return 2;
	}
	builder_start(&words, text, sizeof(text));
	int r = make_writable();
	if (r < 0)
		return complain(TOP, r, "is this a guest with a persistent top, and are you root?");
	r = volume_grow(TOP, &size, &words);
	if (r == -EOPNOTSUPP || r == -ENOTBLK)
		return complain(
			TOP, r,
			"the top is no ext4 or xfs on a disk; a tmpfs grows by mount -o remount,size=");
	if (r < 0)
		return complain(TOP, r, text);
	print_size("top: ", size.before);
	if (size.after == size.before)
		(void)printf(", as large as its disk");
	else
		print_size(" -> ", size.after);
	print_size("; disk ", size.device);
	(void)printf("\n");
	return fflush(stdout) < 0;
}
