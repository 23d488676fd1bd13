#include "tests/unit/http_world.h"

#include "net/recordio.h"
#include "net/wire.h"
#include "proto/mesos.pb-c.h"

static const struct {
	const char *type;
	int r;
	enum wire_format format;
} types[] = {
	{ "Content-Type: application/json\r\n", 0, WIRE_JSON },
	{ "content-type: application/x-protobuf\r\n", 0, WIRE_PROTOBUF },
	{ "Content-Type: APPLICATION/JSON\r\n", 0, WIRE_JSON },
	{ "", -EINVAL, WIRE_JSON },
	{ "Content-Type:\r\n", -ENOTSUP, WIRE_JSON },
	{ "Content-Type: application/json; charset=utf-8\r\n", -ENOTSUP, WIRE_JSON },
	{ "Content-Type: text/plain\r\n", -ENOTSUP, WIRE_JSON },
	{ "Content-Type: application/protobuf\r\n", -ENOTSUP, WIRE_JSON },
}, accepts[] = {
	{ "", 0, WIRE_JSON },
	{ "Accept: */*\r\n", 0, WIRE_JSON },
	{ "Accept: application/*\r\n", 0, WIRE_JSON },
	{ "Accept: application/json\r\n", 0, WIRE_JSON },
	{ "Accept: application/x-protobuf\r\n", 0, WIRE_PROTOBUF },
	{ "Accept: application/x-protobuf, application/json\r\n", 0, WIRE_JSON },
	{ "Accept: application/x-protobuf, application/json;q=0\r\n", 0, WIRE_PROTOBUF },
	{ "Accept: application/json ; q=0.0, */*\r\n", 0, WIRE_PROTOBUF },
	{ "Accept: application/json;q=0.01\r\n", 0, WIRE_JSON },
	{ "Accept: text/html,\tapplication/json;q=0.5\r\n", 0, WIRE_JSON },
	{ "Accept: text/html, application/xml;q=0.9, */*;q=0.8\r\n", 0, WIRE_JSON },
	{ "Accept: text/html\r\n", -EPROTONOSUPPORT, WIRE_JSON },
	{ "Accept: */*;q=0\r\n", -EPROTONOSUPPORT, WIRE_JSON },
	{ "Accept: ,;,\r\n", -EPROTONOSUPPORT, WIRE_JSON },
	{ "Accept: application/jsonx\r\n", -EPROTONOSUPPORT, WIRE_JSON },
};

/* Put the request that carries HEADERS into the world's hands. */
static int hold(const char *headers)
{
	char request[512];
	int fd = dial();

	(void)snprintf(request, sizeof(request), "GET /later HTTP/1.1\r\nHost: x\r\n%s\r\n", headers);
	ask(fd, request);
	assert_true(run_until(is_held, fd, PATIENCE_MS));
	return fd;
}

static void test_format_of_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		enum wire_format format = WIRE_JSON;
		struct err e = { 0 };
		int fd = hold(types[i].type);

		if (wire_format_of_body(world.held, &format, &e) != types[i].r)
			fail_msg("'%s': %s", types[i].type, e.msg);
		assert_int_equal(format, types[i].format);
		http_reply(TAKE_PTR(world.held), 200, NULL, NULL, 0);
		close(fd);
	}
}

static void test_format_of_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepts); i++) {
		enum wire_format format = WIRE_JSON;
		struct err e = { 0 };
		int fd = hold(accepts[i].type);

		if (wire_format_of_answer(world.held, &format, &e) != accepts[i].r ||
		    format != accepts[i].format)
			fail_msg("'%s': %s", accepts[i].type, e.msg);
		http_reply(TAKE_PTR(world.held), 200, NULL, NULL, 0);
		close(fd);
	}
}

static char id_text[] = "task-1";

static void test_there_and_back(void **state)
{
	Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

	(void)state;
	id.value = id_text;
	for (int i = WIRE_JSON; i <= WIRE_PROTOBUF; i++) {
		AUTO_FREE void *data = NULL;
		ProtobufCMessage *back = NULL;
		struct err e = { 0 };
		size_t size = 0;

		assert_int_equal(wire_write((enum wire_format)i, &id.base, &data, &size, &e), 0);
		if (i == WIRE_JSON) {
			assert_int_equal(size, strlen("{\"value\":\"task-1\"}"));
			assert_memory_equal(data, "{\"value\":\"task-1\"}", size);
		}
		assert_int_equal(wire_read((enum wire_format)i, &mesos__v1__task_id__descriptor, data,
					   size, &back, &e), 0);
		assert_string_equal(((Mesos__V1__TaskID *)back)->value, "task-1");
		protobuf_c_message_free_unpacked(back, NULL);
	}
	assert_string_equal(wire_content_type(WIRE_JSON), "application/json");
	assert_string_equal(wire_content_type(WIRE_PROTOBUF), "application/x-protobuf");
}

static const struct {
	enum wire_format format;
	const char *data;
} bad[] = {
	{ WIRE_JSON, "" },
	{ WIRE_JSON, "{" },
	{ WIRE_JSON, "[]" },
	{ WIRE_JSON, "{}" },
	{ WIRE_JSON, "{\"value\":{}}" },
	{ WIRE_JSON, "{\"value\":\"a\",\"value\":\"b\"}" },
	{ WIRE_PROTOBUF, "" },
	{ WIRE_PROTOBUF, "\x0a\x05" "abc" },
	{ WIRE_PROTOBUF, "\xff\xff\xff" },
};

static void test_bad_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ProtobufCMessage *message = NULL;
		struct err e = { 0 };

		assert_int_equal(wire_read(bad[i].format, &mesos__v1__task_id__descriptor, bad[i].data,
					   strlen(bad[i].data), &message, &e), -EINVAL);
		assert_int_not_equal(e.msg[0], 0);
		assert_null(message);
	}
}

static void test_record_on_a_stream(void **state)
{
	Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
	struct err e = { 0 };
	int fd = dial();

	(void)state;
	id.value = id_text;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	assert_int_equal(wire_stream(world.stream, WIRE_JSON, &id.base, &e), 0);
	assert_int_equal(wire_stream(world.stream, WIRE_PROTOBUF, &id.base, &e), 0);
	http_stream_end(TAKE_PTR(world.stream));
	assert_true(run_until_said("\r\n0\r\n\r\n", fd, PATIENCE_MS));
	/* One record is one chunk. */
	assert_string_equal(body_of(world.answer),
			    "15\r\n18\n{\"value\":\"task-1\"}\r\n"
			    "a\r\n8\n\x0a\x06task-1\r\n0\r\n\r\n");
	close(fd);
}

/* ContainerID holds a ContainerID: 100 kB of them had the daemon follow them off its stack. */
static void test_a_message_nested_without_end(void **state)
{
	enum { DEPTH = 20000, MAX_LEVEL = 6 };
	uint8_t *wire = malloc(DEPTH * MAX_LEVEL), *start = wire + DEPTH * MAX_LEVEL, *end = start;
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };

	(void)state;
	assert_non_null(wire);
	for (int i = 0; i < DEPTH; i++) {
		size_t size = (size_t)(end - start);

		if (i > 0) {
			*--start = (uint8_t)(size >> 14);
			*--start = (uint8_t)(size >> 7 | 0x80);
			*--start = (uint8_t)(size | 0x80);
			*--start = 2 << 3 | 2;
		}
		*--start = 0;
		*--start = 1 << 3 | 2;
	}
	assert_int_equal(wire_read(WIRE_PROTOBUF, &mesos__v1__container_id__descriptor, start,
				   (size_t)(end - start), &message, &e), -EINVAL);
	assert_null(message);
	free(wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_format_of_body, start, stop),
		cmocka_unit_test_setup_teardown(test_format_of_answer, start, stop),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_bad_bodies),
		cmocka_unit_test(test_a_message_nested_without_end),
		cmocka_unit_test_setup_teardown(test_record_on_a_stream, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
