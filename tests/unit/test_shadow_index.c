/* Against overlayfs itself, on a tmpfs; skipped where it cannot be mounted. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shadow_index.h"
#include "shadow_pairs.h"

static char directory[64], text[4096];
static struct builder words;

static struct builder *fresh_words(void)
{
	builder_start(&words, text, sizeof(text));
	return &words;
}

/* In the directory of the test, with it as the working directory. */
static void sh(const char *script)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (chdir(directory) == 0)
			execl("/bin/sh", "sh", "-e", "-c", script, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s", script);
}

static int start(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/layerboot-shadow-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	if (mount("none", directory, "tmpfs", 0, NULL) < 0)
		return geteuid() == 0 ? -1 : 0;
	sh("mkdir top top/upper top/work high low merged old");
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)umount2(directory, MNT_DETACH);
	return rmdir(directory);
}

static const char *at(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static const char *const *lowers(void)
{
	static const char *paths[2];

	paths[0] = at("high");
	paths[1] = at("low");
	return paths;
}

static void mount_union(bool with_top)
{
	char options[512];

	(void)snprintf(
		options, sizeof(options),
		"lowerdir=%s/high:%s/low%s%s%s%s,redirect_dir=nofollow,metacopy=off,index=off,xino=off",
		directory, directory, with_top ? ",upperdir=" : "", with_top ? at("top/upper") : "",
		with_top ? ",workdir=" : "", with_top ? at("top/work") : "");
	if (mount("overlay", at("merged"), "overlay", 0, options) < 0)
		skip();
}

static void write_index(void)
{
	size_t count;

	if (geteuid() != 0)
		skip();
	int r = shadow_index_write(at("top"), lowers(), 2, 100000, &count, fresh_words());
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), text);
}

static struct {
	struct shadow_pairs pairs;
	struct shadow_tree tree;
	size_t seen;
} oracle;

static int compare_with_index(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	struct shadow_entry entry = { .layer = directory, .st = *st };
	uint64_t what;

	(void)flag;
	if (ftw->level == 0)
		return 0;
	const char *inside = path + strlen(at("merged"));
	const struct shadow_pair *p = shadow_pairs_find(&oracle.pairs, shadow_hash_path(inside));
	builder_start(&oracle.tree.path, oracle.tree.path_text, sizeof(oracle.tree.path_text));
	builder_addf(&oracle.tree.path, "/merged%s", inside);
	assert_int_equal(shadow_hash_what(&oracle.tree, &entry, &what), 0);
	if (!p || p->what != what)
		fail_msg("%s: %s", inside, p ? "another one" : "not in the index");
	oracle.seen++;
	return 0;
}

static void the_index_is_what_overlayfs_shows(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	sh("cd low; mkdir -p a/b/c gone/x opaque/in whitefile mix over; echo 1 >a/b/c/one; echo 1 >a/two;"
	   "echo 1 >gone/x/y; echo 1 >opaque/in/z; echo 1 >whitefile/w; ln -s a/two link; mknod dev c 1 3;"
	   "echo 1 >mix/low; echo 1 >mix/both; mkdir -p filedir/sub; echo 1 >filedir/sub/f; echo 1 >dirfile;"
	   "touch empty; mkfifo fifo; ln -s nowhere over/link; ln a/two hard; mkdir 'with space'");
	sh("cd high; mkdir -p a/b/c opaque mix whitefile over/link; echo 22 >a/b/c/one; echo 2 >opaque/new;"
	   "mknod gone c 0 0; mknod whitefile/w c 0 0; mknod nothing c 0 0; echo 2 >mix/both; echo 2 >mix/high;"
	   "echo 2 >filedir; mkdir dirfile; echo 2 >dirfile/f; chmod 700 mix; chown 1:2 whitefile; mkdir whitefile/w2");
	assert_int_equal(setxattr(at("high/opaque"), "trusted.overlay.opaque", "y", 1, 0), 0);
	mount_union(false);
	write_index();
	oracle.seen = 0;
	assert_int_equal(shadow_pairs_read(&oracle.pairs, at("top")), 0);
	(void)nftw(at("merged"), compare_with_index, 16, FTW_PHYS);
	assert_int_equal(oracle.seen, oracle.pairs.count);
	assert_in_range(oracle.seen, 20, 100);
	shadow_pairs_free(&oracle.pairs);
	assert_int_equal(umount(at("merged")), 0);
}

static char found_text[4096];
static struct builder found;

static int add_found(void *arg, const char *path, enum shadow_how how)
{
	static const char letters[] = {
		[SHADOW_CHANGED] = 'C', [SHADOW_GONE] = 'G', [SHADOW_ADDED] = 'A', [SHADOW_HIDDEN] = 'H'
	};

	(void)arg;
	builder_addf(&found, "%c %s\n", letters[how], path);
	return 0;
}

static const char *compared(void)
{
	builder_start(&found, found_text, sizeof(found_text));
	int r = shadow_index_compare(at("top"), at("top/upper"), lowers(), 2, add_found, NULL,
				     fresh_words());
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), text);
	return found_text;
}

/* The layers as they are, then what the guest does to their union, then what the next image does to them. */
static void story(const char *before, const char *guest, const char *after)
{
	if (geteuid() != 0)
		skip();
	sh(before);
	write_index();
	mount_union(true);
	sh(guest);
	assert_int_equal(umount(at("merged")), 0);
	assert_string_equal(compared(), "");
	sh(after);
}

static void paths_changed_on_both_sides(void **state)
{
	(void)state;
	story("cd low; mkdir -p etc var/lib/dpkg usr; echo 1 >etc/passwd; echo 1 >var/lib/dpkg/status;"
	      "for f in mine theirs both gone deleted bothdeleted same z; do echo 1 >usr/$f; done;"
	      "touch -d @1 empty; ln -s target link; touch -h -d @1 link",
	      "cd merged; echo 22 >>etc/passwd; echo 22 >>var/lib/dpkg/status;"
	      "for f in mine both gone z; do echo 22 >>usr/$f; done; rm usr/deleted usr/bothdeleted;"
	      "echo 3 >usr/added; echo 3 >usr/own; echo 333 >usr/same; touch -d @2 usr/same empty;"
	      "echo 3 >usr/samenew; touch -d @2 usr/samenew; touch -h -d @2 link",
	      "cd low; for f in etc/passwd var/lib/dpkg/status usr/theirs usr/both usr/deleted; do"
	      " echo 333 >>$f; done; rm usr/gone usr/bothdeleted; echo 44 >usr/added; echo 4 >usr/new;"
	      "touch -h -d @1 usr/z; echo 333 >usr/same; echo 3 >usr/samenew; touch -d @2 usr/same usr/samenew;"
	      "touch -d @3 empty; touch -h -d @3 link");
	assert_string_equal(compared(), "C /etc/passwd\nC /var/lib/dpkg/status\nA /usr/added\n"
					"C /usr/both\nC /usr/deleted\nG /usr/gone\nC /usr/z\n");
	/* The next index takes the new state for granted. */
	write_index();
	assert_string_equal(compared(), "");
}

static void a_change_of_another_layer_counts_by_what_is_seen(void **state)
{
	(void)state;
	story("mkdir low/d high/d; echo 1 >low/d/shadowed; echo 22 >high/d/shadowed; echo 1 >low/d/whited;"
	      "echo 1 >low/d/seen",
	      "cd merged/d; echo 3 >>shadowed; echo 3 >>whited; echo 3 >>seen",
	      "echo 55 >>low/d/shadowed; mknod high/d/whited c 0 0; echo 6666 >high/d/seen");
	assert_string_equal(compared(), "C /d/seen\nG /d/whited\n");
}

static void directories_count_by_owner_and_mode(void **state)
{
	(void)state;
	story("cd low; for d in untouched top_only low_only both same now_file; do mkdir $d; echo 1 >$d/f;"
	      " done",
	      "cd merged; for d in untouched low_only; do echo 2 >>$d/f; done; chmod 700 top_only;"
	      "chmod 711 both same; mkdir new same_new; chmod 700 new; echo 2 >>now_file/f",
	      "cd low; chmod 750 low_only both; chmod 711 same; mkdir new same_new; rm -r now_file;"
	      "ln -s both now_file");
	assert_string_equal(compared(), "C /both\nA /new\nC /now_file\nG /now_file/f\n");
}

/*
 * A new directory of the top hides nothing: with index, metacopy and redirect_dir off overlay does not mark it opaque
 * (fs/overlayfs/dir.c, ovl_allow_offline_changes).
 */
static void what_a_deleted_directory_hides_counts(void **state)
{
	(void)state;
	story("cd low; for d in deleted again still replaced quiet; do mkdir -p $d/in; echo 1 >$d/in/f; done",
	      "cd merged; rm -r deleted again still replaced quiet; mkdir again still; echo 2 >replaced;"
	      "mkdir package; echo 2 >package/same",
	      "cd low; echo 33 >deleted/in/g; echo 33 >again/in/f; echo 33 >replaced/in/f;"
	      "mkdir package; echo 33 >package/same; echo 3 >package/other");
	assert_string_equal(compared(), "H /again\nH /deleted\nA /package/same\nH /replaced\n");
}

static int stop_at_first(void *arg, const char *path, enum shadow_how how)
{
	(void)arg;
	(void)path;
	(void)how;
	return -ECANCELED;
}

static void errors_are_told(void **state)
{
	size_t count = 7;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(shadow_index_compare(at("top"), at("top/upper"), lowers(), 2, add_found,
					      NULL, fresh_words()),
			 -ENOENT);
	sh("cd low; for i in 1 2 3; do echo $i >$i; done");
	assert_int_equal(shadow_index_write(at("top"), lowers(), 2, 2, &count, fresh_words()),
			 -E2BIG);
	assert_true(strstr(text, "more than 2 entries") && count == 7);
	assert_int_equal(shadow_index_write(at("top"), lowers(), 2, 3, &count, fresh_words()), 0);
	assert_int_equal(count, 3);
	sh("echo x >top/upper/2; echo 22 >low/2");
	assert_int_equal(shadow_index_compare(at("top"), at("top/upper"), lowers(), 2,
					      stop_at_first, NULL, fresh_words()),
			 -ECANCELED);
	sh("test ! -e top/index.new; truncate -s -1 top/index");
	assert_int_equal(shadow_index_compare(at("top"), at("top/upper"), lowers(), 2, add_found,
					      NULL, fresh_words()),
			 -EUCLEAN);
	sh("echo short >top/index");
	assert_int_equal(shadow_index_compare(at("top"), at("top/upper"), lowers(), 2, add_found,
					      NULL, fresh_words()),
			 -EUCLEAN);
	/* Deeper than anybody's tree, and a name longer than a path. */
	sh("cd low; for i in $(seq 300); do mkdir d; cd d; done");
	assert_int_equal(shadow_index_write(at("top"), lowers(), 2, 1000, &count, fresh_words()),
			 -ELOOP);
}

static void package_databases_are_known(void **state)
{
	(void)state;
	assert_true(shadow_is_database("/var/lib/dpkg/status"));
	assert_true(shadow_is_database("/etc/shadow-"));
	assert_false(shadow_is_database("/var/lib/dpkgs"));
	assert_false(shadow_is_database("/etc/hostname"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
	const struct CMUnitTest tests[] = {
		TEST(the_index_is_what_overlayfs_shows),
		TEST(paths_changed_on_both_sides),
		TEST(a_change_of_another_layer_counts_by_what_is_seen),
		TEST(directories_count_by_owner_and_mode),
		TEST(what_a_deleted_directory_hides_counts),
		TEST(errors_are_told),
		TEST(package_databases_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
