#include "check.h"

#include <stdio.h>
#include <unistd.h>

#include "needs.h"

/* What print_needs() writes to standard output. */
static const char *printed(const char *manifest)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);

	assert_non_null(file);
	assert_true(saved >= 0);
	fresh_arena();
	given_manifest(manifest);
	(void)fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	int r = print_needs(&scene.manifest);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	rewind(file);
	scene.words[fread(scene.words, 1, sizeof(scene.words) - 1, file)] = '\0';
	(void)fclose(file);
	assert_int_equal(r, 0);
	return scene.words;
}

#define START     "version = 1\n"
#define ROOT_HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ANY       "fs squashfs\nfs erofs\nfs ext4\nfs xfs\nfs btrfs\nfs iso9660\n"

static void what_an_initramfs_must_bring(void **state)
{
	static const struct {
		const char *manifest, *needs;
	} rows[] = {
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\n",
		  "fs erofs\nunion overlay\n" },
		{ START "[layer a]\nsource = SERIAL=a\n", ANY "union overlay\n" },
		{ START "union = aufs\n[layer a]\nsource = SERIAL=a\ntype = ext4\n",
		  "fs ext4\nunion aufs\n" },
		{ START "union = unionfs\n[layer a]\nsource = SERIAL=a\ntype = ext4\n",
		  "fs ext4\nunion unionfs\nprogram unionfs\n" },
		/* the type is that of the file */
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\nimage = x\n",
		  ANY "fs vfat\nunion overlay\nimage\n" },
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\nverity-data-size = 4096\n"
			"verity = " ROOT_HASH "\n",
		  "fs erofs\nunion overlay\nverity\n" },
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\nverity-data-size = 4096\n"
			"verity-algorithm = sha512\nverity = " ROOT_HASH ROOT_HASH "\n",
		  "fs erofs\nunion overlay\nverity\nverity sha512\n" },
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\n[top]\ntype = disk\n"
			"source = LABEL=t\n",
		  "fs erofs\nfs ext4\nfs xfs\nfs btrfs\nunion overlay\nprogram e2fsck\n" },
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\n[top]\ntype = disk\n"
			"source = LABEL=t\nformat = ext4\n",
		  "fs erofs\nfs ext4\nunion overlay\nprogram mkfs.ext4\nprogram e2fsck\n" },
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\n[bind x]\npaths = /x\n"
			"source = LABEL=t\nformat = xfs\n",
		  "fs erofs\nfs xfs\nunion overlay\nprogram mkfs.xfs\n" },
		{ START "[layer a]\nsource = SERIAL=a\ntype = erofs\n[bind x]\npaths = /x\n"
			"source = LABEL=t\nfsck = no\n",
		  "fs erofs\nfs ext4\nfs xfs\nfs btrfs\nunion overlay\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *needs = printed(rows[i].manifest);
		if (strcmp(needs, rows[i].needs) != 0)
			fail_msg("row %zu:\n%s", i, needs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_initramfs_must_bring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
