#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

static void parse(const char *text, struct resources *r)
{
	struct err e = { 0 };

	*r = (struct resources){ 0 };
	assert_int_equal(resources_parse(text, r, &e), 0);
}

static void assert_text(const struct resources *r, const char *expected)
{
	char *text = resources_format(r);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text, *expected;
	} good[] = {
		{ "", "" },
		{ "cpus:4;mem:1024;disk:2048;ports:[31000-32000]",
		  "cpus:4;mem:1024;disk:2048;ports:[31000-32000]" },
		{ " ports : [1-2, 3] ; cpus: 0.1 ;", "cpus:0.1;ports:[1-3]" },
		{ "cpus:0.0004;mem:0.0005", "mem:0.001" },
		{ "cpus:1.25;mem:1.050;disk:0.001;gpus:2", "cpus:1.25;mem:1.05;disk:0.001;gpus:2" },
		{ "cpus:.5", "cpus:0.5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct resources r;

		parse(good[i].text, &r);
		assert_text(&r, good[i].expected);
		resources_done(&r);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *text, *msg;
	} bad[] = {
		{ "cpus", "read resource 'cpus': not of the form name:value" },
		{ "cpus:", "read resource 'cpus': '' is not a number" },
		{ "cpus:x", "read resource 'cpus': 'x' is not a number" },
		{ "cpus:-1", "read resource 'cpus': '-1' is not a number" },
		{ "cpus:inf", "read resource 'cpus': 'inf' is not a number" },
		{ "cpus:1.2.3", "read resource 'cpus': '1.2.3' is not a number" },
		{ "cpus:.", "read resource 'cpus': '.' is not a number" },
		{ "cpus:1;cpus:2", "read resource 'cpus': named twice" },
		{ "cpu:1", "read resource 'cpu': unknown name" },
		{ ":1", "read resource '': unknown name" },
		{ "gpus:0.5", "read resource 'gpus': '0.5' is not a whole number" },
		{ "ports:[1-2",
		  "read resource 'ports': '[1-2' is not ranges such as [31000-32000]" },
		{ "ports:31000",
		  "read resource 'ports': '31000' is not ranges such as [31000-32000]" },
		{ "ports:[1,65536]",
		  "read resource 'ports': '[1,65536]' is not ranges such as [31000-32000]" },
		{ "ports:[1];ports:[2]", "read resource 'ports': named twice" },
		{ "disk(role):5",
		  "read resource 'disk(role)': reserved resources are not supported" },
		{ "mem:9999999999999999",
		  "read resource 'mem': '9999999999999999' is not a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct resources r = { .scalar = { 77 } };
		struct err e = { 0 };

		assert_int_equal(resources_parse(bad[i].text, &r, &e), -EINVAL);
		assert_string_equal(e.msg, bad[i].msg);
		assert_int_equal(r.scalar[0], 77);
	}
}

/* The classic: ten times a tenth is one, which doubles do not know. */
static void test_arithmetic_is_exact(void **state)
{
	struct resources sum = { 0 }, part, whole, copy;

	(void)state;
	parse("cpus:0.1;mem:32;ports:[31000-31001]", &part);
	parse("cpus:1;mem:320;ports:[31000-31001]", &whole);
	for (int i = 0; i < 10; i++)
		assert_int_equal(resources_add(&sum, &part), 0);
	assert_true(resources_equal(&sum, &whole));
	assert_int_equal(resources_copy(&sum, &copy), 0);
	assert_int_equal(resources_subtract(&copy, &part), 0);
	assert_text(&copy, "cpus:0.9;mem:288");
	assert_true(resources_contain(&sum, &part));
	assert_false(resources_contain(&copy, &part));
	assert_false(resources_is_empty(&copy));
	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		copy.scalar[i] = 0;
	assert_true(resources_is_empty(&copy));
	resources_done(&sum);
	resources_done(&part);
	resources_done(&whole);
	resources_done(&copy);
}

static void test_dominant_share(void **state)
{
	struct resources total, part;

	(void)state;
	parse("cpus:10;mem:1000;ports:[1-10]", &total);
	parse("cpus:1;mem:250;disk:5;ports:[1-9]", &part);
	assert_true(fabs(resources_dominant_share(&part, &total) - 0.25) < 1e-9);
	resources_done(&total);
	assert_true(resources_dominant_share(&part, &total) == 0);
	resources_done(&part);
}

static void test_scalars(void **state)
{
	int64_t value = 7;

	(void)state;
	assert_int_equal(resources_scalar_from_double(0.1 + 0.2, &value), 0);
	assert_int_equal(value, 300);
	assert_int_equal(resources_scalar_from_double(0.0005, &value), 0);
	assert_int_equal(value, 1);
	assert_true(resources_scalar_to_double(1234) == 1.234);
	assert_int_equal(resources_scalar_from_double(-0.001, &value), -ERANGE);
	assert_int_equal(resources_scalar_from_double(NAN, &value), -ERANGE);
	assert_int_equal(resources_scalar_from_double(HUGE_VAL, &value), -ERANGE);
	assert_int_equal(resources_scalar_from_double(1e18, &value), -ERANGE);
	assert_int_equal(value, 1);
	assert_int_equal(resource_kind_find("mem"), RESOURCE_MEM);
	assert_int_equal(resource_kind_find("ports"), -ENOENT);
}

static void test_to_messages_and_back(void **state)
{
	struct resources r, again = { 0 };
	struct err e = { 0 };
	Mesos__V1__Resource **messages;
	ProtobufCMessage *copy;
	char *text;
	size_t n, size;

	(void)state;
	parse("cpus:0.5;mem:64;ports:[31000-31001,31005]", &r);
	assert_int_equal(resources_to_messages(&r, "web", &messages, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(pb_to_json_text(&messages[0]->base, &text, &size, &e), 0);
	assert_string_equal(text,
			    "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},"
			    "\"role\":\"*\",\"allocation_info\":{\"role\":\"web\"}}");
	free(text);
	assert_int_equal(pb_to_json_text(&messages[2]->base, &text, &size, &e), 0);
	assert_string_equal(text,
			    "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":["
			    "{\"begin\":31000,\"end\":31001},{\"begin\":31005,\"end\":31005}]},"
			    "\"role\":\"*\",\"allocation_info\":{\"role\":\"web\"}}");
	free(text);
	copy = pb_copy(&messages[2]->base);
	assert_non_null(copy);
	protobuf_c_message_free_unpacked(copy, NULL);
	assert_int_equal(resources_from_messages(messages, n, &again, &e), 0);
	assert_true(resources_equal(&r, &again));
	resources_messages_free(messages, n);
	resources_done(&again);

	assert_int_equal(resources_to_messages(&again, NULL, &messages, &n), 0);
	assert_int_equal(n, 0);
	resources_messages_free(messages, n);
	assert_int_equal(resources_to_messages(&r, NULL, &messages, &n), 0);
	assert_null(messages[0]->allocation_info);
	resources_messages_free(messages, n);
	resources_messages_free(NULL, 0);
	resources_done(&r);
}

static int from_json(const char *text, struct resources *r, struct err *e)
{
	json_t *json = json_loads(text, 0, NULL);
	ProtobufCMessage *message = NULL;
	Mesos__V1__AgentInfo *info;
	int result;

	assert_non_null(json);
	assert_int_equal(pb_from_json(&mesos__v1__agent_info__descriptor, json, &message, e), 0);
	info = (Mesos__V1__AgentInfo *)(void *)message;
	result = resources_from_messages(info->resources, info->n_resources, r, e);
	protobuf_c_message_free_unpacked(message, NULL);
	json_decref(json);
	return result;
}

#define AGENT(resources) "{\"hostname\":\"h\",\"resources\":[" resources "]}"

/* The same name twice adds up: offers come in such pieces. */
static void test_messages_add_up(void **state)
{
	struct resources r = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
		from_json(
			AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1.5}},"
			      "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},"
			      "\"role\":\"*\"},"
			      "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":{"
			      "\"begin\":5,\"end\":9}}}"),
			&r, &e),
		0);
	assert_text(&r, "cpus:2;ports:[5-9]");
	resources_done(&r);
}

static const struct {
	const char *json, *msg;
} bad_messages[] = {
	{ AGENT("{\"name\":\"x\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}"),
	  "read resource 'x': unknown name" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\"}"), "read resource 'cpus': not a scalar" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SET\",\"set\":{\"item\":[\"a\"]}}"),
	  "read resource 'cpus': not a scalar" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":-1}}"),
	  "read resource 'cpus': -1 is negative or out of range" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":\"Infinity\"}}"),
	  "read resource 'cpus': inf is negative or out of range" },
	{ AGENT("{\"name\":\"gpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5}}"),
	  "read resource 'gpus': 0.5 is not a whole number" },
	{ AGENT("{\"name\":\"ports\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}"),
	  "read resource 'ports': not ranges" },
	{ AGENT("{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":9,"
		"\"end\":5}]}}"),
	  "read resource 'ports': 9-5 is not a range of ports" },
	{ AGENT("{\"name\":\"ports\",\"type\":\"RANGES\","
		"\"ranges\":{\"range\":[{\"begin\":1,\"end\":4294967301}]}}"),
	  "read resource 'ports': 1-4294967301 is not a range of ports" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":"
		"\"web\"}"),
	  "read resource 'cpus': static reservations for a role are not supported" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":["
		"{}]}"),
	  "read resource 'cpus': reservations are not supported" },
	{ AGENT("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"revocable\":{}"
		"}"),
	  "read resource 'cpus': revocable resources are not supported" },
	{ AGENT("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"disk\":{}}"),
	  "read resource 'disk': disks and volumes are not supported" },
};

static void test_bad_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_messages); i++) {
		struct resources r = { .scalar = { 77 } };
		struct err e = { 0 };

		assert_int_equal(from_json(bad_messages[i].json, &r, &e), -EINVAL);
		assert_string_equal(e.msg, bad_messages[i].msg);
		assert_int_equal(r.scalar[0], 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_arithmetic_is_exact),
		cmocka_unit_test(test_dominant_share),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_to_messages_and_back),
		cmocka_unit_test(test_messages_add_up),
		cmocka_unit_test(test_bad_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
