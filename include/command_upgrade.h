/* "layerboot check --upgrade". */
#pragma once

#include <stdbool.h>

/* ARGV: OLD, NEW and TOP. SUBDIR of the top's file system, or NULL. The exit status: 0 nothing, 1 found, 2 trouble. */
int command_upgrade(int argc, char **argv, const char *subdir, bool json);
