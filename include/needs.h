/* What an initramfs must bring for a manifest. */
#pragma once

#include "manifest.h"

/* The types of file system that a boot may need, ended by NULL; "auto" in the manifest stands for many. */
const char *const *needed_types(const struct manifest *m);

/*
 * Prints it for mkinitramfs, a line each: "fs TYPE", "union NAME", "image" (loop devices), "program NAME". Returns
 * an exit status.
 */
int print_needs(const struct manifest *m);
