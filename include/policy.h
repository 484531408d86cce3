/*
 * What an initramfs holds a boot to: /etc/layerboot/policy, and the keys beside it. The command line, and a manifest
 * from wherever it comes, may tighten it and never loosen it. Pure.
 */
#pragma once

#include "cmdline.h"
#include "manifest.h"

enum policy_verify {
	POLICY_SIGNED, /* by a root hash, in a manifest with a signature */
	POLICY_HASH,   /* by a root hash */
	POLICY_NONE,
};

#define POLICY_ROLES_MAX 32
#define POLICY_TYPES_MAX 8

/* Of the layer of this name. */
struct policy_role {
	const char *layer;
	enum policy_verify verify;
};

struct policy {
	bool locked;               /* there is a policy, or a key */
	bool any_manifest;         /* manifest = any: one without a signature is taken, too */
	enum policy_verify verify; /* of layers that have no role of their own */
	struct policy_role roles[POLICY_ROLES_MAX];
	size_t roles_count;
	const char *types[POLICY_TYPES_MAX +
			  1];     /* that may be probed and mounted, NULL ends them; none: all */
	const char *set;          /* the only set of layers, NULL: any */
	uint64_t minimum_version; /* of the set */
	bool on_failure_given;
	enum on_failure on_failure;
	bool allow_init;
};

/* Without a policy: with keys all has to be signed, without keys nothing is locked. */
struct policy policy_default(bool keys);

/* Parses TEXT into *ret, which holds the defaults. Strings go into ARENA. 0, or -1 with *failure set. */
MUST_CHECK int policy_parse(struct slice text, const char *origin, struct arena *arena,
			    struct policy *ret, struct failure *failure);

/* Puts the end of a boot that fails into *c: what the policy says, and never a shell. Before anything can fail. */
void policy_clamp(const struct policy *p, struct cmdline *c);

/*
 * Whether the command line loosens the policy; C as it was parsed, M as it is without it. 0, or -1 with *failure
 * naming the parameter.
 */
MUST_CHECK int policy_check_cmdline(const struct policy *p, const struct cmdline *c,
				    struct failure *failure);
MUST_CHECK int policy_check_overrides(const struct policy *p, const struct cmdline *c,
				      const struct manifest *m, struct failure *failure);

/* Whether a manifest, SIGNED or not, is one that the policy takes. 0, or -1 with *failure set. */
MUST_CHECK int policy_check_manifest(const struct policy *p, const struct manifest *m,
				     bool is_signed, struct failure *failure);
