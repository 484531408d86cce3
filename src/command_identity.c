#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "disks.h"
#include "sys.h"

#define PARTS_MAX 128

static const char help[] =
	"usage: layerboot identity IMAGE...\n"
	"\n"
	"Prints what a boot calls the image of a layer that the manifest gives no identity: the identity, the\n"
	"type and the image, a line each; of an image with a partition table a line for each partition that\n"
	"can be a layer, with its number after the name of the image. A layer made by \"mklayer --base\" records\n"
	"these of its bases.\n"
	"\n"
	"exit status: 0 done; 1 an image cannot be read or can be no layer; 2 usage\n";

static int complain(const char *image, const char *why)
{
	(void)fprintf(stderr, "layerboot: identity: %s: %s\n", image, why);
	return 1;
}

static int print_partitions(const char *image, int fd)
{
	static struct disk_part parts[PARTS_MAX];
	int count = disk_partitions(fd, parts, PARTS_MAX), printed = 0;

	for (int i = 0; i < count; i++) {
		struct disk d = { 0 };
		if (disk_probe(fd, parts[i].offset, parts[i].size, &d) == 0 && d.digest[0])
			printed += printf("%s %s %s:%u\n", d.digest, d.type, image,
					  parts[i].number) > 0;
	}
	return printed > 0 ? 0 : complain(image, "nothing that can be a layer");
}

static int print_identity(const char *image)
{
	struct disk d = { 0 };
	int fd = sys_open(image, O_RDONLY);

	if (fd < 0)
		return complain(image, strerror(-fd));
	int r = disk_probe(fd, 0, 0, &d);
	if (r < 0)
		r = complain(image, strerror(-r));
	else if (d.digest[0])
		r = printf("%s %s %s\n", d.digest, d.type, image) < 0;
	else
		r = print_partitions(image, fd);
	(void)sys_close(fd);
	return r;
}

int command_identity(int argc, char **argv)
{
	int status = 0;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0;
	if (argc < 2 || argv[1][0] == '-') {
		(void)fputs("try: layerboot identity --help\n", stderr);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		status |= print_identity(argv[i]);
	return status;
}
