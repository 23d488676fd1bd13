#include "master_stub/marathon/instance/task_info.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/resources.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/instance/build.h"
#include "master_stub/marathon/instance/container_info.h"
#include "master_stub/marathon/instance/discovery.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/environment.h"
#include "master_stub/marathon/instance/unhealthy.h"
#include "master_stub/marathon/state.h"

static int read_amounts(const double amounts[N_RESOURCE_KINDS], struct resources *ret)
{
	*ret = (struct resources){ 0 };
	for (int kind = 0; kind < N_RESOURCE_KINDS; kind++) {
		int r = resources_scalar_from_double(amounts[kind], &ret->scalar[kind]);

		if (r < 0)
			return r;
	}
	return 0;
}

int task_resources(const struct app *app, struct resources *ret)
{
	const double amounts[N_RESOURCE_KINDS] = {
		[RESOURCE_CPUS] = app->cpus,
		[RESOURCE_MEM] = app->mem_mb,
		[RESOURCE_DISK] = app->disk_mb,
		[RESOURCE_GPUS] = (double)app->gpus,
	};

	return read_amounts(amounts, ret);
}

int executor_resources(const struct pod *pod, struct resources *ret)
{
	const double amounts[N_RESOURCE_KINDS] = {
		[RESOURCE_CPUS] = pod->executor_cpus,
		[RESOURCE_MEM] = pod->executor_mem_mb,
		[RESOURCE_DISK] = pod->executor_disk_mb,
	};

	return read_amounts(amounts, ret);
}

/* Each part is rounded by itself: so are their sums, of which an offer must have enough. */
int instance_resources(const struct app *app, struct resources *ret)
{
	int r = app->pod ? executor_resources(app->pod, ret) : task_resources(app, ret);
	int64_t volumes = 0;

	for (unsigned i = 0; app->pod && i < app->pod->n_containers && r == 0; i++) {
		struct resources part;

		r = task_resources(app->pod->containers[i].app, &part);
		if (r == 0)
			r = resources_add(ret, &part);
	}
	if (r == 0)
		r = resources_scalar_from_double(app->volumes_mb, &volumes);
	ret->scalar[RESOURCE_DISK] += volumes;
	return r;
}

void task_name(const char *app_id, char *ret, unsigned long size)
{
	const char *end = app_id + strlen(app_id), *start;
	unsigned long used = 0;

	ret[0] = '\0';
	while (end > app_id && used < size) {
		for (start = end; start > app_id && start[-1] != '/'; start--)
			;
		used += (unsigned long)snprintf(ret + used, size - used, "%s%.*s", used ? "." : "",
						(int)(end - start), start);
		end = start > app_id ? start - 1 : start;
	}
}

/* ---- Command ---- */

static Mesos__V1__Environment *make_environment(struct build *b, const struct instance_task *of)
{
	json_t *env = environment_of(b->c, of), *value;
	Mesos__V1__Environment *message =
		MAKE(b, Mesos__V1__Environment, mesos__v1__environment__init);
	const char *name;

	if (!env || !message) {
		b->failed = true;
		json_decref(env);
		return message;
	}
	message->variables = build_alloc(b, json_object_size(env), sizeof(*message->variables));
	json_object_foreach(env, name, value) {
		Mesos__V1__Environment__Variable *variable =
			MAKE(b, Mesos__V1__Environment__Variable,
			     mesos__v1__environment__variable__init);

		if (!variable || !message->variables) {
			free(variable);
			break;
		}
		variable->name = build_copy(b, name);
		variable->value = build_copy(b, json_string_value(value));
		message->variables[message->n_variables++] = variable;
	}
	json_decref(env);
	return message;
}

/*
 * Without a shell the first argument is both the file and argv[0]; of an image's entrypoint all of
 * them are what it gets.
 */
static void set_arguments(struct build *b, const json_t *args, bool is_for_entrypoint,
			  Mesos__V1__CommandInfo *command)
{
	size_t n = json_array_size(args);

	if (!is_for_entrypoint)
		command->value = build_copy(b, json_string_value(json_array_get(args, 0)));
	command->arguments = build_alloc(b, n, sizeof(*command->arguments));
	for (size_t i = 0; command->arguments && i < n; i++)
		command->arguments[command->n_arguments++] =
			build_copy(b, json_string_value(json_array_get(args, i)));
}

static Mesos__V1__CommandInfo *make_command(struct build *b, const struct instance_task *of)
{
	const struct app *app = instance_task_spec(of);
	const struct pod_container *container = instance_task_container(of);
	bool is_entrypoint_kept = container_info_image(app->json) &&
				  !(container && container->overrides_entrypoint);
	Mesos__V1__CommandInfo *command =
		MAKE(b, Mesos__V1__CommandInfo, mesos__v1__command_info__init);

	if (!command)
		return NULL;
	command->has_shell = true;
	command->shell = app->cmd != NULL;
	if (app->cmd)
		command->value = build_copy(b, app->cmd);
	else
		set_arguments(b, app->args, is_entrypoint_kept, command);
	if (app->user)
		command->user = build_copy(b, app->user);
	command->environment = make_environment(b, of);
	return command;
}

/* ---- Health check ---- */

/*
 * Who names a port of a check that Marathon makes itself names the node's, where the task is on the
 * bridge: here every check is made where the container is.
 */
static uint32_t named_port(const struct instance_task *of, uint32_t port, bool is_of_node)
{
	unsigned first, n = instance_task_ports(of, &first);

	for (unsigned i = first; is_of_node && i < first + n; i++) {
		if (instance_host_port(of->instance, i) == port)
			return instance_container_port(of->instance, i);
	}
	return port;
}

/* A port that the definition names, or one of those that the task has. */
static uint32_t check_port(const struct instance_task *of, const json_t *check,
			   const char *protocol)
{
	const json_t *port = json_object_get(check, "port");
	size_t index = (size_t)json_integer_value(json_object_get(check, "portIndex"));
	unsigned first, n = instance_task_ports(of, &first);

	if (port)
		return named_port(of, (uint32_t)json_integer_value(port),
				  strncmp(protocol, "MESOS_", 6) != 0);
	return index < n ? instance_container_port(of->instance, first + (unsigned)index) : 0;
}

static char *check_path(struct build *b, const json_t *check)
{
	const char *given = json_string_value(json_object_get(check, "path"));
	const char *path = given ? given : "";
	size_t size = strlen(path) + sizeof("/");
	char *ret = build_alloc(b, size, 1);

	if (ret)
		(void)snprintf(ret, size, "%s%s", path[0] == '/' ? "" : "/", path);
	return ret;
}

static void set_check_target(struct build *b, const struct instance_task *of,
			     const json_t *check, const char *protocol,
			     Mesos__V1__HealthCheck *message)
{
	const char *ip = json_string_value(json_object_get(check, "ipProtocol"));
	bool is_v6 = ip && strcmp(ip, "IPv6") == 0;

	if (strstr(protocol, "TCP")) {
		message->type = MESOS__V1__HEALTH_CHECK__TYPE__TCP;
		message->tcp = MAKE(b, Mesos__V1__HealthCheck__TCPCheckInfo,
				    mesos__v1__health_check__tcpcheck_info__init);
		if (!message->tcp)
			return;
		message->tcp->port = check_port(of, check, protocol);
		message->tcp->has_protocol = is_v6;
		message->tcp->protocol = is_v6 ? MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6
					       : MESOS__V1__NETWORK_INFO__PROTOCOL__IPv4;
		return;
	}
	message->type = MESOS__V1__HEALTH_CHECK__TYPE__HTTP;
	message->http = MAKE(b, Mesos__V1__HealthCheck__HTTPCheckInfo,
			     mesos__v1__health_check__httpcheck_info__init);
	if (!message->http)
		return;
	message->http->port = check_port(of, check, protocol);
	message->http->path = check_path(b, check);
	message->http->scheme = build_copy(b, strstr(protocol, "HTTPS") ? "https" : "http");
	message->http->has_protocol = is_v6;
	message->http->protocol = is_v6 ? MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6
					: MESOS__V1__NETWORK_INFO__PROTOCOL__IPv4;
}

static double seconds_of(const json_t *check, const char *key)
{
	return json_number_value(json_object_get(check, key));
}

/*
 * HTTP, HTTPS and TCP are asked by Marathon itself, which knows no delaySeconds (3.5).  They run on
 * the node as the others do, but begin when it would: who has no grace period counts on that.
 */
static double first_delay(const json_t *check, const char *protocol)
{
	enum { LONGEST = 5 };

	if (strncmp(protocol, "MESOS_", 6) == 0 || strcmp(protocol, "COMMAND") == 0)
		return seconds_of(check, "delaySeconds");
	return fmin(seconds_of(check, "intervalSeconds"), LONGEST);
}

static Mesos__V1__CommandInfo *make_check_command(struct build *b, const json_t *definition)
{
	const char *line = json_string_value(json_object_get(definition, "value"));
	Mesos__V1__CommandInfo *command =
		MAKE(b, Mesos__V1__CommandInfo, mesos__v1__command_info__init);

	if (!command)
		return NULL;
	if (line) {
		command->value = build_copy(b, line);
		return command;
	}
	command->has_shell = true;
	command->shell = false;
	set_arguments(b, json_object_get(definition, "argv"), false, command);
	return command;
}

static Mesos__V1__HealthCheck *make_health_check(struct build *b, const struct instance_task *of,
						 const json_t *check)
{
	const char *protocol = json_string_value(json_object_get(check, "protocol"));
	bool is_ours = instance_task_spec(of)->has_unhealthy_strategy;
	Mesos__V1__HealthCheck *message;

	message = MAKE(b, Mesos__V1__HealthCheck, mesos__v1__health_check__init);
	if (!message)
		return NULL;
	message->has_type = message->has_delay_seconds = message->has_interval_seconds = true;
	message->has_timeout_seconds = message->has_grace_period_seconds = true;
	message->delay_seconds = first_delay(check, protocol);
	message->interval_seconds = seconds_of(check, "intervalSeconds");
	message->timeout_seconds = seconds_of(check, "timeoutSeconds");
	message->grace_period_seconds = seconds_of(check, "gracePeriodSeconds");
	message->has_consecutive_failures = true;
	message->consecutive_failures = is_ours ? UINT32_MAX : unhealthy_limit(check);
	if (strcmp(protocol, "COMMAND") != 0) {
		set_check_target(b, of, check, protocol, message);
		return message;
	}
	message->type = MESOS__V1__HEALTH_CHECK__TYPE__COMMAND;
	message->command = make_check_command(b, json_object_get(check, "command"));
	return message;
}

static void add_health_checks(struct build *b, const struct instance_task *of,
			      Mesos__V1__TaskInfo *task)
{
	const json_t *checks = instance_task_spec(of)->health_checks;
	size_t n = json_array_size(checks);

	if (n == 0)
		return;
	task->health_check = make_health_check(b, of, json_array_get(checks, 0));
	if (n == 1)
		return;
	task->more_health_checks = build_alloc(b, n - 1, sizeof(*task->more_health_checks));
	for (size_t i = 1; task->more_health_checks && i < n; i++) {
		Mesos__V1__HealthCheck *check =
			make_health_check(b, of, json_array_get(checks, i));

		if (!check)
			return;
		task->more_health_checks[task->n_more_health_checks++] = check;
	}
}

/* ---- Labels, limits ---- */

Mesos__V1__Labels *labels_message(struct build *b, const json_t *labels)
{
	Mesos__V1__Labels *message;
	json_t *walk, *value;
	const char *key;

	if (json_object_size(labels) == 0)
		return NULL;
	message = MAKE(b, Mesos__V1__Labels, mesos__v1__labels__init);
	if (!message)
		return NULL;
	message->labels = build_alloc(b, json_object_size(labels), sizeof(*message->labels));
	memcpy(&walk, &labels, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, value) {
		Mesos__V1__Label *label = MAKE(b, Mesos__V1__Label, mesos__v1__label__init);

		if (!label || !message->labels) {
			free(label);
			break;
		}
		label->key = build_copy(b, key);
		label->value = build_copy(b, json_string_value(value));
		message->labels[message->n_labels++] = label;
	}
	return message;
}

/* No limit given: the node's rule, which is the request. */
static void add_limit(struct build *b, Mesos__V1__TaskInfo *task, const char *key, double value)
{
	Mesos__V1__TaskInfo__LimitsEntry *entry;

	if (value == 0 || !task->limits)
		return;
	entry = MAKE(b, Mesos__V1__TaskInfo__LimitsEntry, mesos__v1__task_info__limits_entry__init);
	if (!entry)
		return;
	entry->key = build_copy(b, key);
	entry->value = MAKE(b, Mesos__V1__Value__Scalar, mesos__v1__value__scalar__init);
	if (entry->value)
		entry->value->value = value;
	task->limits[task->n_limits++] = entry;
}

static Mesos__V1__KillPolicy *make_kill_policy(struct build *b, int64_t grace_ms)
{
	Mesos__V1__KillPolicy *policy;

	if (grace_ms < 0)
		return NULL;
	policy = MAKE(b, Mesos__V1__KillPolicy, mesos__v1__kill_policy__init);
	if (!policy)
		return NULL;
	policy->grace_period = MAKE(b, Mesos__V1__DurationInfo, mesos__v1__duration_info__init);
	if (policy->grace_period)
		policy->grace_period->nanoseconds = grace_ms * 1000000;
	return policy;
}

static void fill(struct build *b, const struct instance_task *of, Mesos__V1__TaskInfo *task)
{
	const struct instance *instance = of->instance;
	const struct app *app = instance_task_spec(of);
	const struct pod_container *container = instance_task_container(of);
	char name[256];

	task_name(app->id, name, sizeof(name));
	task->name = build_copy(b, container ? container->name : name);
	task->task_id = MAKE(b, Mesos__V1__TaskID, mesos__v1__task_id__init);
	if (task->task_id)
		task->task_id->value = build_copy(b, of->id);
	task->agent_id = MAKE(b, Mesos__V1__AgentID, mesos__v1__agent_id__init);
	if (task->agent_id)
		task->agent_id->value = build_copy(b, instance->agent_id);
	task->command = make_command(b, of);
	task->container = container_info_new(b, of);
	add_health_checks(b, of, task);
	task->labels = labels_message(b, app->labels);
	task->discovery = discovery_info_new(b, of);
	task->kill_policy = make_kill_policy(b, app->kill_grace_ms);
	task->limits = build_alloc(b, 2, sizeof(*task->limits));
	add_limit(b, task, "cpus", app->cpus_limit);
	add_limit(b, task, "mem", app->mem_limit_mb);
}

int task_info_new(const struct controller *c, const struct instance_task *of,
		  const struct resources *resources, Mesos__V1__TaskInfo **ret)
{
	struct build b = { .c = c };
	Mesos__V1__TaskInfo *task = MAKE(&b, Mesos__V1__TaskInfo, mesos__v1__task_info__init);

	if (!task)
		return -ENOMEM;
	fill(&b, of, task);
	if (resources_to_messages(resources, of->instance->spec->role, &task->resources,
				  &task->n_resources) < 0)
		b.failed = true;
	if (b.failed) {
		mesos__v1__task_info__free_unpacked(task, NULL);
		return -ENOMEM;
	}
	*ret = task;
	return 0;
}
