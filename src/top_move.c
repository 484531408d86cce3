#include "top_move.h"

#include <errno.h>

#include "sys.h"
#include "top_trash.h"

int top_has(int dir, const char *name)
{
	struct stat st;
	int r = sys_fstatat(dir, name, &st);

	return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

int top_open_below(int dir, const char *name)
{
	return sys_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

int top_make_directory(int dir, const char *name, mode_t mode)
{
	int r = sys_mkdirat(dir, name, mode);

	return r == -EEXIST ? 0 : r;
}

/* Nothing to move is fine: the move was begun before. */
static int move(int dir, const char *from, int to, const char *name)
{
	int r = sys_renameat(dir, from, to, name);

	return r == -ENOENT ? 0 : r;
}

static void name_number(char name[24], unsigned number)
{
	struct builder b;

	builder_start(&b, name, 24);
	builder_addf(&b, "%u", number);
}

/* The last of parked that has an upper and no stamp is where an unfinished move was going. A descriptor or -errno. */
static int open_unfinished(int dir)
{
	char name[24];
	int parked = top_open_below(dir, "parked"), found = -ENOENT;

	if (parked < 0)
		return parked;
	for (unsigned n = 1;; n++) {
		name_number(name, n);
		int slot = top_open_below(parked, name);
		if (slot < 0)
			break;
		if (top_has(slot, "upper") == 1 && top_has(slot, "stamp") == 0) {
			if (found >= 0)
				(void)sys_close(found);
			found = slot;
		} else {
			(void)sys_close(slot);
		}
	}
	(void)sys_close(parked);
	return found;
}

/* The last steps of both moves: what belongs to an upper follows it, the stamp last. */
static int follow_to_park(int dir, int slot)
{
	int r = move(dir, "index", slot, "index");

	if (r == 0)
		r = move(dir, "stamp", slot, "stamp");
	if (r == 0)
		r = sys_fsync(slot);
	return r == 0 ? sys_fsync(dir) : r;
}

static int unlink_if_there(int dir, const char *name)
{
	int r = sys_unlinkat(dir, name, false);

	return r == -ENOENT ? 0 : r;
}

static int follow_to_trash(int dir)
{
	int r = unlink_if_there(dir, "index");

	if (r == 0)
		r = unlink_if_there(dir, "stamp");
	return r == 0 ? sys_fsync(dir) : r;
}

int top_finish_move(int dir)
{
	int r = top_has(dir, "upper");

	if (r != 0)
		return r < 0 ? r : 0;
	r = top_has(dir, "stamp");
	if (r <= 0)
		return r;
	int slot = open_unfinished(dir);
	if (slot < 0)
		return slot == -ENOENT ? follow_to_trash(dir) : slot;
	r = follow_to_park(dir, slot);
	(void)sys_close(slot);
	return r;
}

/* A slot without an upper is free: a move that ended before its first step made it. */
static int make_slot(int dir, char name[24])
{
	int parked, slot = top_make_directory(dir, "parked", 0700);

	if (slot < 0)
		return slot;
	parked = top_open_below(dir, "parked");
	if (parked < 0)
		return parked;
	for (unsigned n = 1;; n++) {
		name_number(name, n);
		slot = top_make_directory(parked, name, 0700);
		if (slot == 0)
			slot = top_open_below(parked, name);
		if (slot < 0)
			break;
		int taken = top_has(slot, "upper");
		if (taken == 0) {
			int r = sys_fsync(parked);
			if (r == 0)
				break;
			taken = r;
		}
		(void)sys_close(slot);
		if (taken < 0) {
			slot = taken;
			break;
		}
	}
	(void)sys_close(parked);
	return slot;
}

int top_move_to_park(int dir, char name[24])
{
	int r = top_finish_move(dir);

	if (r == 0)
		r = top_has(dir, "upper");
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	int slot = make_slot(dir, name);
	if (slot < 0)
		return slot;
	r = sys_renameat(dir, "upper", slot, "upper");
	if (r == 0)
		r = follow_to_park(dir, slot);
	(void)sys_close(slot);
	return r;
}

int top_move_to_trash(int dir)
{
	int r = top_finish_move(dir);

	if (r == 0)
		r = trash_take(dir, "upper");
	if (r == 0)
		r = follow_to_trash(dir);
	if (r == 0)
		r = trash_take(dir, "work");
	return r;
}
