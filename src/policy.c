#include "policy.h"

#include <errno.h>
#include <string.h>

#include "manifest_sections.h"
#include "path_list.h"

struct policy policy_default(bool keys)
{
	return (struct policy){ .locked = keys,
				.any_manifest = !keys,
				.verify = keys ? POLICY_SIGNED : POLICY_NONE };
}

/* One policy that is being read; expected is set by a setter that fails. */
struct reader {
	struct policy *policy;
	struct policy_role *role; /* of the [layer NAME] that is open */
	struct arena *arena;
	const char *expected;
};

static int choose(struct reader *r, struct slice value, const char *const *words,
		  const char *expected)
{
	for (int i = 0; words[i]; i++)
		if (slice_is(value, words[i]))
			return i;
	r->expected = expected;
	return -EINVAL;
}

static int set_version(struct reader *r, struct slice value)
{
	static const char *const words[] = { "1", NULL };

	return choose(r, value, words, "1, the version of this format");
}

static int set_manifest(struct reader *r, struct slice value)
{
	static const char *const words[] = { "signed", "any", NULL };
	int i = choose(r, value, words, "signed or any");

	r->policy->any_manifest = i == 1;
	return i;
}

static int set_verify(struct reader *r, struct slice value)
{
	static const char *const words[] = {
		[POLICY_SIGNED] = "signed", [POLICY_HASH] = "hash", [POLICY_NONE] = "none", NULL
	};
	int i = choose(r, value, words, "signed, hash or none");

	if (i >= 0 && r->role)
		r->role->verify = (enum policy_verify)i;
	else if (i >= 0)
		r->policy->verify = (enum policy_verify)i;
	return i;
}

static int set_types(struct reader *r, struct slice value)
{
	const char *const *list = NULL;
	size_t count = 0;
	int e = words_parse(value, r->arena, &list, &count);

	if (e == -ENOMEM)
		return e;
	r->expected = "types of file systems, with blanks between";
	if (e < 0 || count > POLICY_TYPES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		bool known = strcmp(list[i], "vfat") == 0;
		for (size_t k = 0; manifest_types[k]; k++)
			known |= strcmp(list[i], manifest_types[k]) == 0;
		if (!known)
			return -EINVAL;
		r->policy->types[i] = list[i];
	}
	r->policy->types[count] = NULL;
	return 0;
}

static int set_set(struct reader *r, struct slice value)
{
	if (!layer_name_valid(value)) {
		r->expected = EXPECTED_LAYER_NAME;
		return -EINVAL;
	}
	r->policy->set = arena_copy(r->arena, value);
	return r->policy->set ? 0 : -ENOMEM;
}

static int set_minimum(struct reader *r, struct slice value)
{
	r->expected = "a number";
	return text_number(value, UINT32_MAX, &r->policy->minimum_version) < 0 ? -EINVAL : 0;
}

static int set_on_failure(struct reader *r, struct slice value)
{
	static const char *const words[] = {
		[ON_FAILURE_AUTO] = "auto",     [ON_FAILURE_PANIC] = "panic",
		[ON_FAILURE_REBOOT] = "reboot", [ON_FAILURE_POWEROFF] = "poweroff",
		[ON_FAILURE_HALT] = "halt",     NULL,
	};
	int i = choose(r, value, words, "auto, panic, reboot, poweroff or halt");

	r->policy->on_failure_given = i >= 0;
	if (i >= 0)
		r->policy->on_failure = (enum on_failure)i;
	return i;
}

static int set_init(struct reader *r, struct slice value)
{
	static const char *const words[] = { "no", "yes", NULL };
	int i = choose(r, value, words, "no or yes");

	r->policy->allow_init = i == 1;
	return i;
}

static const struct {
	const char *name;
	bool of_layer; /* stands in a [layer NAME], too */
	int (*set)(struct reader *r, struct slice value);
} keys[] = {
	{ "version", false, set_version },
	{ "manifest", false, set_manifest },
	{ "verify", true, set_verify },
	{ "types", false, set_types },
	{ "set", false, set_set },
	{ "minimum-version", false, set_minimum },
	{ "on-failure", false, set_on_failure },
	{ "init", false, set_init },
};

static int read_section(struct reader *r, struct slice line)
{
	r->expected = "[layer NAME]";
	/* Also of a line that is nothing but the opening bracket. */
	if (line.at[line.len - 1] != ']')
		return -EINVAL;
	struct slice name = slice_trim((struct slice){ line.at + 1, line.len - 2 });
	if (!slice_starts(name, "layer "))
		return -EINVAL;
	name = slice_trim((struct slice){ name.at + 6, name.len - 6 });
	if (!layer_name_valid(name))
		return -EINVAL;
	r->expected = "each layer once, and at most 32";
	for (size_t i = 0; i < r->policy->roles_count; i++)
		if (slice_is(name, r->policy->roles[i].layer))
			return -EINVAL;
	if (r->policy->roles_count == POLICY_ROLES_MAX)
		return -EINVAL;
	r->role = &r->policy->roles[r->policy->roles_count++];
	*r->role = (struct policy_role){ .layer = arena_copy(r->arena, name),
					 .verify = r->policy->verify };
	return r->role->layer ? 0 : -ENOMEM;
}

static int read_key(struct reader *r, struct slice line, bool *seen)
{
	const char *equals = memchr(line.at, '=', line.len);

	r->expected = "key = value, [layer NAME] or # comment";
	if (!equals)
		return -EINVAL;
	struct slice name = slice_trim((struct slice){ line.at, (size_t)(equals - line.at) });
	struct slice value =
		slice_trim((struct slice){ equals + 1, line.len - (size_t)(equals + 1 - line.at) });
	r->expected = r->role ? "verify"
			      : "version, manifest, verify, types, set, minimum-version, "
				"on-failure or init";
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!slice_is(name, keys[i].name) || (r->role && !keys[i].of_layer))
			continue;
		r->expected = i == 0 || seen[0] ? "each key once in its section"
						: "\"version = 1\" before anything else";
		if (seen[i] || (i > 0 && !seen[0]))
			return -EINVAL;
		seen[i] = true;
		return keys[i].set(r, value);
	}
	return -EINVAL;
}

int policy_parse(struct slice text, const char *origin, struct arena *arena, struct policy *ret,
		 struct failure *failure)
{
	struct reader r = { .policy = ret, .arena = arena };
	bool seen[sizeof(keys) / sizeof(keys[0])] = { false };
	struct slice rest = text, line;
	size_t number = 0;

	ret->locked = true;
	if (slice_utf8_end(text) < text.len)
		return failure_set(failure, FAILURE_POLICY, NULL, "%s: expected UTF-8", origin);
	while (slice_next(&rest, '\n', &line)) {
		number++;
		line = slice_trim(line);
		if (line.len == 0 || line.at[0] == '#')
			continue;
		int e = line.at[0] == '[' ? read_section(&r, line) : read_key(&r, line, seen);
		if (line.at[0] == '[')
			memset(seen + 1, 0, sizeof(seen) - sizeof(seen[0]));
		if (e == -ENOMEM)
			return failure_set(failure, FAILURE_LIMIT, NULL, "%s: too much text",
					   origin);
		if (e < 0)
			return failure_set(failure, FAILURE_POLICY, NULL, "%s:%zu: expected %s",
					   origin, number, r.expected);
	}
	if (!seen[0])
		return failure_set(failure, FAILURE_POLICY, NULL, "%s: expected version = 1",
				   origin);
	return 0;
}
