#include "lock.h"

#include <errno.h>
#include <string.h>

#include "ed25519.h"
#include "file.h"
#include "override.h"

static char keys_text[LOCK_KEYS_MAX * 1280], policy_text[65536];

/* The length, 0 if it is not there, or negative with *failure set. */
static ssize_t read_text(const char *path, char *text, size_t size, struct failure *failure)
{
	ssize_t len = path ? file_read(path, text, size) : -ENOENT;

	if (len == -ENOENT)
		return 0;
	return len < 0 ? failure_set(failure, FAILURE_POLICY, NULL, "%s: %s", path,
				     strerror((int)-len))
		       : len;
}

static int take_keys(const char *path, struct slice rest, struct lock *ret, struct failure *failure)
{
	while (rest.len > 0) {
		if (ret->keys_count == LOCK_KEYS_MAX)
			return failure_set(failure, FAILURE_POLICY, NULL, "%s: more than %d keys",
					   path, LOCK_KEYS_MAX);
		if (signature_take_key(&rest, &ret->keys[ret->keys_count]) < 0)
			return failure_set(failure, FAILURE_POLICY, NULL,
					   "%s: key %zu is no public key of signify", path,
					   ret->keys_count + 1);
		ret->keys_count++;
	}
	return 0;
}

int lock_load(const char *keys, const char *policy, struct arena *arena, struct lock *ret,
	      struct failure *failure)
{
	/* Whatever goes wrong here, nothing is open. */
	*ret = (struct lock){ .policy = policy_default(true) };
	ssize_t len = read_text(keys, keys_text, sizeof(keys_text), failure);
	if (len < 0 || take_keys(keys, (struct slice){ keys_text, (size_t)len }, ret, failure) < 0)
		return -1;
	ssize_t policy_len = read_text(policy, policy_text, sizeof(policy_text), failure);
	if (policy_len < 0)
		return -1;
	if (policy_len > 0) {
		struct policy read = policy_default(len > 0);
		if (policy_parse((struct slice){ policy_text, (size_t)policy_len }, policy, arena,
				 &read, failure) < 0)
			return -1;
		ret->policy = read;
	} else {
		ret->policy = policy_default(len > 0);
	}
	return 0;
}

static int unknown_signer(const struct lock *lock, const struct signature *s,
			  struct failure *failure)
{
	char has[LOCK_KEYS_MAX * 20], signer[24];
	struct builder b;

	builder_start(&b, signer, sizeof(signer));
	signature_print_number(s->number, &b);
	builder_start(&b, has, sizeof(has));
	for (size_t i = 0; i < lock->keys_count; i++) {
		builder_add(&b, i ? ", " : "");
		signature_print_number(lock->keys[i].number, &b);
	}
	return failure_set(failure, FAILURE_SIGNATURE, NULL,
			   "it is signed by the key %s, and the keys of the initramfs are: %s",
			   signer, lock->keys_count ? has : "none");
}

int lock_open(const struct lock *lock, struct slice all, struct arena *arena,
	      struct slice *ret_text, const char **ret_signer, struct failure *failure)
{
	const struct signature_key *key = NULL;
	char signer[24];
	struct signature s;
	struct builder b;
	int r = signature_split(all, &s, ret_text);

	*ret_signer = NULL;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return failure_set(failure, FAILURE_SIGNATURE, NULL,
				   "what begins like a signature of signify is none");
	for (size_t i = 0; i < lock->keys_count; i++)
		if (memcmp(lock->keys[i].number, s.number, sizeof(s.number)) == 0)
			key = &lock->keys[i];
	if (!key)
		return lock->policy.any_manifest ? 0 : unknown_signer(lock, &s, failure);
	builder_start(&b, signer, sizeof(signer));
	signature_print_number(s.number, &b);
	if (!ed25519_verifies(s.bytes, key->key, *ret_text, arena))
		return failure_set(
			failure, FAILURE_SIGNATURE, NULL,
			"the signature of the key %s is of another text: one of the two was "
			"changed",
			signer);
	*ret_signer = arena_printf(arena, "%s", signer);
	return *ret_signer ? 0 : failure_set(failure, FAILURE_LIMIT, NULL, "out of memory");
}

int lock_read_manifest(const struct lock *lock, struct slice all, const char *origin,
		       const struct cmdline *c, struct arena *arena, struct manifest *ret,
		       const char **ret_signer, struct failure *failure)
{
	const struct policy *policy = &lock->policy;
	struct slice text;

	/* Who has not signed it is not listened to: the parser sees only what was. */
	if (lock_open(lock, all, arena, &text, ret_signer, failure) < 0)
		return -1;
	if (policy->locked && !policy->any_manifest && !*ret_signer)
		return failure_set(failure, FAILURE_SIGNATURE, NULL, "%s is not signed", origin);
	if (manifest_parse(text, origin, arena, ret, failure) < 0 ||
	    policy_check_overrides(policy, c, ret, failure) < 0 ||
	    manifest_override(ret, c, arena, failure) < 0)
		return -1;
	return policy_check_manifest(policy, ret, *ret_signer != NULL, failure);
}
