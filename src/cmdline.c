#include "cmdline.h"

#include <errno.h>
#include <string.h>

struct parameter {
	const char *name; /* after "layerboot." */
	int (*set)(struct cmdline *c, const char *value, struct arena *arena);
	const char *expected;
};

static int set_manifest(struct cmdline *c, const char *value, struct arena *arena)
{
	return origin_parse(slice_of(value), arena, &c->manifest);
}

static int set_layer(struct cmdline *c, const char *value, struct arena *arena)
{
	(void)arena;
	if (!*value || *value == ',' || c->layers_count == CMDLINE_LAYERS_MAX)
		return -EINVAL;
	c->layers[c->layers_count++] = value;
	return 0;
}

static int set_skip(struct cmdline *c, const char *value, struct arena *arena)
{
	(void)arena;
	if (!*value || c->skips_count == CMDLINE_SKIPS_MAX)
		return -EINVAL;
	c->skips[c->skips_count++] = value;
	return 0;
}

static int set_top(struct cmdline *c, const char *value, struct arena *arena)
{
	(void)arena;
	c->top = value;
	return *value ? 0 : -EINVAL;
}

static int set_timeout(struct cmdline *c, const char *value, struct arena *arena)
{
	(void)arena;
	return text_duration(slice_of(value), &c->timeout_ms);
}

static int set_on_failure(struct cmdline *c, const char *value, struct arena *arena)
{
	static const char *const names[] = {
		[ON_FAILURE_AUTO] = "auto",     [ON_FAILURE_PANIC] = "panic",
		[ON_FAILURE_REBOOT] = "reboot", [ON_FAILURE_POWEROFF] = "poweroff",
		[ON_FAILURE_HALT] = "halt",     [ON_FAILURE_SHELL] = "shell",
	};
	struct slice rest = slice_of(value), name;

	(void)arena;
	(void)slice_next(&rest, ',', &name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(name, names[i])) {
			c->on_failure = (enum on_failure)i;
			/* reboot,3 */
			return !rest.at ? 0
			       : c->on_failure == ON_FAILURE_REBOOT
				       ? text_number(rest, 1000, &c->reboots_max)
				       : -EINVAL;
		}
	return -EINVAL;
}

static int set_failed(struct cmdline *c, const char *value, struct arena *arena)
{
	(void)arena;
	return text_number(slice_of(value), UINT32_MAX, &c->failed);
}

static int set_report(struct cmdline *c, const char *value, struct arena *arena)
{
	struct slice text = slice_of(value);

	(void)arena;
	if (slice_is(text, "console")) {
		c->report_to = REPORT_CONSOLE;
		return 0;
	}
	if (!slice_starts(text, "virtio:") || !value[strlen("virtio:")])
		return -EINVAL;
	c->report_to = REPORT_VIRTIO;
	c->report_port = value + strlen("virtio:");
	return 0;
}

static int set_log(struct cmdline *c, const char *value, struct arena *arena)
{
	static const char *const names[] = {
		[LOG_QUIET] = "quiet", [LOG_NORMAL] = "normal", [LOG_DEBUG] = "debug"
	};

	(void)arena;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			c->log = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

static const struct parameter parameters[] = {
	{ "manifest", set_manifest, EXPECTED_ORIGIN },
	{ "layer", set_layer, "NAME,key=value,..., at most 64 times" },
	{ "skip", set_skip, "the name of a layer, at most 64 times" },
	{ "top", set_top,
	  "tmpfs[,size=...][,nr-inodes=...], none, disk,source=..., reset or park" },
	{ "timeout", set_timeout, "a duration of at most a day, as 10, 10s or 500ms" },
	{ "on-failure", set_on_failure, "auto, panic, reboot[,TIMES], poweroff, halt or shell" },
	{ "failed", set_failed, "the number of failed boots before this one" },
	{ "report", set_report, "virtio:NAME of a virtio serial port, or console" },
	{ "log", set_log, "quiet, normal or debug" },
};

/* The kernel takes - and _ for the same in a parameter's name (kernel/params.c, dash2underscore). */
static bool same_name(struct slice a, const char *b)
{
	if (a.len != strlen(b))
		return false;
	for (size_t i = 0; i < a.len; i++)
		if ((a.at[i] == '_' ? '-' : a.at[i]) != b[i])
			return false;
	return true;
}

/* Takes the next parameter off *rest; blanks inside double quotes do not end it. */
static bool take_parameter(struct slice *rest, struct slice *ret)
{
	static const char blanks[] = " \t\n\r\f\v";
	bool quoted = false;
	size_t len = 0;

	while (rest->len > 0 && memchr(blanks, rest->at[0], sizeof(blanks))) {
		rest->at++;
		rest->len--;
	}
	while (len < rest->len && (quoted || !memchr(blanks, rest->at[len], sizeof(blanks)))) {
		if (rest->at[len] == '"')
			quoted = !quoted;
		len++;
	}
	*ret = (struct slice){ .at = rest->at, .len = len };
	rest->at += len;
	rest->len -= len;
	return len > 0;
}

/* Quotes around the whole parameter or around its value are taken off, as next_arg() does it. */
static void split(struct slice text, struct slice *name, struct slice *value)
{
	if (text.at[0] == '"') {
		text = (struct slice){ .at = text.at + 1, .len = text.len - 1 };
		if (text.len > 0 && text.at[text.len - 1] == '"')
			text.len--;
	}
	const char *equals = memchr(text.at, '=', text.len);
	*name = text;
	*value = (struct slice){ .at = text.at + text.len };
	if (!equals)
		return;
	name->len = (size_t)(equals - text.at);
	*value = (struct slice){ .at = equals + 1, .len = text.len - name->len - 1 };
	if (value->len > 0 && value->at[0] == '"') {
		*value = (struct slice){ .at = value->at + 1, .len = value->len - 1 };
		if (value->len > 0 && value->at[value->len - 1] == '"')
			value->len--;
	}
}

static int too_long(struct failure *failure)
{
	return failure_set(failure, FAILURE_LIMIT, NULL, "the kernel command line is too long");
}

static int set_own(struct cmdline *c, struct slice name, struct slice value, struct arena *arena,
		   struct failure *failure)
{
	const struct parameter *p = NULL;

	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (same_name(name, parameters[i].name))
			p = &parameters[i];
	if (!p) {
		char known[256];
		struct builder b;
		builder_start(&b, known, sizeof(known));
		for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
			builder_addf(&b, "%s%s", i ? ", " : "", parameters[i].name);
		return failure_set(failure, FAILURE_CMDLINE, NULL,
				   "unknown parameter layerboot.%.*s; there are: %s", (int)name.len,
				   name.at, known);
	}
	const char *copy = arena_copy(arena, value);
	if (!copy)
		return too_long(failure);
	int r = p->set(c, copy, arena);
	if (r == -ENOMEM)
		return too_long(failure);
	if (r < 0)
		return failure_set(failure, FAILURE_CMDLINE, NULL, "layerboot.%s=%s: expected %s",
				   p->name, copy, p->expected);
	return 0;
}

static int set_kernels_own(struct cmdline *c, struct slice name, struct slice value,
			   struct arena *arena)
{
	if (slice_is(name, "init")) {
		c->init = arena_copy(arena, value);
		return c->init ? 0 : -ENOMEM;
	}
	/* Any number but 0 makes the kernel reboot after a panic; the sign only says how soon. */
	if (slice_is(name, "panic"))
		c->panic = !slice_is(value, "0") && value.len > 0;
	return 0;
}

int cmdline_parse(struct slice text, struct arena *arena, struct cmdline *ret,
		  struct failure *failure)
{
	static const char prefix[] = "layerboot.";
	struct slice one, name, value;
	bool quiet = false, said = false;
	int result = 0;

	*ret = (struct cmdline){ .timeout_ms = CMDLINE_DEFAULT_TIMEOUT_MS,
				 .log = LOG_NORMAL,
				 .reboots_max = CMDLINE_DEFAULT_REBOOTS };
	/* The newline at the end of /proc/cmdline is no part of a value whose quote is not closed. */
	if (text.len && text.at[text.len - 1] == '\n')
		text.len--;
	while (take_parameter(&text, &one)) {
		struct failure first;
		if (slice_is(one, "--"))
			break;
		split(one, &name, &value);
		if (slice_starts(name, prefix)) {
			name.at += sizeof(prefix) - 1;
			name.len -= sizeof(prefix) - 1;
			said |= same_name(name, "log");
			if (set_own(ret, name, value, arena, &first) < 0 && result == 0) {
				*failure = first;
				result = -1;
			}
		} else if (slice_is(name, "quiet")) {
			quiet = true;
		} else if (set_kernels_own(ret, name, value, arena) < 0 && result == 0) {
			result = too_long(failure);
		}
	}
	/* What is said to layerboot alone stands above it, wherever it stands. */
	if (quiet && !said)
		ret->log = LOG_QUIET;
	return result;
}

int64_t cmdline_patience_ms(const struct cmdline *c)
{
	return c->timeout_ms > CMDLINE_DEFAULT_TIMEOUT_MS ? c->timeout_ms
							  : CMDLINE_DEFAULT_TIMEOUT_MS;
}
