#include "walk.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <string.h>

#include "overlay_marks.h"
#include "sys.h"
#include "tree.h"

struct walk {
	const struct walk_rules *rules;
	struct walk_result result;
	struct builder *words;
	bool no_attributes;
	struct builder
		leading; /* path of the directory that is read, as long as it leads to one of only */
	char leading_text[PATH_MAX];
	char attributes[XATTR_LIST_MAX + 1];
};

/* Where an entry stands to the paths of only. */
enum place {
	OUTSIDE,
	LEADING,
	INSIDE
};

/* The functions below return 0 to go on, 1 after an offence, or -errno. */

static int look_into(struct walk *w, struct tree *t, enum place place);

__attribute__((format(printf, 5, 6))) static int offence(struct walk *w, enum walk_verdict verdict,
							 const struct tree *t, const char *name,
							 const char *format, ...)
{
	va_list args;

	w->result.verdict = verdict;
	tree_path(t, name, w->words);
	builder_add(w->words, ": ");
	va_start(args, format);
	builder_addv(w->words, format, args);
	va_end(args);
	return 1;
}

static int failure_at(struct walk *w, const struct tree *t, const char *name, const char *doing,
		      int error)
{
	(void)offence(w, WALK_CLEAN, t, name, "%s", doing);
	return error;
}

static enum place place_of(const struct walk *w, const char *path)
{
	enum place best = OUTSIDE;
	size_t len = strlen(path);

	if (!w->rules->only)
		return INSIDE;
	for (size_t i = 0; i < w->rules->only_count; i++) {
		const char *only = w->rules->only[i];
		if (strcmp(only, "/") == 0 || strcmp(only, path) == 0)
			return INSIDE;
		if (strncmp(only, path, len) == 0 && only[len] == '/')
			best = LEADING;
	}
	return best;
}

/* Adds NAME to the leading path; one that does not fit is longer than any path that only can name. */
static enum place place_below(struct walk *w, const char *name)
{
	builder_add(&w->leading, "/");
	builder_add(&w->leading, name);
	return w->leading.overflow ? OUTSIDE : place_of(w, w->leading.at);
}

static void leave(struct walk *w, size_t len)
{
	w->leading.len = len;
	w->leading.at[len] = '\0';
	w->leading.overflow = false;
}

/* The names of the attributes of NAME in T (NULL: of T itself) in w->attributes: their length or -errno. */
static ssize_t list_attributes(struct walk *w, const struct tree *t, const char *name)
{
	/* The kernel allocates and clears as much as it is offered, for every entry. */
	static const size_t sizes[] = { 256, XATTR_LIST_MAX };
	ssize_t len = -ERANGE;

	if (w->no_attributes)
		return 0;
	int r = name ? tree_work_in(t) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < 2 && len == -ERANGE; i++)
		len = name ? sys_llistxattr(name, w->attributes, sizes[i])
			   : sys_flistxattr(t->fd, w->attributes, sizes[i]);
	if (len >= 0)
		w->attributes[len] = '\0';
	/* erofs says so of a single inode, whose attributes the kernel then does not see either. */
	return len == -EOPNOTSUPP ? 0 : len;
}

/* The value of trusted.overlay.opaque as the kernel reads it: one byte, 0 for any other length; or -errno. */
static int opaque_value(const struct tree *t, const char *name)
{
	static const char attribute[] = "trusted.overlay.opaque";
	unsigned char value = 0;
	int r = name ? tree_work_in(t) : 0;

	if (r < 0)
		return r;
	ssize_t len = name ? sys_lgetxattr(name, attribute, &value, 1)
			   : sys_fgetxattr(t->fd, attribute, &value, 1);
	if (len < 0 && len != -ERANGE)
		return (int)len;
	return len == 1 ? value : 0;
}

/* Attributes that an untrusted layer must not have, on any kind of file. */
static int check_attributes(struct walk *w, const struct tree *t, const char *name)
{
	ssize_t len = list_attributes(w, t, name);

	if (len < 0)
		return failure_at(w, t, name, "listing its attributes", (int)len);
	for (const char *a = w->attributes; a < w->attributes + len; a += strlen(a) + 1) {
		if (strcmp(a, "security.capability") == 0)
			return offence(w, WALK_PRIVILEGED, t, name, "a file capability");
		if (!slice_starts(slice_of(a), "trusted.overlay."))
			continue;
		if (strcmp(a, "trusted.overlay.opaque") == 0) {
			int value = opaque_value(t, name);
			if (value < 0)
				return failure_at(w, t, name, "reading an attribute", value);
			if (value == 'y')
				continue;
			return offence(w, WALK_PRIVILEGED, t, name,
				       "the attribute trusted.overlay.opaque is not \"y\"");
		}
		(void)offence(w, WALK_PRIVILEGED, t, name, "the attribute ");
		builder_add_escaped(w->words, a, "");
		return 1;
	}
	return 0;
}

static int check_kind(struct walk *w, const struct tree *t, const char *name, const struct stat *st)
{
	const char *what = NULL;

	if (S_ISREG(st->st_mode) && st->st_mode & S_ISUID)
		what = "a set-user-ID program";
	else if (S_ISREG(st->st_mode) && st->st_mode & S_ISGID)
		what = "a set-group-ID program";
	else if (S_ISBLK(st->st_mode))
		what = "a block device";
	else if (S_ISCHR(st->st_mode) && !overlay_is_whiteout(st))
		what = "a character device";
	return what ? offence(w, WALK_PRIVILEGED, t, name, "%s", what) : 0;
}

/*
 * The merged directory shows the owner, mode and access control lists of the topmost layer that has it: one
 * that only leads to what this layer may supply must not hand its place to anybody, nor hide what is below.
 */
static int check_leading(struct walk *w, const struct tree *t)
{
	static const char above[] = "in a directory above what it may supply";
	struct stat st;
	int r = sys_fstat(t->fd, &st);

	if (r < 0)
		return failure_at(w, t, NULL, "looking at it", r);
	if (st.st_uid != 0 || st.st_gid != 0)
		return offence(w, WALK_OUTSIDE, t, NULL, "an owner other than 0:0 (%u:%u) %s",
			       st.st_uid, st.st_gid, above);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return offence(w, WALK_OUTSIDE, t, NULL,
			       "writable for group or others (mode %04o) %s", st.st_mode & 07777,
			       above);
	ssize_t len = list_attributes(w, t, NULL);
	if (len < 0)
		return failure_at(w, t, NULL, "listing its attributes", (int)len);
	for (const char *a = w->attributes; a < w->attributes + len; a += strlen(a) + 1) {
		if (slice_starts(slice_of(a), "system.posix_acl_"))
			return offence(w, WALK_OUTSIDE, t, NULL, "an access control list %s",
				       above);
		if (strcmp(a, "trusted.overlay.opaque") != 0)
			continue;
		int value = opaque_value(t, NULL);
		if (value < 0)
			return failure_at(w, t, NULL, "reading an attribute", value);
		if (value == 'y')
			return offence(w, WALK_OUTSIDE, t, NULL, "opaque %s", above);
	}
	return 0;
}

static int look_below(struct walk *w, const struct tree *parent, const char *name, enum place place)
{
	struct tree t;
	int r = tree_open(&t, parent, name);

	if (r == -ELOOP)
		r = failure_at(w, parent, name, "directories nested too deep", r);
	else if (r < 0)
		r = failure_at(w, parent, name, "opening it", r);
	else
		r = look_into(w, &t, place);
	tree_close(&t);
	return r;
}

static int look_at(struct walk *w, const struct tree *t, const char *name, enum place place)
{
	struct stat st;
	int r = 0;

	if (place == OUTSIDE)
		return offence(w, WALK_OUTSIDE, t, name, "not among what it may supply");
	if (place == INSIDE && !w->rules->untrusted)
		return 0;
	/* Not d_type: ext4 takes it from the directory, and a hostile image can lie there. */
	r = sys_fstatat(t->fd, name, &st);
	if (r < 0)
		return failure_at(w, t, name, "looking at it", r);
	if (w->rules->untrusted)
		r = check_kind(w, t, name, &st);
	if (r != 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return look_below(w, t, name, place);
	if (place == LEADING)
		return offence(w, WALK_OUTSIDE, t, name,
			       "not a directory, where one leads to what it may supply");
	return check_attributes(w, t, name);
}

static int look_into(struct walk *w, struct tree *t, enum place place)
{
	const struct dirent *e;
	size_t len = w->leading.len;
	int r = place == LEADING ? check_leading(w, t) : 0;

	if (r == 0 && w->rules->untrusted)
		r = check_attributes(w, t, NULL);
	if (r != 0)
		return r;
	while ((r = tree_next(t, &e)) > 0) {
		if (w->result.entries >= w->rules->entries_max)
			return offence(w, WALK_TOO_MANY, t, e->d_name,
				       "beyond the limit of %zu entries", w->rules->entries_max);
		w->result.entries++;
		r = look_at(w, t, e->d_name, place == INSIDE ? INSIDE : place_below(w, e->d_name));
		leave(w, len);
		if (r != 0)
			return r;
	}
	return r < 0 ? failure_at(w, t, NULL, "reading the directory", r) : 0;
}

/*
 * squashfs without a table of attributes says EOPNOTSUPP for every inode, so one question is enough. On
 * other file systems it can be the answer of one inode that somebody made so.
 */
static bool has_no_attributes(const char *directory, const struct tree *t)
{
	struct statfs fs;

	return sys_flistxattr(t->fd, NULL, 0) == -EOPNOTSUPP && sys_statfs(directory, &fs) == 0 &&
	       (unsigned long)fs.f_type == SQUASHFS_MAGIC;
}

int walk_layer(const char *directory, const struct walk_rules *rules, struct walk_result *ret,
	       struct builder *words)
{
	struct walk w = { .rules = rules, .words = words };
	struct tree t;
	int r = tree_open_root(&t, directory);

	builder_start(&w.leading, w.leading_text, sizeof(w.leading_text));
	if (r < 0) {
		r = failure_at(&w, &t, NULL, "opening it", r);
	} else {
		/* only = / or a path below: the root is inside or leads there, never outside. */
		enum place place = place_of(&w, "/") == INSIDE ? INSIDE : LEADING;
		w.no_attributes = has_no_attributes(directory, &t);
		r = look_into(&w, &t, place);
	}
	tree_close(&t);
	if (r < 0)
		return r;
	*ret = w.result;
	return 0;
}
