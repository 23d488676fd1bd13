#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

static int parse(const char *text, size_t size, struct err *e)
{
	/* A copy of the exact size, so that a read behind its end is seen. */
	char *copy = malloc(size > 0 ? size : 1);
	json_t *json = NULL;
	int r;

	memcpy(copy, text, size);
	r = json_in_parse(copy, size, &json, e);
	if (r == 0)
		assert_non_null(json);
	json_decref(json);
	free(copy);
	return r;
}

static void test_good(void **state)
{
	static const char *const good[] = {
		"{}", "[]",       " [1, -2.5e3, true, null, \"x\"] ", "{\"a\":{\"b\":[[]]}}",
		"1",  "\"text\"", "{\"a:b,c[{\":\"\\\"}]\"}",         "\n{\"\\u00e9\":1}\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err e = { 0 };

		assert_int_equal(parse(good[i], strlen(good[i]), &e), 0);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *start;
	} bad[] = {
		{ "", "line 1 column 0: " },
		{ "{", "line 1 column 1: " },
		{ "{\n  \"a\": x}", "line 2 column " },
		{ "{\"a\":1,\"a\":2}", "line 1 column " },
		{ "[1] 2", "line 1 column " },
		{ "[\"\\u0000\"]", "line 1 column " },
		{ "{\"\xff\":1}", "line 1 column " },
		{ "[1,]", "line 1 column " },
		{ "[1e400]", "line 1 column " },
		{ "[99999999999999999999]", "line 1 column " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		assert_int_equal(parse(bad[i].text, strlen(bad[i].text), &e), -EINVAL);
		assert_memory_equal(e.msg, bad[i].start, strlen(bad[i].start));
	}
}

static void test_nul_byte_is_refused(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse("[1]\0", 4, &e), -EINVAL);
}

static int parse_nested(int depth, char open, char close, struct err *e)
{
	char text[4096];

	memset(text, open, (size_t)depth);
	memset(text + depth, close, (size_t)depth);
	return parse(text, 2 * (size_t)depth, e);
}

static void test_depth(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse_nested(JSON_IN_MAX_DEPTH, '[', ']', &e), 0);
	assert_int_equal(parse_nested(JSON_IN_MAX_DEPTH + 1, '[', ']', &e), -EINVAL);
	assert_string_equal(e.msg, "line 1 column 33: nested deeper than 32 levels");
	err_clear(&e);
	assert_int_equal(parse_nested(2000, '[', ']', &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(parse_nested(2000, '{', '}', &e), -EINVAL);
}

/* N values in a list: the list itself counts as one more. */
static int parse_many(size_t n, const char *item, struct err *e)
{
	size_t size = strlen(item);
	char *text = malloc(n * (size + 1) + 2);
	char *p = text;
	int r;

	*p++ = '[';
	for (size_t i = 0; i < n; i++) {
		memcpy(p, item, size);
		p += size;
		*p++ = i + 1 < n ? ',' : ']';
	}
	r = parse(text, (size_t)(p - text), e);
	free(text);
	return r;
}

static void test_number_of_values(void **state)
{
	static const char *const items[] = { "1", "\"a\"", "{}", "[]", "null", "-1.5e3", " true " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		struct err e = { 0 };

		assert_int_equal(parse_many(JSON_IN_MAX_VALUES - 1, items[i], &e), 0);
		assert_int_equal(parse_many(JSON_IN_MAX_VALUES, items[i], &e), -E2BIG);
	}
}

/* A key is no value: {"a":1} counts two. */
static void test_keys_do_not_count(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse_many((JSON_IN_MAX_VALUES - 1) / 2, "{\"a\":1}", &e), 0);
	assert_int_equal(parse_many((JSON_IN_MAX_VALUES - 1) / 2 + 1, "{\"a\" : 1}", &e), -E2BIG);
	err_clear(&e);
	/* Colons elsewhere do not make room for more. */
	assert_int_equal(parse_many(JSON_IN_MAX_VALUES + 1, "1:::", &e), -E2BIG);
}

static void test_another_bound(void **state)
{
	static const char text[] = "[1,2,3]";
	struct err e = { 0 };
	json_t *json;

	(void)state;
	assert_int_equal(json_in_parse_up_to(text, strlen(text), 4, &json, &e), 0);
	json_decref(json);
	assert_int_equal(json_in_parse_up_to(text, strlen(text), 3, &json, &e), -E2BIG);
	assert_string_equal(e.msg, "line 1 column 6: more than 3 values");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul_byte_is_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_number_of_values),
		cmocka_unit_test(test_keys_do_not_count),
		cmocka_unit_test(test_another_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
