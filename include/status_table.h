/* The layers of a guest as a table for readers. */
#pragma once

#include "guest.h"

struct status_row {
	const struct guest_layer *layer;
	uint64_t size; /* of its file system in bytes, 0: not known */
};

/* At most 80 columns: what is longer is cut. */
void status_table_print(const struct status_row *rows, size_t count);
