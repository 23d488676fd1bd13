#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/log.h"

static void test_set_wrap_and_text(void **state)
{
	struct err e = { 0 };
	char text[600];

	(void)state;
	assert_int_equal(err_set(&e, ENOSPC, "mount '%s'", "/proc"), -ENOSPC);
	assert_int_equal(e.code, ENOSPC);
	assert_int_equal(err_wrap(&e, "container '%d'", 7), -ENOSPC);
	assert_string_equal(e.msg, "container '7': mount '/proc'");
	assert_ptr_equal(err_text(&e, text, sizeof(text)), text);
	assert_string_equal(text, "container '7': mount '/proc': No space left on device");
	err_clear(&e);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.msg, "");
}

static void test_a_verdict_needs_no_errno_text(void **state)
{
	struct err e = { 0 };
	char text[600];
	int kernels = EINVAL, missing = ENOSYS;

	(void)state;
	(void)err_set(&e, EINVAL, "find flag '--x': it is required");
	assert_string_equal(err_text(&e, text, sizeof(text)), "find flag '--x': it is required");
	err_clear(&e);
	errno = kernels;
	(void)err_set(&e, errno, "mount '/proc'");
	assert_string_equal(err_text(&e, text, sizeof(text)), "mount '/proc': Invalid argument");
	err_clear(&e);
	errno = missing;
	(void)err_set(&e, errno, "open '/proc'");
	assert_non_null(strstr(err_text(&e, text, sizeof(text)), "it takes Linux 5.14"));
	err_clear(&e);
	(void)err_set(&e, ENOSYS, "read call: X is not supported");
	assert_string_equal(err_text(&e, text, sizeof(text)), "read call: X is not supported");
}

static void test_long_messages_are_cut(void **state)
{
	char words[2000], text[32];
	struct err e = { 0 };

	(void)state;
	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	assert_int_equal(err_set(&e, EINVAL, "%s", words), -EINVAL);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(err_wrap(&e, "%s", words), -EINVAL);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)err_text(&e, text, sizeof(text));
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

/* A cut in the middle of a character would make the message unfit for JSON. */
static void test_cut_keeps_characters_whole(void **state)
{
	char words[2000] = "";
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(words); i += 3)
		memcpy(words + i, "\xe2\x82\xac", 4);
	(void)err_set(&e, EINVAL, "%s", words);
	assert_int_equal(strlen(e.msg) % 3, 0);
	assert_true(strlen(e.msg) > sizeof(e.msg) - 5);
	(void)err_wrap(&e, "ab");
	assert_memory_equal(e.msg, "ab: \xe2", 5);
	assert_int_equal((strlen(e.msg) - 4) % 3, 0);
}

/* Whatever was set, with a code that has no description. */
static void test_unknown_code(void **state)
{
	struct err e = { 0 };
	char text[64];

	(void)state;
	(void)err_set(&e, 100000, "do a thing");
	assert_string_equal(err_text(&e, text, sizeof(text)), "do a thing: unknown error");
}

/* Run the log with standard error in a pipe. */
static void capture(void (*fn)(void), char *buf, size_t size)
{
	int saved = dup(STDERR_FILENO), pipe_fds[2];
	ssize_t n;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
	fn();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = read(pipe_fds[0], buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	(void)close(saved);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

static void log_foreign_text(void)
{
	log_init("tester", LOG_LEVEL_INFO);
	log_info("name '%s'", "a\nb\x1b[31m\x7f\xc2\x9b-\xc3\xa9");
}

static void log_error_with_cause(void)
{
	struct err e = { 0 };

	(void)err_set(&e, EBUSY, "open 'x'");
	log_write_err(LOG_LEVEL_ERROR, &e, "start agent %d", 3);
}

static void log_below_the_level(void)
{
	log_debug("not to be seen");
}

static void test_log_lines(void **state)
{
	char line[1000];

	(void)state;
	capture(log_foreign_text, line, sizeof(line));
	assert_int_equal(line[10], 'T');
	assert_string_equal(line + 24,
			    " info tester: name 'a\\x0ab\\x1b[31m\\x7f\\xc2\\x9b-\xc3\xa9'\n");
	capture(log_error_with_cause, line, sizeof(line));
	assert_string_equal(line + 24, " error tester: start agent 3: open 'x': "
				       "Device or resource busy\n");
	capture(log_below_the_level, line, sizeof(line));
	assert_string_equal(line, "");
	log_set_level(LOG_LEVEL_DEBUG);
	assert_int_equal(log_get_level(), LOG_LEVEL_DEBUG);
	capture(log_below_the_level, line, sizeof(line));
	assert_string_equal(line + 24, " debug tester: not to be seen\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_wrap_and_text),
		cmocka_unit_test(test_a_verdict_needs_no_errno_text),
		cmocka_unit_test(test_long_messages_are_cut),
		cmocka_unit_test(test_cut_keeps_characters_whole),
		cmocka_unit_test(test_unknown_code),
		cmocka_unit_test(test_log_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
