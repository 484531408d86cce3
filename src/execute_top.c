#include "execute_parts.h"

#include <errno.h>
#include <string.h>

#include "bind_paths.h"
#include "facts.h"
#include "failed_boots.h"
#include "file.h"
#include "inventory.h"
#include "shadow_index.h"
#include "sys.h"
#include "text.h"
#include "top.h"
#include "volume.h"

#define LOWERS_MAX  (3 * MANIFEST_LAYERS_MAX)
#define ENTRIES_MAX 2000000

static int format(const struct step *s, struct builder *answer)
{
	enum volume_state state;
	char type[24];
	int r = volume_examine(s->source, &state, type, answer);

	if (r < 0 || state == VOLUME_FILESYSTEM)
		return r;
	/* -EEXIST: somebody else's; the words say what was found. */
	return state == VOLUME_FOREIGN ? -EEXIST : volume_format(s->source, s->type, answer);
}

static int grow(const struct step *s, struct builder *answer)
{
	struct volume_size size;

	return volume_grow(s->target, &size, answer);
}

int execute_volume(const struct step *s, struct builder *answer)
{
	if (s->kind == STEP_FORMAT)
		return format(s, answer);
	if (s->kind == STEP_FSCK)
		return volume_check(s->source, s->type, answer);
	if (s->kind == STEP_GROW)
		return grow(s, answer);
	return volume_mount(s->source, s->target, s->type, answer);
}

/* The lowers of a step as absolute paths. */
static const char *const *absolute(const struct step *s)
{
	static char names[LOWERS_MAX][sizeof(PATH_LAYERS) + RESOLVED_NAME_MAX + 8];
	static const char *list[LOWERS_MAX];

	for (size_t i = 0; i < s->lowers_count; i++) {
		text_print(names[i], sizeof(names[i]), PATH_LAYERS "/%s", s->lowers[i]);
		list[i] = names[i];
	}
	return list;
}

static int read_stamp(const struct step *s, struct builder *answer)
{
	static struct top_state state;
	static struct stamp stamp;
	int r = top_read(s->target, &state, answer);

	_Static_assert(sizeof(stamp.text) == sizeof(state.stamp), "one holds the other");
	if (r < 0)
		return r;
	/* What a reset that was broken off has left; if it stays, it only takes room. */
	if (state.trash && top_clean(s->target, answer) < 0)
		answer->len = 0;
	answer->len = 0;
	text_print(stamp.disk, sizeof(stamp.disk), "%s", s->source);
	stamp.used = state.used;
	memcpy(stamp.text, state.stamp, sizeof(stamp.text));
	stamp_print(&stamp, answer);
	builder_add(answer, "\n");
	return answer->overflow ? -ENOBUFS : 0;
}

struct list {
	int fd;
	size_t count;
	char first[256]; /* path, for the console */
};

static int add_changed(void *arg, const char *path, enum shadow_how how)
{
	static const char *const words[] = { [SHADOW_CHANGED] = "changed",
					     [SHADOW_GONE] = "gone",
					     [SHADOW_ADDED] = "added",
					     [SHADOW_HIDDEN] = "hidden" };
	struct list *list = arg;
	char line[4 * 4096 + 32];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	builder_addf(&b, "%s ", words[how]);
	builder_add_escaped(&b, path, "");
	builder_add(&b, "\n");
	if (list->count++ == 0) {
		struct builder first;
		builder_start(&first, list->first, sizeof(list->first));
		builder_add_escaped(&first, path, "");
	}
	ssize_t r = sys_write(list->fd, line, b.len);
	return r < 0 ? (int)r : 0;
}

/* The list goes into memory, where the report and "layerboot status" find it. */
static int compare(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	char upper[1024];
	struct list list = { .fd = sys_open(PATH_CHANGED, O_WRONLY | O_CREAT | O_TRUNC) };

	if (list.fd < 0)
		return list.fd;
	text_print(upper, sizeof(upper), "%s/upper", s->target);
	int r = shadow_index_compare(s->target, upper, absolute(s), s->lowers_count, add_changed,
				     &list, answer);
	(void)sys_close(list.fd);
	answer->len = 0;
	/* It is a help and no condition: without an index nothing can be told, and the top is as good as before. */
	if (r == -ENOENT || r == -EUCLEAN)
		text_print(facts.warning, sizeof(facts.warning),
			   "the top has no index of the layers it was made on: what was changed on "
			   "both sides is not known");
	else if (r < 0)
		return r;
	else if (list.count > 0)
		text_print(facts.warning, sizeof(facts.warning),
			   "top: %s%s changed here and in the layers below, and the top wins; "
			   "layerboot status lists them",
			   list.first, list.count > 1 ? " and others were" : " was");
	facts_print(&facts, answer);
	return 0;
}

static int write_stamp(const struct step *s, struct builder *answer)
{
	struct facts facts = { 0 };
	size_t entries = 0;
	int r = shadow_index_write(s->target, absolute(s), s->lowers_count, ENTRIES_MAX, &entries,
				   answer);

	if (r == 0 || (r == -ENOSPC && s->tolerant))
		r = top_stamp(s->target, s->source, answer);
	if (r < 0 && !(r == -ENOSPC && s->tolerant))
		return r;
	answer->len = 0;
	facts.entries = (int)entries;
	/* The old stamp is there: the next boot finds the same change again. */
	if (r < 0)
		text_print(facts.warning, sizeof(facts.warning),
			   "the disk of the top is full: the change of the layers below it could "
			   "not be recorded");
	facts_print(&facts, answer);
	return 0;
}

static int make_directories(const char *path)
{
	char part[1024];
	int r = 0;

	for (const char *slash = strchr(path + 1, '/'); r == 0 || r == -EEXIST;
	     slash = strchr(slash + 1, '/')) {
		text_print(part, sizeof(part), "%.*s",
			   slash ? (int)(slash - path) : (int)strlen(path), path);
		r = sys_mkdir(part, 0755);
		if (!slash)
			break;
	}
	return r == -EEXIST ? 0 : r;
}

static int bind_path(const struct step *s, struct builder *answer)
{
	int r = make_directories(s->source);

	return r < 0 ? r : bind_persistent(s->source, s->target, s->path, answer);
}

int execute_top(const struct step *s, struct builder *answer)
{
	if (s->kind == STEP_TOP_READ)
		return read_stamp(s, answer);
	if (s->kind == STEP_TOP_RESET)
		return top_reset(s->target, answer);
	if (s->kind == STEP_TOP_PARK)
		return top_park(s->target, answer);
	if (s->kind == STEP_TOP_COMPARE)
		return compare(s, answer);
	if (s->kind == STEP_TOP_PREPARE)
		return top_prepare(s->target, s->source, answer);
	if (s->kind == STEP_TOP_STAMP)
		return write_stamp(s, answer);
	if (s->kind == STEP_TOP_GOOD)
		return failed_boots_forget(s->target);
	if (s->kind == STEP_PROTECT)
		return bind_protect(s->source, s->target, s->path, answer);
	return bind_path(s, answer);
}
