/* The way of the boot report out of the guest. */
#pragma once

#include "cmdline.h"
#include "modules.h"

/* Sends TEXT where C says; that it could not be sent is said. Bounded in time: the host need not listen. */
void report_send(const struct cmdline *c, struct modules *modules, struct slice text);
