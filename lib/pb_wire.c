#include "lib/pb_json.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_field.h"

/*
 * What one unpacking may build: all that an agent may describe when it registers (32 MiB of tasks,
 * if need be of the shortest labels), and at some 100 bytes a message no way to fill the memory.
 */
enum { WIRE_MAX_FIELDS = 1 << 23, WIRE_MAX_MESSAGES = 1 << 21, WIRE_MAX_COPIED = 1 << 26 };

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct scan {
	size_t n_fields, n_messages, n_copied;
};

static int read_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t byte = *(*p)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return -EINVAL;
}

/* Move *P behind a value of TYPE; *RET_BODY is set for one with a length. */
static int skip_value(const uint8_t **p, const uint8_t *end, uint64_t type,
		      const uint8_t **ret_body)
{
	uint64_t size = 0;

	switch (type) {
	case WIRE_VARINT:
		return read_varint(p, end, &size);
	case WIRE_FIXED64:
		size = 8;
		break;
	case WIRE_FIXED32:
		size = 4;
		break;
	case WIRE_BYTES:
		if (read_varint(p, end, &size) < 0)
			return -EINVAL;
		*ret_body = *p;
		break;
	default:
		return -EINVAL;
	}
	if (size > (uint64_t)(end - *p))
		return -EINVAL;
	*p += size;
	return 0;
}

/*
 * Walk over a message without building it.  What is set once may come again and is merged then; protobuf-c
 * copies all lists that it has so far for each, so that many would take quadratic time.
 */
static int scan_message(const ProtobufCMessageDescriptor *d, const uint8_t *p, const uint8_t *end,
			unsigned depth, struct scan *scan)
{
	size_t n_before = scan->n_fields, n_set_once = 0;

	if (depth > PB_MAX_DEPTH)
		return -EINVAL;
	if (++scan->n_messages > WIRE_MAX_MESSAGES)
		return -E2BIG;
	while (p < end) {
		const ProtobufCFieldDescriptor *f;
		const uint8_t *body = NULL;
		uint64_t tag;
		int r;

		if (++scan->n_fields > WIRE_MAX_FIELDS)
			return -E2BIG;
		if (read_varint(&p, end, &tag) < 0 || tag >> 3 == 0 || tag >> 32 != 0 ||
		    skip_value(&p, end, tag & 7, &body) < 0)
			return -EINVAL;
		f = protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3));
		if (!body || !f || f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label != PROTOBUF_C_LABEL_REPEATED && ++n_set_once > d->n_fields)
			scan->n_copied += scan->n_fields - n_before;
		if (scan->n_copied > WIRE_MAX_COPIED)
			return -E2BIG;
		r = scan_message(f->descriptor, body, p, depth + 1, scan);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool enum_is_known(const ProtobufCFieldDescriptor *f, int value)
{
	return protobuf_c_enum_descriptor_get_value(f->descriptor, value) != NULL;
}

/* An optional value that is not known counts as unset, in a list as absent. */
static int drop_unknown_enum(ProtobufCMessage *message, const ProtobufCFieldDescriptor *f,
			     struct err *e)
{
	int *value = pb_member_mutable(message, f->offset);

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		int *items = *(int **)pb_member_mutable(message, f->offset);
		size_t *n = pb_member_mutable(message, f->quantifier_offset), kept = 0;

		for (size_t i = 0; i < *n; i++) {
			if (enum_is_known(f, items[i]))
				items[kept++] = items[i];
		}
		*n = kept;
		return 0;
	}
	if (f->label == PROTOBUF_C_LABEL_REQUIRED) {
		if (enum_is_known(f, *value))
			return 0;
		return err_set(e, EINVAL, "unpack field '%s.%s': no known value",
			       message->descriptor->short_name, f->name);
	}
	if (pb_field_is_oneof(f)) {
		if (!enum_is_known(f, *value))
			*pb_oneof_case(message, f) = 0;
		return 0;
	}
	if (*(protobuf_c_boolean *)pb_member_mutable(message, f->quantifier_offset) &&
	    !enum_is_known(f, *value)) {
		*(protobuf_c_boolean *)pb_member_mutable(message, f->quantifier_offset) = 0;
		*value = f->default_value ? *(const int *)f->default_value : 0;
	}
	return 0;
}

static int drop_unknown_enums(ProtobufCMessage *message, struct err *e)
{
	const ProtobufCMessageDescriptor *d = message->descriptor;
	int r = 0;

	for (unsigned i = 0; i < d->n_fields && r == 0; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		ProtobufCMessage **nested = pb_member_mutable(message, f->offset);
		size_t n = 1;

		if (!pb_field_is_selected(message, f))
			continue;
		if (f->type == PROTOBUF_C_TYPE_ENUM)
			r = drop_unknown_enum(message, f, e);
		if (f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			n = *(size_t *)pb_member_mutable(message, f->quantifier_offset);
			nested = *(ProtobufCMessage ***)pb_member_mutable(message, f->offset);
		}
		for (size_t k = 0; k < n && r == 0; k++)
			r = nested[k] ? drop_unknown_enums(nested[k], e) : 0;
	}
	return r;
}

int pb_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
	      ProtobufCMessage **ret, struct err *e)
{
	const uint8_t *bytes = size > 0 ? data : (const uint8_t *)"";
	struct scan scan = { 0 };
	ProtobufCMessage *message;
	int r;

	r = scan_message(descriptor, bytes, bytes + size, 1, &scan);
	if (r == -E2BIG)
		return err_set(e, E2BIG, "unpack message '%s': too many fields",
			       descriptor->short_name);
	if (r < 0)
		return err_set(e, EINVAL, "unpack message '%s': malformed or nested too deep",
			       descriptor->short_name);
	message = protobuf_c_message_unpack(descriptor, NULL, size, bytes);
	if (!message)
		return err_set(e, EINVAL,
			       "unpack message '%s': malformed or a required field is missing",
			       descriptor->short_name);
	r = drop_unknown_enums(message, e);
	if (r < 0) {
		protobuf_c_message_free_unpacked(message, NULL);
		return r;
	}
	*ret = message;
	return 0;
}

int pb_pack(const ProtobufCMessage *message, void **ret, size_t *ret_size, struct err *e)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (!data)
		return err_set(e, ENOMEM, "pack message '%s'", message->descriptor->short_name);
	*ret_size = protobuf_c_message_pack(message, data);
	*ret = data;
	return 0;
}

ProtobufCMessage *pb_copy(const ProtobufCMessage *message)
{
	AUTO_FREE void *data = NULL;
	struct err e = { 0 };
	size_t size = 0;

	if (pb_pack(message, &data, &size, &e) < 0)
		return NULL;
	return protobuf_c_message_unpack(message->descriptor, NULL, size, data);
}
