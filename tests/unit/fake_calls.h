/* What the files share that stand in the place of src/sys.c. */
#pragma once

#include "fake_sys.h"
#include "sys.h"

enum fake_kind {
	FAKE_KIND_FILE,
	FAKE_KIND_KMSG,
	FAKE_KIND_DISK,
	FAKE_KIND_EVENTS,
	FAKE_KIND_CONTEXT,
	FAKE_KIND_MOUNT,
	FAKE_KIND_HANDED_OVER, /* on purpose */
};

#define FAKE_DESCRIPTORS_MAX 256

/* Of this process, by their numbers. */
extern struct fake_descriptor {
	enum fake_kind kind;
	char path[192];
	const struct fake_disk *disk;
} fake_descriptors[FAKE_DESCRIPTORS_MAX];

/* Counts the call, and returns from the caller where it is the one to fail. */
#define ENTER(name, ...)                                             \
	do {                                                         \
		int injected = fake_enter(FAKE_##name, __VA_ARGS__); \
		if (injected < 0)                                    \
			return injected;                             \
	} while (0)

/* R, or -errno where it is negative. */
long fake_result(long r);

/* Notes what FD is; -errno where it is negative. */
int fake_take(int fd, enum fake_kind kind, const char *path);

int fake_open_path(const char *path, int flags, mode_t mode);
bool fake_writes(int flags);

/* A read-only mount; the fixtures are never written to, whatever is mounted. */
bool fake_read_only(const char *path);

/* Where DIR and PATH lead; returns the directory to go with it. */
int fake_place(int dir, const char *path, char *real);

/* The path by which a name below DIR can be opened again. */
const char *fake_below(int dir, const char *path, char *ret);

/* What this process has limited: 1 << RLIMIT_... */
extern unsigned fake_limits;

/* The words of the context of the new mount API that is open. */
ssize_t fake_context_read(char *buffer);
