/*
 * The first byte chooses the message and the encoding.  What is read must survive the other
 * encoding and come back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "proto/mesos.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&mesos__v1__task_info__descriptor,
	&mesos__v1__framework_info__descriptor,
	&mesos__v1__agent_info__descriptor,
	&mesos__v1__container_id__descriptor,
	&mesos__v1__value__ranges__descriptor,
	&mesos__v1__task_status__descriptor,
	&mesos__v1__executor_info__descriptor,
	&mesos__v1__offer__descriptor,
};

static ProtobufCMessage *read_json(const ProtobufCMessageDescriptor *d, const void *data,
				   size_t size)
{
	ProtobufCMessage *message = NULL;
	json_t *json = NULL;
	struct err e = { 0 };

	if (json_in_parse(data, size, &json, &e) < 0)
		return NULL;
	if (pb_from_json(d, json, &message, &e) < 0 && (message || e.msg[0] == '\0'))
		abort();
	json_decref(json);
	return message;
}

static ProtobufCMessage *read_wire(const ProtobufCMessageDescriptor *d, const void *data,
				   size_t size)
{
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };

	if (pb_unpack(d, data, size, &message, &e) < 0 && (message || e.msg[0] == '\0'))
		abort();
	return message;
}

/* NULL when MESSAGE holds a number that JSON has only a name for. */
static char *write_json(const ProtobufCMessage *message)
{
	char *text = NULL;
	size_t size;
	struct err e = { 0 };

	if (pb_to_json_text(message, &text, &size, &e) < 0)
		abort();
	if (strstr(text, "\"NaN\"")) {
		free(text);
		return NULL;
	}
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCMessageDescriptor *d;
	ProtobufCMessage *message, *copy;
	char *first, *second;
	struct err e = { 0 };

	if (size < 1)
		return 0;
	d = descriptors[data[0] % (sizeof(descriptors) / sizeof(descriptors[0]))];
	message = data[0] & 0x80 ? read_wire(d, data + 1, size - 1)
				 : read_json(d, data + 1, size - 1);
	if (!message)
		return 0;
	copy = pb_copy(message);
	if (!copy)
		abort();
	protobuf_c_message_free_unpacked(message, NULL);
	first = write_json(copy);
	protobuf_c_message_free_unpacked(copy, NULL);
	if (!first)
		return 0;
	message = read_json(d, first, strlen(first));
	if (!message) {
		json_t *json = NULL;

		/* Only for being too large: the bounds are on input. */
		if (json_in_parse(first, strlen(first), &json, &e) == 0)
			abort();
		free(first);
		return 0;
	}
	second = write_json(message);
	if (!second || strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
