/* OCI resources objects put into documents: what changes, what stays, what is refused. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "containerizer/spec_update.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static json_t *document(const char *resources)
{
	return json_pack("{s:s, s:{s:o}}", "ociVersion", "1.2.0", "linux", "resources",
			 parse(resources));
}

static const struct {
	const char *old, *update, *merged;
} rows[] = {
	{ "{}", "{\"pids\":{\"limit\":5}}", "{\"pids\":{\"limit\":5}}" },
	{ "{\"pids\":{\"limit\":5},\"cpu\":{\"shares\":2}}", "{\"pids\":{\"limit\":-1}}",
	  "{\"pids\":{\"limit\":-1},\"cpu\":{\"shares\":2}}" },
	/* Zero and null are "not set", but where zero is a value. */
	{ "{\"cpu\":{\"shares\":2,\"quota\":5000,\"burst\":7}}",
	  "{\"cpu\":{\"shares\":0,\"quota\":null,\"burst\":0},\"memory\":null}",
	  "{\"cpu\":{\"shares\":2,\"quota\":5000,\"burst\":0}}" },
	/* The allowance of swap stays. */
	{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "{\"memory\":{\"limit\":300}}",
	  "{\"memory\":{\"limit\":300,\"swap\":300}}" },
	{ "{\"memory\":{\"limit\":300,\"swap\":350}}", "{\"memory\":{\"limit\":100}}",
	  "{\"memory\":{\"limit\":100,\"swap\":150}}" },
	{ "{\"memory\":{\"limit\":300,\"swap\":350}}", "{\"memory\":{\"limit\":-1}}",
	  "{\"memory\":{\"limit\":-1}}" },
	{ "{\"memory\":{\"limit\":300,\"swap\":-1}}", "{\"memory\":{\"limit\":100}}",
	  "{\"memory\":{\"limit\":100,\"swap\":-1}}" },
	{ "{\"memory\":{\"limit\":300,\"swap\":350}}", "{\"memory\":{\"limit\":100,\"swap\":100}}",
	  "{\"memory\":{\"limit\":100,\"swap\":100}}" },
	/* Lists by what their entries are about. */
	{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1},{\"pageSize\":\"1GB\",\"limit\":2}]}",
	  "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":3},{\"pageSize\":\"64KB\",\"limit\":0}]}",
	  "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1},{\"pageSize\":\"1GB\",\"limit\":3},"
	  "{\"pageSize\":\"64KB\",\"limit\":0}]}" },
	{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1}]}}",
	  "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":16,\"rate\":2},"
	  "{\"major\":8,\"minor\":0,\"rate\":0}]}}",
	  "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":0},"
	  "{\"major\":8,\"minor\":16,\"rate\":2}]}}" },
	{ "{\"rdma\":{\"a\":{\"hcaHandles\":1}}}", "{\"rdma\":{\"b\":{\"hcaHandles\":0}}}",
	  "{\"rdma\":{\"a\":{\"hcaHandles\":1},\"b\":{\"hcaHandles\":0}}}" },
	{ "{\"unified\":{\"memory.high\":\"1\"}}", "{\"unified\":{\"memory.min\":\"2\"}}",
	  "{\"unified\":{\"memory.high\":\"1\",\"memory.min\":\"2\"}}" },
	/* Rules are an order, not a set. */
	{ "{\"devices\":[{\"allow\":false}]}", "{\"devices\":[{\"allow\":true,\"type\":\"c\"}]}",
	  "{\"devices\":[{\"allow\":true,\"type\":\"c\"}]}" },
};

static void test_merge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *doc = document(rows[i].old), *update = parse(rows[i].update);
		json_auto_t *merged = document(rows[i].merged);
		struct err e = { 0 };

		if (spec_merge_resources(doc, update, &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		if (!json_equal(doc, merged)) {
			AUTO_FREE char *text = json_dumps(doc, JSON_COMPACT);

			fail_msg("row %zu: %s", i, text);
		}
	}
}

static const struct {
	const char *update;
	int r;
	const char *msg;
} refusals[] = {
	{ "{\"pids\":{\"limit\":-2}}", -ERANGE,
	  "linux.resources.pids.limit: -2 is outside -1..4194304" },
	{ "{\"pid\":{\"limit\":1}}", -EINVAL, "linux.resources.pid: unknown field" },
	{ "{\"cpu\":{\"realtimeRuntime\":5}}", -ENOTSUP,
	  "linux.resources.cpu.realtimeRuntime: not supported: cgroup v2 does not divide real time" },
	{ "[]", -EINVAL, "linux.resources: not an object" },
	{ "{\"hugepageLimits\":5}", -EINVAL, "linux.resources.hugepageLimits: not a list" },
	{ "{\"hugepageLimits\":[5]}", -EINVAL, "linux.resources.hugepageLimits[0]: not an object" },
};

static void test_a_refusal_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		json_auto_t *doc = document("{\"pids\":{\"limit\":5}}");
		json_auto_t *before = json_deep_copy(doc), *update = parse(refusals[i].update);
		struct err e = { 0 };

		assert_int_equal(spec_merge_resources(doc, update, &e), refusals[i].r);
		assert_string_equal(e.msg, refusals[i].msg);
		assert_true(json_equal(doc, before));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_a_refusal_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
