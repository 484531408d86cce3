/*
 * Every system call of the acting tier fails once: a boot is run as often as it makes calls, and each time
 * another one fails. It must end in a hand-over, with the reason why that is right in fake_tolerated, or in one
 * line with a word in brackets and the end that the policy chooses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"
#include "fake_boot.h"

#define WORKERS  2
#define JOBS_MAX 65536
#define MOUNTS   4096

/* One injected failure. */
struct job {
	unsigned char scenario;
	unsigned short call;
	int error;
};

/* What all processes share. */
static struct shared {
	struct job jobs[JOBS_MAX];
	size_t jobs_count;
	size_t next;
	unsigned failed;
	unsigned handed_over, worded;
	unsigned long counts[FAKE_COUNT];
	bool tolerated[128]; /* by row of fake_tolerated */
	struct fake_boot boots[WORKERS];
} * shared;

static struct clean {
	int64_t time_us;
	unsigned calls;
	struct fake_call trace[FAKE_CALLS_MAX];
	char mounts[MOUNTS];
} * clean; /* by scenario */

static char directory[64];
static bool everything; /* --all: on every machine, though it was tried on another */

static struct fake_boot *prepare(struct fake_boot *boot, size_t scenario)
{
	/* All but the trace, which is large, and as long as calls says. */
	memset(boot, 0, offsetof(struct fake_boot, trace));
	boot->machine = &fake_scenarios[scenario].machine;
	boot->fixtures = directory;
	return boot;
}

static bool known_word(const char *word)
{
	for (int i = FAILURE_NONE + 1; i < FAILURE_KINDS; i++)
		if (strcmp(failure_word((enum failure_kind)i)->word, word) == 0)
			return true;
	return false;
}

/* NULL, or what is wrong with the end of a boot whatever it was that failed. */
static const char *wrong(const struct fake_boot *boot, const struct fake_outcome *o)
{
	if (o->timeout)
		return "it takes for ever";
	if (boot->crash[0])
		return boot->crash;
	if (strstr(o->console, "Sanitizer") || strstr(o->console, "runtime error"))
		return "a sanitizer";
	if (boot->end == FAKE_HUNG || boot->end == FAKE_MISUSED)
		return boot->end_text;
	if (boot->machine->not_first)
		return o->status == 1 << 8 && o->error_lines == 1 ? NULL : "not refused";
	if (o->status != 0)
		return "the init ended by itself";
	if (boot->end == FAKE_RUNNING)
		return "a silent end";
	if (boot->end == FAKE_HANDED_OVER)
		return o->error_lines == 0 ? NULL : "an error and a hand-over";
	if (o->error_lines != 1)
		return "not exactly one line with an error";
	return known_word(o->word) ? NULL : "an unknown word";
}

static void call_name(const struct fake_call *c, char *ret, size_t size)
{
	(void)fake_print(ret, size, "%s %s", fake_rows[c->function].name, c->detail);
}

/* The rows that this call matches; NULL: none. With a missing mount only those that speak of it. */
static const struct fake_tolerated *tolerated(const struct fake_call *c, int error,
					      const char *console)
{
	const struct fake_tolerated *found = NULL;
	char name[128];

	call_name(c, name, sizeof(name));
	for (size_t i = 0; i < fake_tolerated_count; i++) {
		const struct fake_tolerated *row = &fake_tolerated[i];
		if (fnmatch(row->pattern, name, 0) != 0 || (row->error && row->error != error) ||
		    (console && (!row->says || !strstr(console, row->says))))
			continue;
		found = row;
		shared->tolerated[i] = true;
	}
	return found;
}

/* Whether MOUNTS has all the lines of EXPECTED, which are sorted alike. */
static bool has_all(const char *mounts, const char *expected)
{
	char line[512];

	for (size_t len; *expected; expected += len) {
		len = strcspn(expected, "\n") + 1;
		(void)snprintf(line, sizeof(line), "%.*s", (int)len, expected);
		if (!strstr(mounts, line))
			return false;
	}
	return true;
}

/* NULL, or what is wrong with a hand-over in spite of the call that failed. */
static const char *wrong_hand_over(const struct fake_boot *boot, const struct fake_outcome *o,
				   const struct clean *c, const struct fake_call *failed)
{
	const int64_t slow_us = 500000;
	char mounts[MOUNTS];

	if (!tolerated(failed, boot->fail_with, NULL))
		return "handed over, and no row of fake_tolerated says why";
	fake_boot_mounts(boot, mounts, sizeof(mounts));
	if (!has_all(mounts, c->mounts) && !tolerated(failed, boot->fail_with, o->console))
		return "handed over without a mount, and nothing says so";
	return boot->now_us > c->time_us + slow_us &&
			       !tolerated(failed, boot->fail_with, NULL)->late
		       ? "handed over late"
		       : NULL;
}

static void run_job(const struct job *job, struct fake_boot *boot, const char *own)
{
	const struct clean *c = &clean[job->scenario];
	const struct fake_call *failed = &c->trace[job->call];
	const char *keeps = fake_scenarios[job->scenario].keeps;
	static struct fake_outcome outcome;
	char name[128];

	prepare(boot, job->scenario)->fail_at = job->call + 1u;
	boot->fail_with = job->error;
	fake_boot_run(boot, own, keeps, &outcome);
	const char *what = wrong(boot, &outcome);
	if (!what && keeps && !outcome.kept)
		what = "a file is lost";
	if (!what && memcmp(&boot->trace[job->call], failed, sizeof(*failed)) != 0)
		what = "not the same calls as in the boot before";
	if (!what && boot->end == FAKE_HANDED_OVER)
		what = wrong_hand_over(boot, &outcome, c, failed);
	for (size_t i = 0; i < FAKE_COUNT; i++)
		__atomic_add_fetch(&shared->counts[i], boot->counts[i], __ATOMIC_RELAXED);
	if (!what) {
		__atomic_add_fetch(boot->end == FAKE_HANDED_OVER ? &shared->handed_over
								 : &shared->worded,
				   1, __ATOMIC_RELAXED);
		return;
	}
	call_name(failed, name, sizeof(name));
	(void)fprintf(stderr, "%s: call %u of %u, %s: %s: %s%s%s%s\n", boot->machine->name,
		      job->call + 1u, c->calls, name, strerror(job->error), what,
		      boot->end == FAKE_HANDED_OVER ? "" : "\n",
		      boot->end == FAKE_HANDED_OVER ? "" : outcome.console, "");
	__atomic_add_fetch(&shared->failed, 1, __ATOMIC_RELAXED);
}

static void work(size_t worker)
{
	char own[PATH_MAX];
	size_t at;

	(void)fake_print(own, sizeof(own), "%s/boot-%zu", directory, worker);
	while ((at = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED)) < shared->jobs_count)
		run_job(&shared->jobs[at], &shared->boots[worker], own);
	_exit(0);
}

static void run_jobs(void)
{
	unsigned before = shared->failed;
	int status;

	shared->next = 0;
	for (size_t i = 0; i < WORKERS; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			work(i);
	}
	for (size_t i = 0; i < WORKERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(shared->failed, before);
}

/* Without a failure; its calls are those that the following boots have fail. */
static bool boot_cleanly(size_t scenario)
{
	static struct fake_outcome outcome;
	struct fake_boot *boot = prepare(&shared->boots[0], scenario);
	const char *word = fake_scenarios[scenario].word, *keeps = fake_scenarios[scenario].keeps;
	const unsigned last = 12;
	char own[PATH_MAX], name[128];

	(void)fake_print(own, sizeof(own), "%s/boot", directory);
	fake_boot_run(boot, own, keeps, &outcome);
	const char *what = wrong(boot, &outcome);
	if (!what && keeps && !outcome.kept)
		what = "a file is lost";
	if (!what && strcmp(outcome.word, word ? word : "") != 0)
		what = "not the word that was expected";
	if (!what && fake_scenarios[scenario].within_ms &&
	    boot->now_us > fake_scenarios[scenario].within_ms * 1000)
		what = "it takes too long";
	if (!what && fake_scenarios[scenario].says &&
	    !strstr(outcome.console, fake_scenarios[scenario].says))
		what = "it does not say what it should";
	if (what)
		print_error("%s: %s\n%s", boot->machine->name, what, outcome.console);
	for (unsigned i = boot->calls < last ? 0 : boot->calls - last; what && i < boot->calls;
	     i++) {
		call_name(&boot->trace[i], name, sizeof(name));
		print_error("%u: %s\n", i + 1, name);
	}
	for (size_t i = 0; i < FAKE_COUNT; i++)
		shared->counts[i] += boot->counts[i];
	clean[scenario].calls = boot->calls;
	clean[scenario].time_us = boot->now_us;
	memcpy(clean[scenario].trace, boot->trace, boot->calls * sizeof(boot->trace[0]));
	fake_boot_mounts(boot, clean[scenario].mounts, sizeof(clean[scenario].mounts));
	return !what;
}

static void add_jobs(size_t scenario, unsigned call)
{
	const int *errors = fake_rows[clean[scenario].trace[call].function].errors;

	for (size_t i = 0; errors[i]; i++) {
		assert_true(shared->jobs_count < JOBS_MAX);
		shared->jobs[shared->jobs_count++] = (struct job){
			.scenario = (unsigned char)scenario,
			.call = (unsigned short)call,
			.error = errors[i],
		};
	}
}

static void test_boots(void **state)
{
	unsigned wrong_boots = 0;

	(void)state;
	for (size_t i = 0; i < fake_scenarios_count; i++)
		wrong_boots += !boot_cleanly(i);
	assert_int_equal(wrong_boots, 0);
}

/* Whether this call, after the same one before it, was made to fail on an earlier machine. */
static bool repeats(size_t scenario, unsigned call)
{
	const struct fake_call *c = &clean[scenario].trace[call];

	for (size_t i = 0; i < scenario && call > 0 && !everything; i++)
		for (unsigned j = 1; j < clean[i].calls; j++)
			if (memcmp(&clean[i].trace[j - 1], c - 1, 2 * sizeof(*c)) == 0)
				return true;
	return false;
}

static void test_injected(void **state)
{
	(void)state;
	for (size_t i = 0; i < fake_scenarios_count; i++)
		for (unsigned call = 0; call < clean[i].calls; call++)
			if (!repeats(i, call))
				add_jobs(i, call);
	print_message("%zu failures on %zu machines\n", shared->jobs_count, fake_scenarios_count);
	run_jobs();
	print_message("%zu failures in %zu machines: %u end in a word, %u are handed over\n",
		      shared->jobs_count, fake_scenarios_count, shared->worded,
		      shared->handed_over);
}

/* Without the mask a unit of systemd fails; whatever else cannot be made in /run/systemd, it is there. */
static void test_systemd_is_masked_whatever_fails(void **state)
{
	static const char *const others[] = {
		"sys_mkdir /run/systemd/system/systemd-machine-id-commit.service.d",
		"sys_stat /dev/vda",
		"sys_symlinkat /run/systemd/volatile-root",
	};
	static struct fake_outcome outcome;
	size_t scenario = 0;
	char own[PATH_MAX], name[128];

	(void)state;
	while (strncmp(fake_scenarios[scenario].machine.name, "systemd", 7) != 0)
		scenario++;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		unsigned call = 0;
		do
			call_name(&clean[scenario].trace[call++], name, sizeof(name));
		while (strcmp(name, others[i]) != 0 && call < clean[scenario].calls);
		assert_string_equal(name, others[i]);
		prepare(&shared->boots[0], scenario)->fail_at = call;
		shared->boots[0].fail_with = EIO;
		(void)fake_print(own, sizeof(own), "%s/boot", directory);
		fake_boot_run(&shared->boots[0], own, "systemd-remount-fs.service", &outcome);
		assert_int_equal(shared->boots[0].end, FAKE_HANDED_OVER);
		assert_true(outcome.kept);
		assert_non_null(strstr(outcome.console, "/run/systemd: "));
	}
}

static const struct fake_unused *unused(const char *function)
{
	for (size_t i = 0; i < fake_unused_count; i++)
		if (strcmp(fake_unused[i].function, function) == 0)
			return &fake_unused[i];
	return NULL;
}

static void test_every_function_is_called(void **state)
{
	unsigned called = 0, wrong_rows = 0;

	(void)state;
	for (size_t i = 0; i < FAKE_COUNT; i++) {
		bool excepted = unused(fake_rows[i].name);
		called += shared->counts[i] > 0;
		if ((shared->counts[i] == 0) == excepted)
			continue;
		wrong_rows++;
		print_error("%s is %s\n", fake_rows[i].name,
			    excepted ? "called: take it out of fake_unused" : "never called");
	}
	print_message("%u of %d functions are called\n", called, FAKE_COUNT);
	assert_int_equal(wrong_rows, 0);
}

static void test_every_row_is_needed(void **state)
{
	unsigned stale = 0;

	(void)state;
	for (size_t i = 0; i < fake_tolerated_count; i++)
		if (!shared->tolerated[i]) {
			print_error("no call needs \"%s\"\n", fake_tolerated[i].pattern);
			stale++;
		}
	assert_int_equal(stale, 0);
}

/* The header declares no function that the fake does not know. */
static void test_seam_is_complete(void **state)
{
	char line[512], name[64];
	unsigned missing = 0, found = 0;
	FILE *header = fopen("include/sys.h", "re");

	(void)state;
	assert_non_null(header);
	while (fgets(line, sizeof(line), header)) {
		const char *at = strstr(line, "sys_"), *end = at ? strchr(at, '(') : NULL;
		bool known = false;
		if (!end || line[0] == ' ' || line[0] == '\t')
			continue;
		(void)fake_print(name, sizeof(name), "%.*s", (int)(end - at), at);
		for (size_t i = 0; i < FAKE_COUNT; i++)
			known |= strcmp(fake_rows[i].name, name) == 0;
		found++;
		if (known)
			continue;
		print_error("%s is not in FAKE_FUNCTIONS\n", name);
		missing++;
	}
	(void)fclose(header);
	assert_true(found > 0);
	assert_int_equal(missing, 0);
}

static int set_up(void **state)
{
	const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	char command[128];

	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	/* Not copied at every fork, as the heap is. */
	clean = mmap(NULL, fake_scenarios_count * sizeof(*clean), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || clean == MAP_FAILED)
		return -1;
	(void)fake_print(directory, sizeof(directory), "%s/layerboot-XXXXXX", parent);
	if (!mkdtemp(directory))
		return -1;
	(void)fake_print(command, sizeof(command), "tests/unit/fake_fixtures %s", directory);
	return system(command) == 0 ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seam_is_complete),
		cmocka_unit_test(test_boots),
		cmocka_unit_test(test_systemd_is_masked_whatever_fails),
		cmocka_unit_test(test_injected),
		cmocka_unit_test(test_every_function_is_called),
		cmocka_unit_test(test_every_row_is_needed),
	};

	everything = argc > 1 && strcmp(argv[1], "--all") == 0;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
