/* What systemd expects of an initramfs; other inits are not bothered by it. */
#pragma once

#include <stdbool.h>

#include "text.h"

struct systemd {
	bool is_init;       /* the real init is systemd */
	bool remounts_root; /* and would remount / with the options that fstab has for it */
};

/*
 * Looks at PATH, the real init, and at /etc/fstab inside ROOT, symlinks as they will be once ROOT is /. Reads from disks.
 */
void systemd_look(const char *root, const char *path, struct systemd *ret);

/*
 * Leaves in /run: the block device DEVICE, "/dev/vda", for who asks which disk / is on (systemd-volatile-root does the
 * same); systemd-remount-fs masked where it would fail: the options of a union cannot be changed; and
 * systemd-machine-id-commit left to a first boot: where [bind] holds /etc/machine-id it would fail. 0 or -errno.
 */
MUST_CHECK int systemd_prepare(const struct systemd *s, const char *device);

#define SYSTEMD_ARGUMENTS_MAX 8

/*
 * The arguments that tell systemd (252 or later) that an initramfs ran since START_US of CLOCK_MONOTONIC, with the
 * descriptor that they name: RET[0] is PATH, then these, NULL at the end. NUMBER is the memory for one. 0 or -errno.
 */
MUST_CHECK int systemd_arguments(char *path, int64_t start_us, char number[16],
				 char *ret[SYSTEMD_ARGUMENTS_MAX]);
