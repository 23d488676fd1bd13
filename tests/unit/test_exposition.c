/* Prometheus's text format: what is found in it, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/exposition.h"

static int read_text(const char *text, const char *name, const char *value,
		     struct exposition_sum *ret)
{
	struct exposition_query query = { .name = name, .n_labels = value != NULL,
					  .labels = { { "code", value } } };
	struct err e = { 0 };

	return exposition_read(text, strlen(text), &query, ret, &e);
}

static void test_what_is_found(void **state)
{
	static const struct {
		const char *text, *code;	/* of metric "x", NULL: any */
		double sum;
		size_t n;
	} rows[] = {
		{ "x 1", NULL, 1, 1 },
		{ "x 1\n", NULL, 1, 1 },
		{ "x 1\r\nx{} 2\r\n", NULL, 3, 2 },
		{ "# HELP x what it is\n# TYPE x counter\nx 1.5e3 1700000000000\n", NULL, 1500, 1 },
		{ "  x\t-4  \n\n\ny 7", NULL, -4, 1 },
		{ "x{code=\"200\"} 1\nx{code=\"500\"} 2", NULL, 3, 2 },
		{ "x{code=\"200\"} 1\nx{code=\"500\"} 2", "500", 2, 1 },
		{ "x{a=\"1\", code = \"500\" , } 2\nx_total{code=\"500\"} 9", "500", 2, 1 },
		{ "x{code=\"a\\\"b\\\\c\\nd\"} 2", "a\"b\\c\nd", 2, 1 },
		{ "x{code=\"50\"} 1\nx{code=\"5000\"} 1\nx{code=\"500\"} 2", "500", 2, 1 },
		{ "x 1\nx{code=\"\"} 2\nx{code=\"3\"} 4", "", 3, 2 },
		{ "y NaN\nz +Inf\nw -Inf\nx 1", NULL, 1, 1 },
		{ "x{code=\"\xc3\xa4\xff\"} 1", NULL, 1, 1 },
		{ "x 1 # {trace_id=\"1\"} 0.5\nx 2 1.5 # {}\n# EOF\n", NULL, 3, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exposition_sum sum = { 0 };
		int r = read_text(rows[i].text, "x", rows[i].code, &sum);

		if (r < 0 || sum.sum > rows[i].sum || sum.sum < rows[i].sum || sum.n != rows[i].n)
			fail_msg("row %zu: %d, %g of %zu", i, r, sum.sum, sum.n);
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "", -ENOENT },
		{ "y 1\n", -ENOENT },
		{ "x{code=\"1\"} 1\n", -ENOENT },
		{ "x NaN\n", -ERANGE },
		{ "x{code=\"7\"} Inf\n", -ERANGE },
		{ "x 1e999\n", -ERANGE },
		{ "x 1e308\nx{code=\"7\"} 1e308\n", -ERANGE },
		{ "x", -EBADMSG },
		{ "x \n", -EBADMSG },
		{ "x one\n", -EBADMSG },
		{ "x 0x10\n", -EBADMSG },
		{ "x 1 2 3\n", -EBADMSG },
		{ "x 1e\n", -EBADMSG },
		{ "x infinity\n", -EBADMSG },
		{ "1x 1\n", -EBADMSG },
		{ "{} 1\n", -EBADMSG },
		{ "x{ 1\n", -EBADMSG },
		{ "x{code} 1\n", -EBADMSG },
		{ "x{code=1} 1\n", -EBADMSG },
		{ "x{code=\"1} 1\n", -EBADMSG },
		{ "x{code=\"1\\t\"} 1\n", -EBADMSG },
		{ "x{code=\"1\\", -EBADMSG },
		{ "x{code=\"1\"b=\"2\"} 1\n", -EBADMSG },
		{ "x{,} 1\n", -EBADMSG },
		{ "x{1code=\"1\"} 1\n", -EBADMSG },
		{ "<html><body>Not found</body></html>\n", -EBADMSG },
		{ "x 1\ny{ 2\n", -EBADMSG },
		{ "x 11111111111111111111111111111111111111111111111111111111111111111\n", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exposition_sum sum = { 0 };
		bool has_code = strstr(rows[i].text, "code=\"7\"");
		bool wants_code = strcmp(rows[i].text, "x{code=\"1\"} 1\n") == 0;
		int r = read_text(rows[i].text, "x", has_code ? "7" : wants_code ? "2" : NULL, &sum);

		if (r != rows[i].code || sum.n != 0)
			fail_msg("row %zu: %d", i, r);
	}
}

static void test_zero_bytes_end_nothing(void **state)
{
	static const char text[] = "x 1\0\n", labels[] = "x{code=\"5\0\"} 1\n";
	struct exposition_query query = { .name = "x", .n_labels = 1, .labels = { { "code", "5" } } };
	struct exposition_sum sum;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(exposition_read(text, sizeof(text) - 1, &query, &sum, &e), -EBADMSG);
	err_clear(&e);
	assert_int_equal(exposition_read(labels, sizeof(labels) - 1, &query, &sum, &e), -ENOENT);
}

static void test_the_line_is_named(void **state)
{
	static const char text[] = "# a\n\nx 1\nx one\n";
	struct exposition_query query = { .name = "x" };
	struct exposition_sum sum;
	struct err e = { 0 };
	char buf[640];

	(void)state;
	assert_int_equal(exposition_read(text, sizeof(text) - 1, &query, &sum, &e), -EBADMSG);
	assert_string_equal(err_text(&e, buf, sizeof(buf)),
			    "line 4 is not of Prometheus's text format");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_found),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_zero_bytes_end_nothing),
		cmocka_unit_test(test_the_line_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
