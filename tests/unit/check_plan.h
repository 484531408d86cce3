/* What the tests of plans share: a plan from texts, and its steps as text. */
#pragma once

#include "check.h"
#include "plan_print.h"

static struct plan plan;

/* The plan of the scene. */
static inline int built(const struct stamp *stamp, const char *release, struct arena *arena)
{
	const struct plan_input in = { .cmdline = &scene.cmdline,
				       .manifest = &scene.manifest,
				       .resolution = &scene.resolution,
				       .stamp = stamp,
				       .inventory = &scene.inventory,
				       .release = release };

	return plan_build(&in, arena, &plan, &scene.failure);
}

/* All disks are in, and every time is over. */
static inline void given_layers(const char *manifest, const char *inventory, const char *cmdline)
{
	fresh_arena();
	given_manifest(manifest);
	given_inventory(inventory)->settled = true;
	must_work(manifest_override(&scene.manifest, given_cmdline(cmdline), &scene.arena,
				    &scene.failure));
	scene.inventory.elapsed_ms = INT64_MAX;
	resolve(&scene.manifest, &scene.inventory, 0, &scene.resolution);
	if (scene.resolution.state == RESOLVE_FAILED)
		fail_msg("%s", failure_words(&scene.resolution.failure));
	assert_int_equal(scene.resolution.state, RESOLVE_READY);
}

/* A line for each of the steps from START on that are not of the kind WITHOUT. */
static inline const char *printed_steps(const struct step *start, size_t count,
					enum step_kind without)
{
	struct builder b;

	builder_start(&b, scene.words, sizeof(scene.words));
	for (size_t i = 0; i < count; i++)
		if (start[i].kind != without) {
			plan_print_step(&start[i], &b);
			builder_add(&b, "\n");
		}
	assert_false(b.overflow);
	return scene.words;
}
