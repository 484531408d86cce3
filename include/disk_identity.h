/* What /sys says of a disk: size, bus, serial, WWN, and of a partition its disk, name and UUID. */
#pragma once

#include "inventory.h"

/* Fills in what the disk d->name has of these; the device may be asked for its serial, which may block. */
void disk_learn_identity(struct disk *d);
