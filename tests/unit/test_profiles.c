/* Named seccomp profiles: what is found in a directory, and what keeps an agent from starting. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/profiles.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const char good[] = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":"
	"[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}";

struct place {
	char dir[64];
};

static void put(const struct place *p, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void drop(const struct place *p, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	assert_int_equal(remove(path), 0);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/tepui-profiles-XXXXXX");
	*state = p;
	return mkdtemp(p->dir) ? 0 : -1;
}

static int teardown(void **state)
{
	struct place *p = *state;
	int r = rmdir(p->dir);

	free(p);
	return r;
}

static void test_profiles_are_found_by_file_name(void **state)
{
	struct profiles profiles;
	struct err e = { 0 };

	put(*state, "strict.json", good);
	put(*state, ".hidden", "not json");
	assert_int_equal(profiles_load(((struct place *)*state)->dir, &profiles, &e), 0);
	assert_int_equal(profiles.n, 1);
	assert_non_null(profiles_find(&profiles, "strict.json"));
	assert_null(profiles_find(&profiles, ".hidden"));
	assert_null(profiles_find(&profiles, "../strict.json"));
	profiles_done(&profiles);
	drop(*state, "strict.json");
	drop(*state, ".hidden");
}

static void test_no_directory_is_no_profiles(void **state)
{
	struct profiles profiles;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(profiles_load(NULL, &profiles, &e), 0);
	assert_int_equal(profiles.n, 0);
	assert_int_equal(profiles_load("/nonexistent", &profiles, &e), -ENOENT);
	assert_string_equal(e.msg, "open seccomp profiles '/nonexistent'");
}

static void test_bad_profiles_are_named(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "", "bad: line 1 column 0" },
		{ "{", "bad: line 1 column 1" },
		{ "{}", "bad: seccomp.defaultAction: missing" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}",
		  "bad: seccomp.syscalls: not a list of 1..1024" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profiles profiles = { .n = 7 };
		struct err e = { 0 };

		put(p, "bad", rows[i].text);
		assert_true(profiles_load(p->dir, &profiles, &e) < 0);
		assert_non_null(strstr(e.msg, rows[i].msg));
		assert_non_null(strstr(e.msg, p->dir));
		assert_int_equal(profiles.n, 0);
	}
	drop(p, "bad");
}

/* Neither followed nor waited for. */
static void test_only_files_are_read(void **state)
{
	struct place *p = *state;
	struct profiles profiles;
	struct err e = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/odd", p->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(profiles_load(p->dir, &profiles, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "read 'odd': not a regular file"));
	drop(p, "odd");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	err_clear(&e);
	assert_int_equal(profiles_load(p->dir, &profiles, &e), -ELOOP);
	drop(p, "odd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_profiles_are_found_by_file_name, setup,
						teardown),
		cmocka_unit_test(test_no_directory_is_no_profiles),
		cmocka_unit_test_setup_teardown(test_bad_profiles_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_files_are_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
