#include "plan_print.h"

#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

#include "json.h"

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
	builder_addf(b, "%s%s%s)", s->loop ? ",loop" : "", s->options ? "," : "",
		     s->options ? s->options : "");
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

static void print_walk(const struct step *s, struct builder *b)
{
	builder_addf(b, "layer %s: walk %s%s", s->layer, s->target,
		     s->untrusted ? " untrusted" : "");
	for (size_t i = 0; i < s->lowers_count; i++)
		builder_addf(b, "%s%s", i ? " " : " only ", s->lowers[i]);
}

static void print_init(const struct step *s, struct builder *b)
{
	builder_addf(b, "find-init in %s: %s", s->target,
		     s->source ? s->source : "/sbin/init, /etc/init or /bin/init");
}

static void print_verity(const struct step *s, struct builder *b)
{
	const struct verity *v = s->verity;

	builder_addf(b, "verify %s as %s (%llu bytes, hash tree%s%s at %llu, %s, %s): %s",
		     s->source, s->target, (unsigned long long)v->data_size, s->hash ? " on " : "",
		     s->hash ? s->hash : "", (unsigned long long)verity_tree_offset(v),
		     v->algorithm, verity_corruption_words[v->on_corruption], v->root_hash);
}

static void print_flags(const struct step *s, struct builder *b)
{
	add_flags(s->flags, b);
}

static void print_mode(const struct step *s, struct builder *b)
{
	char digits[4]; /* as %04o */

	for (size_t i = 0; i < sizeof(digits); i++)
		digits[i] = (char)('0' + (s->mode >> (9 - 3 * i) & 7));
	builder_add_slice(b, (struct slice){ digits, sizeof(digits) });
}

static void print_kind(const struct step *s, struct builder *b)
{
	builder_add(b, s->xattr ? "xattr" : "wh");
}

/* How a step is written; {WORD} stands for a member of it, or for what a function prints. */
static const char *const forms[] = {
	[STEP_DIR] = "mkdir {target} mode={mode}",
	[STEP_MODULE] = "module {source}",
	[STEP_MOUNT] = "{mount}",
	[STEP_MEDIUM] = "medium: {mount}",
	[STEP_LAYER] = "layer {layer}: {mount}",
	[STEP_VERITY] = "layer {layer}: {verity}",
	[STEP_SUBDIR] = "layer {layer}: bind {source}/{path} on {target}",
	[STEP_WALK] = "{walk}",
	[STEP_WHITEOUTS] = "layer {layer}: whiteouts ({kind}) of {source} into {upper} and {work}",
	[STEP_WARN] = "{source}",
	[STEP_KERNEL] = "layer {layer}: look for the modules of {source} in {target}",
	[STEP_FORMAT] = "{layer}: format {source} as {type}, if it is blank",
	[STEP_FSCK] = "{layer}: check {source} ({type})",
	[STEP_VOLUME] = "{layer}: {mount}",
	[STEP_GROW] = "{layer}: grow {target} to the size of {source}",
	[STEP_TOP_READ] = "top: read the stamp in {target}",
	[STEP_TOP_RESET] = "top: delete what is in {target}",
	[STEP_TOP_PARK] = "top: put aside what is in {target}",
	[STEP_TOP_COMPARE] = "top: compare {target} with the layers that have changed",
	[STEP_TOP_PREPARE] = "top: make upper and work in {target}",
	[STEP_TOP_STAMP] = "top: stamp {target}",
	[STEP_TOP_GOOD] = "top: forget failed boots in {target}",
	[STEP_UNION] = "{union}",
	[STEP_READONLY] = "remount {target} ({flags})",
	[STEP_PROTECT] = "layer {layer}: protect {path}",
	[STEP_BIND] = "{layer}: {path} from {source}",
	[STEP_INIT] = "{init}",
	[STEP_MOVE] = "move {source} to {target}",
	[STEP_SWITCH] = "switch-root to {target}",
	[STEP_EXEC] = "exec the real init",
};

static const struct {
	const char *word;
	size_t offset;                                          /* of a text */
	void (*print)(const struct step *s, struct builder *b); /* or NULL */
} words[] = {
	{ "layer", offsetof(struct step, layer), NULL },
	{ "source", offsetof(struct step, source), NULL },
	{ "target", offsetof(struct step, target), NULL },
	{ "path", offsetof(struct step, path), NULL },
	{ "type", offsetof(struct step, type), NULL },
	{ "upper", offsetof(struct step, upper), NULL },
	{ "work", offsetof(struct step, work), NULL },
	{ "mount", 0, print_mount },
	{ "union", 0, print_union },
	{ "walk", 0, print_walk },
	{ "init", 0, print_init },
	{ "verity", 0, print_verity },
	{ "flags", 0, print_flags },
	{ "mode", 0, print_mode },
	{ "kind", 0, print_kind },
};

static void print_word(const struct step *s, struct slice word, struct builder *b)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!slice_is(word, words[i].word))
			continue;
		const void *member = (const char *)s + words[i].offset;
		if (words[i].print)
			words[i].print(s, b);
		else
			builder_add(b, *(const char *const *)member);
	}
}

void plan_print_step(const struct step *s, struct builder *b)
{
	struct slice form = slice_of(forms[s->kind]), text, word;

	while (slice_next(&form, '{', &text)) {
		builder_add_slice(b, text);
		if (form.at && slice_next(&form, '}', &word))
			print_word(s, word, b);
		if (!form.at)
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

/* The mount whose target is PATH or a directory that it is in; NULL if there is none before S. */
static const struct step *mount_of(const struct plan *p, const struct step *s, const char *path)
{
	const struct step *best = NULL;
	size_t longest = 0;

	for (const struct step *t = p->steps; t < s; t++) {
		bool mounts = t->kind == STEP_LAYER || t->kind == STEP_VOLUME ||
			      t->kind == STEP_SUBDIR;
		size_t len = mounts ? strlen(t->target) : 0;
		if (mounts && len > longest && strncmp(path, t->target, len) == 0 &&
		    (path[len] == '\0' || path[len] == '/')) {
			best = t;
			longest = len;
		}
	}
	return best && best->kind == STEP_SUBDIR ? mount_of(p, best, best->source) : best;
}

/* As mountinfo writes it (fs/proc_namespace.c, mangle). */
static void print_path(const char *path, struct builder *b)
{
	for (; *path; path++)
		if (strchr(" \t\n\\#", *path))
			builder_addf(b, "\\%03o", (unsigned)(unsigned char)*path);
		else
			builder_add_slice(b, (struct slice){ path, 1 });
}

static void print_one_mount(const struct step *s, const struct step *from, const char *target,
			    unsigned long flags, struct builder *b)
{
	bool loop = from->loop;
	bool fuse = s->kind == STEP_UNION && strcmp(s->type, plan_union_type(UNION_UNIONFS)) == 0;

	if (s->kind == STEP_UNION)
		target = "/";
	print_path(target, b);
	builder_addf(b, " %s%s %s", fuse ? "fuse." : "", from->type, loop ? "loop:" : "");
	print_path(from->source, b);
	builder_add(b, " ");
	add_flags(flags, b);
	builder_add(b, "\n");
}

void plan_print_mounts(const struct plan *p, struct builder *b)
{
	for (const struct step *s = p->steps; s < p->steps + p->count; s++) {
		const struct step *from = s;
		if (s->kind == STEP_MOUNT || s->kind == STEP_MEDIUM || s->kind == STEP_LAYER ||
		    s->kind == STEP_VOLUME || s->kind == STEP_UNION) {
			print_one_mount(s, s, s->target, final_flags(p, s), b);
		} else if (s->kind == STEP_SUBDIR) {
			from = mount_of(p, s, s->source);
			if (from)
				print_one_mount(s, from, s->target, from->flags, b);
		} else if (s->kind == STEP_PROTECT || s->kind == STEP_BIND) {
			from = mount_of(p, s, s->source);
			if (from)
				print_one_mount(s, from, s->path, s->flags, b);
		} else if (s->kind == STEP_MOVE && strcmp(s->source, "/run") == 0) {
			/* No step: a boot goes on without it. */
			builder_add(b, PATH_SHUTDOWN_ROOT " rootfs rootfs rw\n");
		}
	}
}

void plan_print_json(const struct plan *p, struct builder *b)
{
	static const char *const phases[] = {
		[PHASE_BOOTSTRAP] = "bootstrap", [PHASE_LAYERS] = "layers", [PHASE_ROOT] = "root"
	};
	/* A union of the longest names, or a walk with all the paths that a manifest can hold. */
	static char text[MANIFEST_SIZE_MAX + 1024];
	struct builder t;

	json_open(b, "[");
	for (size_t i = 0; i < p->count; i++) {
		builder_start(&t, text, sizeof(text));
		plan_print_step(&p->steps[i], &t);
		json_open(b, "{");
		json_member_string(b, "phase", phases[p->steps[i].phase]);
		json_member_string(b, "step", text);
		if (p->steps[i].layer)
			json_member_string(b, "layer", p->steps[i].layer);
		json_close(b, "}");
	}
	json_close(b, "]");
	builder_add(b, "\n");
}
