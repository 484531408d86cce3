/*
 * The real init of the tampering tests. Each layer flip-* is a verified copy of the layer whole, with one bit of its
 * image or hash tree flipped. Reads every block of their devices and every byte of their files, and compares them with
 * those of whole: what is read must be right, or not be read at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "say.h"

#define LAYERS "/run/layerboot/layers"
#define BLOCK  4096

struct result {
	unsigned blocks, refused, wrong; /* of the device */
	unsigned files, failed, differ;  /* of its file system */
};

static const char *layer;
static struct result result;

/* Opens the block device whose FILE below /sys/block has this text. */
static int open_device(const char *file, const char *text)
{
	char path[600], found[128];
	struct dirent *e;
	DIR *d = opendir("/sys/block");
	int device = -1;

	while (d && device < 0 && (e = readdir(d))) {
		(void)snprintf(path, sizeof(path), "/sys/block/%s/%s", e->d_name, file);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t len = fd < 0 ? -1 : read(fd, found, sizeof(found) - 1);
		if (fd >= 0)
			close(fd);
		if (len <= 0)
			continue;
		found[len] = '\0';
		found[strcspn(found, "\n")] = '\0';
		if (strcmp(found, text) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		device = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return device;
}

static void compare_devices(void)
{
	static char one[BLOCK], other[BLOCK];
	char name[300];
	int whole = open_device("serial", "whole"), device;

	(void)snprintf(name, sizeof(name), "layerboot-%s", layer);
	device = open_device("dm/name", name);
	off_t size = device < 0 ? 0 : lseek(device, 0, SEEK_END);
	for (off_t at = 0; whole >= 0 && at < size; at += BLOCK) {
		ssize_t got = pread(device, one, BLOCK, at);
		result.blocks++;
		if (got != BLOCK)
			result.refused++;
		else if (pread(whole, other, BLOCK, at) != BLOCK || memcmp(one, other, BLOCK) != 0)
			result.wrong++;
	}
	if (whole >= 0)
		close(whole);
	if (device >= 0)
		close(device);
}

static int compare_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	static char one[BLOCK], other[BLOCK];
	char place[600];
	ssize_t got, wanted;

	(void)st;
	(void)ftw;
	if (kind != FTW_F)
		return 0;
	result.files++;
	(void)snprintf(place, sizeof(place), LAYERS "/%s%s", layer, path + strlen(LAYERS "/whole"));
	int whole = open(path, O_RDONLY | O_CLOEXEC), fd = open(place, O_RDONLY | O_CLOEXEC);
	/* A name that is not found is a wrong answer, not a refusal. */
	if (fd < 0 || whole < 0) {
		result.failed += errno == EIO;
		result.differ += errno != EIO;
	} else {
		do {
			got = read(fd, one, BLOCK);
			wanted = read(whole, other, BLOCK);
		} while (got > 0 && got == wanted && memcmp(one, other, (size_t)got) == 0);
		result.failed += got < 0;
		result.differ += got > 0 || (got == 0 && wanted != 0);
	}
	if (fd >= 0)
		close(fd);
	if (whole >= 0)
		close(whole);
	return 0;
}

int main(void)
{
	struct dirent *e;
	DIR *d = opendir(LAYERS);

	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	/* Thousands of complaints about blocks are not for the console. */
	if (say_everything(2) < 0)
		return 2;
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "flip-", 5) != 0)
			continue;
		layer = e->d_name;
		memset(&result, 0, sizeof(result));
		compare_devices();
		(void)nftw(LAYERS "/whole", compare_file, 16, FTW_PHYS);
		say("%s blocks %u refused %u wrong %u files %u failed %u differ %u", layer,
		    result.blocks, result.refused, result.wrong, result.files, result.failed,
		    result.differ);
	}
	say("end");
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
