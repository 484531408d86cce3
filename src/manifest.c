#include "manifest.h"

#include <errno.h>
#include <string.h>

#include "manifest_keys.h"
#include "manifest_sections.h"
#include "manifest_verity.h"

/* PARTLABEL: platforms that set no serials of their own still keep the partition table. */
const char manifest_default[] = "version = 1\n"
				"union = overlay\n"
				"\n"
				"[layer system]\n"
				"source = SERIAL=system | PARTLABEL=layerboot-system\n"
				"\n"
				"[layer user]\n"
				"source = SERIAL=user | PARTLABEL=layerboot-user\n"
				"required = no\n"
				"\n"
				"[top]\n"
				"type = tmpfs\n"
				"size = 50%\n";

/* State of one parse; line and column of an error are found from where it points into the text. */
struct parser {
	struct slice text;
	const char *origin;
	struct place place;
	enum section section;
	bool seen[MANIFEST_KEYS_MAX]; /* in the section that is open */
	bool seen_version;
	bool seen_top;
	const char *section_at;
	struct failure *failure;
};

static int error_at(struct parser *p, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int error_at(struct parser *p, const char *at, const char *format, ...)
{
	size_t line = 1, column = 1;
	char text[1024];
	struct builder b;
	va_list args;

	for (const char *c = p->text.at; c < at; c++) {
		column++;
		if (*c == '\n') {
			line++;
			column = 1;
		}
	}
	builder_start(&b, text, sizeof(text));
	va_start(args, format);
	builder_addv(&b, format, args);
	va_end(args);
	return failure_set(p->failure, FAILURE_MANIFEST, NULL, "%s:%zu:%zu: %s", p->origin, line,
			   column, text);
}

static int no_room(struct parser *p)
{
	return failure_set(p->failure, FAILURE_LIMIT, NULL, "%s: too much text for a manifest",
			   p->origin);
}

/* What must stand in a section is known only at its end. */
static int close_section(struct parser *p)
{
	if (p->section == SECTION_LAYER && p->place.layer->source.count == 0)
		return error_at(p, p->section_at, "[layer %s] has no source", p->place.layer->name);
	const char *layer_problem =
		p->section == SECTION_LAYER ? layer_verity_problem(p->place.layer) : NULL;
	if (layer_problem)
		return error_at(p, p->section_at, "[layer %s]: expected %s", p->place.layer->name,
				layer_problem);
	if (p->section == SECTION_BIND && p->place.bind->volume.source.count == 0)
		return error_at(p, p->section_at, "[bind %s] has no source", p->place.bind->name);
	if (p->section == SECTION_BIND && p->place.bind->paths_count == 0)
		return error_at(p, p->section_at, "[bind %s] has no paths", p->place.bind->name);
	const char *problem = p->section == SECTION_TOP ? top_problem(&p->place.manifest->top)
							: NULL;
	if (problem)
		return error_at(p, p->section_at, "[top]: expected %s", problem);
	if (p->section == SECTION_START && !p->seen_version)
		return error_at(p, p->section_at, "expected \"version = 1\" before anything else");
	return 0;
}

static int open_layer(struct parser *p, struct slice name)
{
	if (!layer_name_valid(name))
		return error_at(p, name.at, "expected " EXPECTED_LAYER_NAME);
	if (layer_find(p->place.manifest, name))
		return error_at(p, name.at, "a second [layer %.*s]", (int)name.len, name.at);
	p->section = SECTION_LAYER;
	if (p->place.manifest->layers_count == MANIFEST_LAYERS_MAX)
		return error_at(p, name.at, "more than %d layers", MANIFEST_LAYERS_MAX);
	p->place.layer = layer_add(p->place.manifest, name, p->place.arena);
	return p->place.layer ? 0 : no_room(p);
}

static int open_bind(struct parser *p, struct slice name)
{
	if (!layer_name_valid(name))
		return error_at(p, name.at, "expected " EXPECTED_LAYER_NAME);
	if (bind_find(p->place.manifest, name))
		return error_at(p, name.at, "a second [bind %.*s]", (int)name.len, name.at);
	if (p->place.manifest->binds_count == MANIFEST_BINDS_MAX)
		return error_at(p, name.at, "more than %d [bind NAME]", MANIFEST_BINDS_MAX);
	p->section = SECTION_BIND;
	p->place.bind = bind_add(p->place.manifest, name, p->place.arena);
	return p->place.bind ? 0 : no_room(p);
}

static int parse_section(struct parser *p, struct slice line)
{
	int r;

	if (line.at[line.len - 1] != ']')
		return error_at(p, line.at + line.len,
				"expected ] at the end of the section's name");
	struct slice name = slice_trim((struct slice){ .at = line.at + 1, .len = line.len - 2 });
	p->section_at = p->section == SECTION_START ? line.at : p->section_at;
	r = close_section(p);
	if (r < 0)
		return r;
	p->section_at = line.at;
	memset(p->seen, 0, sizeof(p->seen));
	p->place.bind = NULL;
	if (slice_starts(name, "bind "))
		return open_bind(p, slice_trim((struct slice){ name.at + 5, name.len - 5 }));
	if (slice_starts(name, "layer ")) {
		name = (struct slice){ .at = name.at + 6, .len = name.len - 6 };
		return open_layer(p, slice_trim(name));
	}
	if (slice_is(name, "top")) {
		if (p->seen_top)
			return error_at(p, line.at, "a second [top]");
		p->seen_top = true;
		p->section = SECTION_TOP;
		return 0;
	}
	return error_at(p, name.at, "unknown section; expected [layer NAME], [top] or [bind NAME]");
}

static int parse_key(struct parser *p, struct slice line)
{
	const char *equals = memchr(line.at, '=', line.len);

	if (!equals)
		return error_at(p, line.at, "expected key = value, [section] or # comment");
	struct slice name =
		slice_trim((struct slice){ .at = line.at, .len = (size_t)(equals - line.at) });
	struct slice value = slice_trim((struct slice){
		.at = equals + 1, .len = line.len - (size_t)(equals + 1 - line.at) });
	for (size_t i = 1; value.len > 0 && value.at[0] != '"' && i < value.len; i++)
		if (value.at[i] == '#' && strchr(" \t", value.at[i - 1]))
			return error_at(
				p, value.at + i,
				"expected a comment on a line of its own, or double quotes");
	const struct key *key = key_find(p->section, name);
	if (!key) {
		char known[512];
		struct builder b;
		builder_start(&b, known, sizeof(known));
		key_list(p->section, &b);
		return error_at(p, line.at, "unknown key; expected one of: %s", known);
	}
	if (p->seen[key_index(key)])
		return error_at(p, line.at, "a second %s in this section", key->name);
	p->seen[key_index(key)] = true;
	if (strcmp(key->name, "version") == 0)
		p->seen_version = true;
	else if (!p->seen_version)
		return error_at(p, line.at, "expected \"version = 1\" before anything else");
	p->place.at = 0;
	int r = key->set(&p->place, value);
	if (r == -ENOMEM)
		return no_room(p);
	if (r < 0)
		return error_at(p, value.at + p->place.at, "%s: expected %s", key->name,
				p->place.expected);
	return 0;
}

static int parse_line(struct parser *p, struct slice line)
{
	line = slice_trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return 0;
	if (line.at[line.len - 1] == '\r')
		return error_at(p, line.at + line.len - 1,
				"expected lines that end with LF alone, not CR LF");
	return line.at[0] == '[' ? parse_section(p, line) : parse_key(p, line);
}

static int check_text(struct parser *p)
{
	if (p->text.len > MANIFEST_SIZE_MAX)
		return failure_set(p->failure, FAILURE_MANIFEST, NULL,
				   "%s: larger than 64 KiB, which is the limit", p->origin);
	size_t end = slice_utf8_end(p->text);
	for (size_t i = 0; i < end; i++)
		/* They would reach the console with a message. */
		if ((unsigned char)p->text.at[i] < 0x20 && !strchr("\t\n\r", p->text.at[i]))
			return error_at(p, p->text.at + i,
					"expected text, found a control character");
	if (end < p->text.len)
		return error_at(p, p->text.at + end,
				p->text.at[end] ? "expected UTF-8"
						: "expected text, found a NUL byte");
	return 0;
}

int manifest_parse(struct slice text, const char *origin, struct arena *arena, struct manifest *ret,
		   struct failure *failure)
{
	struct parser p = {
		.text = text,
		.origin = origin,
		.place = { .manifest = ret, .arena = arena },
		.section_at = text.at,
		.failure = failure,
	};
	struct slice rest = text, line;

	ret->union_kind = UNION_OVERLAY;
	ret->redirect = false;
	ret->domain = ret->set = NULL;
	ret->set_version = 0;
	ret->layers_count = 0;
	ret->binds_count = 0;
	ret->top = (struct top){ .kind = TOP_TMPFS };
	if (check_text(&p) < 0)
		return -1;
	while (slice_next(&rest, '\n', &line))
		if (parse_line(&p, line) < 0)
			return -1;
	if (close_section(&p) < 0)
		return -1;
	if (ret->layers_count == 0)
		return error_at(&p, text.at + text.len, "expected at least one [layer NAME]");
	return 0;
}
