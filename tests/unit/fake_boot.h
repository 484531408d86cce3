/* Boots on fake machines: which there are, what may fail in silence, and one after the other. */
#pragma once

#include "fake_sys.h"

struct fake_scenario {
	struct fake_machine machine;
	const char *word;  /* in brackets, of a boot that is to fail; NULL: it hands over */
	const char *keeps; /* a file of this name is on a disk afterwards, whatever happens */
	int64_t within_ms; /* it has come to its end by then; 0: whenever */
	const char *says;  /* stands on the console; NULL: whatever it is */
};

extern const struct fake_scenario fake_scenarios[];
extern const size_t fake_scenarios_count;

/*
 * A call whose failure does not end the boot. PATTERN (fnmatch) is "function detail", as the summary prints
 * them. A row that no call needs is an error.
 */
struct fake_tolerated {
	const char *pattern;
	const char *reason;
	const char *says; /* a mount may be missing then, and this stands on the console; NULL: no */
	bool late;        /* the boot may take longer */
	int error;        /* with this errno only; 0: with any */
};

extern const struct fake_tolerated fake_tolerated[];
extern const size_t fake_tolerated_count;

/* Functions of the seam that no boot calls. A row for one that is called is an error. */
struct fake_unused {
	const char *function;
	const char *reason;
};

extern const struct fake_unused fake_unused[];
extern const size_t fake_unused_count;

#define FAKE_CONSOLE_MAX 16384

/* What came of one boot. */
struct fake_outcome {
	char console[FAKE_CONSOLE_MAX];
	char word[32]; /* of the last error line */
	unsigned error_lines;
	int status; /* of the init's process, as waitpid(2) gives it */
	bool timeout;
	bool kept; /* the file that the boot is to keep is there */
};

/* Boots *BOOT, whose machine, fixtures and failure are set, in the directory DIRECTORY, which is made. KEEPS may be NULL. */
void fake_boot_run(struct fake_boot *boot, const char *directory, const char *keeps,
		   struct fake_outcome *ret);

/* The mounts that the real init finds, sorted, a line each. */
void fake_boot_mounts(const struct fake_boot *boot, char *ret, size_t size);
