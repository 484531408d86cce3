/* A shell on the console, for who asked for one. */
#pragma once

#include "text.h"

/* Runs the program PATH with the console as its terminal, and waits until it ends. 0 or -errno. */
MUST_CHECK int shell_run(const char *path);
