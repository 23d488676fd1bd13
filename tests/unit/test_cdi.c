/* Devices by name: vendors' documents read, chosen among, put into containers' documents. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "containerizer/cdi.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static int find_node(const char *path, char *ret_type, unsigned *ret_major, unsigned *ret_minor,
		     struct err *e)
{
	if (strcmp(path, "/dev/host0") != 0)
		return err_set(e, ENOENT, "find device '%s'", path);
	*ret_type = 'c';
	*ret_major = 195;
	*ret_minor = 7;
	return 0;
}

static const struct cdi_options options = { .find_node = find_node };
static const struct cdi_options with_hooks = { .find_node = find_node, .allow_hooks = true };

#define GPU "{\"cdiVersion\":\"0.6.0\",\"kind\":\"vendor.com/gpu\",\"containerEdits\":{\"env\":[\"ALL=1\"]},"
#define DOC "{\"process\":{\"user\":{\"uid\":5,\"gid\":6},\"env\":[\"A=0\",\"B=1\"]},\"linux\":{}}"

/* ---- documents ---- */

static const struct {
	const char *document, *msg;
} broken[] = {
	{ "[]", "document: not an object" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c\"}", "document.devices: missing" },
	{ "{\"cdiVersion\":\"0.2.0\",\"kind\":\"v.com/c\",\"devices\":[]}",
	  "cdiVersion: '0.2.0' is not known" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"vcom\",\"devices\":[]}",
	  "kind: 'vcom' is not VENDOR/CLASS" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c-\",\"devices\":[]}",
	  "kind: 'v.com/c-' is not VENDOR/CLASS" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c\",\"devices\":[]}",
	  "devices: not a list of 1 to 4096" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c\",\"devices\":[{\"name\":\"a/b\",\"containerEdits\":{}}]}",
	  "devices[0].name: 'a/b' is not a name" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c\",\"devices\":[{\"name\":\"a\"}]}",
	  "devices[0].containerEdits: missing" },
	{ "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/c\",\"device\":[]}",
	  "document.device: unknown field" },
};

static void test_broken_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		json_auto_t *document = parse(broken[i].document);
		struct cdi *cdi = cdi_new();
		struct err e = { 0 };

		assert_true(cdi_add(cdi, document, "f", 0, &e) < 0);
		assert_string_equal(e.msg, broken[i].msg);
		cdi_free(cdi);
	}
}

/* ---- edits ---- */

static const struct {
	const char *device, *names, *result;
} injections[] = {
	/* What is common goes in once; a variable that is there is replaced. */
	{ "{\"name\":\"0\",\"containerEdits\":{\"env\":[\"B=2\",\"C=3\"]}},"
	  "{\"name\":\"1\",\"containerEdits\":{\"env\":[\"D=4\"]}}",
	  "vendor.com/gpu=0, vendor.com/gpu=1",
	  "{\"process\":{\"user\":{\"uid\":5,\"gid\":6},\"env\":[\"A=0\",\"B=2\",\"ALL=1\",\"C=3\","
	  "\"D=4\"]},\"linux\":{}}" },
	{ "{\"name\":\"0\",\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/x\","
	  "\"hostPath\":\"/dev/host0\",\"permissions\":\"rw\"}]}}", "vendor.com/gpu=0",
	  "{\"process\":{\"user\":{\"uid\":5,\"gid\":6},\"env\":[\"A=0\",\"B=1\",\"ALL=1\"]},"
	  "\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":195,\"minor\":7,"
	  "\"fileMode\":432,\"uid\":5,\"gid\":6}],\"resources\":{\"devices\":[{\"allow\":true,"
	  "\"type\":\"c\",\"major\":195,\"minor\":7,\"access\":\"rw\"}]}}}" },
	{ "{\"name\":\"0\",\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/y\",\"type\":\"b\","
	  "\"major\":8,\"minor\":0,\"fileMode\":384,\"uid\":0,\"gid\":9}]}}", "vendor.com/gpu=0",
	  "{\"process\":{\"user\":{\"uid\":5,\"gid\":6},\"env\":[\"A=0\",\"B=1\",\"ALL=1\"]},"
	  "\"linux\":{\"devices\":[{\"path\":\"/dev/y\",\"type\":\"b\",\"major\":8,\"minor\":0,"
	  "\"fileMode\":384,\"uid\":0,\"gid\":9}],\"resources\":{\"devices\":[{\"allow\":true,"
	  "\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"rwm\"}]}}}" },
	{ "{\"name\":\"0\",\"containerEdits\":{\"mounts\":[{\"hostPath\":\"/h\",\"containerPath\":\"/c\","
	  "\"options\":[\"ro\"]}],\"additionalGids\":[0,44]}}", "vendor.com/gpu=0",
	  "{\"process\":{\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[44]},\"env\":[\"A=0\","
	  "\"B=1\",\"ALL=1\"]},\"linux\":{},\"mounts\":[{\"destination\":\"/c\",\"source\":\"/h\","
	  "\"type\":\"bind\",\"options\":[\"ro\"]}]}" },
	{ "{\"name\":\"0\",\"containerEdits\":{\"hooks\":[{\"hookName\":\"createContainer\","
	  "\"path\":\"/bin/x\",\"args\":[\"x\"]}]}}", "vendor.com/gpu=0",
	  "{\"process\":{\"user\":{\"uid\":5,\"gid\":6},\"env\":[\"A=0\",\"B=1\",\"ALL=1\"]},"
	  "\"linux\":{},\"hooks\":{\"createContainer\":[{\"path\":\"/bin/x\",\"args\":[\"x\"]}]}}" },
};

static struct cdi *make(const char *devices)
{
	AUTO_FREE char *text = NULL;
	struct cdi *cdi = cdi_new();
	struct err e = { 0 };

	assert_true(asprintf(&text, GPU "\"devices\":[%s]}", devices) > 0);
	json_auto_t *document = parse(text);

	if (cdi_add(cdi, document, "gpu.json", 0, &e) < 0)
		fail_msg("%s", e.msg);
	return cdi;
}

static void test_injections(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(injections); i++) {
		json_auto_t *doc = parse(DOC), *result = parse(injections[i].result);
		struct cdi *cdi = make(injections[i].device);
		struct err e = { 0 };

		/* Twice is once: the engine may have done it already. */
		for (int round = 0; round < 2; round++) {
			if (cdi_inject(cdi, injections[i].names, &with_hooks, doc, &e) < 0)
				fail_msg("row %zu: %s", i, e.msg);
			if (!json_equal(doc, result)) {
				AUTO_FREE char *text = json_dumps(doc, JSON_COMPACT);

				fail_msg("row %zu: %s", i, text);
			}
		}
		cdi_free(cdi);
	}
}

static const struct {
	const char *edits, *names;
	int r;
	const char *msg;
} refusals[] = {
	{ "{}", "vendor.com/gpu", -EINVAL,
	  "find device 'vendor.com/gpu': not VENDOR/CLASS=NAME" },
	{ "{}", "", -EINVAL, "find device '': not VENDOR/CLASS=NAME" },
	{ "{}", "vendor.com/gpu=1", -ENODEV, "find device 'vendor.com/gpu=1'" },
	{ "{}", "vendor.com/gpu=0,vendor.com/gpu=../x", -EINVAL,
	  "find device 'vendor.com/gpu=../x': not VENDOR/CLASS=NAME" },
	{ "{\"hooks\":[{\"hookName\":\"prestart\",\"path\":\"/x\"}]}", "vendor.com/gpu=0", -ENOTSUP,
	  "vendor.com/gpu=0: containerEdits.hooks[0]: programs on the host are not run for a device" },
	{ "{\"env\":[\"x\"]}", "vendor.com/gpu=0", -EINVAL,
	  "vendor.com/gpu=0: containerEdits.env[0]: not NAME=VALUE" },
	{ "{\"env\":{}}", "vendor.com/gpu=0", -EINVAL,
	  "vendor.com/gpu=0: containerEdits.env: not a list of at most 4096" },
	{ "{\"deviceNodes\":[{}]}", "vendor.com/gpu=0", -EINVAL,
	  "vendor.com/gpu=0: containerEdits.deviceNodes[0].path: missing" },
	{ "{\"deviceNodes\":[{\"path\":\"/dev/none\"}]}", "vendor.com/gpu=0", -ENOENT,
	  "vendor.com/gpu=0: find device '/dev/none'" },
	{ "{\"mounts\":[{\"hostPath\":\"/x\"}]}", "vendor.com/gpu=0", -EINVAL,
	  "vendor.com/gpu=0: containerEdits.mounts[0].containerPath: missing" },
	{ "{\"netDevices\":[{}]}", "vendor.com/gpu=0", -ENOTSUP,
	  "vendor.com/gpu=0: containerEdits.netDevices[0]: not supported" },
	{ "{\"typo\":[]}", "vendor.com/gpu=0", -EINVAL,
	  "vendor.com/gpu=0: containerEdits.typo: unknown field" },
	{ "{\"additionalGids\":[-1]}", "vendor.com/gpu=0", -EINVAL,
	  "vendor.com/gpu=0: containerEdits.additionalGids[0]: not a group id" },
};

static void test_refusals_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		json_auto_t *doc = parse(DOC), *before = json_deep_copy(doc);
		AUTO_FREE char *device = NULL;
		struct err e = { 0 };

		assert_true(asprintf(&device, "{\"name\":\"0\",\"containerEdits\":%s}",
				     refusals[i].edits) > 0);
		struct cdi *cdi = make(device);

		assert_int_equal(cdi_inject(cdi, refusals[i].names, &options, doc, &e),
				 refusals[i].r);
		assert_string_equal(e.msg, refusals[i].msg);
		assert_true(json_equal(doc, before));
		cdi_free(cdi);
	}
}

static void test_later_directories_win_and_rivals_are_refused(void **state)
{
	json_auto_t *first = parse(GPU "\"devices\":[{\"name\":\"0\",\"containerEdits\":{\"env\":[\"W=1\"]}}]}");
	json_auto_t *second = parse(GPU "\"devices\":[{\"name\":\"0\",\"containerEdits\":{\"env\":[\"W=2\"]}}]}");
	json_auto_t *doc = parse(DOC);
	struct cdi *cdi = cdi_new();
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cdi_add(cdi, second, "b.json", 1, &e), 0);
	assert_int_equal(cdi_add(cdi, first, "a.json", 0, &e), 0);
	assert_int_equal(cdi_inject(cdi, "vendor.com/gpu=0", &options, doc, &e), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(
		json_object_get(doc, "process"), "env"), 3)), "W=2");
	assert_int_equal(cdi_add(cdi, first, "c.json", 1, &e), 0);
	assert_int_equal(cdi_inject(cdi, "vendor.com/gpu=0", &options, doc, &e), -EINVAL);
	assert_string_equal(e.msg, "find device 'vendor.com/gpu=0': both 'b.json' and 'c.json' have it");
	cdi_free(cdi);
}

static void test_annotations(void **state)
{
	json_auto_t *doc = parse("{\"annotations\":{\"x\":\"y\",\"cdi.k8s.io/a\":\"v.com/c=0\","
				 "\"cdi.k8s.io/b\":\"v.com/c=1,v.com/c=2\"}}");
	json_auto_t *none = parse("{\"annotations\":{\"x\":\"y\"}}");
	AUTO_FREE char *names = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cdi_annotated(none, &names, &e), 0);
	assert_null(names);
	assert_int_equal(cdi_annotated(doc, &names, &e), 0);
	assert_string_equal(names, "v.com/c=0,v.com/c=1,v.com/c=2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_documents),
		cmocka_unit_test(test_injections),
		cmocka_unit_test(test_refusals_change_nothing),
		cmocka_unit_test(test_later_directories_win_and_rivals_are_refused),
		cmocka_unit_test(test_annotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
