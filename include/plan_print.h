/* A plan as text. Pure. */
#pragma once

#include "plan.h"

/* One step in one line, without a newline: "mount /dev/vda on ... type squashfs (ro,nosuid)". */
void plan_print_step(const struct step *s, struct builder *b);

/* All steps, a line each. */
void plan_print(const struct plan *p, struct builder *b);

/*
 * The mounts that the real init will find, a line each: TARGET TYPE SOURCE FLAGS, flags as in mountinfo but
 * without relatime, which the kernel adds to every mount.
 */
void plan_print_mounts(const struct plan *p, struct builder *b);

/* An array of objects with the members "phase", "step" (as plan_print_step writes it), "layer". */
void plan_print_json(const struct plan *p, struct builder *b);
