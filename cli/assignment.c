#include "cli/assignment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* A map of text to text: its keys may have dots. */
static bool is_text_map(const char *name)
{
	return strcmp(name, "env") == 0 || strcmp(name, "labels") == 0;
}

/* cpus=.5 must be written cpus=0.5; '"5"' is text that looks like a number.  NULL: not UTF-8. */
static json_t *read_value(const char *text, bool is_text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	if (value && is_text && !json_is_string(value) && !json_is_null(value)) {
		json_decref(value);
		value = NULL;
	}
	return value ? value : json_string(text);
}

/* NAME as a place in LIST, at most the one behind its end; -1: it is none. */
static long index_of(const json_t *list, const char *name)
{
	char *end;
	long index = strtol(name, &end, 10);

	return *end || end == name || index < 0 || (size_t)index > json_array_size(list) ? -1 :
	       index;
}

static json_t *member_of(const json_t *parent, const char *name)
{
	long index;

	if (json_is_object(parent))
		return json_object_get(parent, name);
	index = index_of(parent, name);
	return index < 0 ? NULL : json_array_get(parent, (size_t)index);
}

/* Takes VALUE; null removes. */
static int set_member(json_t *parent, const char *name, json_t *value)
{
	AUTO(json_decrefp) json_t *owned = value;
	long index;

	if (json_is_object(parent)) {
		if (!json_is_null(owned))
			return json_object_set(parent, name, owned);
		(void)json_object_del(parent, name);
		return 0;
	}
	index = json_is_array(parent) ? index_of(parent, name) : -1;
	if (index < 0)
		return -1;
	if ((size_t)index == json_array_size(parent))
		return json_is_null(owned) ? 0 : json_array_append(parent, owned);
	return json_is_null(owned) ? json_array_remove(parent, (size_t)index)
				   : json_array_set(parent, (size_t)index, owned);
}

/* What PARENT has under NAME, made if it is not there; NULL: there can be nothing below it. */
static json_t *step_into(json_t *parent, const char *name)
{
	json_t *child = member_of(parent, name);

	if (!child || json_is_null(child)) {
		if (set_member(parent, name, json_object()) < 0)
			return NULL;
		child = member_of(parent, name);
	}
	return json_is_object(child) || json_is_array(child) ? child : NULL;
}

/* The member of CHANGES that the path begins with, as it is now. */
static int copy_first(const json_t *app, const char *name, json_t *changes)
{
	const json_t *now = json_object_get(app, name);

	if (!now || json_object_get(changes, name))
		return 0;
	return json_object_set_new(changes, name, json_deep_copy(now));
}

int assignment_apply(const char *text, const json_t *app, json_t *changes, struct err *e)
{
	const char *equals = strchr(text, '=');
	AUTO(json_decrefp) json_t *value = NULL;
	AUTO_FREE char *path = NULL;
	json_t *parent = changes;
	bool is_text = false;
	char *name, *rest;

	if (!equals || equals == text)
		return err_set(e, CLI_MISUSE, "set '%s': not KEY=VALUE", text);
	path = strndup(text, (size_t)(equals - text));
	if (!path)
		return err_set(e, ENOMEM, "set '%s'", text);
	for (name = path; !is_text && (rest = strchr(name, '.')); name = rest) {
		*rest++ = '\0';
		if (parent == changes && copy_first(app, name, changes) < 0)
			return err_set(e, ENOMEM, "set '%s'", text);
		parent = step_into(parent, name);
		if (!parent)
			return err_set(e, CLI_MISUSE, "set '%s': nothing can be below '%s'", text,
				       name);
		is_text = json_is_object(parent) && is_text_map(name);
	}
	value = read_value(equals + 1, is_text);
	if (!value)
		return err_set(e, EINVAL, "set '%s': not valid text", text);
	if (parent == changes ? json_object_set(changes, name, value) < 0
			      : set_member(parent, name, json_incref(value)) < 0)
		return err_set(e, CLI_MISUSE, "set '%s': there is no place for '%s'", text, name);
	return 0;
}
