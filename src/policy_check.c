#include <string.h>

#include "manifest_sections.h"
#include "policy.h"

static int refused(struct failure *f, const char *parameter, const char *value, const char *why)
{
	return failure_set(f, FAILURE_POLICY_REFUSED, NULL, "%s=%s: %s", parameter, value, why);
}

void policy_clamp(const struct policy *p, struct cmdline *c)
{
	if (!p->locked)
		return;
	if (p->on_failure_given)
		c->on_failure = p->on_failure;
	else if (c->on_failure == ON_FAILURE_SHELL)
		c->on_failure = ON_FAILURE_AUTO;
}

int policy_check_cmdline(const struct policy *p, const struct cmdline *c, struct failure *failure)
{
	if (!p->locked)
		return 0;
	if (c->init && !p->allow_init)
		return refused(failure, "init", c->init, "the policy does not let it be chosen");
	if (c->on_failure == ON_FAILURE_SHELL)
		return refused(failure, "layerboot.on-failure", "shell", "nobody gets a shell");
	if (p->on_failure_given && c->on_failure != ON_FAILURE_AUTO &&
	    c->on_failure != p->on_failure)
		return failure_set(failure, FAILURE_POLICY_REFUSED, NULL,
				   "layerboot.on-failure=: the policy has its own on-failure");
	/* Where a signature is asked for, it does not matter who brings the text. */
	if (c->manifest.text && p->any_manifest)
		return refused(failure, "layerboot.manifest", c->manifest.text,
			       "another manifest needs a policy of manifest = signed");
	return 0;
}

/* What makes a layer harder to satisfy, and never easier. */
static bool tightens(struct slice key)
{
	return slice_is(key, "required=yes") || slice_is(key, "trust=untrusted");
}

static int check_layer(const char *text, const struct manifest *m, struct failure *failure)
{
	struct slice rest = slice_of(text), name = { 0 }, key;
	bool known = false;

	(void)slice_next(&rest, ',', &name);
	for (size_t i = 0; i < m->layers_count; i++)
		known |= slice_is(name, m->layers[i].name);
	if (!known)
		return refused(failure, "layerboot.layer", text, "no layer may be added");
	while (slice_next(&rest, ',', &key))
		if (!tightens(key))
			return refused(failure, "layerboot.layer", text,
				       "only required=yes and trust=untrusted tighten");
	return 0;
}

static int check_skip(const char *name, const struct manifest *m, struct failure *failure)
{
	for (size_t i = 0; i < m->layers_count; i++)
		if (strcmp(m->layers[i].name, name) == 0 && !m->layers[i].optional)
			return refused(failure, "layerboot.skip", name, "the layer is required");
	return 0;
}

int policy_check_overrides(const struct policy *p, const struct cmdline *c,
			   const struct manifest *m, struct failure *failure)
{
	if (!p->locked)
		return 0;
	for (size_t i = 0; i < c->layers_count; i++)
		if (check_layer(c->layers[i], m, failure) < 0)
			return -1;
	for (size_t i = 0; i < c->skips_count; i++)
		if (check_skip(c->skips[i], m, failure) < 0)
			return -1;
	/* Without a disk nothing that was written before comes back. */
	if (c->top && strncmp(c->top, "disk", 4) == 0)
		return refused(failure, "layerboot.top", c->top, "no disk may be put on top");
	return 0;
}

static enum policy_verify verify_of(const struct policy *p, const char *layer)
{
	for (size_t i = 0; i < p->roles_count; i++)
		if (strcmp(p->roles[i].layer, layer) == 0)
			return p->roles[i].verify;
	return p->verify;
}

static bool allowed(const struct policy *p, const char *type)
{
	for (size_t i = 0; p->types[i]; i++)
		if (strcmp(p->types[i], type) == 0)
			return true;
	return !p->types[0];
}

static int check_layers(const struct policy *p, const struct manifest *m, bool is_signed,
			struct failure *failure)
{
	for (size_t i = 0; i < m->layers_count; i++) {
		const struct layer *l = &m->layers[i];
		enum policy_verify verify = verify_of(p, l->name);
		if (verify != POLICY_NONE && !l->verity.root_hash)
			return failure_set(
				failure, FAILURE_UNVERIFIED, l->name,
				"the policy asks for a root hash, and the manifest has none");
		if (verify == POLICY_SIGNED && !is_signed)
			return failure_set(
				failure, FAILURE_UNVERIFIED, l->name,
				"the policy asks for a signed root hash, and the manifest is "
				"not signed");
		if (l->type && !allowed(p, l->type))
			return failure_set(failure, FAILURE_POLICY_REFUSED, l->name,
					   "type = %s: the policy does not allow this type",
					   l->type);
	}
	return 0;
}

/* The set's own lines, which a signature must cover. */
static int check_set(const struct policy *p, const struct manifest *m, struct failure *failure)
{
	if (!m->domain || !m->set || !m->set_version)
		return failure_set(
			failure, FAILURE_SIGNATURE, NULL,
			"a signed manifest says domain, set and set-version, and this one "
			"lacks %s",
			!m->domain ? "domain"
			: !m->set  ? "set"
				   : "set-version");
	if (p->set && strcmp(p->set, m->set) != 0)
		return failure_set(failure, FAILURE_POLICY_REFUSED, NULL,
				   "set = %s: the policy is for the set %s", m->set, p->set);
	if (m->set_version < p->minimum_version)
		return failure_set(failure, FAILURE_MANIFEST_OLD, NULL,
				   "set %s has version %llu, and at least %llu is asked for",
				   m->set, (unsigned long long)m->set_version,
				   (unsigned long long)p->minimum_version);
	return 0;
}

int policy_check_manifest(const struct policy *p, const struct manifest *m, bool is_signed,
			  struct failure *failure)
{
	if (!p->locked)
		return 0;
	if (!is_signed && !p->any_manifest)
		return failure_set(failure, FAILURE_SIGNATURE, NULL, "the manifest is not signed");
	/* A floor would be of no use to a manifest that anybody can write. */
	if ((is_signed || p->set || p->minimum_version) && check_set(p, m, failure) < 0)
		return -1;
	return check_layers(p, m, is_signed, failure);
}
