#include "lib/pb_field.h"

#include <string.h>

static const size_t value_sizes[] = {
	[PROTOBUF_C_TYPE_INT32] = sizeof(int32_t),
	[PROTOBUF_C_TYPE_SINT32] = sizeof(int32_t),
	[PROTOBUF_C_TYPE_SFIXED32] = sizeof(int32_t),
	[PROTOBUF_C_TYPE_INT64] = sizeof(int64_t),
	[PROTOBUF_C_TYPE_SINT64] = sizeof(int64_t),
	[PROTOBUF_C_TYPE_SFIXED64] = sizeof(int64_t),
	[PROTOBUF_C_TYPE_UINT32] = sizeof(uint32_t),
	[PROTOBUF_C_TYPE_FIXED32] = sizeof(uint32_t),
	[PROTOBUF_C_TYPE_UINT64] = sizeof(uint64_t),
	[PROTOBUF_C_TYPE_FIXED64] = sizeof(uint64_t),
	[PROTOBUF_C_TYPE_FLOAT] = sizeof(float),
	[PROTOBUF_C_TYPE_DOUBLE] = sizeof(double),
	[PROTOBUF_C_TYPE_BOOL] = sizeof(protobuf_c_boolean),
	[PROTOBUF_C_TYPE_ENUM] = sizeof(int),
	[PROTOBUF_C_TYPE_STRING] = sizeof(char *),
	[PROTOBUF_C_TYPE_BYTES] = sizeof(ProtobufCBinaryData),
	[PROTOBUF_C_TYPE_MESSAGE] = sizeof(ProtobufCMessage *),
};

size_t pb_value_size(ProtobufCType type)
{
	return value_sizes[type];
}

bool pb_field_is_map(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry;
	size_t length;

	if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
		return false;
	entry = field->descriptor;
	length = strlen(entry->short_name);
	/* Fields are in order of their numbers. */
	return length > 5 && strcmp(entry->short_name + length - 5, "Entry") == 0 &&
	       entry->n_fields == 2 && entry->fields[0].id == 1 && entry->fields[1].id == 2 &&
	       entry->fields[0].type == PROTOBUF_C_TYPE_STRING &&
	       entry->fields[0].label != PROTOBUF_C_LABEL_REPEATED &&
	       entry->fields[1].label != PROTOBUF_C_LABEL_REPEATED &&
	       strcmp(entry->fields[0].name, "key") == 0 &&
	       strcmp(entry->fields[1].name, "value") == 0;
}
