#include "shadow_pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

/* The file: this, then pairs, in the order of bytes of the machine. */
struct head {
	char magic[8];
	uint64_t count;
};
static const char magic[8] = "lbindex1";

/* FNV-1a. */
static uint64_t hash(uint64_t state, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		state = (state ^ at[i]) * 0x100000001b3;
	return state;
}

#define HASH_START 0xcbf29ce484222325

uint64_t shadow_hash_path(const char *path)
{
	return hash(HASH_START, path, strlen(path));
}

int shadow_hash_what(const struct shadow_tree *t, const struct shadow_entry *entry, uint64_t *ret)
{
	const struct stat *st = &entry->st;
	const uint64_t owner[] = { st->st_mode, st->st_uid, st->st_gid };
	const uint64_t size = (uint64_t)st->st_size, device = st->st_rdev;
	const uint64_t time[] = { (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec };
	uint64_t state = hash(HASH_START, owner, sizeof(owner));

	/* The time stands for the content: of no use where that is known, as of dpkg's lock, which is always empty. */
	if (S_ISREG(st->st_mode)) {
		state = hash(state, &size, sizeof(size));
		if (size > 0)
			state = hash(state, time, sizeof(time));
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		state = hash(state, &device, sizeof(device));
	if (S_ISLNK(st->st_mode)) {
		char path[PATH_MAX], target[PATH_MAX];
		int r = shadow_path_in(t, entry->layer, path);
		ssize_t len = r < 0 ? r : sys_readlink(path, target, sizeof(target));
		if (len < 0)
			return (int)len;
		state = hash(state, target, (size_t)len);
	}
	*ret = state;
	return 0;
}

int shadow_pairs_add(struct shadow_pairs *p, struct shadow_pair pair)
{
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 4096;
		struct shadow_pair *at = reallocarray(p->at, room, sizeof(*at));
		if (!at)
			return -ENOMEM;
		p->at = at;
		p->room = room;
	}
	p->at[p->count++] = pair;
	return 0;
}

void shadow_pairs_free(struct shadow_pairs *p)
{
	free(p->at);
	*p = (struct shadow_pairs){ 0 };
}

static int compare_paths(const void *a, const void *b)
{
	const struct shadow_pair *x = a, *y = b;

	return x->path < y->path ? -1 : x->path > y->path;
}

const struct shadow_pair *shadow_pairs_find(const struct shadow_pairs *p, uint64_t path)
{
	const struct shadow_pair key = { .path = path };

	return p->count ? bsearch(&key, p->at, p->count, sizeof(key), compare_paths) : NULL;
}

static int write_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = sys_write(fd, (const char *)data + done, len - done);
		if (n < 0)
			return (int)n;
		done += (size_t)n;
	}
	return 0;
}

static int read_all(int fd, void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = sys_read(fd, (char *)data + done, len - done);
		if (n <= 0)
			return n < 0 ? (int)n : -EUCLEAN;
		done += (size_t)n;
	}
	return 0;
}

static int write_new(const struct shadow_pairs *p, int dir)
{
	struct head head = { .count = p->count };
	int fd = sys_openat_mode(dir, "index.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fd;
	memcpy(head.magic, magic, sizeof(magic));
	int r = write_all(fd, &head, sizeof(head));
	if (r == 0)
		r = write_all(fd, p->at, p->count * sizeof(*p->at));
	if (r == 0)
		r = sys_fsync(fd);
	(void)sys_close(fd);
	if (r == 0)
		r = sys_renameat(dir, "index.new", dir, "index");
	if (r < 0)
		(void)sys_unlinkat(dir, "index.new", false);
	return r < 0 ? r : sys_fsync(dir);
}

int shadow_pairs_write(struct shadow_pairs *p, const char *dir)
{
	int fd = sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	if (p->count)
		qsort(p->at, p->count, sizeof(*p->at), compare_paths);
	int r = write_new(p, fd);
	(void)sys_close(fd);
	return r;
}

static int read_pairs(struct shadow_pairs *p, int fd)
{
	struct head head;
	struct stat st;
	int r = sys_fstat(fd, &st);

	if (r == 0)
		r = read_all(fd, &head, sizeof(head));
	if (r < 0)
		return r;
	/* The size of the file is what bounds the memory, not what it says. */
	size_t room = ((size_t)st.st_size - sizeof(head)) / sizeof(*p->at);
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.count != room)
		return -EUCLEAN;
	*p = (struct shadow_pairs){ .at = malloc(room ? room * sizeof(*p->at) : 1),
				    .count = room,
				    .room = room };
	return p->at ? read_all(fd, p->at, room * sizeof(*p->at)) : -ENOMEM;
}

int shadow_pairs_read(struct shadow_pairs *p, const char *dir)
{
	struct shadow_pairs pairs = { 0 };
	int root = sys_open(dir, O_RDONLY | O_DIRECTORY);

	if (root < 0)
		return root;
	int fd = sys_openat(root, "index", O_RDONLY | O_NOFOLLOW);
	(void)sys_close(root);
	if (fd < 0)
		return fd;
	int r = read_pairs(&pairs, fd);
	(void)sys_close(fd);
	if (r < 0)
		shadow_pairs_free(&pairs);
	else
		*p = pairs;
	return r;
}
