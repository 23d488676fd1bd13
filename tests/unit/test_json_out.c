/* JSON as text: commas, escapes, and numbers as the rest of the program prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/cleanup.h"
#include "lib/json_out.h"
#include "lib/pb_json.h"

static void assert_wrote(struct json_out *out, const char *expected)
{
	size_t size = 0;
	char *text = json_out_take(out, &size);

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(size, strlen(expected));
	free(text);
}

static void test_commas_come_by_themselves(void **state)
{
	struct json_out out = { 0 };

	(void)state;
	json_out_open(&out, '{');
	json_out_key(&out, "a");
	json_out_open(&out, '[');
	json_out_int(&out, 1);
	json_out_open(&out, '{');
	json_out_close(&out, '}');
	json_out_null(&out);
	json_out_close(&out, ']');
	json_out_key(&out, "b");
	json_out_bool(&out, true);
	json_out_text(&out, "\"c\":[],\"d\":0", 12);
	json_out_key(&out, "e");
	json_out_string(&out, "");
	json_out_key_string(&out, "f", NULL);
	json_out_key_string(&out, "g", "h");
	json_out_key_uint(&out, "i", 1);
	json_out_close(&out, '}');
	assert_wrote(&out, "{\"a\":[1,{},null],\"b\":true,\"c\":[],\"d\":0,\"e\":\"\",\"g\":\"h\",\"i\":1}");
}

static void test_what_was_written_may_leave_before_the_rest_comes(void **state)
{
	struct json_out out = { 0 };

	(void)state;
	json_out_open(&out, '[');
	json_out_int(&out, 1);
	json_out_clear(&out);
	json_out_int(&out, 2);
	json_out_close(&out, ']');
	assert_wrote(&out, ",2]");
}

static const char *const texts[] = {
	"", "plain", "a\"b\\c/d", "\b\f\n\r\t\x01\x1f\x7f", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	"before \xc3\xa4 \"after\"",
};

static void test_strings_are_escaped_as_jansson_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json_out out = { 0 };
		json_t *string = json_string(texts[i]);
		char *expected = json_dumps(string, JSON_ENCODE_ANY);

		json_out_string(&out, texts[i]);
		assert_wrote(&out, expected);
		free(expected);
		json_decref(string);
	}
}

static void test_bytes_that_are_no_text_are_replaced(void **state)
{
	struct json_out out = { 0 };

	(void)state;
	json_out_open(&out, '{');
	json_out_key(&out, "k\xff");
	json_out_string(&out, "a\xc0\x80z\n");
	json_out_close(&out, '}');
	assert_wrote(&out, "{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd\xef\xbf\xbdz\\n\"}");
}

static void test_integers_are_whole(void **state)
{
	struct json_out out = { 0 };

	(void)state;
	json_out_open(&out, '[');
	json_out_int(&out, 0);
	json_out_int(&out, -7);
	json_out_int(&out, INT64_MAX);
	json_out_int(&out, INT64_MIN);
	json_out_uint(&out, UINT64_MAX);
	json_out_close(&out, ']');
	assert_wrote(&out, "[0,-7,9223372036854775807,-9223372036854775808,"
		     "\"18446744073709551615\"]");
}

static void assert_real_as_jansson(double value)
{
	struct json_out out = { 0 };
	json_t *real = json_real(value);
	char *theirs = json_dumps(real, PB_JSON_DUMP | JSON_ENCODE_ANY), *ours;
	size_t size = 0;

	json_out_real(&out, value);
	ours = json_out_take(&out, &size);
	assert_non_null(ours);
	/* Only an exponent may look otherwise: "1e+20" is "1e20" there. */
	if (strchr(theirs, 'e'))
		assert_true(strtod(ours, NULL) == strtod(theirs, NULL) && strchr(ours, 'e'));
	else
		assert_string_equal(ours, theirs);
	free(ours);
	free(theirs);
	json_decref(real);
}

static void test_reals_have_a_fraction_and_fifteen_digits(void **state)
{
	static const double values[] = {
		0, 5, 0.1, 0.001, 0.01, 1.5, 0.3, 2.675, 1600000000.123, 1600000000.1234, 1e11,
		999999999999.999, 1e12, 1e15, 1e16, 1e20, 1e-7, 0.0005, 123456.789, -0.0, -1.25,
		1.0 / 3, DBL_MAX, DBL_MIN, 1000000.001, 0.1 + 0.2,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_real_as_jansson(values[i]);
	for (int i = 0; i < 100000; i += 7)
		assert_real_as_jansson(i / 1000.0);
}

static void test_what_is_not_finite_is_a_name(void **state)
{
	struct json_out out = { 0 };

	(void)state;
	json_out_open(&out, '[');
	json_out_real(&out, NAN);
	json_out_real(&out, INFINITY);
	json_out_real(&out, -INFINITY);
	json_out_close(&out, ']');
	assert_wrote(&out, "[\"NaN\",\"Infinity\",\"-Infinity\"]");
}

static void test_a_tree_is_written_as_jansson_does(void **state)
{
	static const char document[] =
		"{\"a\":[1,-2,0.5,12345.678,100.0],\"b\":{},\"c\":[],\"d\":{\"e\":null,\"f\":[true,false]},"
		"\"g\":\"x\\n\\u0001\\\"\u00e9/\"}";
	json_t *tree = json_loads(document, 0, NULL);
	char *expected = json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(15)), *text;
	struct json_out out = { 0 };
	size_t size;

	(void)state;
	json_out_open(&out, '[');
	json_out_int(&out, 1);
	json_out_tree(&out, tree);
	json_out_close(&out, ']');
	text = json_out_take(&out, &size);
	assert_int_equal(size, strlen(expected) + strlen("[1,]"));
	assert_memory_equal(text + strlen("[1,"), expected, strlen(expected));
	free(text);
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas_come_by_themselves),
		cmocka_unit_test(test_what_was_written_may_leave_before_the_rest_comes),
		cmocka_unit_test(test_strings_are_escaped_as_jansson_does),
		cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(test_integers_are_whole),
		cmocka_unit_test(test_reals_have_a_fraction_and_fifteen_digits),
		cmocka_unit_test(test_what_is_not_finite_is_a_name),
		cmocka_unit_test(test_a_tree_is_written_as_jansson_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
