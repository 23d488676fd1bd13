#include "lib/pb_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/pb_field.h"

static int write_message(const ProtobufCMessage *message, unsigned depth, struct json_out *out,
			 struct err *e);

typedef void write_scalar_fn(const ProtobufCFieldDescriptor *f, const void *value,
			     struct json_out *out);

static void write_i32(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	(void)f;
	json_out_int(out, *(const int32_t *)value);
}

static void write_u32(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	(void)f;
	json_out_uint(out, *(const uint32_t *)value);
}

static void write_i64(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	(void)f;
	json_out_int(out, *(const int64_t *)value);
}

static void write_u64(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	(void)f;
	json_out_uint(out, *(const uint64_t *)value);
}

static void write_float(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	(void)f;
	json_out_real(out, (double)*(const float *)value);
}

static void write_double(const ProtobufCFieldDescriptor *f, const void *value,
			 struct json_out *out)
{
	(void)f;
	json_out_real(out, *(const double *)value);
}

static void write_bool(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	(void)f;
	json_out_bool(out, *(const protobuf_c_boolean *)value);
}

static void write_enum(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	int number = *(const int *)value;
	const ProtobufCEnumValue *known =
		protobuf_c_enum_descriptor_get_value(f->descriptor, number);

	if (known)
		json_out_string(out, known->name);
	else
		json_out_int(out, number);
}

static void write_string(const ProtobufCFieldDescriptor *f, const void *value,
			 struct json_out *out)
{
	const char *text = *(const char *const *)value;

	(void)f;
	json_out_string(out, text ? text : "");
}

static void write_bytes(const ProtobufCFieldDescriptor *f, const void *value, struct json_out *out)
{
	const ProtobufCBinaryData *bytes = value;
	AUTO_FREE char *text = base64_encode(bytes->data, bytes->len);

	(void)f;
	if (text)
		json_out_string(out, text);
	else
		out->is_failed = true;
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
		       struct json_out *out, struct err *e)
{
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return write_message(*(ProtobufCMessage *const *)value, depth + 1, out, e);
	write_scalar[f->type](f, value, out);
	return 0;
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

static int write_map(const ProtobufCMessage *const *entries, size_t n, unsigned depth,
		     struct json_out *out, struct err *e)
{
	int r = 0;

	json_out_open(out, '{');
	for (size_t i = 0; i < n && r == 0; i++) {
		const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
		const char *key = *(const char *const *)pb_member(entries[i], fields[0].offset);
		const void *value = find_value(entries[i], &fields[1]);

		json_out_key(out, key ? key : "");
		if (value)
			r = write_value(&fields[1], value, depth + 1, out, e);
		else
			json_out_null(out);
	}
	json_out_close(out, '}');
	return r;
}

static int write_list(const ProtobufCFieldDescriptor *f, const void *items, size_t n,
		      unsigned depth, struct json_out *out, struct err *e)
{
	size_t size = pb_value_size(f->type);
	int r = 0;

	json_out_open(out, '[');
	for (size_t i = 0; i < n && r == 0; i++)
		r = write_value(f, (const char *)items + i * size, depth, out, e);
	json_out_close(out, ']');
	return r;
}

static int write_repeated(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f,
			  unsigned depth, struct json_out *out, struct err *e)
{
	size_t n = *(const size_t *)pb_member(message, f->quantifier_offset);
	const void *items = *(const void *const *)pb_member(message, f->offset);

	if (n == 0)
		return 0;
	json_out_key(out, f->name);
	if (pb_field_is_map(f))
		return write_map(items, n, depth, out, e);
	return write_list(f, items, n, depth, out, e);
}

static int write_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f,
		       unsigned depth, struct json_out *out, struct err *e)
{
	const void *value;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return write_repeated(message, f, depth, out, e);
	value = find_value(message, f);
	if (value) {
		json_out_key(out, f->name);
		return write_value(f, value, depth, out, e);
	}
	if (f->label == PROTOBUF_C_LABEL_REQUIRED)
		return err_set(e, EINVAL, "missing required field '%s.%s'",
			       message->descriptor->short_name, f->name);
	return 0;
}

static int write_message(const ProtobufCMessage *message, unsigned depth, struct json_out *out,
			 struct err *e)
{
	const ProtobufCMessageDescriptor *d = message->descriptor;
	int r = 0;

	if (depth > PB_MAX_DEPTH)
		return err_set(e, EINVAL, "write message '%s': nested deeper than %d levels",
			       d->short_name, PB_MAX_DEPTH);
	json_out_open(out, '{');
	for (unsigned i = 0; i < d->n_fields && r == 0; i++)
		r = write_field(message, &d->fields[i], depth, out, e);
	json_out_close(out, '}');
	return r;
}

int pb_write_json(const ProtobufCMessage *message, struct json_out *out, struct err *e)
{
	struct json_out before = *out;
	int r = write_message(message, 1, out, e);

	if (r == 0 && out->is_failed)
		r = err_set(e, ENOMEM, "write message '%s'", message->descriptor->short_name);
	if (r < 0) {
		out->size = before.size;
		out->needs_comma = before.needs_comma;
	}
	return r;
}

int pb_to_json_text(const ProtobufCMessage *message, char **ret_text, size_t *ret_size,
		    struct err *e)
{
	struct json_out out = { 0 };
	int r = pb_write_json(message, &out, e);

	if (r == 0) {
		*ret_text = json_out_take(&out, ret_size);
		if (!*ret_text)
			r = err_set(e, ENOMEM, "write message '%s'",
				    message->descriptor->short_name);
	}
	json_out_done(&out);
	return r;
}

/* What is written once is read back: who wants a tree has a small message. */
int pb_to_json(const ProtobufCMessage *message, json_t **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = pb_to_json_text(message, &text, &size, e);

	if (r < 0)
		return r;
	*ret = json_loadb(text, size, 0, NULL);
	return *ret ? 0 : err_set(e, ENOMEM, "write message '%s'", message->descriptor->short_name);
}
