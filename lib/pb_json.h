/* protobuf messages to and from JSON, for any message, driven by its descriptor. */
#ifndef LIB_PB_JSON_H
#define LIB_PB_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "lib/cleanup.h"

struct err;

/* AUTO(pb_freep) ProtobufCMessage *message = NULL; */
static inline void pb_free(ProtobufCMessage *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}
DEFINE_AUTO(ProtobufCMessage *, pb_free);

/*
 * Mesos's mapping (reference/mesos.md 1.3): names as in the schema, enums as strings, bytes as
 * padded base64, 64-bit integers as numbers, doubles with a fraction, explicit defaults written,
 * empty lists and unset fields left out, messages named *Entry with key and value as maps.
 * Returns an owned object in *ret, or -errno.
 */
int pb_to_json(const ProtobufCMessage *message, json_t **ret, struct err *e);

/*
 * The same as the next value of OUT, without a tree in between.  -EINVAL for what has no JSON, such
 * as a required field that is missing, and -ENOMEM: OUT is as it was then.
 */
struct json_out;
int pb_write_json(const ProtobufCMessage *message, struct json_out *out, struct err *e);

/* For json_dumps() and its kin: compact, and doubles with as many digits as Mesos prints. */
enum { PB_JSON_DUMP = JSON_COMPACT | JSON_REAL_PRECISION(15) };

/* As text, compact, in one allocation owned by the caller. */
int pb_to_json_text(const ProtobufCMessage *message, char **ret_text, size_t *ret_size,
		    struct err *e);

/*
 * Lenient reading: unknown fields ignored, null = unset, numbers and booleans also as strings,
 * one object where a list is declared, an unknown enum name in an optional field dropped.
 * A missing required field is -EINVAL and named with its path.
 * *ret is freed with protobuf_c_message_free_unpacked(*ret, NULL).
 */
int pb_from_json(const ProtobufCMessageDescriptor *descriptor, const json_t *json,
		 ProtobufCMessage **ret, struct err *e);

/* A deep copy (packed and unpacked); NULL when memory is out. */
ProtobufCMessage *pb_copy(const ProtobufCMessage *message);

/* Packed into one allocation owned by the caller. */
int pb_pack(const ProtobufCMessage *message, void **ret, size_t *ret_size, struct err *e);

/*
 * The reverse, for bytes from outside: depth and number of fields are counted before anything is
 * built (protobuf-c recurses and allocates without bound), and enum values that the schema does
 * not know are dropped as in pb_from_json().  -EINVAL when malformed or incomplete, -E2BIG.
 * *ret is freed with protobuf_c_message_free_unpacked(*ret, NULL).
 */
int pb_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
	      ProtobufCMessage **ret, struct err *e);

#endif
