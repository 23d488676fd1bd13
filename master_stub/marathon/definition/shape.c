#include "master_stub/marathon/definition/shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/refusal.h"

static json_t *wrong(struct problems *problems, const char *path, const char *what)
{
	problems_add(problems, *path ? path : "/", "%s", what);
	return NULL;
}

json_t *shape_number(double value)
{
	if (value == floor(value) && fabs(value) < 9e15)
		return json_integer((json_int_t)value);
	return json_real(value);
}

/* The code is what programs look for, the sentence is for people. */
static bool in_bounds(const struct shape *shape, double value, const char *what, const char *path,
		      struct problems *problems)
{
	if (value < shape->min) {
		problems_add(problems, path, "error.min%s", what);
		problems_add(problems, path, "must be at least %g", shape->min);
		return false;
	}
	if (shape->max > 0 && value > shape->max) {
		problems_add(problems, path, "error.max%s", what);
		problems_add(problems, path, "must be at most %.15g", shape->max);
		return false;
	}
	return true;
}

static json_t *read_string(const struct shape *shape, const json_t *value, const char *path,
			   struct problems *problems)
{
	const char *text = json_string_value(value), *complaint;

	if (!text)
		return wrong(problems, path, "error.expected.jsstring");
	if (strlen(text) != json_string_length(value))
		return wrong(problems, path, "must not contain a zero byte");
	if (!in_bounds(shape, (double)json_string_length(value), "Length", path, problems))
		return NULL;
	complaint = shape->check ? shape->check(text) : NULL;
	if (complaint)
		return wrong(problems, path, complaint);
	return json_string(text);
}

static json_t *read_number(const struct shape *shape, const json_t *value, const char *path,
			   struct problems *problems)
{
	double number = json_number_value(value);

	if (!json_is_number(value) || !isfinite(number))
		return wrong(problems, path, "error.expected.jsnumber");
	if (shape->kind == SHAPE_INTEGER && number != floor(number))
		return wrong(problems, path, "error.expected.int");
	if (!in_bounds(shape, number, "", path, problems))
		return NULL;
	return shape_number(number);
}

static json_t *read_bool(const struct shape *shape, const json_t *value, const char *path,
			 struct problems *problems)
{
	(void)shape;
	if (!json_is_boolean(value))
		return wrong(problems, path, "error.expected.jsboolean");
	return json_boolean(json_is_true(value));
}

static json_t *read_enum(const struct shape *shape, const json_t *value, const char *path,
			 struct problems *problems)
{
	const char *text = json_string_value(value);
	char names[256] = "";
	size_t used = 0;

	if (!text)
		return wrong(problems, path, "error.expected.jsstring");
	for (const char *const *name = shape->names; *name; name++) {
		if (strcmp(*name, text) == 0)
			return json_string(text);
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? ", " : "", *name);
		if (used >= sizeof(names))
			used = sizeof(names) - 1;
	}
	problems_add(problems, path, "error.unknown.enum.literal");
	problems_add(problems, path, "must be one of: %s", names);
	return NULL;
}

static json_t *read_list(const struct shape *shape, const json_t *value, const char *path,
			 struct problems *problems)
{
	bool failed = false;
	json_t *list;

	if (!json_is_array(value))
		return wrong(problems, path, "error.expected.jsarray");
	if (!in_bounds(shape, (double)json_array_size(value), "Items", path, problems))
		return NULL;
	list = json_array();
	for (size_t i = 0; i < json_array_size(value); i++) {
		char below[SHAPE_PATH_SIZE];
		json_t *item;

		(void)snprintf(below, sizeof(below), "%s(%zu)", path, i);
		item = shape_read(shape->of, json_array_get(value, i), below, problems);
		failed |= !item || json_array_append_new(list, item) < 0;
	}
	if (!failed && list)
		return list;
	json_decref(list);
	return NULL;
}

static const struct shape *find_field(const struct shape *fields, const char *key)
{
	while (fields->key && strcmp(fields->key, key) != 0)
		fields++;
	return fields->key ? fields : NULL;
}

static void refuse_unknown_keys(const struct shape *shape, const json_t *value, const char *path,
				struct problems *problems)
{
	json_t *walk, *item;
	const char *key;

	memcpy(&walk, &value, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, item) {
		char below[SHAPE_PATH_SIZE];

		if (find_field(shape->of, key))
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, key);
		problems_add(problems, below, "is not a known field");
	}
}

static bool is_empty(const json_t *value)
{
	return (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

/* One field into OBJECT; false when it is wrong. */
static bool read_field(const struct shape *field, const json_t *value, const char *path,
		       struct problems *problems, json_t *object)
{
	char below[SHAPE_PATH_SIZE];
	json_t *item;

	(void)snprintf(below, sizeof(below), "%s/%s", path, field->key);
	if (!value || json_is_null(value)) {
		if (field->is_required)
			return wrong(problems, below, "error.path.missing") != NULL;
		if (!field->fallback)
			return true;
		item = json_loads(field->fallback, JSON_DECODE_ANY, NULL);
	} else {
		item = shape_read(field, value, below, problems);
	}
	if (item && field->omit_empty && is_empty(item)) {
		json_decref(item);
		return true;
	}
	return item && json_object_set_new(object, field->key, item) == 0;
}

/* All fields are read, also after a wrong one: every error is told at once. */
static json_t *read_object(const struct shape *shape, const json_t *value, const char *path,
			   struct problems *problems)
{
	bool failed = false;
	json_t *object;

	if (!json_is_object(value))
		return wrong(problems, path, "error.expected.jsobject");
	if (shape->is_strict)
		refuse_unknown_keys(shape, value, path, problems);
	object = json_object();
	for (const struct shape *field = shape->of; field->key; field++)
		failed |= !read_field(field, json_object_get(value, field->key), path, problems,
				      object);
	if (!failed && object)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *read_map(const struct shape *shape, const json_t *value, const char *path,
			struct problems *problems)
{
	json_t *walk, *item, *map;
	bool failed = false;
	const char *key;

	if (!json_is_object(value))
		return wrong(problems, path, "error.expected.jsobject");
	if (!in_bounds(shape, (double)json_object_size(value), "Properties", path, problems))
		return NULL;
	map = json_object();
	memcpy(&walk, &value, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, item) {
		char below[SHAPE_PATH_SIZE];
		json_t *copy;

		(void)snprintf(below, sizeof(below), "%s/%s", path, key);
		copy = shape_read(shape->of, item, below, problems);
		failed |= !copy || json_object_set_new(map, key, copy) < 0;
	}
	if (!failed && map)
		return map;
	json_decref(map);
	return NULL;
}

static json_t *read_custom(const struct shape *shape, const json_t *value, const char *path,
			   struct problems *problems)
{
	return shape->read(value, path, problems);
}

typedef json_t *read_kind_fn(const struct shape *shape, const json_t *value, const char *path,
			     struct problems *problems);

static read_kind_fn *const read_kind[] = {
	[SHAPE_STRING] = read_string,
	[SHAPE_NUMBER] = read_number,
	[SHAPE_INTEGER] = read_number,
	[SHAPE_BOOL] = read_bool,
	[SHAPE_ENUM] = read_enum,
	[SHAPE_OBJECT] = read_object,
	[SHAPE_LIST] = read_list,
	[SHAPE_MAP] = read_map,
	[SHAPE_CUSTOM] = read_custom,
};

json_t *shape_read(const struct shape *shape, const json_t *value, const char *path,
		   struct problems *problems)
{
	return read_kind[shape->kind](shape, value, path, problems);
}
