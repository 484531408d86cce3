/* Reads the inventory back out of a boot report. Pure. */
#pragma once

#include "inventory.h"

/* -EINVAL: this is no report of a boot; -ENOSPC. */
MUST_CHECK int report_read_inventory(struct slice text, struct inventory *ret);
