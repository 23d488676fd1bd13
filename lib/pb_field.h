/* What a protobuf-c descriptor says of a field, where the library itself offers no call. */
#ifndef LIB_PB_FIELD_H
#define LIB_PB_FIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Messages nested deeper than this are refused, in both directions and in both encodings. */
enum { PB_MAX_DEPTH = 32 };

/* Bytes that one value of TYPE takes in a message struct or in a repeated field's array. */
size_t pb_value_size(ProtobufCType type);

/* Is FIELD a map: repeated messages named *Entry with a string key and a value? */
bool pb_field_is_map(const ProtobufCFieldDescriptor *field);

static inline const void *pb_member(const ProtobufCMessage *message, unsigned offset)
{
	return (const char *)message + offset;
}

static inline void *pb_member_mutable(ProtobufCMessage *message, unsigned offset)
{
	return (char *)message + offset;
}

#endif
