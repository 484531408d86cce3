#include "check_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* Of one kind in a row; --list and --json name all. */
#define FINDINGS_SHOWN 20

/* What one line of the report needs at most: paths, escaped. */
static char line_memory[65536];

static struct builder line_start(void)
{
	struct builder b;

	builder_start(&b, line_memory, sizeof(line_memory));
	return b;
}

static void text_add(struct check_text *t, const char *text, size_t len)
{
	if (t->len + len + 1 > t->size) {
		size_t size = (t->size + len + 1) * 2;
		char *more = realloc(t->at, size);
		if (!more)
			return;
		t->at = more;
		t->size = size;
	}
	memcpy(t->at + t->len, text, len);
	t->len += len;
	t->at[t->len] = '\0';
}

/* A line of text, or an element of an array. */
static void line_end(const struct check_report *r, struct check_text *t, const struct builder *b)
{
	if (r->json && t->len > 0)
		text_add(t, ",", 1);
	text_add(t, b->at, b->len);
	if (!r->json)
		text_add(t, "\n", 1);
}

static void add_finding_json(struct check_report *r, const struct check_finding *f)
{
	struct builder b = line_start();

	json_open(&b, "{");
	json_member_string(&b, "level", f->error ? "error" : "warning");
	json_member_string(&b, "kind", f->word);
	json_member_string(&b, "layer", f->layer);
	json_member_string(&b, "text", f->text);
	json_member_string(&b, "next", f->next);
	json_close(&b, "}");
	line_end(r, &r->findings, &b);
}

/* Says how many of one kind were not named. */
static void end_repeats(struct check_report *r)
{
	struct builder b = line_start();

	if (r->repeats > FINDINGS_SHOWN && !r->list && !r->json) {
		builder_addf(&b, "warning[%s]: %zu more; --list names them", r->repeated,
			     r->repeats - FINDINGS_SHOWN);
		line_end(r, &r->findings, &b);
	}
	r->repeats = 0;
}

void check_report_add(struct check_report *r, const struct check_finding *f)
{
	if (f->error)
		r->errors++;
	else
		r->warnings++;
	if (f->error || !r->repeated || strcmp(r->repeated, f->word) != 0) {
		end_repeats(r);
		r->repeated = f->word;
	}
	if (!f->error && r->repeats++ >= FINDINGS_SHOWN && !r->list && !r->json)
		return;
	if (r->json) {
		add_finding_json(r, f);
		return;
	}
	struct builder b = line_start();
	builder_addf(&b, "%s[%s]: ", f->error ? "error" : "warning", f->word);
	if (f->layer)
		builder_addf(&b, "layer \"%s\": ", f->layer);
	builder_addf(&b, "%s%s%s", f->text, f->next ? "; " : "", f->next ? f->next : "");
	line_end(r, &r->findings, &b);
}

void check_report_failure(struct check_report *r, const struct failure *failure)
{
	const struct failure_word *word = failure_word(failure->kind);
	const struct check_finding f = {
		.error = true,
		.word = word->word,
		.layer = failure->layer[0] ? failure->layer : NULL,
		.text = failure->text,
		.next = failure->next[0] ? failure->next
			: word->next[0]  ? word->next
					 : NULL,
	};

	check_report_add(r, &f);
}

void check_report_unread(struct check_report *r, const char *layer, const char *text)
{
	const struct check_finding f = {
		.error = true,
		.word = "not-read",
		.layer = layer,
		.text = text,
		.next = "run it as root, or install squashfuse, fuse2fs (ext4) or erofsfuse and let "
			"users have namespaces and /dev/fuse",
	};

	r->unread = true;
	check_report_add(r, &f);
}

void check_report_note(struct check_report *r, const char *text)
{
	struct builder b = line_start();

	if (r->json)
		json_string(&b, text);
	else
		builder_addf(&b, "note: %s", text);
	line_end(r, &r->notes, &b);
}

void check_report_layer(struct check_report *r, const char *name, const char *type, size_t files)
{
	struct builder b = line_start();

	r->layers_count++;
	r->files += files;
	if (!r->json)
		return;
	json_open(&b, "{");
	json_member_string(&b, "name", name);
	json_member_string(&b, "type", type);
	json_member_number(&b, "files", (int64_t)files);
	json_close(&b, "}");
	line_end(r, &r->layers, &b);
}

void check_report_path(struct check_report *r, bool deleted, const char *path, const char *layer,
		       const char *lower, size_t paths, bool inside)
{
	struct builder b = line_start();

	*(deleted ? &r->deleted_count : &r->shadowed_count) += paths;
	if (r->json) {
		json_open(&b, "{");
		json_member_string(&b, "path", path);
		json_member_string(&b, "layer", layer);
		json_member_string(&b, "hides", lower);
		json_key(&b, "inside");
		json_bool(&b, inside);
		json_member_number(&b, "paths", (int64_t)paths);
		json_close(&b, "}");
	} else {
		builder_add(&b, deleted ? "deleted   " : "shadowed  ");
		builder_add_escaped(&b, path, "");
		builder_addf(&b, "%s  %s over %s", inside ? "/*" : "", layer, lower);
		if (paths > 1)
			builder_addf(&b, ", %zu paths", paths);
	}
	if (r->list || r->json)
		line_end(r, deleted ? &r->deleted : &r->shadowed, &b);
}

static const char *of(const struct check_text *t)
{
	return t->at ? t->at : "";
}

static int print_json(const struct check_report *r)
{
	return printf(
		"{\"layers\":[%s],\"findings\":[%s],\"shadowed\":[%s],\"deleted\":[%s],\"notes\":[%s],"
		"\"summary\":{\"layers\":%zu,\"files\":%zu,\"shadowed\":%zu,\"deleted\":%zu,"
		"\"warnings\":%zu,\"errors\":%zu}}\n",
		of(&r->layers), of(&r->findings), of(&r->shadowed), of(&r->deleted), of(&r->notes),
		r->layers_count, r->files, r->shadowed_count, r->deleted_count, r->warnings,
		r->errors);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static int print_text(const struct check_report *r)
{
	return printf(
		"%s%s%s%s"
		"check: %zu layer%s, %zu file%s, %zu shadowed, %zu deleted, %zu warning%s, %zu error%s\n",
		of(&r->findings), of(&r->shadowed), of(&r->deleted), of(&r->notes), r->layers_count,
		plural(r->layers_count), r->files, plural(r->files), r->shadowed_count,
		r->deleted_count, r->warnings, plural(r->warnings), r->errors, plural(r->errors));
}

int check_report_print(struct check_report *r)
{
	end_repeats(r);
	if ((r->json ? print_json(r) : print_text(r)) < 0 || fflush(stdout) < 0)
		return 2;
	return r->unread ? 2 : r->errors > 0;
}
