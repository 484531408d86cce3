/* The end: the merged root is taken apart, and the machine stopped. */
#pragma once

#include "plan.h"

#define PATH_SHUTDOWN PATH_SHUTDOWN_ROOT "/shutdown"

/* What the end needs is put into /run, while /init can still be read. 0 or -errno. */
MUST_CHECK int shutdown_prepare(void);

/*
 * "shutdown VERB": as PID 1, takes the root apart and does not return: reboot, poweroff, halt, kexec or exit, which is
 * to power off. What follows the verb, as systemd gives it, is not looked at. Any other process: refused, 1.
 */
int shutdown_main(int argc, char **argv);
