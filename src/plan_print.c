#include "plan_print.h"

#include <string.h>
#include <sys/mount.h>

static void add_flags(unsigned long flags, struct builder *b)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} names[] = {
		{ MS_NOSUID, ",nosuid" },
		{ MS_NODEV, ",nodev" },
		{ MS_NOEXEC, ",noexec" },
	};

	builder_add(b, flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			builder_add(b, names[i].name);
}

static void print_mount(const struct step *s, struct builder *b)
{
	builder_addf(b, "mount %s on %s type %s (", s->source, s->target, s->type);
	add_flags(s->flags, b);
	builder_addf(b, "%s%s)", s->options ? "," : "", s->options ? s->options : "");
}

static void print_union(const struct step *s, struct builder *b)
{
	builder_addf(b, "union %s on %s (", s->type, s->target);
	add_flags(s->flags, b);
	for (size_t i = 0; i < s->lowers_count; i++)
		builder_addf(b, "%s%s", i ? ":" : ",lowerdir=", s->lowers[i]);
	if (s->upper)
		builder_addf(b, ",upperdir=%s,workdir=%s", s->upper, s->work);
	builder_addf(b, ",%s)", s->options);
}

void plan_print_step(const struct step *s, struct builder *b)
{
	switch (s->kind) {
	case STEP_DIR:
		builder_addf(b, "mkdir %s mode=%04o", s->target, s->mode);
		break;
	case STEP_MODULE:
		builder_addf(b, "module %s", s->source);
		break;
	case STEP_MOUNT:
		print_mount(s, b);
		break;
	case STEP_LAYER:
		builder_addf(b, "layer %s: ", s->layer);
		print_mount(s, b);
		break;
	case STEP_UNION:
		print_union(s, b);
		break;
	case STEP_READONLY:
		builder_addf(b, "remount %s (", s->target);
		add_flags(s->flags, b);
		builder_add(b, ")");
		break;
	case STEP_INIT:
		builder_addf(b, "find-init in %s: %s", s->target,
			     s->source ? s->source : "/sbin/init, /etc/init or /bin/init");
		break;
	case STEP_MOVE:
		builder_addf(b, "move %s to %s", s->source, s->target);
		break;
	case STEP_SWITCH:
		builder_addf(b, "switch-root to %s", s->target);
		break;
	case STEP_EXEC:
		builder_add(b, "exec the real init");
		break;
	}
}

void plan_print(const struct plan *p, struct builder *b)
{
	for (size_t i = 0; i < p->count; i++) {
		plan_print_step(&p->steps[i], b);
		builder_add(b, "\n");
	}
}

/* Flags of a mount after the last step that changes them. */
static unsigned long final_flags(const struct plan *p, const struct step *s)
{
	unsigned long flags = s->flags;

	for (const struct step *t = s + 1; t < p->steps + p->count; t++)
		if (t->kind == STEP_READONLY && strcmp(t->target, s->target) == 0)
			flags = t->flags;
	return flags;
}

void plan_print_mounts(const struct plan *p, struct builder *b)
{
	for (const struct step *s = p->steps; s < p->steps + p->count; s++) {
		if (s->kind != STEP_MOUNT && s->kind != STEP_LAYER && s->kind != STEP_UNION)
			continue;
		builder_addf(b, "%s %s %s ", s->kind == STEP_UNION ? "/" : s->target, s->type,
			     s->source);
		add_flags(final_flags(p, s), b);
		builder_add(b, "\n");
	}
}
