/* Small parts of the agent: rings, ages, paths, processes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/gc.h"
#include "agent/process.h"
#include "agent/runtime_dir.h"
#include "agent/sampler.h"
#include "agent/sandbox.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void test_the_ring_grows_and_then_forgets_the_oldest(void **state)
{
	struct sample_ring ring = { 0 };

	(void)state;
	for (int64_t i = 0; i < 100; i++) {
		struct sample sample = { .wall_ms = i };

		assert_int_equal(sample_ring_add(&ring, &sample, 40), 0);
		assert_true(ring.n <= 40 && ring.cap <= 40);
		/* Whatever was dropped, what is left follows without a gap. */
		for (size_t k = 0; k < ring.n; k++)
			assert_int_equal(ring.points[(ring.first + k) % ring.cap].wall_ms,
					 i - (int64_t)(ring.n - 1 - k));
	}
	assert_int_equal(ring.n, 40);
	free(ring.points);
}

static void test_sandboxes_may_be_older_on_an_empty_disk(void **state)
{
	(void)state;
	assert_int_equal(gc_max_age(1000, 0), 900);
	assert_int_equal(gc_max_age(1000, 0.5), 400);
	assert_int_equal(gc_max_age(1000, 0.9), 0);
	assert_int_equal(gc_max_age(1000, 1.0), 0);
}

#define SANDBOX "slaves/S/frameworks/F/executors/E/runs/C"

static const struct {
	const char *path;
	int r;
	const char *rest;
} paths[] = {
	{ "/w/" SANDBOX, 0, "" },
	{ "/w/" SANDBOX "/", 0, "" },
	{ "/w/" SANDBOX "/stdout", 0, "stdout" },
	{ "/w/" SANDBOX "//a/../b", 0, "a/../b" },
	{ "/w", -ENOENT, NULL },
	{ "/wx/" SANDBOX, -ENOENT, NULL },
	{ "/w/agent.db", -ENOENT, NULL },
	{ "/w/slaves/S/frameworks/F/executors/E/runs", -ENOENT, NULL },
	{ "/w/slaves/S/frameworks/F/executors/E/runs/", -EINVAL, NULL },
	{ "/w/slaves/S/frameworks/F/executors/E/runs/..", -EINVAL, NULL },
	{ "/w/slaves/../frameworks/F/executors/E/runs/C", -EINVAL, NULL },
	{ "/w/slaves/./frameworks/F/executors/E/runs/C", -EINVAL, NULL },
	{ "/w/slaves//frameworks/F/executors/E/runs/C", -EINVAL, NULL },
	{ "w/" SANDBOX, -ENOENT, NULL },
	{ "", -ENOENT, NULL },
};

static void test_only_sandboxes_are_found_below_the_work_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char buf[128] = "untouched";
		const char *rest = NULL;

		assert_int_equal(sandbox_split("/w", paths[i].path, buf, sizeof(buf), &rest),
				 paths[i].r);
		assert_string_equal(buf, paths[i].r ? "untouched" : SANDBOX);
		if (paths[i].rest)
			assert_string_equal(rest, paths[i].rest);
	}
}

static void test_a_process_is_known_by_its_start(void **state)
{
	struct err e = { 0 };
	uint64_t ticks;
	char text[160];
	int pidfd;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_int_equal(process_start_ticks(pid, &ticks, &e), 0);
	pidfd = process_open(pid, ticks, &e);
	assert_true(pidfd >= 0);
	assert_int_equal(process_open(pid, ticks + 1, &e), -ESRCH);
	err_clear(&e);
	assert_int_equal(process_kill(pidfd, &e), 0);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	process_describe_end(pidfd, pid, text, sizeof(text));
	assert_non_null(strstr(text, "terminated with signal Killed"));
	/* Reaped by now: to ask again is harmless. */
	process_describe_end(pidfd, pid, text, sizeof(text));
	assert_non_null(strstr(text, "ended before its task did"));
	assert_int_equal(process_kill(pidfd, &e), 0);
	assert_int_equal(process_open(pid, ticks, &e), -ESRCH);
	err_clear(&e);
	assert_int_equal(process_open(0, 0, &e), -ESRCH);
	close(pidfd);
}

static void write_exit(int work_fd, const char *container, const void *data, size_t size)
{
	AUTO_CLOSE int fd = -EBADF;
	char path[64];

	snprintf(path, sizeof(path), "containers/%s/exit", container);
	fd = openat(work_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

static int knows_nothing(void *arg, const char *container_id)
{
	(void)arg, (void)container_id;
	return 0;
}

static void test_only_a_sound_exit_record_of_this_container_counts(void **state)
{
	char root[] = "/tmp/tepui-unit-exit-XXXXXX", id[] = "c-1";
	Tepui__ExitRecord record = TEPUI__EXIT_RECORD__INIT, *read_back;
	uint8_t packed[64];
	struct err e = { 0 };
	json_t *config = json_object();
	size_t size;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(root));
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(runtime_dir_make(fd, "c-1", config, &e), 0);
	assert_int_equal(runtime_dir_make(fd, "c-2", config, &e), 0);
	assert_null(runtime_dir_read_exit(fd, "c-1"));
	record.container_id = id;
	size = tepui__exit_record__pack(&record, packed);
	write_exit(fd, "c-1", packed, size);
	write_exit(fd, "c-2", packed, size);
	read_back = runtime_dir_read_exit(fd, "c-1");
	assert_non_null(read_back);
	tepui__exit_record__free_unpacked(read_back, NULL);
	assert_null(runtime_dir_read_exit(fd, "c-2"));
	for (size_t cut = 0; cut < size; cut++) {
		write_exit(fd, "c-1", packed, cut);
		assert_null(runtime_dir_read_exit(fd, "c-1"));
	}
	runtime_dirs_sweep(fd, knows_nothing, NULL);
	assert_int_equal(unlinkat(fd, "containers", AT_REMOVEDIR), 0);
	close(fd);
	json_decref(config);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ring_grows_and_then_forgets_the_oldest),
		cmocka_unit_test(test_sandboxes_may_be_older_on_an_empty_disk),
		cmocka_unit_test(test_only_sandboxes_are_found_below_the_work_directory),
		cmocka_unit_test(test_a_process_is_known_by_its_start),
		cmocka_unit_test(test_only_a_sound_exit_record_of_this_container_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
