#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/utf8.h"
#include "proto/mesos.pb-c.h"
#include "proto/scheduler.pb-c.h"

static int read_text(const ProtobufCMessageDescriptor *d, const char *text, ProtobufCMessage **ret,
		     struct err *e)
{
	json_t *json = json_loads(text, 0, NULL);
	int r;

	assert_non_null(json);
	r = pb_from_json(d, json, ret, e);
	json_decref(json);
	return r;
}

/* Read TEXT, go through the wire format and a copy, and write it again. */
static void assert_becomes(const ProtobufCMessageDescriptor *d, const char *text,
			   const char *expected)
{
	ProtobufCMessage *message, *unpacked, *copy;
	struct err e = { 0 };
	char *again = NULL;
	size_t size = 0;
	void *wire = NULL;

	assert_int_equal(read_text(d, text, &message, &e), 0);
	assert_int_equal(pb_pack(message, &wire, &size, &e), 0);
	assert_int_equal(pb_unpack(d, wire, size, &unpacked, &e), 0);
	copy = pb_copy(unpacked);
	assert_non_null(copy);
	assert_int_equal(pb_to_json_text(copy, &again, &size, &e), 0);
	assert_string_equal(again, expected);
	assert_int_equal(strlen(again), size);
	free(again);
	free(wire);
	protobuf_c_message_free_unpacked(message, NULL);
	protobuf_c_message_free_unpacked(unpacked, NULL);
	protobuf_c_message_free_unpacked(copy, NULL);
}

#define FRAMEWORK &mesos__v1__framework_info__descriptor
#define CONSTRAINT &mesos__v1__scheduler__attribute_constraint__descriptor
#define FRAMEWORK_REST "\"failover_timeout\":0.0,\"checkpoint\":false,\"role\":\"*\""

static const struct {
	const ProtobufCMessageDescriptor *d;
	const char *text, *expected;
} good[] = {
	/* Explicit defaults are written, other unset fields and empty lists are not. */
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\"}",
	  "{\"user\":\"u\",\"name\":\"n\"," FRAMEWORK_REST "}" },
	{ FRAMEWORK,
	  "{\"user\":\"u\",\"name\":\"n\",\"id\":null,\"roles\":[],\"labels\":null,\"x\":1}",
	  "{\"user\":\"u\",\"name\":\"n\"," FRAMEWORK_REST "}" },
	/* A required string may be empty, and so may an optional one. */
	{ FRAMEWORK, "{\"user\":\"\",\"name\":\"\",\"principal\":\"\",\"role\":\"\"}",
	  "{\"user\":\"\",\"name\":\"\",\"failover_timeout\":0.0,\"checkpoint\":false,\"role\":"
	  "\"\","
	  "\"principal\":\"\"}" },
	/* Numbers and booleans as text; doubles always with a fraction. */
	{ FRAMEWORK,
	  "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":\"3.6e+06\","
	  "\"checkpoint\":\"true\",\"role\":\"a/b\"}",
	  "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":3600000.0,\"checkpoint\":true,"
	  "\"role\":\"a/b\"}" },
	{ FRAMEWORK,
	  "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":5,\"checkpoint\":\"false\"}",
	  "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":5.0,\"checkpoint\":false,"
	  "\"role\":\"*\"}" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":\"-Infinity\"}",
	  "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":\"-Infinity\",\"checkpoint\":false,"
	  "\"role\":\"*\"}" },
	/* Enums by name or number; an unknown one is dropped, also from a list. */
	{ FRAMEWORK,
	  "{\"user\":\"u\",\"name\":\"n\",\"capabilities\":[{\"type\":\"MULTI_ROLE\"},"
	  "{\"type\":\"NEWER_THAN_US\"},{\"type\":5},{\"type\":500}]}",
	  "{\"user\":\"u\",\"name\":\"n\"," FRAMEWORK_REST
	  ",\"capabilities\":[{\"type\":\"MULTI_ROLE\"},"
	  "{},{\"type\":\"PARTITION_AWARE\"},{}]}" },
	/* One object, or one value, where a list is declared; null in a list is nothing. */
	{ FRAMEWORK,
	  "{\"user\":\"u\",\"name\":\"n\",\"capabilities\":{\"type\":\"MULTI_ROLE\"},"
	  "\"roles\":\"r\"}",
	  "{\"user\":\"u\",\"name\":\"n\"," FRAMEWORK_REST
	  ",\"capabilities\":[{\"type\":\"MULTI_ROLE\"}],"
	  "\"roles\":[\"r\"]}" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"roles\":[null,\"a\",null]}",
	  "{\"user\":\"u\",\"name\":\"n\"," FRAMEWORK_REST ",\"roles\":[\"a\"]}" },
	/* One of those that exclude one another; an unknown value is none of them. */
	{ CONSTRAINT, "{\"selector\":{\"attribute_name\":\"rack\"},\"predicate\":{\"exists\":{}}}",
	  "{\"selector\":{\"attribute_name\":\"rack\"},\"predicate\":{\"exists\":{}}}" },
	{ CONSTRAINT,
	  "{\"selector\":{\"pseudoattribute_type\":\"ZONE\",\"attribute_name\":null},"
	  "\"predicate\":{\"text_matches\":{\"regex\":\".\"}}}",
	  "{\"selector\":{\"pseudoattribute_type\":\"ZONE\"},"
	  "\"predicate\":{\"text_matches\":{\"regex\":\".\"}}}" },
	{ CONSTRAINT,
	  "{\"selector\":{\"pseudoattribute_type\":\"NEWER_THAN_US\"},\"predicate\":{}}",
	  "{\"selector\":{},\"predicate\":{}}" },
	/* Maps. */
	{ &mesos__v1__task_info__descriptor,
	  "{\"name\":\"t\",\"task_id\":{\"value\":\"1\"},\"agent_id\":{\"value\":\"a\"},"
	  "\"data\":\"AAEC/"
	  "w==\",\"limits\":{\"mem\":{\"value\":\"Infinity\"},\"cpus\":{\"value\":2}}}",
	  "{\"name\":\"t\",\"task_id\":{\"value\":\"1\"},\"agent_id\":{\"value\":\"a\"},"
	  "\"data\":\"AAEC/"
	  "w==\",\"limits\":{\"mem\":{\"value\":\"Infinity\"},\"cpus\":{\"value\":2.0}}}" },
	{ &mesos__v1__task_info__descriptor,
	  "{\"name\":\"t\",\"task_id\":{\"value\":\"1\"},\"agent_id\":{\"value\":\"a\"},"
	  "\"data\":\"\",\"limits\":{}}",
	  "{\"name\":\"t\",\"task_id\":{\"value\":\"1\"},\"agent_id\":{\"value\":\"a\"},\"data\":"
	  "\"\"}" },
	/* Integers: the ends of their ranges, and as reals. */
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":-9223372036854775808}",
	  "{\"nanoseconds\":-9223372036854775808}" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":\"9223372036854775807\"}",
	  "{\"nanoseconds\":9223372036854775807}" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":3.6e+06}",
	  "{\"nanoseconds\":3600000}" },
	{ &mesos__v1__value__range__descriptor, "{\"begin\":0,\"end\":\"18446744073709551615\"}",
	  "{\"begin\":0,\"end\":\"18446744073709551615\"}" },
	{ &mesos__v1__address__descriptor, "{\"port\":-2147483648}", "{\"port\":-2147483648}" },
	{ &mesos__v1__value__scalar__descriptor, "{\"value\":0.1}", "{\"value\":0.1}" },
	{ &mesos__v1__value__scalar__descriptor, "{\"value\":0.30000000000000004}",
	  "{\"value\":0.3}" },
	{ &mesos__v1__label__descriptor, "{\"key\":\"\\u00e9\\n\",\"value\":\"\\ud83d\\ude00\"}",
	  "{\"key\":\"\xc3\xa9\\n\",\"value\":\"\xf0\x9f\x98\x80\"}" },
};

static void test_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_becomes(good[i].d, good[i].text, good[i].expected);
}

static const struct {
	const ProtobufCMessageDescriptor *d;
	const char *text, *msg;
} bad[] = {
	{ CONSTRAINT, "{\"selector\":{\"attribute_name\":\"a\",\"pseudoattribute_type\":\"ZONE\"},"
	  "\"predicate\":{}}", "read field 'selector.attribute_name': not the only one of those"
	  " that exclude one another" },
	{ CONSTRAINT, "{\"selector\":{},\"predicate\":{\"text_equals\":{}}}",
	  "missing required field 'predicate.text_equals.value'" },
	{ FRAMEWORK, "[]", "read message 'FrameworkInfo': not an object" },
	{ FRAMEWORK, "{\"user\":\"u\"}", "missing required field 'name'" },
	{ FRAMEWORK, "{\"user\":null,\"name\":\"n\"}", "missing required field 'user'" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"id\":{}}",
	  "missing required field 'id.value'" },
	{ FRAMEWORK, "{\"user\":1,\"name\":\"n\"}", "read field 'user': not a string" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"checkpoint\":1}",
	  "read field 'checkpoint': not a boolean" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":\"5 s\"}",
	  "read field 'failover_timeout': not a number" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":\"NaN\"}",
	  "read field 'failover_timeout': not a number" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"id\":[]}",
	  "read field 'id': not an object" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"labels\":{\"labels\":[{\"key\":\"k\"},{}]}}",
	  "missing required field 'labels.labels[1].key'" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"roles\":[\"a\",[]]}",
	  "read field 'roles[1]': not a string" },
	{ FRAMEWORK, "{\"user\":\"u\",\"name\":\"n\",\"capabilities\":[{\"type\":{}}]}",
	  "read field 'capabilities[0].type': not the name of a value" },
	{ &mesos__v1__attribute__descriptor, "{\"name\":\"n\",\"type\":\"NEWER\"}",
	  "read field 'type': not a known value" },
	{ &mesos__v1__task_info__descriptor,
	  "{\"name\":\"t\",\"task_id\":{\"value\":\"1\"},\"agent_id\":{\"value\":\"a\"},"
	  "\"limits\":{\"mem\":{\"value\":\"x\"}}}",
	  "read field 'limits.mem.value': not a number" },
	{ &mesos__v1__task_info__descriptor,
	  "{\"name\":\"t\",\"task_id\":{\"value\":\"1\"},\"agent_id\":{\"value\":\"a\"},\"data\":"
	  "\"A\"}",
	  "read field 'data': not base64" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":1.5}",
	  "read field 'nanoseconds': not a 64-bit integer" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":\"9223372036854775808\"}",
	  "read field 'nanoseconds': not a 64-bit integer" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":\"\"}",
	  "read field 'nanoseconds': not a 64-bit integer" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":\"-\"}",
	  "read field 'nanoseconds': not a 64-bit integer" },
	{ &mesos__v1__duration_info__descriptor, "{\"nanoseconds\":1e300}",
	  "read field 'nanoseconds': not a 64-bit integer" },
	{ &mesos__v1__value__range__descriptor, "{\"begin\":-1,\"end\":1}",
	  "read field 'begin': not an unsigned 64-bit integer" },
	{ &mesos__v1__address__descriptor, "{\"port\":2147483648}",
	  "read field 'port': not a 32-bit integer" },
	{ &mesos__v1__value__ranges__descriptor, "{\"range\":[{\"begin\":1,\"end\":2},7]}",
	  "read field 'range[1]': not an object" },
};

static void test_bad_input_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ProtobufCMessage *message = NULL;
		struct err e = { 0 };

		assert_int_equal(read_text(bad[i].d, bad[i].text, &message, &e), -EINVAL);
		assert_string_equal(e.msg, bad[i].msg);
		assert_null(message);
	}
}

/* {"value":"x","parent":{"value":"x",...}} with N levels. */
static json_t *nested_container(int n)
{
	json_t *json = json_pack("{s:s}", "value", "x");

	while (--n > 0)
		json = json_pack("{s:s,s:o}", "value", "x", "parent", json);
	return json;
}

static void test_depth_of_json(void **state)
{
	const ProtobufCMessageDescriptor *d = &mesos__v1__container_id__descriptor;
	ProtobufCMessage *message = NULL;
	json_t *deepest = nested_container(32), *deeper = nested_container(33);
	json_t *again = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(pb_from_json(d, deepest, &message, &e), 0);
	assert_int_equal(pb_to_json(message, &again, &e), 0);
	assert_true(json_equal(deepest, again));
	protobuf_c_message_free_unpacked(message, NULL);
	assert_int_equal(pb_from_json(d, deeper, &message, &e), -EINVAL);
	json_decref(deepest);
	json_decref(deeper);
	json_decref(again);
}

static void test_depth_of_wire(void **state)
{
	const ProtobufCMessageDescriptor *d = &mesos__v1__container_id__descriptor;
	enum { LEVELS = 40, SIZE = 5 * LEVELS };
	uint8_t wire[SIZE] = { 0 };
	size_t start = SIZE;

	(void)state;
	for (int depth = 1; depth <= LEVELS; depth++) {
		ProtobufCMessage *message = NULL;
		struct err e = { 0 };
		int r;

		if (depth > 1) {
			/* Field 2 is what there was so far. */
			size_t inner = SIZE - start;

			assert_true(inner < 256);
			if (inner > 127)
				wire[--start] = (uint8_t)(inner >> 7);
			wire[--start] = (uint8_t)((inner & 127) | (inner > 127 ? 128 : 0));
			wire[--start] = 2 << 3 | 2;
		}
		start -= 2;
		wire[start] = 1 << 3 | 2;	/* field 1, an empty text */
		wire[start + 1] = 0;
		r = pb_unpack(d, wire + start, SIZE - start, &message, &e);
		if (depth <= 32) {
			assert_int_equal(r, 0);
			protobuf_c_message_free_unpacked(message, NULL);
		} else {
			assert_int_equal(r, -EINVAL);
			assert_string_equal(
				e.msg,
				"unpack message 'ContainerID': malformed or nested too deep");
		}
	}
}

static void test_bad_wire(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = {
		{ "", 0 }, /* the required field is missing */
		{ "\x0a", 1 },
		{ "\x0a\x05"
		  "ab",
		  4 },
		{ "\x0a\x80", 2 },
		{ "\x00\x01", 2 },
		{ "\x0b\x0c", 2 }, /* a group */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13 },
		{ "\x12\x02\x0a\x05\x0a\x00", 6 }, /* the inner length is behind the outer end */
		{ "\x09\x01\x02", 3 },
		{ "\x0d\x01", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *copy = malloc(rows[i].size + 1);
		ProtobufCMessage *message = NULL;
		struct err e = { 0 };

		memcpy(copy, rows[i].bytes, rows[i].size);
		copy = realloc(copy, rows[i].size > 0 ? rows[i].size : 1);
		assert_int_equal(pb_unpack(&mesos__v1__container_id__descriptor, copy, rows[i].size,
					   &message, &e), -EINVAL);
		assert_null(message);
		free(copy);
	}
}

/* 2,200,000 empty messages are 4 MB on the wire, and would be fifty times that in memory. */
static void test_wire_is_bounded(void **state)
{
	enum { N = 2200000 };
	uint8_t *wire = malloc(2 * N);
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < N; i++) {
		wire[2 * i] = 1 << 3 | 2;
		wire[2 * i + 1] = 0;
	}
	assert_int_equal(pb_unpack(&mesos__v1__labels__descriptor, wire, 2 * N, &message, &e),
			 -E2BIG);
	assert_string_equal(e.msg, "unpack message 'Labels': too many fields");
	free(wire);
}

/*
 * What is set once and comes again is merged, as the wire's rules say; but protobuf-c copies the lists that it has for
 * each: a megabyte of them would take half a minute.
 */
static void test_what_comes_again_is_bounded(void **state)
{
	/* SUPPRESS of role "r". */
	static const uint8_t suppress[] = { 0x82, 0x01, 3, 0x0a, 1, 'r' };
	enum { N = 20000, SIZE = sizeof(suppress) };
	uint8_t wire[N * SIZE];
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < N; i++)
		memcpy(wire + i * SIZE, suppress, SIZE);
	assert_int_equal(pb_unpack(&mesos__v1__scheduler__call__descriptor, wire, 2 * SIZE, &message, &e), 0);
	assert_int_equal(((Mesos__V1__Scheduler__Call *)message)->suppress->n_roles, 2);
	protobuf_c_message_free_unpacked(message, NULL);
	message = NULL;
	assert_int_equal(pb_unpack(&mesos__v1__scheduler__call__descriptor, wire, N * SIZE, &message, &e), -E2BIG);
	assert_string_equal(e.msg, "unpack message 'Call': too many fields");
	assert_null(message);
}

/* A name where others have an enum's value: both are in one place. */
static void test_oneof_on_the_wire(void **state)
{
	static const struct { uint8_t bytes[8]; size_t size; const char *json; } rows[] = {
		{ { 0x12, 4, 'r', 'a', 'c', 'k' }, 6, "{\"attribute_name\":\"rack\"}" },
		{ { 1 << 3, 3 }, 2, "{\"pseudoattribute_type\":\"ZONE\"}" },
		{ { 1 << 3, 77 }, 2, "{}" },
		{ { 1 << 3, 3, 0x12, 1, 'x' }, 5, "{\"attribute_name\":\"x\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ProtobufCMessage *message = NULL;
		struct err e = { 0 };
		char *text;
		size_t size;

		assert_int_equal(
			pb_unpack(&mesos__v1__scheduler__attribute_constraint__selector__descriptor,
				  rows[i].bytes, rows[i].size, &message, &e), 0);
		assert_int_equal(pb_to_json_text(message, &text, &size, &e), 0);
		assert_string_equal(text, rows[i].json);
		free(text);
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

static void test_unknown_enum_on_the_wire(void **state)
{
	/* Capability { type = 77 } counts as unset; Attribute { "n", type = 77 } lacks its type. */
	static const uint8_t optional[] = { 1 << 3, 77 }, required[] = { 0x0a, 1, 'n', 2 << 3, 77 };
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };
	char *text;
	size_t size;

	(void)state;
	assert_int_equal(pb_unpack(&mesos__v1__framework_info__capability__descriptor, optional,
				   sizeof(optional), &message, &e), 0);
	assert_int_equal(pb_to_json_text(message, &text, &size, &e), 0);
	assert_string_equal(text, "{}");
	free(text);
	protobuf_c_message_free_unpacked(message, NULL);
	message = NULL;
	assert_int_equal(pb_unpack(&mesos__v1__attribute__descriptor, required, sizeof(required),
				   &message, &e), -EINVAL);
	assert_string_equal(e.msg, "unpack field 'Attribute.type': no known value");
	assert_null(message);
}

static void test_foreign_bytes_in_strings(void **state)
{
	Mesos__V1__Label label = MESOS__V1__LABEL__INIT;
	char key[] = "a\xff\xc3(\xe2\x82", value[] = "\xed\xa0\x80";
	struct err e = { 0 };
	char *text;
	size_t size;

	(void)state;
	label.key = key;
	label.value = value;
	assert_int_equal(pb_to_json_text(&label.base, &text, &size, &e), 0);
	assert_string_equal(text, "{\"key\":\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\","
				  "\"value\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
	free(text);
}

static void test_unset_required_message_is_an_error(void **state)
{
	Mesos__V1__TaskInfo task = MESOS__V1__TASK_INFO__INIT;
	char name[] = "n";
	json_t *json = NULL;
	struct err e = { 0 };

	(void)state;
	task.name = name;
	assert_int_equal(pb_to_json(&task.base, &json, &e), -EINVAL);
	assert_string_equal(e.msg, "missing required field 'TaskInfo.task_id'");
	assert_null(json);
}

static void test_not_a_number_is_written(void **state)
{
	Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
	struct err e = { 0 };
	char *text;
	size_t size;

	(void)state;
	scalar.value = NAN;
	assert_int_equal(pb_to_json_text(&scalar.base, &text, &size, &e), 0);
	assert_string_equal(text, "{\"value\":\"NaN\"}");
	free(text);
}

static void test_base64(void **state)
{
	/* RFC 4648 section 10. */
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const wrong[] = { "Z",     "Zg",   "Zg=",    "Z===",     "====",
					     "Zm9v=", "Zm-v", "Zm9v\n", "Zg==Zg==", "Z g=" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
		uint8_t *data = NULL;
		size_t size = 99;

		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(base64_decode(text, strlen(text), &data, &size), 0);
		assert_int_equal(size, strlen(pairs[i][0]));
		if (size > 0)
			assert_memory_equal(data, pairs[i][0], size);
		free(data);
		free(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint8_t *data = NULL;
		size_t size = 99;

		assert_int_equal(base64_decode(wrong[i], strlen(wrong[i]), &data, &size), -EINVAL);
		assert_null(data);
	}
}

/* jansson, which checks for itself, must be of the same opinion on three bytes of any kind. */
static void test_a_cut_is_between_characters(void **state)
{
	static const struct { const char *text; size_t max, size; } cuts[] = {
		{ "", 4, 0 }, { "abc", 2, 2 }, { "abc", 9, 3 },
		{ "a\xc3\xa9", 2, 1 }, { "a\xc3\xa9", 3, 3 }, { "\xe2\x82\xac", 2, 0 },
		{ "\xf0\x9f\x98\x80!", 3, 0 }, { "\xf0\x9f\x98\x80!", 4, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++)
		assert_int_equal(utf8_cut(cuts[i].text, cuts[i].max), cuts[i].size);
}

static void test_utf8(void **state)
{
	static const char *const wrong[] = { "\x80",
					     "\xc0\x80",
					     "\xc1\xbf",
					     "\xe0\x80\x80",
					     "\xed\xa0\x80",
					     "\xf0\x80\x80\x80",
					     "\xf4\x90\x80\x80",
					     "\xf5\x80\x80\x80",
					     "\xc3",
					     "\xe2\x82",
					     "\xff" };

	(void)state;
	assert_true(utf8_is_valid("", 0));
	assert_true(utf8_is_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 14));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(utf8_is_valid(wrong[i], strlen(wrong[i])));
	for (unsigned bytes = 0x100; bytes < 0x1000000; bytes += 0x11) {
		char text[3] = { (char)(bytes >> 16), (char)(bytes >> 8), (char)bytes };
		json_t *json = json_stringn(text, sizeof(text));

		assert_int_equal(json != NULL, utf8_is_valid(text, sizeof(text)));
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_bad_input_is_named),
		cmocka_unit_test(test_depth_of_json),
		cmocka_unit_test(test_depth_of_wire),
		cmocka_unit_test(test_bad_wire),
		cmocka_unit_test(test_wire_is_bounded),
		cmocka_unit_test(test_what_comes_again_is_bounded),
		cmocka_unit_test(test_oneof_on_the_wire),
		cmocka_unit_test(test_unknown_enum_on_the_wire),
		cmocka_unit_test(test_foreign_bytes_in_strings),
		cmocka_unit_test(test_unset_required_message_is_an_error),
		cmocka_unit_test(test_not_a_number_is_written),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_a_cut_is_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
