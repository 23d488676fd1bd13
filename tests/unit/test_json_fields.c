#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_fields.h"

struct sample {
	char *name;
	uint64_t size;
	int64_t offset;
	double share;
	bool is_on;
	char **args;
	json_t *extra;
};

static const struct json_field fields[] = {
	{ "name", JSON_F_STR, true, offsetof(struct sample, name), 1, 8 },
	{ "size", JSON_F_U64, false, offsetof(struct sample, size), 10, 1000 },
	{ "offset", JSON_F_I64, false, offsetof(struct sample, offset), (uint64_t)-5, 5 },
	{ "share", JSON_F_DOUBLE, false, offsetof(struct sample, share), 0, 0 },
	{ "on", JSON_F_BOOL, false, offsetof(struct sample, is_on), 0, 0 },
	{ "args", JSON_F_STR_LIST, false, offsetof(struct sample, args), 0, 3 },
	{ "extra", JSON_F_JSON, false, offsetof(struct sample, extra), 0, 0 },
	{ "comment", JSON_F_IGNORED, false, 0, 0, 0 },
};

static int read_sample(const char *text, struct sample *s, struct err *e)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int r;

	assert_non_null(json);
	r = json_read_fields(json, "sample", fields, ARRAY_SIZE(fields), s, e);
	json_decref(json);
	return r;
}

static void test_all_kinds(void **state)
{
	struct sample s = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
		read_sample("{\"name\":\"n\",\"size\":10,\"offset\":-5,\"share\":2,\"on\":true,"
			    "\"args\":[\"a\",\"b\"],\"extra\":{\"k\":[1]},\"comment\":7}",
			    &s, &e),
		0);
	assert_string_equal(s.name, "n");
	assert_int_equal(s.size, 10);
	assert_int_equal(s.offset, -5);
	assert_true(s.share > 1.9 && s.share < 2.1);
	assert_true(s.is_on);
	assert_string_equal(s.args[0], "a");
	assert_string_equal(s.args[1], "b");
	assert_null(s.args[2]);
	assert_true(json_is_array(json_object_get(s.extra, "k")));
	json_free_fields(fields, ARRAY_SIZE(fields), &s);
	assert_null(s.name);
	assert_null(s.args);
	assert_null(s.extra);
}

static void test_absent_and_null_leave_defaults(void **state)
{
	struct sample s = { .size = 77, .share = 1.5, .is_on = true };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(read_sample("{\"name\":\"n\",\"size\":null,\"args\":null}", &s, &e), 0);
	assert_int_equal(s.size, 77);
	assert_true(s.is_on);
	assert_null(s.args);
	json_free_fields(fields, ARRAY_SIZE(fields), &s);
}

static const struct {
	const char *json;
	int r;
	const char *msg;
} bad[] = {
	{ "[]", -EINVAL, "sample: not an object" },
	{ "{}", -EINVAL, "sample.name: missing" },
	{ "{\"name\":null}", -EINVAL, "sample.name: missing" },
	{ "{\"name\":\"n\",\"sise\":10}", -EINVAL, "sample.sise: unknown field" },
	{ "{\"name\":7}", -EINVAL, "sample.name: not a string" },
	{ "{\"name\":\"\"}", -ERANGE, "sample.name: 0 bytes is outside 1..8" },
	{ "{\"name\":\"123456789\"}", -ERANGE, "sample.name: 9 bytes is outside 1..8" },
	{ "{\"name\":\"n\",\"size\":-1}", -EINVAL, "sample.size: not an unsigned integer" },
	{ "{\"name\":\"n\",\"size\":1.5}", -EINVAL, "sample.size: not an unsigned integer" },
	{ "{\"name\":\"n\",\"size\":\"10\"}", -EINVAL, "sample.size: not an unsigned integer" },
	{ "{\"name\":\"n\",\"size\":9}", -ERANGE, "sample.size: 9 is outside 10..1000" },
	{ "{\"name\":\"n\",\"size\":1001}", -ERANGE, "sample.size: 1001 is outside 10..1000" },
	{ "{\"name\":\"n\",\"offset\":6}", -ERANGE, "sample.offset: 6 is outside -5..5" },
	{ "{\"name\":\"n\",\"offset\":-6}", -ERANGE, "sample.offset: -6 is outside -5..5" },
	{ "{\"name\":\"n\",\"offset\":true}", -EINVAL, "sample.offset: not an integer" },
	{ "{\"name\":\"n\",\"share\":\"1\"}", -EINVAL, "sample.share: not a number" },
	{ "{\"name\":\"n\",\"on\":1}", -EINVAL, "sample.on: not a boolean" },
	{ "{\"name\":\"n\",\"args\":\"a\"}", -EINVAL, "sample.args: not a list of strings" },
	{ "{\"name\":\"n\",\"args\":[\"a\",1]}", -EINVAL, "sample.args: not a list of strings" },
	{ "{\"name\":\"n\",\"args\":[\"a\",\"b\",\"c\",\"d\"]}", -ERANGE,
	  "sample.args: 4 entries is outside 0..3" },
	{ "{\"name\":\"n\",\"extra\":{},\"args\":[\"a\"],\"on\":7}", -EINVAL,
	  "sample.on: not a boolean" },
};

static void test_bad_input_is_named_and_nothing_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sample s = { .size = 77 };
		struct err e = { 0 };

		assert_int_equal(read_sample(bad[i].json, &s, &e), bad[i].r);
		assert_string_equal(e.msg, bad[i].msg);
		assert_int_equal(e.code, -bad[i].r);
		assert_null(s.name);
		assert_null(s.args);
		assert_null(s.extra);
		assert_int_equal(s.size, 77);
	}
}

/* An owned default is replaced without a leak, which ASan would tell. */
static void test_owned_default_is_replaced(void **state)
{
	struct sample s = { .name = strdup("old") };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(read_sample("{\"name\":\"new\"}", &s, &e), 0);
	assert_string_equal(s.name, "new");
	json_free_fields(fields, ARRAY_SIZE(fields), &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_absent_and_null_leave_defaults),
		cmocka_unit_test(test_bad_input_is_named_and_nothing_is_left),
		cmocka_unit_test(test_owned_default_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
