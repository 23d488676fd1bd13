#include "lib/pb_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_field.h"
#include "lib/utf8.h"

static int write_message(const ProtobufCMessage *message, unsigned depth, json_t **ret,
			 struct err *e);

/* Every one returns NULL when memory is out. */
typedef json_t *write_scalar_fn(const ProtobufCFieldDescriptor *f, const void *value);

static json_t *write_i32(const ProtobufCFieldDescriptor *f, const void *value)
{
	(void)f;
	return json_integer(*(const int32_t *)value);
}

static json_t *write_u32(const ProtobufCFieldDescriptor *f, const void *value)
{
	(void)f;
	return json_integer(*(const uint32_t *)value);
}

static json_t *write_i64(const ProtobufCFieldDescriptor *f, const void *value)
{
	(void)f;
	return json_integer(*(const int64_t *)value);
}

static json_t *write_u64(const ProtobufCFieldDescriptor *f, const void *value)
{
	uint64_t number = *(const uint64_t *)value;

	(void)f;
	/* jansson has no larger number; as text it comes back without loss. */
	if (number > INT64_MAX)
		return json_sprintf("%llu", (unsigned long long)number);
	return json_integer((json_int_t)number);
}

/* What is not finite has no JSON number: the names are those that reading accepts. */
static json_t *write_real(double value)
{
	if (isnan(value))
		return json_string("NaN");
	if (isinf(value))
		return json_string(value > 0 ? "Infinity" : "-Infinity");
	return json_real(value);
}

static json_t *write_float(const ProtobufCFieldDescriptor *f, const void *value)
{
	(void)f;
	return write_real((double)*(const float *)value);
}

static json_t *write_double(const ProtobufCFieldDescriptor *f, const void *value)
{
	(void)f;
	return write_real(*(const double *)value);
}

static json_t *write_bool(const ProtobufCFieldDescriptor *f, const void *value)
{
	(void)f;
	return json_boolean(*(const protobuf_c_boolean *)value);
}

static json_t *write_enum(const ProtobufCFieldDescriptor *f, const void *value)
{
	int number = *(const int *)value;
	const ProtobufCEnumValue *known =
		protobuf_c_enum_descriptor_get_value(f->descriptor, number);

	return known ? json_string(known->name) : json_integer(number);
}

static json_t *write_text(const char *text)
{
	AUTO_FREE char *repaired = NULL;
	size_t size = strlen(text);

	if (utf8_is_valid(text, size))
		return json_stringn_nocheck(text, size);
	repaired = utf8_repair(text, size);
	return repaired ? json_string_nocheck(repaired) : NULL;
}

static json_t *write_string(const ProtobufCFieldDescriptor *f, const void *value)
{
	const char *text = *(const char *const *)value;

	(void)f;
	return write_text(text ? text : "");
}

static json_t *write_bytes(const ProtobufCFieldDescriptor *f, const void *value)
{
	const ProtobufCBinaryData *bytes = value;
	AUTO_FREE char *text = base64_encode(bytes->data, bytes->len);

	(void)f;
	return text ? json_string_nocheck(text) : NULL;
}

static write_scalar_fn *const write_scalar[] = {
	[PROTOBUF_C_TYPE_INT32] = write_i32,
	[PROTOBUF_C_TYPE_SINT32] = write_i32,
	[PROTOBUF_C_TYPE_SFIXED32] = write_i32,
	[PROTOBUF_C_TYPE_INT64] = write_i64,
	[PROTOBUF_C_TYPE_SINT64] = write_i64,
	[PROTOBUF_C_TYPE_SFIXED64] = write_i64,
	[PROTOBUF_C_TYPE_UINT32] = write_u32,
	[PROTOBUF_C_TYPE_FIXED32] = write_u32,
	[PROTOBUF_C_TYPE_UINT64] = write_u64,
	[PROTOBUF_C_TYPE_FIXED64] = write_u64,
	[PROTOBUF_C_TYPE_FLOAT] = write_float,
	[PROTOBUF_C_TYPE_DOUBLE] = write_double,
	[PROTOBUF_C_TYPE_BOOL] = write_bool,
	[PROTOBUF_C_TYPE_ENUM] = write_enum,
	[PROTOBUF_C_TYPE_STRING] = write_string,
	[PROTOBUF_C_TYPE_BYTES] = write_bytes,
	[PROTOBUF_C_TYPE_MESSAGE] = NULL,
};

/* One value of F, at VALUE: of a single field, or an item of a list. */
static int write_value(const ProtobufCFieldDescriptor *f, const void *value, unsigned depth,
		       json_t **ret, struct err *e)
{
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return write_message(*(ProtobufCMessage *const *)value, depth + 1, ret, e);
	*ret = write_scalar[f->type](f, value);
	return *ret ? 0 : err_set(e, ENOMEM, "write field '%s'", f->name);
}

/*
 * Where the value of the single field F is: in MESSAGE, or its declared default, or NULL when
 * there is nothing to write.
 */
static const void *find_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	const void *value = pb_member(message, f->offset);
	bool is_set = true;

	if (!pb_field_is_selected(message, f))
		return NULL;
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *target = *(const void *const *)value;

		/* A string that was never set points to its default. */
		is_set = target && target != f->default_value;
		if (f->label == PROTOBUF_C_LABEL_REQUIRED && f->type == PROTOBUF_C_TYPE_STRING)
			is_set = true;
	} else if (f->label != PROTOBUF_C_LABEL_REQUIRED && !pb_field_is_oneof(f)) {
		is_set = *(const protobuf_c_boolean *)pb_member(message, f->quantifier_offset);
	}
	if (is_set)
		return value;
	if (!f->default_value || (f->flags & PROTOBUF_C_FIELD_FLAG_DEPRECATED))
		return NULL;
	/* For a string the descriptor has the text itself, not a pointer to one. */
	return f->type == PROTOBUF_C_TYPE_STRING ? (const void *)&f->default_value :
						   f->default_value;
}

static int write_map(const ProtobufCMessage *const *entries, size_t n, unsigned depth, json_t **ret,
		     struct err *e)
{
	AUTO(json_decrefp) json_t *object = json_object();

	for (size_t i = 0; object && i < n; i++) {
		const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
		const char *key = *(const char *const *)pb_member(entries[i], fields[0].offset);
		const void *value = find_value(entries[i], &fields[1]);
		AUTO(json_decrefp) json_t *name = write_text(key ? key : "");
		json_t *item = NULL;
		int r = 0;

		if (value)
			r = write_value(&fields[1], value, depth + 1, &item, e);
		else
			item = json_null();
		if (r < 0)
			return r;
		if (!name || json_object_set_new_nocheck(object, json_string_value(name), item) < 0)
			return err_set(e, ENOMEM, "write map");
	}
	if (!object)
		return err_set(e, ENOMEM, "write map");
	*ret = TAKE_PTR(object);
	return 0;
}

static int write_list(const ProtobufCFieldDescriptor *f, const void *items, size_t n,
		      unsigned depth, json_t **ret, struct err *e)
{
	AUTO(json_decrefp) json_t *list = json_array();
	size_t size = pb_value_size(f->type);

	for (size_t i = 0; list && i < n; i++) {
		json_t *item = NULL;
		int r = write_value(f, (const char *)items + i * size, depth, &item, e);

		if (r < 0)
			return r;
		if (json_array_append_new(list, item) < 0)
			return err_set(e, ENOMEM, "write list '%s'", f->name);
	}
	if (!list)
		return err_set(e, ENOMEM, "write list '%s'", f->name);
	*ret = TAKE_PTR(list);
	return 0;
}

/* *RET stays NULL for what is left out. */
static int write_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f,
		       unsigned depth, json_t **ret, struct err *e)
{
	const void *value;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)pb_member(message, f->quantifier_offset);
		const void *items = *(const void *const *)pb_member(message, f->offset);

		if (n == 0)
			return 0;
		if (pb_field_is_map(f))
			return write_map(items, n, depth, ret, e);
		return write_list(f, items, n, depth, ret, e);
	}
	value = find_value(message, f);
	if (value)
		return write_value(f, value, depth, ret, e);
	if (f->label == PROTOBUF_C_LABEL_REQUIRED)
		return err_set(e, EINVAL, "missing required field '%s.%s'",
			       message->descriptor->short_name, f->name);
	return 0;
}

static int write_message(const ProtobufCMessage *message, unsigned depth, json_t **ret,
			 struct err *e)
{
	const ProtobufCMessageDescriptor *d = message->descriptor;
	AUTO(json_decrefp) json_t *object = json_object();

	if (!object)
		return err_set(e, ENOMEM, "write message '%s'", d->short_name);
	if (depth > PB_MAX_DEPTH)
		return err_set(e, EINVAL, "write message '%s': nested deeper than %d levels",
			       d->short_name, PB_MAX_DEPTH);
	for (unsigned i = 0; i < d->n_fields; i++) {
		json_t *value = NULL;
		int r = write_field(message, &d->fields[i], depth, &value, e);

		if (r < 0)
			return r;
		if (value && json_object_set_new_nocheck(object, d->fields[i].name, value) < 0)
			return err_set(e, ENOMEM, "write message '%s'", d->short_name);
	}
	*ret = TAKE_PTR(object);
	return 0;
}

int pb_to_json(const ProtobufCMessage *message, json_t **ret, struct err *e)
{
	return write_message(message, 1, ret, e);
}

int pb_to_json_text(const ProtobufCMessage *message, char **ret_text, size_t *ret_size,
		    struct err *e)
{
	AUTO(json_decrefp) json_t *json = NULL;
	char *text;
	int r;

	r = pb_to_json(message, &json, e);
	if (r < 0)
		return r;
	text = json_dumps(json, PB_JSON_DUMP);
	if (!text)
		return err_set(e, ENOMEM, "write message '%s'", message->descriptor->short_name);
	*ret_text = text;
	*ret_size = strlen(text);
	return 0;
}
