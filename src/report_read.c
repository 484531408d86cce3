#include "report_read.h"

#include <errno.h>

#include "json.h"

static char line[8 * STAMP_MAX];

static int add_line(struct slice value, struct inventory *ret)
{
	struct builder b;

	builder_start(&b, line, sizeof(line));
	if (json_unescape(value, &b) < 0 || b.overflow)
		return -EINVAL;
	return inventory_add_line(ret, (struct slice){ b.at, b.len });
}

int report_read_inventory(struct slice text, struct inventory *ret)
{
	struct slice report, list, one, value;
	int r = json_parse(text, &report);

	if (r < 0)
		return r;
	if (!json_member(report, "disks", &list))
		return -EINVAL;
	for (struct slice rest = json_array(list); r == 0 && json_next(&rest, &one);)
		r = json_member(one, "inventory", &value) ? add_line(value, ret) : -EINVAL;
	if (r == 0 && json_member(report, "images", &list))
		for (struct slice rest = json_array(list); r == 0 && json_next(&rest, &one);)
			r = add_line(one, ret);
	if (r == 0 && json_member(report, "stamp", &value))
		r = add_line(value, ret);
	return r;
}
