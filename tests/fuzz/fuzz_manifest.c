/*
 * A manifest, then (after a NUL) a command line, then (after another) an inventory, or else a small one: parsed,
 * overridden, resolved at several times, planned and printed. What is decided must hold together.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "override.h"
#include "plan_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char disks[] =
	"NAME=\"vda\" TRAN=\"virtio\" SERIAL=\"system\" FSTYPE=\"squashfs\" SIZE=\"4096\" KNOWN=\"7\"\n"
	"NAME=\"vdb\" TRAN=\"virtio\" SERIAL=\"12345678901234567890\" FSTYPE=\"xfs\" LABEL=\"l\" "
	"UUID=\"0a\" SIZE=\"4096\" KNOWN=\"7\"\n"
	"NAME=\"vdc\" SERIAL=\"user\" FSTYPE=\"ext4\" DIRTY=\"1\" SIZE=\"4096\" KNOWN=\"7\"\n"
	"NAME=\"vdd\" SIZE=\"4096\" KNOWN=\"1\"\n"
	"NAME=\"vdd1\" PKNAME=\"vdd\" PARTLABEL=\"p\" PARTUUID=\"0b\" SIZE=\"4096\" KNOWN=\"7\"\n"
	"NAME=\"vde\"\n";

static struct manifest manifest;
static struct cmdline cmdline;
static struct inventory inventory;
static struct resolution resolution;
static struct plan plan;
static char memory[1 << 18], text[1 << 18];

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* A failure is told in one line that says which kind it is. */
static void check_failure(const struct failure *f)
{
	struct builder b;

	builder_start(&b, text, sizeof(text));
	failure_print(f, &b);
	check(f->kind != FAILURE_NONE && !b.overflow);
}

static void check_plan(struct arena *arena)
{
	struct failure failure;
	struct builder b;

	const struct plan_input input = {
		.cmdline = &cmdline,
		.manifest = &manifest,
		.resolution = &resolution,
		.stamp = inventory.stamp.disk[0] ? &inventory.stamp : NULL,
		.release = "6.1.0",
	};
	if (plan_build(&input, arena, &plan, &failure) < 0) {
		check_failure(&failure);
		return;
	}
	builder_start(&b, text, sizeof(text));
	plan_print(&plan, &b);
	plan_print_mounts(&plan, &b);
	check(b.len > 0);
	check(plan.steps[plan.count - 1].kind == STEP_EXEC);
}

/* A disk that holds a manifest is known, or missed, or waited for. */
static void check_origin(int64_t now_ms)
{
	const struct disk *disk;

	if (!cmdline.manifest.text ||
	    (cmdline.manifest.kind != ORIGIN_RAW && cmdline.manifest.kind != ORIGIN_FILE))
		return;
	if (resolve_origin(&cmdline.manifest, &inventory, cmdline.timeout_ms, &resolution, &disk) <
	    0)
		check_failure(&resolution.failure);
	else
		check(disk || resolution.questions_count > 0 || resolution.wake_ms > now_ms);
}

/* What stands before the next NUL. */
static struct slice part(struct slice *rest)
{
	const char *nul = rest->len ? memchr(rest->at, 0, rest->len) : NULL;
	struct slice head = { .at = rest->at, .len = nul ? (size_t)(nul - rest->at) : rest->len };

	rest->at += head.len + (nul != NULL);
	rest->len -= head.len + (nul != NULL);
	return head;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = { 0, 2000, INT64_MAX };
	struct slice rest = { .at = (const char *)data, .len = size };
	struct slice text = part(&rest), words = part(&rest);
	size_t line;
	struct failure failure;
	struct arena arena;

	arena_start(&arena, memory, sizeof(memory));
	if (cmdline_parse(words, &arena, &cmdline, &failure) < 0)
		check_failure(&failure);
	if (manifest_parse(text, "m", &arena, &manifest, &failure) < 0 ||
	    manifest_override(&manifest, &cmdline, &arena, &failure) < 0) {
		check_failure(&failure);
		return 0;
	}
	if (rest.len == 0 || inventory_parse(rest, &inventory, &line) < 0)
		check(inventory_parse(slice_of(disks), &inventory, &line) == 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		inventory.settled = i > 0;
		inventory.elapsed_ms = times[i];
		check_origin(times[i]);
		resolve(&manifest, &inventory, cmdline.timeout_ms, &resolution);
		if (resolution.state == RESOLVE_FAILED)
			check_failure(&resolution.failure);
		else if (resolution.state == RESOLVE_READY)
			check_plan(&arena);
		else /* what is waited for is an answer or a time that is not over */
			check(resolution.questions_count > 0 || resolution.wake_ms > times[i]);
	}
	return 0;
}
