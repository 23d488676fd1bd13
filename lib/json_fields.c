#include "lib/json_fields.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

/* One field on its way into the destination. */
struct place {
	const struct json_field *field;
	const char *where;
	void *dst;
};

static int wrong(const struct place *p, const char *expected, struct err *e)
{
	return err_set(e, EINVAL, "%s.%s: not %s", p->where, p->field->key, expected);
}

static int check_range(const struct place *p, uint64_t value, const char *unit, struct err *e)
{
	const struct json_field *f = p->field;

	if (value >= f->min && value <= f->max)
		return 0;
	return err_set(e, ERANGE, "%s.%s: %" PRIu64 "%s is outside %" PRIu64 "..%" PRIu64, p->where,
		       f->key, value, unit, f->min, f->max);
}

static int read_string(const struct place *p, const json_t *v, struct err *e)
{
	char *copy;
	int r;

	if (!json_is_string(v))
		return wrong(p, "a string", e);
	r = check_range(p, json_string_length(v), " bytes", e);
	if (r < 0)
		return r;
	copy = strdup(json_string_value(v));
	if (!copy)
		return err_set(e, ENOMEM, "%s.%s: copy string", p->where, p->field->key);
	free(*(char **)p->dst);
	*(char **)p->dst = copy;
	return 0;
}

static int read_u64(const struct place *p, const json_t *v, struct err *e)
{
	uint64_t value;
	int r;

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return wrong(p, "an unsigned integer", e);
	value = (uint64_t)json_integer_value(v);
	r = check_range(p, value, "", e);
	if (r < 0)
		return r;
	*(uint64_t *)p->dst = value;
	return 0;
}

static int read_i64(const struct place *p, const json_t *v, struct err *e)
{
	int64_t value, min = (int64_t)p->field->min, max = (int64_t)p->field->max;

	if (!json_is_integer(v))
		return wrong(p, "an integer", e);
	value = json_integer_value(v);
	if (value < min || value > max)
		return err_set(e, ERANGE, "%s.%s: %" PRId64 " is outside %" PRId64 "..%" PRId64,
			       p->where, p->field->key, value, min, max);
	*(int64_t *)p->dst = value;
	return 0;
}

static int read_double(const struct place *p, const json_t *v, struct err *e)
{
	if (!json_is_number(v) || !isfinite(json_number_value(v)))
		return wrong(p, "a number", e);
	*(double *)p->dst = json_number_value(v);
	return 0;
}

static int read_bool(const struct place *p, const json_t *v, struct err *e)
{
	if (!json_is_boolean(v))
		return wrong(p, "a boolean", e);
	*(bool *)p->dst = json_is_true(v);
	return 0;
}

static void free_list(char **list)
{
	for (char **item = list; list && *item; item++)
		free(*item);
	free(list);
}

static int read_list(const struct place *p, const json_t *v, struct err *e)
{
	size_t n = json_array_size(v);
	char **list;
	int r;

	if (!json_is_array(v))
		return wrong(p, "a list of strings", e);
	r = check_range(p, n, " entries", e);
	if (r < 0)
		return r;
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++) {
		const json_t *item = json_array_get(v, i);

		if (!json_is_string(item)) {
			free_list(list);
			return wrong(p, "a list of strings", e);
		}
		list[i] = strdup(json_string_value(item));
		if (!list[i]) {
			free_list(list);
			list = NULL;
		}
	}
	if (!list)
		return err_set(e, ENOMEM, "%s.%s: copy list", p->where, p->field->key);
	free_list(*(char ***)p->dst);
	*(char ***)p->dst = list;
	return 0;
}

static int read_json(const struct place *p, const json_t *v, struct err *e)
{
	json_t **dst = p->dst, *value;

	(void)e;
	memcpy(&value, &v, sizeof(value));	/* a reference is counted in the value itself */
	json_incref(value);
	json_decref(*dst);
	*dst = value;
	return 0;
}

static int read_nothing(const struct place *p, const json_t *v, struct err *e)
{
	(void)p;
	(void)v;
	(void)e;
	return 0;
}

typedef int read_kind_fn(const struct place *p, const json_t *v, struct err *e);

static read_kind_fn *const read_kind[] = {
	[JSON_F_STR] = read_string,
	[JSON_F_U64] = read_u64,
	[JSON_F_I64] = read_i64,
	[JSON_F_DOUBLE] = read_double,
	[JSON_F_BOOL] = read_bool,
	[JSON_F_STR_LIST] = read_list,
	[JSON_F_JSON] = read_json,
	[JSON_F_IGNORED] = read_nothing,
};

static void free_field(const struct json_field *f, void *base)
{
	void *dst = (char *)base + f->off;

	if (f->kind == JSON_F_STR) {
		free(*(char **)dst);
		*(char **)dst = NULL;
	} else if (f->kind == JSON_F_STR_LIST) {
		free_list(*(char ***)dst);
		*(char ***)dst = NULL;
	} else if (f->kind == JSON_F_JSON) {
		json_decref(*(json_t **)dst);
		*(json_t **)dst = NULL;
	}
}

static const json_t *value_of(const json_t *object, const struct json_field *f)
{
	const json_t *v = json_object_get(object, f->key);

	return json_is_null(v) ? NULL : v;
}

static int check_keys(const json_t *object, const char *where, const struct json_field *fields,
		      size_t n_fields, struct err *e)
{
	json_t *walk;
	const char *key;
	json_t *value;

	memcpy(&walk, &object, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, value) {
		size_t i = 0;

		while (i < n_fields && strcmp(fields[i].key, key) != 0)
			i++;
		if (i == n_fields)
			return err_set(e, EINVAL, "%s.%s: unknown field", where, key);
	}
	return 0;
}

int json_read_known_fields(const json_t *object, const char *where,
			   const struct json_field *fields, size_t n_fields, void *dst,
			   struct err *e)
{
	int r;

	if (!json_is_object(object))
		return err_set(e, EINVAL, "%s: not an object", where);
	for (size_t i = 0; i < n_fields; i++) {
		struct place p = { &fields[i], where, (char *)dst + fields[i].off };
		const json_t *v = value_of(object, p.field);

		r = 0;
		if (v)
			r = read_kind[p.field->kind](&p, v, e);
		else if (p.field->required)
			r = err_set(e, EINVAL, "%s.%s: missing", where, p.field->key);
		if (r == 0)
			continue;
		while (i-- > 0) {
			if (value_of(object, &fields[i]))
				free_field(&fields[i], dst);
		}
		return r;
	}
	return 0;
}

int json_read_fields(const json_t *object, const char *where, const struct json_field *fields,
		     size_t n_fields, void *dst, struct err *e)
{
	int r = json_is_object(object) ? check_keys(object, where, fields, n_fields, e) : 0;

	return r < 0 ? r : json_read_known_fields(object, where, fields, n_fields, dst, e);
}

void json_free_fields(const struct json_field *fields, size_t n_fields, void *dst)
{
	for (size_t i = 0; i < n_fields; i++)
		free_field(&fields[i], dst);
}
