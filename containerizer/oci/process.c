#include "containerizer/oci/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/spec_json.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "make the process's document");
}

static int append_strings(json_t *array, char *const *list, struct err *e)
{
	for (; list && *list; list++) {
		if (json_array_append_new(array, json_string(*list)) < 0)
			return no_memory(e);
	}
	return 0;
}

/* Digits alone, 0 to 2^32 - 2: neither signs nor blanks nor anything that wraps. */
static int read_id(const char *text, size_t length, json_int_t *ret)
{
	json_int_t value = 0;

	if (length == 0 || length > 10 || strspn(text, "0123456789") < length)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		value = value * 10 + (text[i] - '0');
	*ret = value;
	return value < UINT32_MAX ? 0 : -EINVAL;
}

static int set_user(json_t *process, const char *text, struct err *e)
{
	json_t *user = json_object_get(process, "user");
	const char *colon = strchrnul(text, ':');
	json_int_t uid, gid = json_integer_value(json_object_get(user, "gid"));

	if (read_id(text, (size_t)(colon - text), &uid) < 0 ||
	    (*colon && read_id(colon + 1, strlen(colon + 1), &gid) < 0))
		return err_set(e, EINVAL, "read flag '--user': '%.64s' is not UID or UID:GID", text);
	if (json_object_set_new(user, "uid", json_integer(uid)) < 0 ||
	    json_object_set_new(user, "gid", json_integer(gid)) < 0)
		return no_memory(e);
	return 0;
}

static int set_groups(json_t *process, char *const *list, struct err *e)
{
	json_t *user = json_object_get(process, "user");
	json_t *groups = json_array();

	if (json_object_set_new(user, "additionalGids", groups) < 0)
		return no_memory(e);
	for (; *list; list++) {
		json_int_t gid;

		if (read_id(*list, strlen(*list), &gid) < 0)
			return err_set(e, EINVAL, "read flag '--additional-gids': '%.64s' is not a "
				       "group id", *list);
		if (json_array_append_new(groups, json_integer(gid)) < 0)
			return no_memory(e);
	}
	return 0;
}

static int add_capabilities(json_t *process, char *const *list, struct err *e)
{
	static const char *const sets[] = { "bounding", "effective", "permitted", "ambient" };
	json_t *capabilities = json_object_get(process, "capabilities");

	if (!capabilities) {
		capabilities = json_object();
		if (json_object_set_new(process, "capabilities", capabilities) < 0)
			return no_memory(e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		json_t *set = json_object_get(capabilities, sets[i]);
		int r;

		if (!set) {
			set = json_array();
			if (json_object_set_new(capabilities, sets[i], set) < 0)
				return no_memory(e);
		}
		r = append_strings(set, list, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_strings(json_t *process, const struct exec_options *o, struct err *e)
{
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "cwd", o->cwd },
		{ "apparmorProfile", o->apparmor },
		{ "selinuxLabel", o->process_label },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].value &&
		    json_object_set_new(process, rows[i].key, json_string(rows[i].value)) < 0)
			return no_memory(e);
	}
	return 0;
}

static int set_args(json_t *process, char *const *args, struct err *e)
{
	json_t *array = json_array();

	if (json_object_set_new(process, "args", array) < 0)
		return no_memory(e);
	return append_strings(array, args, e);
}

/* Those of ENV that set what ITEM ("K=V") sets: of two values the first would be seen. */
static void remove_namesakes(json_t *env, const char *item)
{
	size_t length = strcspn(item, "=");

	for (size_t i = json_array_size(env); i-- > 0;) {
		const char *other = json_string_value(json_array_get(env, i));

		if (other && strcspn(other, "=") == length && strncmp(other, item, length) == 0)
			(void)json_array_remove(env, i);
	}
}

static int add_env(json_t *process, char *const *list, struct err *e)
{
	json_t *env = json_object_get(process, "env");

	if (!env) {
		env = json_array();
		if (json_object_set_new(process, "env", env) < 0)
			return no_memory(e);
	}
	for (char *const *item = list; *item; item++)
		remove_namesakes(env, *item);
	return append_strings(env, list, e);
}

static int change(json_t *process, const struct exec_options *o, char *const *args, struct err *e)
{
	int r;

	if ((r = set_args(process, args, e)) < 0 || (r = set_strings(process, o, e)) < 0 ||
	    (o->env && (r = add_env(process, o->env, e)) < 0) ||
	    (o->user && (r = set_user(process, o->user, e)) < 0) ||
	    (o->gids && (r = set_groups(process, o->gids, e)) < 0) ||
	    (o->caps && (r = add_capabilities(process, o->caps, e)) < 0))
		return r;
	/* The container's own process may have had a terminal: this one has what it asks for. */
	if (json_object_set_new(process, "terminal", json_boolean(o->tty)) < 0 ||
	    (o->no_new_privs &&
	     json_object_set_new(process, "noNewPrivileges", json_true()) < 0))
		return no_memory(e);
	return 0;
}

int process_make(const json_t *config, const struct exec_options *o, char *const *args,
		 json_t **ret, struct err *e)
{
	json_auto_t *process = NULL;
	int r;

	if (o->process && *args)
		return err_set(e, EINVAL, "run '%.64s' besides the process of --process", *args);
	if (o->process) {
		r = file_in_read_json(AT_FDCWD, o->process, SPEC_MAX_DOCUMENT, &process, e);
	} else if (!*args) {
		r = err_set(e, EINVAL, "read arguments of 'exec': there is no command, and no "
			    "--process");
	} else {
		process = json_deep_copy(json_object_get(config, "process"));
		r = process ? change(process, o, args, e) : no_memory(e);
	}
	if (r == 0 && o->process && o->tty &&
	    json_object_set_new(process, "terminal", json_true()) < 0)
		r = no_memory(e);
	if (r < 0)
		return r;
	*ret = json_incref(process);
	return 0;
}
