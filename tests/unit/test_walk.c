#include "scratch.h"

#include "walk.h"

/* VFS_CAP_REVISION_2, cap_net_raw, effective */
#define CAPABILITY \
	"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define ACL_WRITE                                                                          \
	"\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x02\x00\x06\x00\xe8\x03\x00\x00" \
	"\x04\x00\x05\x00\xff\xff\xff\xff\x10\x00\x07\x00\xff\xff\xff\xff\x20\x00\x05\x00\xff\xff\xff\xff"

struct entry {
	const char *path;
	mode_t mode;
	dev_t device;
	const char *attribute, *value;
	size_t value_len;
	const char *words; /* NULL: clean */
};

static struct walk_result result;
static char memory[512];

static int walk(const struct walk_rules *rules)
{
	struct builder words;

	result = (struct walk_result){ 0 };
	builder_start(&words, memory, sizeof(memory));
	return walk_layer("layer", rules, &result, &words);
}

static void must_say(const struct walk_rules *rules, enum walk_verdict verdict, const char *words)
{
	assert_int_equal(walk(rules), 0);
	if (result.verdict != (words ? verdict : WALK_CLEAN) ||
	    strcmp(memory, words ? words : "") != 0)
		fail_msg("%d \"%s\", not \"%s\"", result.verdict, memory, words ? words : "");
}

static void try_entries(const struct entry *rows, size_t count, const struct walk_rules *rules,
			enum walk_verdict verdict)
{
	needs_root();
	for (size_t i = 0; i < count; i++) {
		const struct entry *row = &rows[i];
		assert_int_equal(fresh_scratch(NULL), 0);
		make_directory("layer");
		make_file("layer/usr/bin/plain");
		if (strcmp(row->path, "layer") == 0)
			must_be_0(row->path, chmod(row->path, row->mode & 07777));
		else
			make_node(row->path, row->mode, row->device);
		if (row->attribute)
			set_attribute(row->path, row->attribute, row->value, row->value_len);
		must_say(rules, verdict, row->words);
		assert_int_equal(drop_scratch(NULL), 0);
	}
}

static void what_gives_privileges_is_refused_by_name(void **state)
{
	static const struct walk_rules untrusted = { .untrusted = true, .entries_max = 100 };
	static const struct entry rows[] = {
		{ "layer/usr/bin/x", S_IFREG | 0755, .words = NULL },
		{ "layer/usr/bin/x", S_IFREG | 04755,
		  .words = "/usr/bin/x: a set-user-ID program" },
		{ "layer/usr/bin/x", S_IFREG | 02755,
		  .words = "/usr/bin/x: a set-group-ID program" },
		{ "layer/usr/bin/x", S_IFREG | 04644,
		  .words = "/usr/bin/x: a set-user-ID program" },
		{ "layer/var/local", S_IFDIR | 02775, .words = NULL },
		{ "layer/tmp", S_IFDIR | 01777, .words = NULL },
		{ "layer/dev/sda", S_IFBLK | 0600, 0x800, .words = "/dev/sda: a block device" },
		{ "layer/x", S_IFBLK | 0600, 0, .words = "/x: a block device" },
		{ "layer/dev/mem", S_IFCHR | 0600, 0x101, .words = "/dev/mem: a character device" },
		{ "layer/gone", S_IFCHR | 0600, 0, .words = NULL },
		{ "layer/pipe", S_IFIFO | 0600, .words = NULL },
		{ "layer/socket", S_IFSOCK | 0600, .words = NULL },
		{ "layer/link", S_IFLNK, .words = NULL },
		{ "layer/ping", S_IFREG | 0755, 0, "security.capability", CAPABILITY, 20,
		  "/ping: a file capability" },
		{ "layer/pipe", S_IFIFO | 0755, 0, "security.capability", CAPABILITY, 20,
		  "/pipe: a file capability" },
		{ "layer/d", S_IFDIR | 0755, 0, "trusted.overlay.redirect", "/root", 5,
		  "/d: the attribute trusted.overlay.redirect" },
		{ "layer", S_IFDIR | 0755, 0, "trusted.overlay.redirect", "/root", 5,
		  "/: the attribute trusted.overlay.redirect" },
		{ "layer/f", S_IFREG | 0644, 0, "trusted.overlay.metacopy", "", 0,
		  "/f: the attribute trusted.overlay.metacopy" },
		{ "layer/f", S_IFREG | 0644, 0, "trusted.overlay.whiteout", "y", 1,
		  "/f: the attribute trusted.overlay.whiteout" },
		{ "layer/l", S_IFLNK, 0, "trusted.overlay.origin", "x", 1,
		  "/l: the attribute trusted.overlay.origin" },
		{ "layer/gone", S_IFCHR | 0600, 0, "trusted.overlay.\n", "x", 1,
		  "/gone: the attribute trusted.overlay.\\x0a" },
		{ "layer/d", S_IFDIR | 0755, 0, "trusted.overlay.opaque", "y", 1, NULL },
		{ "layer/d", S_IFDIR | 0755, 0, "trusted.overlay.opaque", "x", 1,
		  "/d: the attribute trusted.overlay.opaque is not \"y\"" },
		{ "layer/f", S_IFREG | 0644, 0, "trusted.overlay.opaque", "x", 1,
		  "/f: the attribute trusted.overlay.opaque is not \"y\"" },
		{ "layer/f", S_IFREG | 0644, 0, "trusted.overlay.opaque", "yes", 3,
		  "/f: the attribute trusted.overlay.opaque is not \"y\"" },
		{ "layer/f", S_IFREG | 0644, 0, "trusted.overlayed", "y", 1, NULL },
		{ "layer/f", S_IFREG | 0644, 0, "user.mime_type", "y", 1, NULL },
		{ "layer/a\nb\\\x01", S_IFREG | 04755,
		  .words = "/a\\x0ab\\x5c\\x01: a set-user-ID program" },
	};

	(void)state;
	try_entries(rows, ROWS(rows), &untrusted, WALK_PRIVILEGED);
}

static void what_a_trusted_layer_holds_is_not_looked_at(void **state)
{
	static const struct walk_rules trusted = { .entries_max = 100 };
	static const struct entry rows[] = {
		{ "layer/usr/bin/x", S_IFREG | 04755, .words = NULL },
		{ "layer/d", S_IFDIR | 0755, 0, "trusted.overlay.redirect", "/root", 5, NULL },
	};

	(void)state;
	try_entries(rows, ROWS(rows), &trusted, WALK_PRIVILEGED);
}

static void what_lies_outside_of_only_is_refused(void **state)
{
#define ABOVE   " in a directory above what it may supply"
#define OUTSIDE ": not among what it may supply"
	static const char *const paths[] = { "/usr/bin", "/opt/a/b", "/etc/motd" };
	static const struct walk_rules only = { .only = paths,
						.only_count = 3,
						.entries_max = 100 };
	static const struct entry rows[] = {
		{ "layer/usr/bin/x", S_IFREG | 04755, .words = NULL },
		{ "layer/usr/bin/d/e/x", S_IFREG | 0755, .words = NULL },
		{ "layer/opt/a", S_IFDIR | 0755, .words = NULL },
		{ "layer/opt/a/b", S_IFCHR, 0, .words = NULL },
		{ "layer/opt/a/b/c", S_IFLNK, .words = NULL },
		{ "layer/opt/a/b", S_IFDIR | 0777, 0, "trusted.overlay.opaque", "y", 1, NULL },
		{ "layer/etc/motd", S_IFREG | 0666, .words = NULL },
		{ "layer/etc/motd.d", S_IFDIR | 0755, .words = "/etc/motd.d" OUTSIDE },
		{ "layer/etc/mot", S_IFREG | 0644, .words = "/etc/mot" OUTSIDE },
		{ "layer/etc/passwd", S_IFREG | 0644, .words = "/etc/passwd" OUTSIDE },
		{ "layer/etc/.wh.passwd", S_IFREG | 0644, .words = "/etc/.wh.passwd" OUTSIDE },
		{ "layer/etc/shadow", S_IFCHR, 0, .words = "/etc/shadow" OUTSIDE },
		{ "layer/opt/ab", S_IFDIR | 0755, .words = "/opt/ab" OUTSIDE },
		{ "layer/opt/a/c", S_IFDIR | 0755, .words = "/opt/a/c" OUTSIDE },
		{ "layer/bin", S_IFLNK, .words = "/bin" OUTSIDE },
		{ "layer/opt", S_IFLNK,
		  .words = "/opt: not a directory, where one leads to what it may supply" },
		{ "layer/opt/a", S_IFCHR, 0,
		  .words = "/opt/a: not a directory, where one leads to what it may supply" },
		{ "layer/opt", S_IFDIR | 0755, 0, "trusted.overlay.opaque", "y", 1,
		  "/opt: opaque" ABOVE },
		{ "layer/opt", S_IFDIR | 0755, 0, "trusted.overlay.opaque", "x", 1, NULL },
		{ "layer", S_IFDIR | 0755, 0, "trusted.overlay.opaque", "y", 1, "/: opaque" ABOVE },
		{ "layer/opt", S_IFDIR | 0775,
		  .words = "/opt: writable for group or others (mode 0775)" ABOVE },
		{ "layer/opt", S_IFDIR | 0757,
		  .words = "/opt: writable for group or others (mode 0757)" ABOVE },
		{ "layer", S_IFDIR | 01777,
		  .words = "/: writable for group or others (mode 1777)" ABOVE },
		{ "layer/opt", S_IFDIR | 0755, 0, "system.posix_acl_default", ACL_WRITE, 44,
		  "/opt: an access control list" ABOVE },
	};

	(void)state;
	try_entries(rows, ROWS(rows), &only, WALK_OUTSIDE);
	assert_int_equal(fresh_scratch(NULL), 0);
	make_directory("layer/opt/a");
	must_be_0("layer/opt", chown("layer/opt", 0, 1000));
	must_say(&only, WALK_OUTSIDE, "/opt: an owner other than 0:0 (0:1000)" ABOVE);
	assert_int_equal(drop_scratch(NULL), 0);
}

static void both_rules_hold_together(void **state)
{
	static const char *const opt[] = { "/opt" }, *const all[] = { "/etc", "/" };
	struct walk_rules rules = {
		.untrusted = true, .only = opt, .only_count = 1, .entries_max = 9
	};

	(void)state;
	needs_root();
	make_file("layer/opt/a");
	must_say(&rules, WALK_CLEAN, NULL);
	assert_int_equal(result.entries, 2);
	make_node("layer/opt/b", S_IFREG | 04755, 0);
	must_say(&rules, WALK_PRIVILEGED, "/opt/b: a set-user-ID program");
	rules.untrusted = false;
	must_say(&rules, WALK_CLEAN, NULL);
	assert_int_equal(result.entries, 1);
	rules.only_count = 0;
	must_say(&rules, WALK_OUTSIDE, "/opt" OUTSIDE);
	rules = (struct walk_rules){ .only = all, .only_count = 2, .entries_max = 9 };
	must_be_0("layer", chmod("layer", 0777));
	must_say(&rules, WALK_CLEAN, NULL);
}

/* Their names take more room than is tried first. */
static void many_attributes_are_seen(void **state)
{
	static const struct walk_rules untrusted = { .untrusted = true, .entries_max = 1 };
	char name[128];

	(void)state;
	needs_root();
	make_file("layer/f");
	set_attribute("layer/f", "trusted.overlay.metacopy", "", 0);
	must_say(&untrusted, WALK_PRIVILEGED, "/f: the attribute trusted.overlay.metacopy");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "trusted.%090d", i);
		set_attribute("layer/f", name, "", 0);
	}
	must_say(&untrusted, WALK_PRIVILEGED, "/f: the attribute trusted.overlay.metacopy");
}

static void entries_are_limited(void **state)
{
	struct walk_rules rules = { .untrusted = true, .entries_max = 5001 };
	char name[64];

	(void)state;
	needs_root();
	make_directory("layer/d");
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "layer/d/%d", i);
		must_be_0(name, mknod(name, S_IFREG | 0644, 0));
	}
	must_say(&rules, WALK_CLEAN, NULL);
	assert_int_equal(result.entries, 5001);
	rules.entries_max = 5000;
	assert_int_equal(walk(&rules), 0);
	assert_int_equal(result.verdict, WALK_TOO_MANY);
	assert_int_equal(result.entries, 5000);
	assert_non_null(strstr(memory, ": beyond the limit of 5000 entries"));
}

/* DEPTH directories of names of 255 bytes, then one file; the way is longer than any path may be. */
static void make_deep(const char *top, int depth, mode_t mode)
{
	char name[256];
	int fd = open(top, O_RDONLY);

	memset(name, '\n', 255);
	name[255] = '\0';
	for (int i = 0; i < depth; i++) {
		must_be_0(name, mkdirat(fd, name, 0755));
		int below = openat(fd, name, O_RDONLY);
		close(fd);
		fd = below;
	}
	must_be_0("x", mknodat(fd, "x", S_IFREG, 0));
	must_be_0("x", fchmodat(fd, "x", mode, 0));
	close(fd);
}

static void depth_ends_in_a_worded_error(void **state)
{
	static const char *const opt[] = { "/opt" };
	struct walk_rules rules = { .untrusted = true, .entries_max = 1000 };

	(void)state;
	needs_root();
	make_directory("layer");
	make_deep("layer", 256, 0644);
	must_say(&rules, WALK_CLEAN, NULL);
	make_directory("layer/opt");
	make_deep("layer/opt", 200, 04755);
	rules = (struct walk_rules){ .only = opt, .only_count = 1, .entries_max = 1000 };
	assert_int_equal(walk(&rules), 0);
	assert_int_equal(result.verdict, WALK_OUTSIDE);
	assert_non_null(strstr(memory, "...: not among"));

	must_be_0("layer", rename("layer/opt", "other"));
	must_be_0("layer", rename("layer", "wide"));
	must_be_0("layer", rename("other", "layer"));
	rules = (struct walk_rules){ .untrusted = true, .entries_max = 1000 };
	assert_int_equal(walk(&rules), 0);
	assert_int_equal(result.verdict, WALK_PRIVILEGED);
	assert_non_null(strstr(memory, "...: a set-user-ID program"));

	make_directory("deeper");
	make_deep("deeper", 257, 0644);
	must_be_0("layer", rename("layer", "narrow"));
	must_be_0("layer", rename("deeper", "layer"));
	assert_int_equal(walk(&rules), -ELOOP);
	assert_non_null(strstr(memory, "...: directories nested too deep"));
}

static void what_cannot_be_read_is_named(void **state)
{
	struct walk_rules rules = { .untrusted = true, .entries_max = 10 };

	(void)state;
	needs_root();
	assert_int_equal(walk(&rules), -ENOENT);
	assert_string_equal(memory, "/: opening it");
	make_file("layer");
	assert_int_equal(walk(&rules), -ENOTDIR);
	assert_string_equal(memory, "/: opening it");
}

/* ext4 says in the directory what kind an entry is, and somebody can write something else there. */
static void a_hostile_ext4_is_seen_through(void **state)
{
	static const struct walk_rules untrusted = { .untrusted = true, .entries_max = 100 };

	(void)state;
	needs_root();
	if (access("/dev/loop-control", R_OK | W_OK) < 0)
		skip();
	make_directory("layer");
	assert_int_equal(system("truncate -s 4M image && /sbin/mke2fs -q -t ext4 image && "
				"printf '%s\\n' 'mknod p p' 'sif p mode 0104755' |"
				" /sbin/debugfs -w -f - image >/dev/null 2>&1 && "
				"mount -o loop,ro image layer"),
			 0);
	must_say(&untrusted, WALK_PRIVILEGED, "/p: a set-user-ID program");
	must_be_0("layer", umount("layer"));
	assert_int_equal(system("printf '%s\\n' 'rm p' 'mkdir a' 'mkdir a/b' 'ln /a /a/b/loop' |"
				" /sbin/debugfs -w -f - image >/dev/null 2>&1 && "
				"mount -o loop,ro image layer"),
			 0);
	assert_int_equal(walk(&untrusted), -ELOOP);
	assert_string_equal(memory, "/a/b/loop: looking at it");
	must_be_0("layer", umount("layer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_gives_privileges_is_refused_by_name),
		cmocka_unit_test(what_a_trusted_layer_holds_is_not_looked_at),
		cmocka_unit_test(what_lies_outside_of_only_is_refused),
		SCRATCH_TEST(both_rules_hold_together),
		SCRATCH_TEST(many_attributes_are_seen),
		SCRATCH_TEST(entries_are_limited),
		SCRATCH_TEST(depth_ends_in_a_worded_error),
		SCRATCH_TEST(what_cannot_be_read_is_named),
		SCRATCH_TEST(a_hostile_ext4_is_seen_through),
	};

	return cmocka_run_group_tests(tests, start_scratch, end_scratch);
}
