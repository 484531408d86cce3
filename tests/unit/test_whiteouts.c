#include "scratch.h"

#include <dirent.h>

#include "whiteouts.h"

static struct whiteouts_made made;
static char memory[512];

static int translate(enum whiteouts_kind kind, size_t entries_max)
{
	struct builder words;

	made = (struct whiteouts_made){ 0 };
	builder_start(&words, memory, sizeof(memory));
	make_directory("above");
	make_directory("below");
	return whiteouts_translate("layer", "above", "below", kind, entries_max, &made, &words);
}

static void must_translate(enum whiteouts_kind kind)
{
	int r = translate(kind, 1000);

	if (r < 0)
		fail_msg("%s: %s", memory, strerror(-r));
	assert_string_equal(memory, "");
}

static void must_make(size_t hidden, size_t whiteouts, size_t opaques)
{
	assert_int_equal(made.hidden, hidden);
	assert_int_equal(made.whiteouts, whiteouts);
	assert_int_equal(made.opaques, opaques);
}

static void mount_union(void)
{
	make_directory("lower");
	make_directory("union");
	must_be_0("union",
		  mount("union", "union", "overlay", MS_RDONLY,
			"lowerdir=above:layer:below:lower,redirect_dir=nofollow,metacopy=off,"
			"index=off,xino=off"));
}

static void unmount_union(void)
{
	must_be_0("union", umount("union"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What PATH lists: both what readdir shows and what a lookup finds. */
static void must_list(const char *path, const char *names)
{
	struct dirent **entries;
	struct builder b;
	char list[1024], one[512];
	struct stat st;
	int count = scandir(path, &entries, NULL, by_name);

	must_be_0(path, count);
	builder_start(&b, list, sizeof(list));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			snprintf(one, sizeof(one), "%s/%s", path, name);
			must_be_0(one, lstat(one, &st));
			builder_addf(&b, "%s%s", b.len ? " " : "", name);
		}
		free(entries[i]);
	}
	free(entries);
	if (strcmp(list, names) != 0)
		fail_msg("%s lists \"%s\", not \"%s\"", path, list, names);
}

static void must_be_gone(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 || errno != ENOENT)
		fail_msg("%s is there", path);
}

static void a_deletion_hides_lower_layers_only(void **state)
{
	(void)state;
	needs_root();
	make_file("lower/etc/passwd");
	make_file("lower/etc/hosts");
	make_file("lower/usr/lib/old/a");
	make_file("lower/usr/lib/new/a");
	make_file("lower/both/lower");
	make_file("layer/etc/.wh.passwd");
	make_file("layer/usr/lib/.wh.old");
	make_file("layer/usr/lib/x");
	make_file("layer/both/own");
	make_file("layer/.wh.both");
	make_file("lower/file");
	make_file("layer/.wh.file");
	make_file("layer/file");
	must_be_0("layer/file", truncate("layer/file", 7));
	make_file("layer/untouched/a");

	must_translate(WHITEOUTS_WH);
	must_make(4, 4, 0);
	assert_int_equal(made.entries, 13);
	mount_union();
	must_list("union", "both etc file untouched usr");
	must_list("union/etc", "hosts");
	must_list("union/usr/lib", "new x");
	must_list("union/both", "own");
	must_be_gone("union/etc/passwd");
	must_be_gone("union/etc/.wh.passwd");
	must_be_gone("union/usr/lib/old");
	must_be_gone("union/both/lower");
	must_be_gone("union/.wh.both");
	struct stat st;
	must_be_0("union/file", stat("union/file", &st));
	assert_int_equal(st.st_size, 7);
	unmount_union();
	must_list("above", ".wh.both .wh.file etc usr");
	must_list("below", "both etc file usr");
	must_list("above/usr", "lib");
}

static void an_opaque_directory_hides_all_below(void **state)
{
	(void)state;
	needs_root();
	make_file("lower/d/lower");
	make_file("lower/d/sub/lower");
	make_file("layer/d/.wh..wh..opq");
	make_file("layer/d/own");
	make_file("layer/d/sub/own");
	make_file("layer/d/sub/.wh.x");

	must_translate(WHITEOUTS_WH);
	must_make(2, 1, 1);
	mount_union();
	must_list("union/d", "own sub");
	must_list("union/d/sub", "own");
	unmount_union();
}

/* NAME/ and .wh.NAME in either order of the directory, with deletions inside. */
static void a_deleted_directory_made_anew_shows_alone(void **state)
{
	(void)state;
	needs_root();
	make_file("lower/a/sub/lower");
	make_file("lower/a/sub/x");
	make_file("lower/a/sub/deep/lower");
	make_file("lower/b/sub/lower");
	make_file("lower/b/sub/x");
	make_file("lower/b/sub/deep/lower");
	/* tmpfs lists what was made last first. */
	make_file("layer/a/.wh.sub");
	make_file("layer/a/sub/own");
	make_file("layer/a/sub/.wh.x");
	make_file("layer/a/sub/deep/.wh..wh..opq");
	make_file("layer/a/sub/deep/own");
	make_file("layer/b/sub/own");
	make_file("layer/b/sub/.wh.x");
	make_file("layer/b/sub/deep/.wh..wh..opq");
	make_file("layer/b/sub/deep/own");
	make_file("layer/b/.wh.sub");

	must_translate(WHITEOUTS_WH);
	struct stat a, b;
	must_be_0("below/a/sub", lstat("below/a/sub", &a));
	must_be_0("below/b/sub", lstat("below/b/sub", &b));
	assert_true(S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode)); /* both orders were met */
	mount_union();
	must_list("union/a", "sub");
	must_list("union/a/sub", "deep own");
	must_list("union/a/sub/deep", "own");
	must_list("union/b", "sub");
	must_list("union/b/sub", "deep own");
	must_list("union/b/sub/deep", "own");
	unmount_union();
}

static void names_of_aufs_are_only_hidden(void **state)
{
	(void)state;
	needs_root();
	make_file("lower/.wh.aufs");
	make_file("lower/x");
	make_file("layer/.wh..wh.aufs");
	make_file("layer/.wh..wh.plnk/1.2");
	make_file("layer/.wh..wh.orph/3");
	make_file("layer/d/x.wh.y");

	must_translate(WHITEOUTS_WH);
	must_make(3, 0, 0);
	assert_int_equal(made.entries, 5);
	mount_union();
	must_list("union", ".wh.aufs d x");
	must_list("union/d", "x.wh.y");
	unmount_union();
	must_list("below", "");
}

static void xattr_whiteouts_become_devices(void **state)
{
	(void)state;
	needs_root();
	make_file("lower/d/gone");
	make_file("lower/d/stays");
	make_file("lower/d/full");
	make_file("layer/d/gone");
	make_file("layer/d/.wh.stays");
	make_file("layer/d/full");
	must_be_0("layer/d/full", truncate("layer/d/full", 1));
	set_attribute("layer/d/gone", "trusted.overlay.whiteout", "", 0);
	set_attribute("layer/d/full", "trusted.overlay.whiteout", "", 0);

	must_translate(WHITEOUTS_XATTR);
	must_make(1, 0, 0);
	must_list("above/d", "gone");
	must_list("below", "");
	mount_union();
	must_list("union/d", ".wh.stays full stays");
	must_be_gone("union/d/gone");
	unmount_union();
}

static const struct timespec early[2] = { { 1000000001, 123456789 }, { 1000000002, 987654321 } };

static void dress(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	make_directory(path);
	set_attribute(path, "user.note", "n", 1);
	set_attribute(path, "trusted.note", "t\0t", 3);
	set_attribute(path, "trusted.overlay.origin", "o", 1);
	must_be_0(path, chown(path, uid, gid));
	must_be_0(path, chmod(path, mode));
}

static void must_be_dressed(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	char value[8];
	struct stat st;

	must_be_0(path, stat(path, &st));
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_atim.tv_sec, early[0].tv_sec);
	assert_int_equal(st.st_atim.tv_nsec, early[0].tv_nsec);
	assert_int_equal(st.st_mtim.tv_sec, early[1].tv_sec);
	assert_int_equal(st.st_mtim.tv_nsec, early[1].tv_nsec);
	assert_int_equal(getxattr(path, "trusted.note", value, 8), 3);
	assert_memory_equal(value, "t\0t", 3);
	assert_int_equal(getxattr(path, "user.note", value, 8), 1);
	assert_int_equal(getxattr(path, "trusted.overlay.origin", value, 8), -1);
}

static void directories_are_those_of_the_layer(void **state)
{
	static const char *const images[] = { "above", "below" };
	char path[64];

	(void)state;
	needs_root();
	dress("layer", 0751, 1, 2);
	dress("layer/d", 02770, 3, 4);
	dress("layer/d/e", 01777, 5, 6);
	make_file("layer/d/e/.wh.gone");
	make_file("layer/d/e/.wh..wh..opq");
	make_file("layer/d/.wh.gone");
	must_be_0("layer/d/e", utimensat(AT_FDCWD, "layer/d/e", early, 0));
	must_be_0("layer/d", utimensat(AT_FDCWD, "layer/d", early, 0));
	must_be_0("layer", utimensat(AT_FDCWD, "layer", early, 0));

	must_translate(WHITEOUTS_WH);
	for (size_t i = 0; i < ROWS(images); i++) {
		must_be_dressed(images[i], 0751, 1, 2);
		snprintf(path, sizeof(path), "%s/d", images[i]);
		must_be_dressed(path, 02770, 3, 4);
		snprintf(path, sizeof(path), "%s/d/e", images[i]);
		must_be_dressed(path, 01777, 5, 6);
	}
	make_directory("lower");
	mount_union();
	must_be_dressed("union", 0751, 1, 2);
	must_be_dressed("union/d", 02770, 3, 4);
	must_be_dressed("union/d/e", 01777, 5, 6);
	unmount_union();
}

static void an_access_control_list_is_copied(void **state)
{
	static const char acl[] =
		"\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff"
		"\x02\x00\x06\x00\xe8\x03\x00\x00\x04\x00\x05\x00\xff\xff\xff\xff"
		"\x10\x00\x07\x00\xff\xff\xff\xff\x20\x00\x05\x00\xff\xff\xff\xff";
	char value[64];
	struct stat st;

	(void)state;
	needs_root();
	make_file("layer/d/.wh.x");
	set_attribute("layer/d", "system.posix_acl_access", acl, 44);
	set_attribute("layer/d", "system.posix_acl_default", acl, 44);
	must_translate(WHITEOUTS_WH);
	assert_int_equal(getxattr("above/d", "system.posix_acl_default", value, 64), 44);
	assert_int_equal(getxattr("above/d", "system.posix_acl_access", value, 64), 44);
	assert_memory_equal(value, acl, 44);
	must_be_0("above/d", stat("above/d", &st));
	assert_int_equal(st.st_mode & 07777, 0775);
}

/* More of them, and longer ones, than are tried first. */
static void many_attributes_are_copied(void **state)
{
	char name[128], value[1000], copy[1000];

	(void)state;
	needs_root();
	make_file("layer/d/.wh.x");
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "trusted.%090d", i);
		set_attribute("layer/d", name, value, sizeof(value));
	}
	must_translate(WHITEOUTS_WH);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "trusted.%090d", i);
		assert_int_equal(getxattr("below/d", name, copy, sizeof(copy)), sizeof(copy));
		assert_memory_equal(copy, value, sizeof(copy));
	}
}

static void what_has_no_meaning_is_refused(void **state)
{
	static const struct {
		const char *path, *words;
	} rows[] = {
		{ "layer/d/.wh.", "/d/.wh.: a whiteout without a name" },
		{ "layer/d/.wh..", "/d/.wh..: a whiteout without a name" },
		{ "layer/d/.wh...", "/d/.wh...: a whiteout without a name" },
		{ "layer/.wh..wh..opq", "/.wh..wh..opq: a layer that hides all layers below it" },
	};

	(void)state;
	needs_root();
	for (size_t i = 0; i < ROWS(rows); i++) {
		make_file(rows[i].path);
		assert_int_equal(translate(WHITEOUTS_WH, 1000), -EINVAL);
		assert_string_equal(memory, rows[i].words);
		must_be_0(rows[i].path, unlink(rows[i].path));
	}
}

/* Why the last one above is refused: overlay takes no notice of it. */
static void the_kernel_does_not_know_an_opaque_root(void **state)
{
	(void)state;
	needs_root();
	make_file("lower/x");
	make_directory("layer");
	make_directory("above");
	make_directory("below");
	set_attribute("below", "trusted.overlay.opaque", "y", 1);
	mount_union();
	must_list("union", "x");
	unmount_union();
}

static void what_cannot_be_done_is_named(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(translate(WHITEOUTS_WH, 10), -ENOENT);
	assert_string_equal(memory, "/: opening it");
	make_file("layer/d/.wh.a");
	assert_int_equal(translate(WHITEOUTS_WH, 1), -E2BIG);
	assert_string_equal(memory, "/d/.wh.a: beyond the limit of entries");
	must_be_0("above", mount("small", "above", "tmpfs", 0, "nr_inodes=2"));
	assert_int_equal(translate(WHITEOUTS_WH, 2), -ENOSPC);
	assert_string_equal(memory, "/d/.wh.a: hiding it by a whiteout in memory");
	must_be_0("above", umount("above"));
	must_be_0("below", rename("below", "used"));
	must_be_0("above", rename("above", "used above"));
	make_directory("below");
	must_be_0("below", mount("small", "below", "tmpfs", 0, "nr_inodes=2"));
	assert_int_equal(translate(WHITEOUTS_WH, 2), -ENOSPC);
	assert_string_equal(memory, "/d/.wh.a: making a whiteout in memory");
	must_be_0("below", umount("below"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_deletion_hides_lower_layers_only),
		SCRATCH_TEST(an_opaque_directory_hides_all_below),
		SCRATCH_TEST(a_deleted_directory_made_anew_shows_alone),
		SCRATCH_TEST(names_of_aufs_are_only_hidden),
		SCRATCH_TEST(xattr_whiteouts_become_devices),
		SCRATCH_TEST(directories_are_those_of_the_layer),
		SCRATCH_TEST(an_access_control_list_is_copied),
		SCRATCH_TEST(many_attributes_are_copied),
		SCRATCH_TEST(what_has_no_meaning_is_refused),
		SCRATCH_TEST(the_kernel_does_not_know_an_opaque_root),
		SCRATCH_TEST(what_cannot_be_done_is_named),
	};

	return cmocka_run_group_tests(tests, start_scratch, end_scratch);
}
