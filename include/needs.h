/* What an initramfs must bring for a manifest. */
#pragma once

#include "manifest.h"

/*
 * Prints it for mkinitramfs, a line each: "fs TYPE", "union NAME", "image" (loop devices), "program NAME". Returns
 * an exit status.
 */
int print_needs(const struct manifest *m);
