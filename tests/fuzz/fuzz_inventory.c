/* An inventory; what is taken and printed must read the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inventory inventory;

static char whole[1 << 20], once_more[1 << 20];

/* As the report has it, images, listings and the stamp included. */
static void check_whole(void)
{
	static struct inventory again;
	struct builder b;
	size_t line;

	builder_start(&b, whole, sizeof(whole));
	inventory_print(&inventory, &b);
	if (b.overflow)
		return;
	if (inventory_parse(slice_of(whole), &again, &line) < 0)
		abort();
	builder_start(&b, once_more, sizeof(once_more));
	inventory_print(&again, &b);
	if (strcmp(whole, once_more) != 0)
		abort();
	for (size_t i = 0; i < again.listings_count; i++) {
		const struct listing *l = &again.listings[i];
		const struct listing *first = inventory_listing(&again, l->disk, l->glob);
		if (!first || strcmp(first->glob, l->glob) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[8192];
	struct builder b;
	size_t line;

	if (inventory_parse((struct slice){ .at = (const char *)data, .len = size }, &inventory,
			    &line) < 0)
		return 0;
	for (size_t i = 0; i < inventory.count; i++) {
		const struct disk *d = &inventory.disks[i];
		struct disk again;
		builder_start(&b, text, sizeof(text));
		disk_print(d, &b);
		if (b.overflow || disk_parse(slice_of(text), &again) < 0 ||
		    memcmp(d, &again, sizeof(again)) != 0 ||
		    inventory_find(&inventory, d->name) != d)
			abort();
		builder_start(&b, text, sizeof(text));
		disk_print_short(d, &b);
		if (b.overflow)
			abort();
	}
	check_whole();
	while (inventory.count > 0)
		inventory_remove(&inventory, inventory.disks[inventory.count / 2].name);
	return 0;
}
