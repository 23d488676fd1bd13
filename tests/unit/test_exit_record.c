#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "containerizer/handover.h"
#include "executor/exit_record.h"
#include "executor/status.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/rng.h"

static Tepui__ExitRecord *read_record(int dir)
{
	AUTO_CLOSE int fd = openat(dir, HANDOVER_EXIT, O_RDONLY | O_CLOEXEC);
	uint8_t buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	assert_true(n > 0);
	return tepui__exit_record__unpack(NULL, (size_t)n, buf);
}

static Mesos__V1__TaskStatus *build(void)
{
	struct status s = {
		.task_id = "t", .executor_id = "x", .state = MESOS__V1__TASK_STATE__TASK_FAILED,
		.message = "Memory limit exceeded", .memory_limit_bytes = 96 << 19,
	};
	Mesos__V1__TaskStatus *ret;
	struct err e = { 0 };
	struct rng rng;

	rng_seed(&rng, 7);
	assert_int_equal(status_build(&s, &rng, &ret, &e), 0);
	return ret;
}

static void test_record_is_written_whole_and_again(void **state)
{
	char path[] = "/tmp/tepui-unit-XXXXXX", id[] = "c1", *made = mkdtemp(path);
	Tepui__ExitRecord rec = TEPUI__EXIT_RECORD__INIT, *read_back;
	AUTO_CLOSE int dir = -EBADF;
	struct err e = { 0 };
	struct stat st;

	(void)state;
	assert_non_null(made);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(exit_record_reserve(dir, &e), 0);
	assert_int_equal(fstatat(dir, HANDOVER_EXIT_TMP, &st, 0), 0);
	assert_true(st.st_size >= 16384);
	assert_int_equal(fstatat(dir, HANDOVER_EXIT, &st, 0), -1);

	rec.container_id = id;
	rec.status = build();
	for (int i = 0; i < 2; i++) {
		rec.has_wait_status = true;
		rec.wait_status = i;
		assert_int_equal(exit_record_write(dir, &rec, &e), 0);
		assert_int_equal(fstatat(dir, HANDOVER_EXIT_TMP, &st, 0), -1);
		read_back = read_record(dir);
		assert_non_null(read_back);
		assert_string_equal(read_back->container_id, "c1");
		assert_int_equal(read_back->wait_status, i);
		assert_int_equal(read_back->status->uuid.len, 16);
		assert_memory_equal(read_back->status->uuid.data, rec.status->uuid.data, 16);
		assert_true(read_back->status->limitation->resources[0]->scalar->value > 47.9 &&
			    read_back->status->limitation->resources[0]->scalar->value < 48.1);
		tepui__exit_record__free_unpacked(read_back, NULL);
	}
	mesos__v1__task_status__free_unpacked(rec.status, NULL);
	assert_int_equal(unlinkat(dir, HANDOVER_EXIT, 0), 0);
	assert_int_equal(rmdir(path), 0);
}

static void test_missing_directory_is_an_error(void **state)
{
	Tepui__ExitRecord rec = TEPUI__EXIT_RECORD__INIT;
	char id[] = "c1";
	struct err e = { 0 };

	(void)state;
	rec.container_id = id;
	assert_int_equal(exit_record_write(-EBADF, &rec, &e), -EBADF);
	assert_string_equal(e.msg, "open 'exit.tmp'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_is_written_whole_and_again),
		cmocka_unit_test(test_missing_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
