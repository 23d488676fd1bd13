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

/*
 * The members of a oneof share their place; which of them is there is the id of its field, in an int
 * in the place of "has_".
 */
static inline bool pb_field_is_oneof(const ProtobufCFieldDescriptor *f)
{
	return f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

static inline int *pb_oneof_case(ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	return pb_member_mutable(message, f->quantifier_offset);
}

/* May the place of F be looked at? */
static inline bool pb_field_is_selected(const ProtobufCMessage *message,
					const ProtobufCFieldDescriptor *f)
{
	return !pb_field_is_oneof(f) ||
	       *(const int *)pb_member(message, f->quantifier_offset) == (int)f->id;
}

#endif
