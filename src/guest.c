#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

#define REPORT_MAX ((off_t)64 << 20)

static size_t count_elements(struct slice array)
{
	struct slice rest = json_array(array), ignored;
	size_t count = 0;

	while (json_next(&rest, &ignored))
		count++;
	return count;
}

/* The elements of the array NAME and memory for as many objects. False when there is no room. */
static bool start_list(struct slice object, const char *name, size_t size, struct arena *arena,
		       struct slice *ret_rest, void **ret)
{
	struct slice array = { 0 };

	(void)json_member(object, name, &array);
	*ret_rest = json_array(array);
	*ret = arena_alloc(arena, (count_elements(array) + 1) * size);
	return *ret;
}

static const char *member_text(struct slice object, const char *name, struct arena *arena)
{
	struct slice value;
	const char *text = NULL;

	if (json_member(object, name, &value))
		text = json_copy(value, arena);
	return text ? text : "";
}

static int parse_layers(struct slice text, struct arena *arena, struct guest *g)
{
	static const struct {
		const char *name;
		size_t offset;
	} members[] = {
		{ "name", offsetof(struct guest_layer, name) },
		{ "state", offsetof(struct guest_layer, state) },
		{ "source", offsetof(struct guest_layer, source) },
		{ "disk", offsetof(struct guest_layer, disk) },
		{ "image", offsetof(struct guest_layer, image) },
		{ "subdir", offsetof(struct guest_layer, subdir) },
		{ "type", offsetof(struct guest_layer, type) },
		{ "identity", offsetof(struct guest_layer, identity) },
		{ "trust", offsetof(struct guest_layer, trust) },
	};
	struct slice rest, one, ms;

	if (!start_list(text, "layers", sizeof(*g->layers), arena, &rest, (void **)&g->layers))
		return -ENOMEM;
	while (json_next(&rest, &one)) {
		struct guest_layer *l = &g->layers[g->layers_count++];
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
			*(const char **)((char *)l + members[i].offset) =
				member_text(one, members[i].name, arena);
		if (!json_member(one, "ms", &ms) || json_integer(ms, &l->ms) < 0)
			l->ms = -1;
	}
	return 0;
}

/* From 6.8 on the kernel takes an attribute for a whiteout; before, the init makes real ones of them. */
static bool knows_xattr_whiteouts(const char *release)
{
	struct slice rest = slice_of(release), part;
	uint64_t major, minor;

	if (!slice_next(&rest, '.', &part) || text_number(part, 1000, &major) < 0 ||
	    !slice_next(&rest, '.', &part) || text_number(part, 1000, &minor) < 0)
		return true;
	return major > 6 || (major == 6 && minor >= 8);
}

static int add_top(struct slice text, const char *run, struct arena *arena, struct guest *g)
{
	struct slice top;

	if (!json_member(text, "top", &top) || strcmp(member_text(top, "type", arena), "none") == 0)
		return 0;
	const char *upper = member_text(top, "upper", arena);
	if (!*upper)
		upper = arena_printf(arena, "%s/top/upper", run);
	if (!upper)
		return -ENOMEM;
	g->stack[g->stack_count++] = (struct guest_directory){
		.path = upper,
		.layer = GUEST_TOP,
		.fd = -1,
	};
	g->has_top = true;
	return 0;
}

/* The directories lie lowest first in the report. NAME+above and NAME+below belong to NAME. */
static int parse_stack(struct slice text, const char *run, struct arena *arena, struct guest *g)
{
	struct slice merged = { 0 }, lowers = { 0 }, rest, one;

	(void)json_member(text, "union", &merged);
	(void)json_member(merged, "lowerdirs", &lowers);
	size_t count = count_elements(lowers);
	g->stack = arena_alloc(arena, (count + 1) * sizeof(*g->stack));
	if (!g->stack)
		return -ENOMEM;
	for (size_t i = 0; i <= count; i++)
		g->stack[i].fd = -1;
	int r = add_top(text, run, arena, g);
	if (r < 0)
		return r;
	g->stack_count += count;
	rest = json_array(lowers);
	for (size_t i = g->stack_count; json_next(&rest, &one);) {
		const char *name = json_copy(one, arena);
		if (!name || !*name)
			return -EINVAL;
		g->stack[--i] = (struct guest_directory){
			.path = arena_printf(arena, "%s/layers/%s", run, name),
			.layer = arena_copy(arena, (struct slice){ name, strcspn(name, "+") }),
			.fd = -1,
		};
		if (!g->stack[i].path || !g->stack[i].layer)
			return -ENOMEM;
	}
	bool xattr_whiteouts = knows_xattr_whiteouts(member_text(text, "kernel", arena));
	for (size_t i = 0; i < g->stack_count; i++)
		g->stack[i].xattr_whiteouts = xattr_whiteouts;
	return g->stack_count > UINT16_MAX ? -EINVAL : 0;
}

static int parse_protects(struct slice text, struct arena *arena, struct guest *g)
{
	struct slice rest, one;

	if (!start_list(text, "protect", sizeof(*g->protects), arena, &rest, (void **)&g->protects))
		return -ENOMEM;
	while (json_next(&rest, &one))
		g->protects[g->protects_count++] = (struct guest_claim){
			.owner = member_text(one, "layer", arena),
			.path = member_text(one, "path", arena),
		};
	return 0;
}

static int parse_binds(struct slice text, struct arena *arena, struct guest *g)
{
	struct slice binds = { 0 }, rest, one, paths, path;
	size_t count = 0;

	(void)json_member(text, "binds", &binds);
	for (rest = json_array(binds); json_next(&rest, &one);)
		if (json_member(one, "paths", &paths))
			count += count_elements(paths);
	g->binds = arena_alloc(arena, (count + 1) * sizeof(*g->binds));
	if (!g->binds)
		return -ENOMEM;
	for (rest = json_array(binds); json_next(&rest, &one);) {
		const char *name = member_text(one, "name", arena);
		if (!json_member(one, "paths", &paths))
			continue;
		for (paths = json_array(paths); json_next(&paths, &path);) {
			const char *copy = json_copy(path, arena);
			g->binds[g->binds_count++] =
				(struct guest_claim){ .owner = name, .path = copy ? copy : "" };
		}
	}
	return 0;
}

int guest_parse(struct slice text, const char *run, struct arena *arena, struct guest *ret)
{
	struct slice format;
	int64_t number;

	if (json_parse(text, &ret->report) < 0 || !json_member(ret->report, "format", &format) ||
	    json_integer(format, &number) < 0)
		return -EINVAL;
	if (number != 1)
		return -EPROTONOSUPPORT;
	int r = parse_layers(ret->report, arena, ret);
	if (r == 0)
		r = parse_stack(ret->report, run, arena, ret);
	if (r == 0)
		r = parse_protects(ret->report, arena, ret);
	return r == 0 ? parse_binds(ret->report, arena, ret) : r;
}

static int read_whole(int fd, struct guest *g, size_t size, size_t *ret_len)
{
	/* The report, then what is taken out of it, which is never much longer. */
	size_t arena_size = size * 8 + 65536;
	ssize_t len;

	g->memory = malloc(size + arena_size);
	if (!g->memory)
		return -ENOMEM;
	arena_start(&g->arena, (char *)g->memory + size, arena_size);
	*ret_len = 0;
	while ((len = sys_read(fd, (char *)g->memory + *ret_len, size - *ret_len)) > 0)
		*ret_len += (size_t)len;
	return (int)len;
}

int guest_read(const char *run, struct guest *ret)
{
	char path[4096];
	struct builder b;
	struct stat st;
	size_t len = 0;

	*ret = (struct guest){ 0 };
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "%s/report.json", run);
	if (b.overflow)
		return -ENAMETOOLONG;
	int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	int r = sys_fstat(fd, &st);
	if (r == 0 && st.st_size > REPORT_MAX)
		r = -EFBIG;
	if (r == 0)
		r = read_whole(fd, ret, (size_t)st.st_size, &len);
	(void)sys_close(fd);
	if (r < 0)
		return r;
	return guest_parse((struct slice){ .at = ret->memory, .len = len }, run, &ret->arena, ret);
}

int guest_open(struct guest *g, const char **ret_path)
{
	for (size_t i = 0; i < g->stack_count; i++) {
		g->stack[i].fd = sys_open(g->stack[i].path, O_RDONLY | O_DIRECTORY);
		if (g->stack[i].fd < 0) {
			*ret_path = g->stack[i].path;
			return g->stack[i].fd;
		}
	}
	return 0;
}

void guest_close(struct guest *g)
{
	for (size_t i = 0; i < g->stack_count; i++)
		if (g->stack[i].fd >= 0)
			(void)sys_close(g->stack[i].fd);
	free(g->memory);
	*g = (struct guest){ 0 };
}

const struct guest_claim *guest_claim_of(const struct guest_claim *claims, size_t count,
					 const char *path)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(claims[i].path);
		if (len > 0 && strncmp(path, claims[i].path, len) == 0 &&
		    (path[len] == '\0' || path[len] == '/'))
			return &claims[i];
	}
	return NULL;
}
