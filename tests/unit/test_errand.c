/* Errands: what comes back, what when they die, what they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/errand.h"
#include "lib/err.h"
#include "lib/loop.h"

struct seen {
	struct loop *loop;
	int fd;				/* open in the agent */
	int r, number;
	char msg[64];
};

static void done(void *arg, int r, const void *result, struct err *e)
{
	struct seen *seen = arg;

	seen->r = r;
	memcpy(&seen->number, result, sizeof(seen->number));
	strncpy(seen->msg, e->msg, sizeof(seen->msg) - 1);
	loop_stop(seen->loop);
}

static int succeed(const void *arg, void *result, struct err *e)
{
	const struct seen *seen = arg;
	int number = fcntl(seen->fd, F_GETFD) < 0 && errno == EBADF ? 42 : 0;

	(void)e;
	memcpy(result, &number, sizeof(number));
	return 7;
}

static int refuse(const void *arg, void *result, struct err *e)
{
	(void)arg, (void)result;
	return err_set(e, EUCLEAN, "do 'it'");
}

static int die(const void *arg, void *result, struct err *e)
{
	(void)arg, (void)result, (void)e;
	(void)raise(SIGKILL);
	return 0;
}

static int hang(const void *arg, void *result, struct err *e)
{
	(void)arg, (void)result, (void)e;
	return pause();
}

static void go(int (*run)(const void *, void *, struct err *), struct seen *seen)
{
	struct errand_kind kind = { run, done };
	struct errand *errand;
	struct err e = { 0 };

	/* Beyond the one to the agent, whose number may be any. */
	*seen = (struct seen){ .fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100) };
	assert_true(seen->fd >= 0);
	assert_int_equal(loop_new(&seen->loop, &e), 0);
	assert_int_equal(errand_start(seen->loop, &kind, seen, &errand, &e), 0);
	assert_int_equal(loop_run(seen->loop, &e), 0);
	loop_free(seen->loop);
	close(seen->fd);
	/* Nothing is left to wait for. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_a_result_comes_back_and_no_descriptor_is_held(void **state)
{
	struct seen seen;

	(void)state;
	go(succeed, &seen);
	assert_int_equal(seen.r, 7);
	assert_int_equal(seen.number, 42);
	assert_string_equal(seen.msg, "");
}

static void test_an_error_comes_back(void **state)
{
	struct seen seen;

	(void)state;
	go(refuse, &seen);
	assert_int_equal(seen.r, -EUCLEAN);
	assert_string_equal(seen.msg, "do 'it'");
}

static void test_one_that_dies_is_told(void **state)
{
	struct seen seen;

	(void)state;
	go(die, &seen);
	assert_int_equal(seen.r, -ECHILD);
	assert_string_not_equal(seen.msg, "");
}

static void test_one_that_is_given_up_is_gone(void **state)
{
	static const struct errand_kind kind = { hang, done };
	struct seen seen = { 0 };
	struct errand *errand;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(loop_new(&seen.loop, &e), 0);
	assert_int_equal(errand_start(seen.loop, &kind, &seen, &errand, &e), 0);
	errand_free(errand);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	loop_free(seen.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_result_comes_back_and_no_descriptor_is_held),
		cmocka_unit_test(test_an_error_comes_back),
		cmocka_unit_test(test_one_that_dies_is_told),
		cmocka_unit_test(test_one_that_is_given_up_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
