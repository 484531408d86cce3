/* The modules that a boot loads, which decide what it costs. */
#pragma once

#include "manifest.h"

/*
 * Prints those of DIRECTORY (.../lib/modules/RELEASE) for disks on BUS, a line each with bytes, kind of signature and
 * what it is for, then how many fewer there would be with what is built into that kernel. Returns an exit status.
 */
int print_modules(const struct manifest *m, const char *bus, const char *directory);
