/* The keys and the policy of an initramfs, and a manifest held against them. */
#pragma once

#include "policy.h"
#include "signature.h"

#define LOCK_KEYS_MAX 16
#define PATH_KEYS     "/etc/layerboot/keys" /* public keys of signify, one after the other */
#define PATH_POLICY   "/etc/layerboot/policy"

struct lock {
	struct policy policy;
	struct signature_key keys[LOCK_KEYS_MAX];
	size_t keys_count;
};

/*
 * Reads both files; NULL, or one that is not there, is none. Strings go into ARENA. 0, or -1 with *failure set: *ret
 * is locked then.
 */
MUST_CHECK int lock_load(const char *keys, const char *policy, struct arena *arena,
			 struct lock *ret, struct failure *failure);

/*
 * Takes the signature off ALL. *ret_signer is the number of the key whose signature it is, or NULL: there is none, or
 * none of a key that is known here, and the policy does not mind. 0, or -1 with *failure set.
 */
MUST_CHECK int lock_open(const struct lock *lock, struct slice all, struct arena *arena,
			 struct slice *ret_text, const char **ret_signer, struct failure *failure);

/* Parses, overrides and checks the text of a manifest: what a boot and "plan" do alike. 0, or -1 with *failure set. */
MUST_CHECK int lock_read_manifest(const struct lock *lock, struct slice all, const char *origin,
				  const struct cmdline *c, struct arena *arena,
				  struct manifest *ret, const char **ret_signer,
				  struct failure *failure);
