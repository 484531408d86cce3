/* What "layerboot check" found: kept until all is known, then printed as text or as JSON. */
#pragma once

#include "failure.h"

/* Text that grows; cut where memory ends. */
struct check_text {
	char *at;
	size_t len, size;
};

struct check_report {
	bool json;
	bool list; /* name every shadowed and deleted path */
	struct check_text layers, findings, shadowed, deleted, notes;
	size_t layers_count, files, shadowed_count, deleted_count;
	size_t warnings, errors;
	bool unread;          /* what a boot would do cannot be said, since this user cannot look */
	const char *repeated; /* the word of the last findings, and how many there were in a row */
	size_t repeats;
};

struct check_finding {
	bool error;
	const char *word;  /* in brackets */
	const char *layer; /* NULL: none */
	const char *text;
	const char *next; /* what to do */
};

void check_report_add(struct check_report *r, const struct check_finding *finding);

/* A failure of the boot's own. */
void check_report_failure(struct check_report *r, const struct failure *failure);

/* What could not be looked at; counts as neither. */
void check_report_note(struct check_report *r, const char *text);

void check_report_layer(struct check_report *r, const char *name, const char *type, size_t files);

/* What LAYER hides of LOWER at PATH: so many PATHS, it and what is below it, or only what is INSIDE it. */
void check_report_path(struct check_report *r, bool deleted, const char *path, const char *layer,
		       const char *lower, size_t paths, bool inside);

/* That an image cannot be read by this user; LAYER may be NULL. Counts as an error. */
void check_report_unread(struct check_report *r, const char *layer, const char *text);

/* Prints it all. The exit status: 0, 1 with errors, 2 if something could not be read. */
int check_report_print(struct check_report *r);
