#include "check_layers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bases.h"
#include "bases_read.h"
#include "check_root.h"
#include "host_media.h"
#include "text.h"
#include "walk.h"

/* A boot stops there, too. */

static struct merge_layer layers[MANIFEST_LAYERS_MAX]; /* the highest first */
static const struct resolved_layer *resolved[MANIFEST_LAYERS_MAX];

struct telling {
	const struct check_input *in;
	struct check_report *report;
	size_t count; /* of layers */
};

/* How each kind of event is said. */
static const struct {
	const char *word, *text, *next;
} warnings[MERGE_KINDS] = {
	[MERGE_DIRECTORY_OVER_SYMLINK] = { "directory-over-symlink",
					   "is a directory and hides the symlink",
					   "put its files where the symlink points, as mklayer "
					   "--base --follow does" },
	[MERGE_DIRECTORY_OVER_FILE] = { "directory-over-file", "is a directory and hides the file",
					"rename it, or delete the file in a layer between them" },
	[MERGE_FILE_OVER_DIRECTORY] = { "file-over-directory",
					"is no directory and hides all of the directory",
					"rename it, or delete the directory in a layer between them" },
	[MERGE_DELETES_NOTHING] = { "deletes-nothing", "is deleted, but no layer below has it",
				    "correct the path, or leave the deletion out" },
	[MERGE_NAME_TOO_LONG] = { "name-too-long",
				  "has a name of 256 bytes or more, and overlay opens no file of more "
				  "than 255",
				  "shorten the name" },
};

static void add_warning(struct check_report *report, const struct merge_event *e)
{
	static char text[40000];
	char target[PATH_MAX];
	struct builder b;

	builder_start(&b, text, sizeof(text));
	builder_add_escaped(&b, e->path, "");
	builder_addf(&b, " %s", warnings[e->kind].text);
	if (e->kind == MERGE_DIRECTORY_OVER_SYMLINK &&
	    layer_list_symlink(e->lower->root, e->path + 1, target, sizeof(target)) >= 0) {
		builder_add(&b, " ");
		builder_add_escaped(&b, e->path, "");
		builder_add(&b, " -> ");
		builder_add_escaped(&b, target, "");
	}
	if (e->lower)
		builder_addf(&b, " of layer \"%s\"", e->lower->name);
	const struct check_finding f = { .word = warnings[e->kind].word,
					 .layer = e->upper->name,
					 .text = text,
					 .next = warnings[e->kind].next };
	check_report_add(report, &f);
}

static void add_failure(struct check_report *report, enum failure_kind kind, const char *layer,
			const char *what, int error)
{
	char text[1024];
	struct failure failure;
	struct builder b;

	builder_start(&b, text, sizeof(text));
	builder_add_escaped(&b, what, "");
	(void)failure_set(&failure, kind, layer, "%s: %s", text, strerror(error));
	check_report_failure(report, &failure);
}

/* The files that a package manager knows the installed packages by. */
static bool is_package_database(const char *path)
{
	static const char *const databases[] = {
		"/var/lib/dpkg/status",
		"/var/lib/rpm/rpmdb.sqlite",
		"/var/lib/rpm/Packages",
		"/usr/lib/sysimage/rpm/rpmdb.sqlite",
		"/lib/apk/db/installed",
		"/usr/lib/apk/db/installed",
		"/var/lib/pacman/local/ALPM_DB_VERSION",
	};

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		if (strcmp(path, databases[i]) == 0)
			return true;
	return false;
}

/* Two layers that were made beside each other: the packages of the lower one are in no database any more. */
static void check_databases(const struct telling *t, const struct merge_event *e)
{
	static char text[1024];
	const struct resolved_layer *upper = resolved[e->upper - layers];
	const struct resolved_layer *lower = resolved[e->lower - layers];
	struct builder b;

	if (e->lower == &layers[t->count - 1] || !is_package_database(e->path) ||
	    bases_names(&t->in->host->inventory, upper, lower))
		return;
	builder_start(&b, text, sizeof(text));
	builder_addf(&b, "%s hides that of layer \"%s\": the packages of that layer are not in it",
		     e->path, lower->name);
	const struct check_finding f = {
		.word = "package-database",
		.layer = upper->name,
		.text = text,
		.next = "make one of the two on the other, with mklayer --base SYSTEM --base LAYER",
	};
	check_report_add(t->report, &f);
}

static void tell(void *context, const struct merge_event *e)
{
	const struct telling *t = context;
	struct check_report *report = t->report;

	switch (e->kind) {
	case MERGE_SHADOWED:
	case MERGE_DELETED:
		if (e->kind == MERGE_SHADOWED)
			check_databases(t, e);
		check_report_path(report, e->kind == MERGE_DELETED, e->path, e->upper->name,
				  e->lower->name, e->paths, e->inside);
		break;
	case MERGE_UNREADABLE:
		add_failure(report, FAILURE_LAYER_READ, e->upper->name, e->path, e->error);
		break;
	case MERGE_DIRECTORY_OVER_SYMLINK:
	case MERGE_DIRECTORY_OVER_FILE:
	case MERGE_FILE_OVER_DIRECTORY:
	case MERGE_DELETES_NOTHING:
	case MERGE_NAME_TOO_LONG:
	case MERGE_KINDS:
		add_warning(report, e);
		break;
	}
}

/* Puts the layers that open at LAYERS, the highest first. Their number. */
/* All of it, as the kernel will block by block. */
static bool is_verified(const struct check_input *in, const struct resolved_layer *l,
			struct check_report *report)
{
	char why[512], what[1024];
	struct builder words, b;
	struct failure failure;

	builder_start(&words, why, sizeof(why));
	int r = l->layer->verity.root_hash ? host_media_verify(in->host, l, &words) : 0;
	if (r == 0)
		return true;
	builder_start(&b, what, sizeof(what));
	builder_add_escaped(&b, l->image ? l->image->path : l->disk->name, "");
	builder_addf(&b, "%s%s", why[0] ? ": " : "", why);
	(void)failure_set(&failure, r == -EBADMSG ? FAILURE_LAYER_CORRUPT : FAILURE_LAYER_READ,
			  l->name, "%s%s%s", what, r == -EBADMSG ? "" : ": ",
			  r == -EBADMSG ? "" : strerror(-r));
	check_report_failure(report, &failure);
	return false;
}

static size_t open_layers(const struct check_input *in, struct check_report *report)
{
	size_t count = 0;

	for (size_t i = in->resolution->layers_count; i > 0; i--) {
		const struct resolved_layer *l = &in->resolution->layers[i - 1];
		char why[1024], what[1200];
		struct builder words, b;
		if (l->state != LAYER_FOUND || !is_verified(in, l, report))
			continue;
		builder_start(&words, why, sizeof(why));
		int root = host_media_open_layer(in->host, l, &words);
		if (root < 0) {
			builder_start(&b, what, sizeof(what));
			disk_print_short(l->disk, &b);
			builder_addf(&b, "%s%s", why[0] ? ": " : "", why);
			if (in->root)
				add_failure(report, FAILURE_LAYER_MOUNT, l->name, what, -root);
			else
				check_report_unread(report, l->name, what);
			continue;
		}
		resolved[count] = l;
		layers[count++] = (struct merge_layer){
			.name = l->name,
			.root = root,
			.notation = l->layer->whiteouts == LAYER_WHITEOUTS_WH ? NOTATION_WH
									      : NOTATION_OVERLAY,
		};
	}
	return count;
}

/* What the boot does before it trusts a layer, by the same code. */
static void check_trust(const struct resolved_layer *l, int root, struct check_report *report)
{
	static const enum failure_kind kinds[] = { [WALK_PRIVILEGED] = FAILURE_LAYER_PRIVILEGED,
						   [WALK_OUTSIDE] = FAILURE_LAYER_OUTSIDE,
						   [WALK_TOO_MANY] = FAILURE_LIMIT };
	const struct walk_rules rules = { .untrusted = l->layer->untrusted,
					  .only = l->layer->only,
					  .only_count = l->layer->only_count,
					  .entries_max = WALK_ENTRIES_MAX };
	struct walk_result result = { 0 };
	char directory[32], why[2048];
	struct failure failure;
	struct builder words;

	if (!rules.untrusted && !rules.only)
		return;
	text_print(directory, sizeof(directory), "/proc/self/fd/%d", root);
	builder_start(&words, why, sizeof(why));
	int r = walk_layer(directory, &rules, &result, &words);
	if (r == 0 && result.verdict == WALK_CLEAN)
		return;
	(void)failure_set(&failure, r < 0 ? FAILURE_LAYER_READ : kinds[result.verdict], l->name,
			  "%s%s%s", why, r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	check_report_failure(report, &failure);
}

/* What a layer says of itself, and how it stands to those below it. */
static void check_base(const struct check_input *in, const struct resolved_layer *l, int root,
		       struct check_report *report)
{
	char text[MADE_BASES_MAX], why[512] = "";
	struct builder bases, words;

	builder_start(&bases, text, sizeof(text));
	builder_start(&words, why, sizeof(why));
	int r = bases_read(root, &bases, &words);
	if (r == 0 && text[0])
		r = inventory_add_made(&in->host->inventory, l->name, text);
	if (r < 0)
		add_failure(report, FAILURE_LAYER_READ, l->name, "/" BASES_DIRECTORY, -r);
	else if (why[0])
		check_report_note(report, why);
}

static void check_bases(const struct check_input *in, size_t count, struct check_report *report)
{
	const struct resolution *r = in->resolution;
	struct failure failure;

	for (size_t i = 0; i < count; i++)
		check_base(in, resolved[i], layers[i].root, report);
	for (size_t i = 0; i < r->layers_count; i++) {
		const struct resolved_layer *l = &r->layers[i];
		if (l->state != LAYER_FOUND ||
		    !bases_mismatch(r, &in->host->inventory, i, &failure))
			continue;
		const struct failure_word *word = failure_word(failure.kind);
		const struct check_finding finding = { .word = word->word,
						       .layer = l->name,
						       .text = failure.text,
						       .next = word->next };
		if (l->layer->base_strict)
			check_report_failure(report, &failure);
		else
			check_report_add(report, &finding);
	}
}

void check_layers(const struct check_input *in, struct check_report *report)
{
	size_t count = open_layers(in, report);
	int r = 0;

	for (size_t i = 0; i < count; i++)
		check_trust(resolved[i], layers[i].root, report);
	check_bases(in, count, report);
	if (count > 0)
		r = merge_layers(layers, count, tell, &(struct telling){ in, report, count });
	if (r < 0)
		add_failure(report, FAILURE_LIMIT, NULL, "the layers hold too many files", -r);
	for (size_t i = count; i > 0; i--)
		check_report_layer(report, layers[i - 1].name, resolved[i - 1]->type,
				   layers[i - 1].files);
	/* Without one of the layers the root would be said to lack what that brings. */
	if (count > 0 && report->errors == 0)
		check_root(in, layers, resolved, count, report);
}
