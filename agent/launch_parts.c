#include "agent/launch_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/launch_spec.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

/* The whole document has to stay below the 1 MiB that a supervisor reads. */
enum { MAX_TEXT = 512 << 10, MAX_ITEMS = 2048 };

static const char default_path[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static int append(json_t *array, const char *where, const char *text, size_t *used,
		  struct err *e)
{
	*used += strlen(text) + 1;
	if (*used > MAX_TEXT || json_array_size(array) >= MAX_ITEMS)
		return err_set(e, E2BIG, "%s: more than %d bytes or %d entries", where, MAX_TEXT,
			       MAX_ITEMS);
	if (json_array_append_new(array, json_string(text)) < 0)
		return err_set(e, EINVAL, "%s: not UTF-8", where);
	return 0;
}

/*
 * shell: /bin/sh -c VALUE.  Otherwise VALUE is executed; its arguments begin with argv[0], for
 * which an OCI document has no place of its own: VALUE stands there.
 */
int launch_args(const Mesos__V1__CommandInfo *command, json_t **ret, struct err *e)
{
	const char *where = command->shell ? "command.value" : "command.arguments";
	json_t *args = json_array();
	size_t used = 0;
	int r = 0;

	if (!args)
		return err_set(e, ENOMEM, "describe arguments");
	if (command->shell) {
		r = append(args, where, "/bin/sh", &used, e);
		if (r >= 0)
			r = append(args, where, "-c", &used, e);
	}
	if (r >= 0)
		r = append(args, where, command->value, &used, e);
	for (size_t i = 1; r >= 0 && i < command->n_arguments; i++)
		r = append(args, where, command->arguments[i], &used, e);
	if (r < 0) {
		json_decref(args);
		return r;
	}
	*ret = args;
	return 0;
}

/* ---- environment: an object keeps the last value of a name ---- */

static bool is_name(const char *text)
{
	return *text && !strchr(text, '=');
}

static int set_variable(json_t *object, const char *name, const char *value, struct err *e)
{
	if (!is_name(name))
		return err_set(e, EINVAL, "command.environment: bad name '%.64s'", name);
	if (json_object_set_new(object, name, json_string(value)) < 0)
		return err_set(e, EINVAL, "command.environment: '%.64s' is not UTF-8", name);
	return 0;
}

int launch_read_variables(const char *text, json_t **ret, struct err *e)
{
	json_auto_t *object = NULL;
	const char *name;
	json_t *value;
	int r = json_in_parse(text ? text : "{}", text ? strlen(text) : 2, &object, e);

	if (r >= 0 && !json_is_object(object))
		r = err_set(e, EINVAL, "not a JSON object");
	if (r < 0)
		return r;
	json_object_foreach(object, name, value) {
		if (!is_name(name))
			return err_set(e, EINVAL, "bad name '%.64s'", name);
		if (!json_is_string(value))
			return err_set(e, EINVAL, "the value of '%.64s' is not a string", name);
	}
	*ret = json_incref(object);
	return 0;
}

static int set_asked(const Mesos__V1__TaskInfo *task, json_t *object, struct err *e)
{
	const Mesos__V1__Environment *environment = task->command->environment;
	int r = 0;

	for (size_t i = 0; environment && r >= 0 && i < environment->n_variables; i++) {
		const Mesos__V1__Environment__Variable *v = environment->variables[i];

		if (v->secret || v->type == MESOS__V1__ENVIRONMENT__VARIABLE__TYPE__SECRET)
			return err_set(e, ENOTSUP, "command.environment: '%.64s' is a secret, "
				       "which is not supported", v->name);
		r = set_variable(object, v->name, v->value ? v->value : "", e);
	}
	return r;
}

static int set_ours(const struct launch_place *place, json_t *object, struct err *e)
{
	const struct {
		const char *name, *value;
	} ours[] = {
		{ "MESOS_SANDBOX", HANDOVER_SANDBOX },
		{ "MESOS_DIRECTORY", HANDOVER_SANDBOX },
		{ "MESOS_TASK_ID", place->task_id },
		{ "MESOS_EXECUTOR_ID", place->executor_id },
		{ "MESOS_FRAMEWORK_ID", place->framework_id },
		{ "MESOS_SLAVE_ID", place->agent_id },
		{ "MESOS_CONTAINER_ID", place->container_id },
		{ "MESOS_ALLOCATION_ROLE", place->role },
		{ "MESOS_CONTAINER_IP", place->ip },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(ours); i++) {
		if (ours[i].value)
			r = set_variable(object, ours[i].name, ours[i].value, e);
	}
	return r;
}

/* An image has a PATH of its own. */
static int list_variables(json_t *object, bool has_image, json_t *list, struct err *e)
{
	bool has_path = has_image || json_object_get(object, "PATH");
	const char *name;
	json_t *value;
	size_t used = 0;
	int r = has_path ? 0 : append(list, "command.environment", default_path, &used, e);

	json_object_foreach(object, name, value) {
		AUTO_FREE char *text = NULL;

		if (r < 0)
			break;
		if (asprintf(&text, "%s=%s", name, json_string_value(value)) < 0)
			return err_set(e, ENOMEM, "describe the environment");
		r = append(list, "command.environment", text, &used, e);
	}
	return r;
}

int launch_env(const struct launch_place *place, const Mesos__V1__TaskInfo *task, json_t **ret,
	       struct err *e)
{
	json_t *object = place->defaults ? json_copy(place->defaults) : json_object();
	json_t *list = json_array();
	int r = object && list ? 0 : err_set(e, ENOMEM, "describe the environment");

	if (r >= 0)
		r = set_asked(task, object, e);
	if (r >= 0 && place->variables)
		r = json_object_update(object, place->variables) < 0 ?
			    err_set(e, ENOMEM, "describe the environment") : 0;
	else if (r >= 0)
		r = set_ours(place, object, e);
	if (r >= 0)
		r = list_variables(object, place->image, list, e);
	json_decref(object);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

/* ---- rlimits ---- */

struct limit {
	Mesos__V1__RLimitInfo__RLimit__Type type;
	const char *name;		/* as OCI has it */
	bool is_set;			/* has a value of ours */
	json_int_t soft, hard;
};

#define LIMIT(name_) { MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_##name_, "RLIMIT_" #name_, \
		       false, 0, 0 }
#define OURS(name_, soft_, hard_) { MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_##name_, \
				    "RLIMIT_" #name_, true, soft_, hard_ }
static const struct limit limit_table[] = {
	OURS(CORE, 0, 0),
	OURS(NOFILE, 1024, 65536),
	OURS(MEMLOCK, 64 << 10, 64 << 10),
	LIMIT(AS), LIMIT(CPU), LIMIT(DATA), LIMIT(FSIZE), LIMIT(LOCKS), LIMIT(MSGQUEUE),
	LIMIT(NICE), LIMIT(NPROC), LIMIT(RSS), LIMIT(RTPRIO), LIMIT(RTTIME), LIMIT(SIGPENDING),
	LIMIT(STACK),
};

/* Values beyond what JSON can hold are unlimited. */
static json_int_t limit_value(uint64_t value)
{
	return value > INT64_MAX ? -1 : (json_int_t)value;
}

static int merge_limit(const Mesos__V1__RLimitInfo__RLimit *asked, struct limit *table,
		       struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(limit_table); i++) {
		if (!asked->has_type || table[i].type != asked->type)
			continue;
		if (!asked->has_soft != !asked->has_hard)
			return err_set(e, EINVAL, "container.rlimit_info: %s has only one of hard "
				       "and soft", table[i].name);
		if (asked->has_soft && asked->soft > asked->hard)
			return err_set(e, EINVAL, "container.rlimit_info: %s has soft above hard",
				       table[i].name);
		table[i].is_set = true;
		table[i].soft = asked->has_soft ? limit_value(asked->soft) : -1;
		table[i].hard = asked->has_hard ? limit_value(asked->hard) : -1;
		return 0;
	}
	return err_set(e, EINVAL, "container.rlimit_info: unknown limit %d", (int)asked->type);
}

int launch_rlimits(const Mesos__V1__TaskInfo *task, json_t **ret, struct err *e)
{
	const Mesos__V1__RLimitInfo *info = task->container ? task->container->rlimit_info : NULL;
	struct limit table[ARRAY_SIZE(limit_table)];
	json_t *list = json_array();
	int r = list ? 0 : err_set(e, ENOMEM, "describe limits");

	memcpy(table, limit_table, sizeof(table));
	for (size_t i = 0; info && r >= 0 && i < info->n_rlimits; i++)
		r = merge_limit(info->rlimits[i], table, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(table); i++) {
		if (table[i].is_set &&
		    json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "type", table[i].name,
							  "soft", table[i].soft, "hard",
							  table[i].hard)) < 0)
			r = err_set(e, ENOMEM, "describe limits");
	}
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}
