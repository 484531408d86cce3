/* Children that end with their work, and workers that are given more. */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "sys.h"

#define PATIENCE_MS 20000

static char answer[CHILD_ANSWER_MAX + 1];
static char told_by_parent[64] = "as it was at the fork";
static int64_t number = 1;

static int64_t deadline_us(void)
{
	return sys_now_us() + PATIENCE_MS * 1000ll;
}

static int work_text(void *arg, struct builder *b)
{
	builder_add(b, arg);
	return (int)number;
}

static int work_confined(void *arg, struct builder *b)
{
	builder_add(b, arg);
	return child_confine();
}

static int work_parts(void *arg, struct builder *b)
{
	builder_add(b, "one");
	child_tell(0, b);
	builder_add(b, arg);
	return 7;
}

static int work_crash(void *arg, struct builder *b)
{
	(void)arg, (void)b;
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static void start_worker(struct child *c)
{
	*c = (struct child){ .answer = answer };
	assert_int_equal(child_start_worker(c, work_text, told_by_parent, deadline_us()), 0);
}

static int go_on(struct child *c, child_work *work, const struct child_news *news, size_t count)
{
	return child_continue(c, work, told_by_parent, news, count, deadline_us());
}

/* What the work returned; its text is in TEXT. */
static int wait_for(struct child *c, child_told *told, char text[64])
{
	struct builder b;

	builder_start(&b, text, 64);
	return child_wait(c, told, c, &b);
}

static void test_a_worker_is_told_what_is_new(void **state)
{
	struct child c;
	char text[64];
	pid_t pid;

	(void)state;
	start_worker(&c);
	pid = c.pid;
	assert_int_equal(wait_for(&c, NULL, text), 1);
	assert_string_equal(text, "as it was at the fork");
	assert_true(c.idle);
	/* Not told: what it knows is what was there at its fork. */
	strcpy(told_by_parent, "as it is now");
	number = 2;
	const struct child_news all[] = { { told_by_parent, sizeof(told_by_parent) },
					  { NULL, 0 },
					  { "constant", 9 } };
	assert_int_equal(go_on(&c, work_text, NULL, 0), 0);
	assert_false(c.idle);
	assert_int_equal(wait_for(&c, NULL, text), 1);
	assert_string_equal(text, "as it was at the fork");
	assert_int_equal(go_on(&c, work_text, all, 3), 0);
	assert_int_equal(wait_for(&c, NULL, text), 1);
	assert_string_equal(text, "as it is now");
	const struct child_news last = { &number, sizeof(number) };
	assert_int_equal(go_on(&c, work_text, &last, 1), 0);
	assert_int_equal(wait_for(&c, NULL, text), 2);
	assert_int_equal(c.pid, pid);
	child_abandon(&c);
	assert_int_equal(c.pid, 0);
	/* It was idle, so its end has been waited for. */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static int64_t told(void *arg, const char *text)
{
	(void)arg;
	assert_string_equal(text, "one");
	return PATIENCE_MS;
}

static void test_work_in_parts(void **state)
{
	struct child c;
	char text[64];

	(void)state;
	start_worker(&c);
	(void)wait_for(&c, NULL, text);
	assert_int_equal(go_on(&c, work_parts, NULL, 0), 0);
	assert_int_equal(wait_for(&c, told, text), 7);
	assert_true(c.idle);
	child_abandon(&c);
}

static void test_who_has_read_what_a_user_wrote_ends(void **state)
{
	struct child c = { .answer = answer };
	char text[64];

	(void)state;
	assert_int_equal(child_start_worker(&c, work_confined, told_by_parent, deadline_us()), 0);
	assert_int_equal(wait_for(&c, NULL, text), 0);
	assert_false(c.idle);
	assert_int_equal(c.pid, 0);
	start_worker(&c);
	(void)wait_for(&c, NULL, text);
	assert_int_equal(go_on(&c, work_confined, NULL, 0), 0);
	assert_int_equal(wait_for(&c, NULL, text), 0);
	assert_int_equal(c.pid, 0);
}

static void test_too_many_news(void **state)
{
	static char much[1 << 20];
	const struct child_news news = { much, sizeof(much) };
	/* The first leaves no room even for the place of the second: the buffer has 16 KiB, the head 24 bytes. */
	const struct child_news full[] = { { much, 16384 - 24 - sizeof(news) }, { much, 1 } };
	struct child c;
	char text[64];

	(void)state;
	start_worker(&c);
	(void)wait_for(&c, NULL, text);
	assert_int_equal(go_on(&c, work_text, &news, 1), -E2BIG);
	assert_int_equal(go_on(&c, work_text, full, 2), -E2BIG);
	assert_true(c.idle);
	assert_int_equal(go_on(&c, work_text, full, 1), 0);
	assert_int_equal(wait_for(&c, NULL, text), (int)number);
	child_abandon(&c);
}

static void test_workers_that_die(void **state)
{
	struct child c;
	char text[64];

	(void)state;
	start_worker(&c);
	(void)wait_for(&c, NULL, text);
	assert_int_equal(go_on(&c, work_crash, NULL, 0), 0);
	assert_int_equal(wait_for(&c, NULL, text), -ECHILD);
	/* While it is idle: the next order finds nobody. */
	(void)signal(SIGPIPE, SIG_IGN);
	start_worker(&c);
	(void)wait_for(&c, NULL, text);
	assert_int_equal(kill(c.pid, SIGKILL), 0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(go_on(&c, work_text, NULL, 0), -EPIPE);
	child_abandon(&c);
	assert_int_equal(c.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_worker_is_told_what_is_new),
		cmocka_unit_test(test_work_in_parts),
		cmocka_unit_test(test_who_has_read_what_a_user_wrote_ends),
		cmocka_unit_test(test_too_many_news),
		cmocka_unit_test(test_workers_that_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
