#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"

struct options {
	char *work_dir;
	char *master;
	uint64_t port;
	bool quota;
	int64_t timeout;
	char **env;
};

#define ROW(name_, kind_, member_, fallback_, help_, ...) \
	{ .name = (name_), .kind = (kind_), .off = offsetof(struct options, member_), \
	  .fallback = (fallback_), .help = (help_) __VA_OPT__(,) __VA_ARGS__ }
static const struct flag flags[] = {
	ROW("work_dir", FLAG_STR, work_dir, "/var/lib/x", "where state is"),
	ROW("master", FLAG_STR, master, NULL, "address of the master", .letter = 'm'),
	ROW("port", FLAG_U64, port, "5051", "port to listen on", .max = 65535, .letter = 'p'),
	ROW("cfs-quota", FLAG_BOOL, quota, NULL, "limit cpu", .letter = 'q'),
	ROW("timeout", FLAG_MILLIS, timeout, "15secs", "patience", .max = 1209600000),
	ROW("env", FLAG_LIST, env, NULL, "a variable", .letter = 'e'),
};

static int parse(char *const *argv, struct options *o, int *ret_index, struct err *e)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return flags_parse(flags, ARRAY_SIZE(flags), "TEST_FLAGS", argc, argv, o, ret_index, e);
}

#define ARGV(...) ((char *[]){ (char[]){ "program" }, __VA_ARGS__ __VA_OPT__(,) NULL })
#define A(text) ((char[]){ text })

static void test_defaults(void **state)
{
	struct options o = { 0 };
	struct err e = { 0 };
	int index = -1;

	(void)state;
	assert_int_equal(parse(ARGV(), &o, &index, &e), 0);
	assert_int_equal(index, 1);
	assert_string_equal(o.work_dir, "/var/lib/x");
	assert_null(o.master);
	assert_int_equal(o.port, 5051);
	assert_false(o.quota);
	assert_int_equal(o.timeout, 15000);
	flags_done(flags, ARRAY_SIZE(flags), &o);
	assert_null(o.work_dir);
}

static void test_letters_and_lists(void **state)
{
	struct options o = { 0 };
	struct err e = { 0 };
	int index = -1;

	(void)state;
	assert_int_equal(parse(ARGV(A("-m"), A("h:1"), A("-p7"), A("-qe"), A("A=1"),
				    A("--env=B"), A("--"), A("-x")), &o, &index, &e), 0);
	assert_int_equal(index, 8);
	assert_string_equal(o.master, "h:1");
	assert_int_equal(o.port, 7);
	assert_true(o.quota);
	assert_string_equal(o.env[0], "A=1");
	assert_string_equal(o.env[1], "B");
	assert_null(o.env[2]);
	flags_done(flags, ARRAY_SIZE(flags), &o);
	assert_null(o.env);
}

static void test_all_forms(void **state)
{
	struct options o = { 0 };
	struct err e = { 0 };
	int index = -1;

	(void)state;
	assert_int_equal(parse(ARGV(A("--work-dir=/a"), A("--master"), A("h:1"), A("--cfs_quota"),
				    A("--timeout=500ms"), A("--port=1"), A("--port=2"), A("app"),
				    A("--port=x")), &o, &index, &e), 0);
	assert_int_equal(index, 8);
	assert_string_equal(o.work_dir, "/a");
	assert_string_equal(o.master, "h:1");
	assert_int_equal(o.port, 2);
	assert_true(o.quota);
	assert_int_equal(o.timeout, 500);
	flags_done(flags, ARRAY_SIZE(flags), &o);
}

static void test_booleans_and_end_of_flags(void **state)
{
	static const struct {
		const char *text;
		bool is_on;
	} rows[] = {
		{ "--cfs-quota", true },        { "--cfs-quota=true", true },
		{ "--cfs-quota=false", false }, { "--no-cfs-quota", false },
		{ "--no_cfs_quota", false },    { "--cfs_quota=1", true },
		{ "-q", true },			{ "-qq", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct options o = { .quota = !rows[i].is_on };
		struct err e = { 0 };
		char text[32];
		int index = -1;

		(void)snprintf(text, sizeof(text), "%s", rows[i].text);
		assert_int_equal(parse(ARGV(text, A("--"), A("--port")), &o, &index, &e), 0);
		assert_int_equal(index, 3);
		assert_int_equal(o.quota, rows[i].is_on);
		flags_done(flags, ARRAY_SIZE(flags), &o);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t millis;
		const char *printed;
	} rows[] = {
		{ "500ms", 500, "500ms" },     { "15secs", 15000, "15secs" },
		{ "1mins", 60000, "1mins" },   { "1hrs", 3600000, "1hrs" },
		{ "15s", 15000, "15secs" },    { "2m", 120000, "2mins" },
		{ "1h", 3600000, "1hrs" },     { "0ms", 0, "0ms" },
		{ "90secs", 90000, "90secs" }, { "60000ms", 60000, "1mins" },
		{ "3days", 259200000, "3days" }, { "1weeks", 604800000, "1weeks" },
		{ "168h", 604800000, "1weeks" }, { "2d", 172800000, "2days" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct options o = { 0 };
		struct err e = { 0 };
		char text[32];
		json_t *json;
		int index;

		(void)snprintf(text, sizeof(text), "%s", rows[i].text);
		assert_int_equal(parse(ARGV(A("--timeout"), text), &o, &index, &e), 0);
		assert_int_equal(o.timeout, rows[i].millis);
		json = flags_to_json(flags, ARRAY_SIZE(flags), &o);
		assert_string_equal(json_string_value(json_object_get(json, "timeout")),
				    rows[i].printed);
		json_decref(json);
		flags_done(flags, ARRAY_SIZE(flags), &o);
	}
}

static void test_environment(void **state)
{
	struct options o = { 0 };
	struct err e = { 0 };
	int index;

	(void)state;
	assert_int_equal(setenv("TEST_FLAGS_WORK_DIR", "/env", 1), 0);
	assert_int_equal(setenv("TEST_FLAGS_PORT", "7", 1), 0);
	assert_int_equal(setenv("TEST_FLAGS_CFS_QUOTA", "true", 1), 0);
	assert_int_equal(parse(ARGV(A("--port=8")), &o, &index, &e), 0);
	assert_string_equal(o.work_dir, "/env");
	assert_int_equal(o.port, 8);
	assert_true(o.quota);
	flags_done(flags, ARRAY_SIZE(flags), &o);

	assert_int_equal(setenv("TEST_FLAGS_PORT", "seven", 1), 0);
	assert_int_equal(parse(ARGV(), &o, &index, &e), -EINVAL);
	assert_string_equal(e.msg, "environment 'TEST_FLAGS_PORT': "
				   "read flag '--port': 'seven' is not a whole number");
	assert_null(o.work_dir);
	(void)unsetenv("TEST_FLAGS_WORK_DIR");
	(void)unsetenv("TEST_FLAGS_PORT");
	(void)unsetenv("TEST_FLAGS_CFS_QUOTA");
}

static const struct {
	const char *arg, *msg;
} bad[] = {
	{ "--nope", "read flag '--nope': no such flag, see --help" },
	{ "--nope=1", "read flag '--nope': no such flag, see --help" },
	{ "--no-port", "read flag '--no-port': no such flag, see --help" },
	{ "--port", "read flag '--port': it takes a whole number" },
	{ "--port=", "read flag '--port': '' is not a whole number" },
	{ "--port=-1", "read flag '--port': '-1' is not a whole number" },
	{ "--port=12x", "read flag '--port': '12x' is not a whole number" },
	{ "--port=65536", "read flag '--port': '65536' is more than 65535" },
	{ "--port=99999999999999999999",
	  "read flag '--port': '99999999999999999999' is more than 65535" },
	{ "--cfs-quota=maybe", "read flag '--cfs-quota': 'maybe' is not true or false" },
	{ "--timeout=15", "read flag '--timeout': '15' is not a duration such as 500ms, 15secs, "
			  "1mins or 2hrs" },
	{ "--timeout=3weeks", "read flag '--timeout': '3weeks' is more than 1209600000ms" },
	{ "--timeout=99999999999999999hrs",
	  "read flag '--timeout': '99999999999999999hrs' is more than 1209600000ms" },
	{ "-p", "read flag '-p': it takes a whole number" },
	{ "-px", "read flag '--port': 'x' is not a whole number" },
	{ "-x", "read flag '-x': flags start with '--'" },
	{ "-qx", "read flag '-qx': flags start with '--'" },
	{ "--=x", "read flag '--': no such flag, see --help" },
	{ "--no", "read flag '--no': no such flag, see --help" },
};

static void test_bad_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct options o = { 0 };
		struct err e = { 0 };
		char text[64];
		int index = 7;

		(void)snprintf(text, sizeof(text), "%s", bad[i].arg);
		assert_int_equal(parse(ARGV(text), &o, &index, &e), -EINVAL);
		assert_string_equal(e.msg, bad[i].msg);
		assert_int_equal(index, 7);
		assert_null(o.work_dir);
	}
}

static void test_json(void **state)
{
	struct options o = { 0 };
	struct err e = { 0 };
	json_t *json;
	char *text;
	int index;

	(void)state;
	assert_int_equal(parse(ARGV(), &o, &index, &e), 0);
	json = flags_to_json(flags, ARRAY_SIZE(flags), &o);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, "{\"work_dir\":\"/var/lib/x\",\"master\":\"\",\"port\":\"5051\","
				  "\"cfs-quota\":\"false\",\"timeout\":\"15secs\",\"env\":[]}");
	free(text);
	json_decref(json);
	flags_done(flags, ARRAY_SIZE(flags), &o);
}

/* Words of IN as they stand after flags_move_first(), joined. */
static void assert_moved(const char *in, const char *expected)
{
	char text[128], joined[128] = "", *argv[16], *rest = text;
	struct err e = { 0 };
	int argc = 0;

	(void)snprintf(text, sizeof(text), "%s", in);
	while (rest)
		argv[argc++] = strsep(&rest, " ");
	assert_int_equal(flags_move_first(flags, ARRAY_SIZE(flags), argc, argv, &e), 0);
	for (int i = 0; i < argc; i++)
		(void)snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
			       i ? " " : "", argv[i]);
	assert_string_equal(joined, expected);
}

static void test_options_may_stand_anywhere(void **state)
{
	char last[] = "--work-dir", *argv[] = { last };
	struct err e = { 0 };

	(void)state;
	assert_moved("a --work_dir x b", "--work_dir x a b");
	assert_moved("a --work-dir=x b", "--work-dir=x a b");
	assert_moved("a --cfs-quota b --no-cfs-quota c", "--cfs-quota --no-cfs-quota a b c");
	assert_moved("a --nope b -x c", "--nope -x a b c");
	assert_moved("a -m x b -qe y c -p7 d -q f", "-m x -qe y -p7 -q a b c d f");
	assert_moved("a -- --work_dir", "a -- --work_dir");
	assert_moved("a - b", "a - b");
	assert_int_equal(flags_move_first(flags, ARRAY_SIZE(flags), 1, argv, &e), -EINVAL);
	assert_string_equal(e.msg, "read flag '--work-dir': its value is missing");
}

static void test_help(void **state)
{
	char buf[2000];
	size_t n;
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);

	(void)state;
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	flags_print_help(flags, ARRAY_SIZE(flags), "TEPUI_AGENT");
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	rewind(file);
	n = fread(buf, 1, sizeof(buf) - 1, file);
	buf[n] = '\0';
	(void)fclose(file);
	assert_non_null(strstr(buf, "--work_dir=TEXT"));
	assert_non_null(strstr(buf, "port to listen on (default: 5051)\n"));
	assert_non_null(strstr(buf, "TEPUI_AGENT_WORK_DIR"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_letters_and_lists),
		cmocka_unit_test(test_all_forms),
		cmocka_unit_test(test_booleans_and_end_of_flags),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_options_may_stand_anywhere),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
