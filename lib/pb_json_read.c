#include "lib/pb_json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_field.h"

enum { PATH_MAX_BYTES = 256, DROPPED = 1 };

/* The way from the outermost message to the value at hand, for messages only. */
struct step {
	const struct step *up;
	const char *name;
	size_t index;		/* in a list */
	bool is_item;
	unsigned depth;		/* of messages */
};

static int read_message(const struct step *at, const ProtobufCMessageDescriptor *d,
			const json_t *json, ProtobufCMessage **ret, struct err *e);

/* Writes "a.b[2].c" to BUF, cut at the end when it is too long; returns the bytes used. */
static size_t format_path(const struct step *at, char *buf, size_t size)
{
	size_t used = at->up ? format_path(at->up, buf, size) : 0;
	int n;

	if (at->is_item)
		n = snprintf(buf + used, size - used, "[%zu]", at->index);
	else
		n = snprintf(buf + used, size - used, "%s%s", used > 0 ? "." : "", at->name);
	used += n > 0 ? (size_t)n : 0;
	return used < size ? used : size - 1;
}

static int wrong(const struct step *at, const char *expected, struct err *e)
{
	char path[PATH_MAX_BYTES] = "";

	(void)format_path(at, path, sizeof(path));
	return err_set(e, EINVAL, "read field '%s': not %s", path, expected);
}

static int no_memory(const struct step *at, struct err *e)
{
	char path[PATH_MAX_BYTES] = "";

	(void)format_path(at, path, sizeof(path));
	return err_set(e, ENOMEM, "read field '%s'", path);
}

/* A whole number of 64 bits and a sign. */
struct whole {
	bool is_negative;
	uint64_t magnitude;
};

static int whole_from_real(double value, struct whole *ret)
{
	double magnitude = fabs(value);

	if (!isfinite(value) || magnitude != floor(magnitude) || magnitude >= 0x1p64)
		return -EINVAL;
	*ret = (struct whole){ value < 0, (uint64_t)magnitude };
	return 0;
}

static int whole_from_digits(const char *text, struct whole *ret)
{
	*ret = (struct whole){ .is_negative = *text == '-' };
	if (ret->is_negative)
		text++;
	if (*text == '\0')
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(ret->magnitude, (uint64_t)10, &ret->magnitude) ||
		    __builtin_add_overflow(ret->magnitude, (uint64_t)(*text - '0'),
					   &ret->magnitude))
			return -EINVAL;
	}
	return 0;
}

/* A number in quotes follows the grammar of one without them. */
static int real_from_text(const char *text, double *ret)
{
	AUTO(json_decrefp) json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!json_is_number(json))
		return -EINVAL;
	*ret = json_number_value(json);
	return 0;
}

static int read_whole(const json_t *v, struct whole *ret)
{
	json_int_t integer;
	double real;

	switch (json_typeof(v)) {
	case JSON_INTEGER:
		integer = json_integer_value(v);
		*ret = (struct whole){ integer < 0, integer < 0 ? 0 - (uint64_t)integer
								: (uint64_t)integer };
		return 0;
	case JSON_REAL:
		return whole_from_real(json_real_value(v), ret);
	case JSON_STRING:
		if (whole_from_digits(json_string_value(v), ret) == 0)
			return 0;
		if (real_from_text(json_string_value(v), &real) < 0)
			return -EINVAL;
		return whole_from_real(real, ret);
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return -EINVAL;
}

/* Returns 0 with *DST filled, DROPPED when the value counts as unset, or -errno. */
typedef int read_value_fn(const struct step *at, const ProtobufCFieldDescriptor *f,
			  const json_t *v, void *dst, struct err *e);

/* *RET is two's complement when V is negative. */
static int read_bounded(const struct step *at, const json_t *v, uint64_t max_negative,
			uint64_t max_positive, const char *expected, uint64_t *ret, struct err *e)
{
	struct whole number;

	if (read_whole(v, &number) < 0 ||
	    number.magnitude > (number.is_negative ? max_negative : max_positive))
		return wrong(at, expected, e);
	*ret = number.is_negative ? 0 - number.magnitude : number.magnitude;
	return 0;
}

static int read_i32(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		    void *dst, struct err *e)
{
	uint64_t number;
	int r = read_bounded(at, v, 1ULL << 31, INT32_MAX, "a 32-bit integer", &number, e);

	(void)f;
	if (r == 0)
		*(int32_t *)dst = (int32_t)(uint32_t)number;
	return r;
}

static int read_u32(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		    void *dst, struct err *e)
{
	uint64_t number;
	int r = read_bounded(at, v, 0, UINT32_MAX, "an unsigned 32-bit integer", &number, e);

	(void)f;
	if (r == 0)
		*(uint32_t *)dst = (uint32_t)number;
	return r;
}

static int read_i64(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		    void *dst, struct err *e)
{
	uint64_t number;
	int r = read_bounded(at, v, 1ULL << 63, INT64_MAX, "a 64-bit integer", &number, e);

	(void)f;
	if (r == 0)
		*(int64_t *)dst = (int64_t)number;
	return r;
}

static int read_u64(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		    void *dst, struct err *e)
{
	(void)f;
	return read_bounded(at, v, 0, UINT64_MAX, "an unsigned 64-bit integer", dst, e);
}

static int read_double(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		       void *dst, struct err *e)
{
	const char *text = json_string_value(v);
	double value;

	(void)f;
	if (json_is_number(v))
		value = json_number_value(v);
	else if (text && strcmp(text, "Infinity") == 0)
		value = HUGE_VAL;
	else if (text && strcmp(text, "-Infinity") == 0)
		value = -HUGE_VAL;
	else if (!text || real_from_text(text, &value) < 0)
		return wrong(at, "a number", e);
	*(double *)dst = value;
	return 0;
}

static int read_float(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		      void *dst, struct err *e)
{
	double value = 0;
	int r = read_double(at, f, v, &value, e);

	if (r == 0)
		*(float *)dst = (float)value;
	return r;
}

static int read_bool(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		     void *dst, struct err *e)
{
	const char *text = json_string_value(v);
	bool is_true = json_is_true(v) || (text && strcmp(text, "true") == 0);

	(void)f;
	if (!is_true && !json_is_false(v) && !(text && strcmp(text, "false") == 0))
		return wrong(at, "a boolean", e);
	*(protobuf_c_boolean *)dst = is_true;
	return 0;
}

static int read_enum(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		     void *dst, struct err *e)
{
	const ProtobufCEnumDescriptor *d = f->descriptor;
	const ProtobufCEnumValue *known = NULL;

	if (json_is_string(v))
		known = protobuf_c_enum_descriptor_get_value_by_name(d, json_string_value(v));
	else if (!json_is_integer(v))
		return wrong(at, "the name of a value", e);
	else if (json_integer_value(v) >= INT32_MIN && json_integer_value(v) <= INT32_MAX)
		known = protobuf_c_enum_descriptor_get_value(d, (int)json_integer_value(v));
	if (!known && f->label == PROTOBUF_C_LABEL_REQUIRED)
		return wrong(at, "a known value", e);
	if (!known)
		return DROPPED;
	*(int *)dst = known->value;
	return 0;
}

static int read_string(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		       void *dst, struct err *e)
{
	char *copy;

	(void)f;
	if (!json_is_string(v))
		return wrong(at, "a string", e);
	copy = strdup(json_string_value(v));
	if (!copy)
		return no_memory(at, e);
	*(char **)dst = copy;
	return 0;
}

static int read_bytes(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		      void *dst, struct err *e)
{
	ProtobufCBinaryData *bytes = dst;
	int r = -EINVAL;

	(void)f;
	if (json_is_string(v))
		r = base64_decode(json_string_value(v), json_string_length(v), &bytes->data,
				  &bytes->len);
	if (r == -ENOMEM)
		return no_memory(at, e);
	return r < 0 ? wrong(at, "base64", e) : 0;
}

static int read_nested(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		       void *dst, struct err *e)
{
	return read_message(at, f->descriptor, v, dst, e);
}

static read_value_fn *const read_value[] = {
	[PROTOBUF_C_TYPE_INT32] = read_i32,
	[PROTOBUF_C_TYPE_SINT32] = read_i32,
	[PROTOBUF_C_TYPE_SFIXED32] = read_i32,
	[PROTOBUF_C_TYPE_INT64] = read_i64,
	[PROTOBUF_C_TYPE_SINT64] = read_i64,
	[PROTOBUF_C_TYPE_SFIXED64] = read_i64,
	[PROTOBUF_C_TYPE_UINT32] = read_u32,
	[PROTOBUF_C_TYPE_FIXED32] = read_u32,
	[PROTOBUF_C_TYPE_UINT64] = read_u64,
	[PROTOBUF_C_TYPE_FIXED64] = read_u64,
	[PROTOBUF_C_TYPE_FLOAT] = read_float,
	[PROTOBUF_C_TYPE_DOUBLE] = read_double,
	[PROTOBUF_C_TYPE_BOOL] = read_bool,
	[PROTOBUF_C_TYPE_ENUM] = read_enum,
	[PROTOBUF_C_TYPE_STRING] = read_string,
	[PROTOBUF_C_TYPE_BYTES] = read_bytes,
	[PROTOBUF_C_TYPE_MESSAGE] = read_nested,
};

/* Marked first: what is read in part is freed with the message. */
static int read_oneof(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		      ProtobufCMessage *message, struct err *e)
{
	int r;

	if (*pb_oneof_case(message, f))
		return wrong(at, "the only one of those that exclude one another", e);
	*pb_oneof_case(message, f) = (int)f->id;
	r = read_value[f->type](at, f, v, pb_member_mutable(message, f->offset), e);
	/* An enum's value that is not known. */
	if (r > 0)
		*pb_oneof_case(message, f) = 0;
	return r < 0 ? r : 0;
}

/* Read the single field F of MESSAGE and mark it as set. */
static int read_single(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
		       ProtobufCMessage *message, struct err *e)
{
	int r;

	if (pb_field_is_oneof(f))
		return read_oneof(at, f, v, message, e);
	r = read_value[f->type](at, f, v, pb_member_mutable(message, f->offset), e);
	if (r == 0 && f->label != PROTOBUF_C_LABEL_REQUIRED &&
	    f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)pb_member_mutable(message, f->quantifier_offset) = 1;
	return r < 0 ? r : 0;
}

static ProtobufCMessage *new_message(const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *message = calloc(1, d->sizeof_message);

	if (message)
		protobuf_c_message_init(d, message);
	return message;
}

/* The items of a repeated field: stored in the message from the start, so that it owns them. */
struct list {
	const ProtobufCFieldDescriptor *field;
	char *items;
	size_t *n;
};

static int list_start(const struct step *at, const ProtobufCFieldDescriptor *f, size_t n_max,
		      ProtobufCMessage *message, struct list *ret, struct err *e)
{
	*ret = (struct list){ f, calloc(n_max, pb_value_size(f->type)),
			      pb_member_mutable(message, f->quantifier_offset) };
	if (!ret->items)
		return no_memory(at, e);
	*(void **)pb_member_mutable(message, f->offset) = ret->items;
	return 0;
}

static int list_add(const struct step *at, struct list *list, const json_t *v, struct err *e)
{
	const ProtobufCFieldDescriptor *f = list->field;
	void *dst = list->items + *list->n * pb_value_size(f->type);
	int r;

	if (json_is_null(v))
		return 0;
	r = read_value[f->type](at, f, v, dst, e);
	if (r == 0)
		(*list->n)++;
	return r < 0 ? r : 0;
}

static int read_map(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *object,
		    ProtobufCMessage *message, struct err *e)
{
	const ProtobufCMessageDescriptor *d = f->descriptor;
	struct list list;
	json_t *walk;
	void *position;
	int r;

	memcpy(&walk, &object, sizeof(walk));	/* the iterator's type; nothing is changed */
	r = list_start(at, f, json_object_size(object), message, &list, e);
	for (position = json_object_iter(walk); r == 0 && position;
	     position = json_object_iter_next(walk, position)) {
		const char *key = json_object_iter_key(position);
		const json_t *value = json_object_iter_value(position);
		struct step item = { .up = at, .name = key, .depth = at->depth + 1 };
		ProtobufCMessage *entry = new_message(d);
		char *name = strdup(key);

		if (!entry || !name) {
			free(entry);
			free(name);
			return no_memory(&item, e);
		}
		*(char **)pb_member_mutable(entry, d->fields[0].offset) = name;
		((ProtobufCMessage **)(void *)list.items)[(*list.n)++] = entry;
		if (!json_is_null(value))
			r = read_single(&item, &d->fields[1], value, entry, e);
		else if (d->fields[1].label == PROTOBUF_C_LABEL_REQUIRED)
			r = wrong(&item, "a value", e);
	}
	return r;
}

static int read_repeated(const struct step *at, const ProtobufCFieldDescriptor *f, const json_t *v,
			 ProtobufCMessage *message, struct err *e)
{
	struct step item = { .up = at, .is_item = true, .depth = at->depth };
	bool is_list = json_is_array(v);
	size_t n = is_list ? json_array_size(v) : 1;
	struct list list;
	int r;

	if (json_is_object(v) && pb_field_is_map(f)) {
		if (json_object_size(v) == 0)
			return 0;
		return read_map(at, f, v, message, e);
	}
	if (n == 0)
		return 0;
	r = list_start(at, f, n, message, &list, e);
	for (; r == 0 && item.index < n; item.index++)
		r = list_add(is_list ? &item : at, &list,
			     is_list ? json_array_get(v, item.index) : v, e);
	return r;
}

static int missing(const struct step *at, struct err *e)
{
	char path[PATH_MAX_BYTES] = "";

	(void)format_path(at, path, sizeof(path));
	return err_set(e, EINVAL, "missing required field '%s'", path);
}

static int read_fields(const struct step *at, const json_t *json, ProtobufCMessage *message,
		       struct err *e)
{
	const ProtobufCMessageDescriptor *d = message->descriptor;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const json_t *v = json_object_get(json, f->name);
		struct step field = { .up = at, .name = f->name, .depth = at ? at->depth : 0 };
		int r = 0;

		if (v && !json_is_null(v))
			r = f->label == PROTOBUF_C_LABEL_REPEATED ?
				    read_repeated(&field, f, v, message, e) :
				    read_single(&field, f, v, message, e);
		else if (f->label == PROTOBUF_C_LABEL_REQUIRED)
			r = missing(&field, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* AT is NULL for the outermost message. */
static int read_message(const struct step *at, const ProtobufCMessageDescriptor *d,
			const json_t *json, ProtobufCMessage **ret, struct err *e)
{
	struct step inside = { 0 };
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	int r;

	if (!json_is_object(json))
		return at ? wrong(at, "an object", e) :
			    err_set(e, EINVAL, "read message '%s': not an object", d->short_name);
	if (at) {
		inside = *at;
		inside.depth++;
		if (inside.depth >= PB_MAX_DEPTH)
			return wrong(at, "within the limit of nested levels", e);
	}
	message = new_message(d);
	if (!message)
		return err_set(e, ENOMEM, "read message '%s'", d->short_name);
	r = read_fields(at ? &inside : NULL, json, message, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(message);
	return 0;
}

int pb_from_json(const ProtobufCMessageDescriptor *descriptor, const json_t *json,
		 ProtobufCMessage **ret, struct err *e)
{
	return read_message(NULL, descriptor, json, ret, e);
}
