#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/log_file.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/tree.h"

static char dir[] = "/tmp/tepui-log-XXXXXX";
static int dir_fd;
static struct spec_log limit;
static struct log_file log_file;

static int open_log(void **state)
{
	struct err e = { 0 };

	(void)state;
	(void)strcpy(dir, "/tmp/tepui-log-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	limit = (struct spec_log){ .max_bytes = 10, .files = 2 };
	log_file = (struct log_file){
		.dir_fd = dir_fd, .name = "log", .limit = &limit, .uid = getuid(), .gid = getgid(),
		.fd = -EBADF,
	};
	return log_file_open(&log_file, &e);
}

static int close_log(void **state)
{
	struct err e = { 0 };

	(void)state;
	log_file_close(&log_file);
	fd_close(&dir_fd);
	assert_int_equal(tree_remove(AT_FDCWD, dir, &e), 0);
	return 0;
}

/* As the supervisor does: never more than there is room for. */
static void say(const char *text)
{
	for (size_t left = strlen(text), n; left > 0; left -= n, text += n) {
		uint64_t room = log_file_room(&log_file);

		assert_true(room > 0);
		n = room < left ? (size_t)room : left;
		assert_int_equal(log_file_write(&log_file, text, n), n);
	}
}

static const char *read_back(const char *name)
{
	static char text[64];
	AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

static void test_full_ones_are_shifted_and_the_oldest_goes(void **state)
{
	(void)state;
	say("0123456789abcdefghijABCDEFGHIJ");
	assert_string_equal(read_back("log"), "ABCDEFGHIJ");
	assert_string_equal(read_back("log.1"), "abcdefghij");
	assert_string_equal(read_back("log.2"), "0123456789");
	say("x");
	assert_string_equal(read_back("log"), "x");
	assert_string_equal(read_back("log.2"), "abcdefghij");
	assert_null(read_back("log.3"));
}

static void test_none_need_be_kept(void **state)
{
	(void)state;
	limit.files = 0;
	say("0123456789ab");
	assert_string_equal(read_back("log"), "ab");
	assert_null(read_back("log.1"));
}

static void test_no_bound(void **state)
{
	(void)state;
	limit.max_bytes = 0;
	assert_true(log_file_room(&log_file) == UINT64_MAX);
}

static void test_a_pipe_is_moved_without_a_look(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(log_file_splice(&log_file, fds[0], 10), -EAGAIN);
	assert_int_equal(write(fds[1], "from a pipe", 11), 11);
	assert_int_equal(log_file_splice(&log_file, fds[0], log_file_room(&log_file)), 10);
	assert_int_equal(log_file_splice(&log_file, fds[0], log_file_room(&log_file)), 1);
	assert_string_equal(read_back("log"), "e");
	assert_string_equal(read_back("log.1"), "from a pip");
	(void)close(fds[1]);
	assert_int_equal(log_file_splice(&log_file, fds[0], 1), 0);
	(void)close(fds[0]);
}

static void test_one_that_was_cut_short_goes_on_at_its_end(void **state)
{
	(void)state;
	say("01234");
	assert_int_equal(ftruncate(log_file.fd, 2), 0);
	say("x");
	assert_string_equal(read_back("log"), "01x");
}

static void test_links_in_its_place_are_not_followed(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(mkdirat(dir_fd, "d", 0700), 0);
	say("0123456789");
	assert_int_equal(unlinkat(dir_fd, "log", 0), 0);
	assert_int_equal(symlinkat("d/victim", dir_fd, "log"), 0);
	say("abc");
	assert_int_equal(fstatat(dir_fd, "d/victim", &st, 0), -1);
	assert_string_equal(read_back("log"), "abc");
}

static void test_a_name_that_stays_occupied_costs_the_older_output(void **state)
{
	(void)state;
	say("0123456789");
	/* Neither can be renamed away nor removed. */
	assert_int_equal(unlinkat(dir_fd, "log", 0), 0);
	assert_int_equal(mkdirat(dir_fd, "log", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "log/full", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "log.1", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "log.1/full", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "log.2", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "log.2/full", 0700), 0);
	say("abcdefghijkl");
	assert_true(log_file.size <= limit.max_bytes);
}

static void test_its_end_can_be_read(void **state)
{
	char end[4];
	bool is_cut = true;

	(void)state;
	assert_int_equal(log_file_tail(&log_file, end, sizeof(end), &is_cut), 0);
	assert_false(is_cut);
	say("abc");
	assert_int_equal(log_file_tail(&log_file, end, sizeof(end), &is_cut), 3);
	assert_false(is_cut);
	assert_memory_equal(end, "abc", 3);
	say("defg");
	/* Of the file that is written, whatever has its name. */
	assert_int_equal(unlinkat(dir_fd, "log", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", dir_fd, "log"), 0);
	assert_int_equal(log_file_tail(&log_file, end, sizeof(end), &is_cut), 4);
	assert_true(is_cut);
	assert_memory_equal(end, "defg", 4);
}

static void test_what_is_no_plain_file_is_refused(void **state)
{
	struct log_file other = log_file;
	struct err e = { 0 };

	(void)state;
	other.name = "fifo";
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_true(log_file_open(&other, &e) < 0);
	err_clear(&e);
	other.name = "second";
	assert_int_equal(linkat(dir_fd, "log", dir_fd, "second", 0), 0);
	assert_int_equal(log_file_open(&other, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_log, close_log)
		TEST(test_full_ones_are_shifted_and_the_oldest_goes),
		TEST(test_none_need_be_kept),
		TEST(test_no_bound),
		TEST(test_a_pipe_is_moved_without_a_look),
		TEST(test_one_that_was_cut_short_goes_on_at_its_end),
		TEST(test_links_in_its_place_are_not_followed),
		TEST(test_a_name_that_stays_occupied_costs_the_older_output),
		TEST(test_its_end_can_be_read),
		TEST(test_what_is_no_plain_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
