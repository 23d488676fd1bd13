/* Walking and removing trees that are deeper than anybody would hold descriptors for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/tree.h"

enum { LEVELS = 200, FILE_BYTES = 3 * 4096, BLOCK_BYTES = 512 };

static char root[] = "/tmp/tepui-unit-tree-XXXXXX";
static int root_fd = -EBADF;

static int make_root(void **state)
{
	(void)state;
	strcpy(root + sizeof(root) - sizeof("XXXXXX"), "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0;
}

static int remove_root(void **state)
{
	struct err e = { 0 };

	(void)state;
	fd_close(&root_fd);
	return tree_remove(AT_FDCWD, root, &e);
}

static void make_file(int dir_fd, const char *name)
{
	static const char data[FILE_BYTES] = "x";
	AUTO_CLOSE int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
}

static uint64_t size_of(int dir_fd, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return (uint64_t)st.st_blocks * BLOCK_BYTES;
}

static int enter(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Three directories and a file in each of LEVELS directories, the next of which is the second; what it all takes. */
static uint64_t make_tree(const char *top)
{
	static const char *const names[] = { "a", "d", "z" };
	AUTO_CLOSE int fd = -EBADF;
	uint64_t bytes = 0;

	assert_int_equal(mkdirat(root_fd, top, 0700), 0);
	fd = enter(root_fd, top);
	for (int level = 0; level < LEVELS; level++) {
		int next;

		make_file(fd, "file");
		bytes += size_of(fd, "file");
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			AUTO_CLOSE int side = -EBADF;

			assert_int_equal(mkdirat(fd, names[i], 0700), 0);
			side = enter(fd, names[i]);
			make_file(side, "beside");
			bytes += size_of(fd, names[i]) + size_of(side, "beside");
		}
		next = enter(fd, "d");
		fd_close(&fd);
		fd = next;
	}
	return bytes;
}

static void test_all_of_a_deep_tree_is_measured(void **state)
{
	uint64_t bytes = make_tree("tree");
	struct tree_walk *walk;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(tree_walk_new(root_fd, "tree", TREE_MEASURE, &walk, &e), 0);
	while (!tree_walk_step(walk, 7))
		;
	assert_int_equal(tree_walk_bytes(walk), bytes);
	tree_walk_free(walk);
}

static unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_a_walk_that_rests_holds_two_descriptors_and_goes_on(void **state)
{
	uint64_t bytes = make_tree("tree");
	unsigned n_before = count_descriptors();
	struct tree_walk *walk;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(tree_walk_new(root_fd, "tree", TREE_MEASURE, &walk, &e), 0);
	while (!tree_walk_step(walk, 7)) {
		tree_walk_rest(walk);
		assert_true(count_descriptors() <= n_before + 2);
	}
	assert_int_equal(tree_walk_bytes(walk), bytes);
	tree_walk_free(walk);
}

/* The walk is far below when what it came through is moved: it ends, and finds the rest of the top. */
static void test_a_walk_does_not_leave_what_it_measures(void **state)
{
	char deep[LEVELS * 2] = "tree";
	uint64_t bytes = make_tree("tree"), elsewhere;
	struct tree_walk *walk;
	struct err e = { 0 };

	(void)state;
	elsewhere = make_tree("elsewhere");
	for (int i = 0; i < 80; i++)
		strcat(deep, "/d");
	assert_int_equal(tree_walk_new(root_fd, "tree", TREE_MEASURE, &walk, &e), 0);
	/* Whatever the order in a directory is, some of these steps end below the one that is moved. */
	for (int steps = 0; !tree_walk_step(walk, 1); steps++) {
		if (steps % 50 == 0)
			(void)renameat(root_fd, steps % 100 ? "elsewhere/moved" : deep, root_fd,
				       steps % 100 ? deep : "elsewhere/moved");
	}
	assert_true(tree_walk_bytes(walk) > 64 * FILE_BYTES);
	assert_true(tree_walk_bytes(walk) < bytes + elsewhere);
	tree_walk_free(walk);
}

static void test_a_deep_tree_is_removed_in_steps_and_links_are_not_followed(void **state)
{
	struct tree_walk *walk;
	struct err e = { 0 };
	int steps = 0;

	(void)state;
	make_file(root_fd, "kept");
	(void)make_tree("tree");
	assert_int_equal(symlinkat(root, root_fd, "tree/d/d/link"), 0);
	assert_int_equal(tree_walk_new(root_fd, "tree", TREE_REMOVE, &walk, &e), 0);
	while (!tree_walk_step(walk, 7))
		steps++;
	tree_walk_free(walk);
	assert_true(steps > 10);
	assert_int_equal(unlinkat(root_fd, "tree", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(root_fd, "kept", 0), 0);
}

static void test_a_tree_is_removed_at_once(void **state)
{
	struct err e = { 0 };

	(void)state;
	(void)make_tree("tree");
	assert_int_equal(tree_remove(root_fd, "tree", &e), 0);
	assert_int_equal(faccessat(root_fd, "tree", F_OK, 0), -1);
	assert_int_equal(tree_remove(root_fd, "tree", &e), 0);
	make_file(root_fd, "file");
	(void)make_tree("tree");
	assert_int_equal(symlinkat("tree", root_fd, "link"), 0);
	assert_int_equal(tree_remove(root_fd, "file", &e), 0);
	assert_int_equal(tree_remove(root_fd, "link", &e), 0);
	assert_int_equal(faccessat(root_fd, "file", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(faccessat(root_fd, "link", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(tree_remove(root_fd, "tree", &e), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_of_a_deep_tree_is_measured),
		TEST(test_a_walk_that_rests_holds_two_descriptors_and_goes_on),
		TEST(test_a_walk_does_not_leave_what_it_measures),
		TEST(test_a_deep_tree_is_removed_in_steps_and_links_are_not_followed),
		TEST(test_a_tree_is_removed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
