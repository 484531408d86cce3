/* A letter that says whether there are keys (1) and a signature (2); a policy, then (after a NUL) a command line, then (after another) a manifest: what is refused names its word. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "override.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice part(struct slice *rest)
{
	const char *nul = rest->len ? memchr(rest->at, 0, rest->len) : NULL;
	struct slice head = { .at = rest->at, .len = nul ? (size_t)(nul - rest->at) : rest->len };

	rest->at += head.len + (nul != NULL);
	rest->len -= head.len + (nul != NULL);
	return head;
}

static void check(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[1 << 18];
	static struct manifest manifest;
	static struct cmdline cmdline;
	if (size == 0)
		return 0;
	bool keys = data[0] & 1, is_signed = data[0] & 2;
	struct slice rest = { .at = (const char *)data + 1, .len = size - 1 };
	struct slice text = part(&rest), words = part(&rest);
	struct policy policy = policy_default(keys);
	struct failure failure = { 0 };
	struct arena arena;

	arena_start(&arena, memory, sizeof(memory));
	int r = policy_parse(text, "p", &arena, &policy, &failure);
	check(policy.locked && policy.roles_count <= POLICY_ROLES_MAX);
	check((r < 0) == (failure.kind != FAILURE_NONE));
	r = cmdline_parse(words, &arena, &cmdline, &failure);
	int refused = policy_check_cmdline(&policy, &cmdline, &failure);
	policy_clamp(&policy, &cmdline);
	check(cmdline.on_failure != ON_FAILURE_SHELL);
	if (r < 0 || refused < 0 || manifest_parse(rest, "m", &arena, &manifest, &failure) < 0)
		return 0;
	size_t layers = manifest.layers_count;
	if (policy_check_overrides(&policy, &cmdline, &manifest, &failure) < 0 ||
	    manifest_override(&manifest, &cmdline, &arena, &failure) < 0)
		return 0;
	check(manifest.layers_count == layers);
	if (policy_check_manifest(&policy, &manifest, is_signed, &failure) == 0 &&
	    policy.verify == POLICY_HASH && policy.roles_count == 0)
		for (size_t i = 0; i < layers; i++)
			check(manifest.layers[i].verity.root_hash != NULL);
	return 0;
}
