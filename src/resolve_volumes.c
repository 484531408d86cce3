/* The disks of a persistent top and of [bind NAME]. */
#include "resolver.h"

#include <string.h>

#include "text.h"

static int find(struct resolver *r, struct resolved_volume *v, enum failure_kind missing)
{
	const struct source *source = &v->volume->source;
	const struct disk *matches[CHECK_MATCHES_MAX];
	bool asked;
	size_t count = resolver_look_for(r, source, matches, CHECK_MATCHES_MAX, &asked);

	if (count > 1)
		return check_duplicate(v->label, source, matches, count, &r->ret->failure);
	if (count == 0 && r->inv->elapsed_ms >= r->timeout_ms)
		return check_missing(missing, v->label, source, r->timeout_ms, r->inv,
				     &r->ret->failure);
	if (count == 0) {
		resolver_wake(r, r->timeout_ms);
		if (!asked)
			resolver_ask_meanwhile(r);
		return 0;
	}
	if (resolver_stalls(r, matches[0], r->timeout_ms) ||
	    resolver_ask_needed(r, matches[0], KNOWN_IDENTITY | KNOWN_SUPERBLOCK))
		return 0;
	v->disk = matches[0];
	v->state = LAYER_FOUND;
	return check_volume(v, &r->ret->failure);
}

static int find_all(struct resolver *r, const struct manifest *m)
{
	struct resolution *ret = r->ret;

	if (m->top.kind == TOP_DISK) {
		ret->top = (struct resolved_volume){ .name = "top",
						     .label = "top",
						     .volume = &m->top.volume };
		if (find(r, &ret->top, FAILURE_TOP_MISSING) < 0)
			return -1;
	}
	for (size_t i = 0; i < m->binds_count; i++) {
		struct resolved_volume *v = &ret->binds[ret->binds_count++];
		*v = (struct resolved_volume){ .name = m->binds[i].name,
					       .volume = &m->binds[i].volume };
		text_print(v->label, sizeof(v->label), "bind %s", v->name);
		if (find(r, v, FAILURE_BIND_MISSING) < 0)
			return -1;
	}
	return 0;
}

/* The one that makes, checks and grows the file system on V's disk: the top, or else the first bind. */
static struct resolved_volume *maker_of(struct resolution *ret, struct resolved_volume *v)
{
	if (ret->top.disk == v->disk)
		return &ret->top;
	for (size_t i = 0; &ret->binds[i] != v; i++)
		if (ret->binds[i].disk == v->disk)
			return &ret->binds[i];
	return v;
}

/* What one of those that share a disk says of its file system holds for the disk. */
static int join(struct resolution *ret, struct resolved_volume *v)
{
	struct resolved_volume *maker = maker_of(ret, v);

	v->shared = maker != v;
	if (v->volume->format && maker->format && strcmp(maker->format, v->volume->format) != 0)
		return check_formats(v, maker, &ret->failure);
	maker->format = maker->format ? maker->format : v->volume->format;
	maker->no_fsck |= v->volume->no_fsck;
	maker->grow |= v->volume->grow;
	return 0;
}

static int take_type(struct resolution *ret, struct resolved_volume *v)
{
	const struct resolved_volume *maker = maker_of(ret, v);

	if (!v->disk->type[0] && !maker->format)
		return check_blank(v, &ret->failure);
	v->type = v->disk->type[0] ? v->disk->type : maker->format;
	return 0;
}

int resolver_volumes(struct resolver *r, const struct manifest *m)
{
	struct resolution *ret = r->ret;
	struct resolved_volume *all[MANIFEST_BINDS_MAX + 1];
	size_t count = 0;

	if (find_all(r, m) < 0)
		return -1;
	if (ret->top.volume)
		all[count++] = &ret->top;
	for (size_t i = 0; i < ret->binds_count; i++)
		all[count++] = &ret->binds[i];
	/* Until then any of them may still be on the disk of another. */
	for (size_t i = 0; i < count; i++)
		if (all[i]->state != LAYER_FOUND)
			return 0;
	for (size_t i = 0; i < count; i++)
		if (join(ret, all[i]) < 0)
			return -1;
	for (size_t i = 0; i < count; i++)
		if (take_type(ret, all[i]) < 0)
			return -1;
	ret->volumes_known = true;
	if (ret->top.volume && strcmp(r->inv->stamp.disk, ret->top.disk->name) != 0)
		resolver_ask(r, (struct question){ .disk = ret->top.disk,
						   .kind = QUESTION_STAMP,
						   .layer = "top" });
	return 0;
}
