/* Directories that are measured beside each other: none waits for one that never ends. */
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

#include "agent/measurer.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/tree.h"

enum { INTERVAL_MS = 60 * 1000, FILE_BYTES = 4096, MANY_FILES = 5000 };

struct directory {
	struct measured measured;
	struct world *world;
	const char *name;
	uint64_t bytes;
	unsigned n_opened, place;	/* among those that were done */
};

struct world {
	char path[32];
	int fd;
	struct loop *loop;
	struct measurer *measurer;
	unsigned n_wanted, n_done;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = { 0 };

	(void)snprintf(w->path, sizeof(w->path), "/tmp/tepui-measure-XXXXXX");
	if (!mkdtemp(w->path))
		return -1;
	w->fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = w;
	return w->fd < 0 || loop_new(&w->loop, &e) < 0 ||
	       measurer_new(w->loop, INTERVAL_MS, &w->measurer, &e) < 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	measurer_free(w->measurer);
	loop_free(w->loop);
	fd_close(&w->fd);
	(void)tree_remove(AT_FDCWD, w->path, &e);
	free(w);
	return e.code;
}

static void make_files(int dir_fd, unsigned n)
{
	static const char data[FILE_BYTES] = "x";

	for (unsigned i = 0; i < n; i++) {
		AUTO_CLOSE int fd = -EBADF;
		char name[16];

		(void)snprintf(name, sizeof(name), "%u", i);
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		/* What they take is seen in the first; the others are many. */
		if (i == 0)
			assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	}
}

static int open_directory(void *arg)
{
	struct directory *d = arg;
	int fd = openat(d->world->fd, d->name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	d->n_opened++;
	return fd < 0 ? -errno : fd;
}

static void note(void *arg, uint64_t bytes)
{
	struct directory *d = arg;

	d->bytes = bytes;
	d->place = ++d->world->n_done;
	if (d->world->n_done == d->world->n_wanted)
		loop_stop(d->world->loop);
}

static const struct measured_ops ops = { open_directory, note };

static int make_directory(struct world *w, struct directory *d, const char *name)
{
	d->world = w;
	d->name = name;
	assert_int_equal(mkdirat(w->fd, name, 0700), 0);
	measurer_add(w->measurer, &d->measured, &ops, d);
	return openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void measure(struct world *w, unsigned n)
{
	struct err e = { 0 };

	w->n_wanted = n;
	measurer_wake(w->measurer, 0);
	assert_int_equal(loop_run(w->loop, &e), 0);
}

static void test_one_with_many_files_lets_others_go_first(void **state)
{
	struct world *w = *state;
	struct directory small = { 0 }, large = { 0 };
	AUTO_CLOSE int small_fd = make_directory(w, &small, "small");
	AUTO_CLOSE int large_fd = make_directory(w, &large, "large");

	make_files(small_fd, 1);
	make_files(large_fd, MANY_FILES);
	/* The last that came is the first to be looked at. */
	measure(w, 2);
	assert_int_equal(small.place, 1);
	assert_int_equal(large.place, 2);
	assert_int_equal(large.n_opened, 1);
	assert_true(small.bytes >= FILE_BYTES && large.bytes >= FILE_BYTES);
	measurer_remove(w->measurer, &small.measured);
	measurer_remove(w->measurer, &large.measured);
}

static void test_one_that_is_not_there_keeps_nobody_waiting(void **state)
{
	struct world *w = *state;
	struct directory there = { 0 }, gone = { 0 };
	AUTO_CLOSE int fd = make_directory(w, &there, "there");
	AUTO_CLOSE int gone_fd = make_directory(w, &gone, "gone");

	make_files(fd, 1);
	assert_int_equal(unlinkat(w->fd, "gone", AT_REMOVEDIR), 0);
	measure(w, 1);
	assert_int_equal(gone.n_opened, 1);
	assert_int_equal(there.place, 1);
	measurer_remove(w->measurer, &there.measured);
	measurer_remove(w->measurer, &gone.measured);
}

static void test_one_may_be_removed_half_way(void **state)
{
	struct world *w = *state;
	struct directory small = { 0 }, large = { 0 };
	AUTO_CLOSE int small_fd = make_directory(w, &small, "small");
	AUTO_CLOSE int large_fd = make_directory(w, &large, "large");

	make_files(small_fd, 1);
	make_files(large_fd, MANY_FILES);
	measure(w, 1);
	assert_non_null(large.measured.walk);
	measurer_remove(w->measurer, &large.measured);
	measurer_remove(w->measurer, &large.measured);
	measurer_remove(w->measurer, &small.measured);
	assert_int_equal(large.place, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_one_with_many_files_lets_others_go_first),
		TEST(test_one_that_is_not_there_keeps_nobody_waiting),
		TEST(test_one_may_be_removed_half_way),
	};

	return cmocka_run_group_tests_name("measurer", tests, NULL, NULL);
}
