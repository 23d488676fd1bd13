#include "master_stub/marathon/instance/environment.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/deployment/group_role.h"
#include "master_stub/marathon/instance/container_info.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/launch_operation.h"
#include "master_stub/marathon/state.h"

enum { NAME_MAX_SIZE = 512, LABEL_VALUE_MAX = 512 };

static void set(json_t *env, const char *name, const char *value)
{
	(void)json_object_set_new(env, name, json_string(value));
}

static void set_fmt(json_t *env, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void set_fmt(json_t *env, const char *name, const char *fmt, ...)
{
	char value[64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	set(env, name, value);
}

/* "1.0", "0.1": always with a fraction. */
static void set_double(json_t *env, const char *name, double value)
{
	if (value == floor(value) && fabs(value) < 1e15)
		set_fmt(env, name, "%.1f", value);
	else
		set_fmt(env, name, "%.15g", value);
}

/* Upper case, runs of anything but letters, digits and '_' become one '_'. */
static void normalise(const char *name, char ret[NAME_MAX_SIZE])
{
	size_t used = 0;
	bool in_run = false;

	for (; *name && used < NAME_MAX_SIZE - 1; name++) {
		bool is_lower = *name >= 'a' && *name <= 'z';
		bool is_plain = is_lower || (*name >= 'A' && *name <= 'Z') ||
				(*name >= '0' && *name <= '9') || *name == '_';

		if (is_plain)
			ret[used++] = (char)(is_lower ? *name - 'a' + 'A' : *name);
		else if (!in_run)
			ret[used++] = '_';
		in_run = !is_plain;
	}
	ret[used] = '\0';
}

/* Long values would make the environment of a process too large to start it. */
static void set_labels(json_t *env, const json_t *labels)
{
	char name[NAME_MAX_SIZE], variable[NAME_MAX_SIZE + 32];
	json_t *walk, *value, *all = json_string("");
	const char *key;

	memcpy(&walk, &labels, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, value) {
		AUTO_FREE char *joined = NULL;
		const char *before = json_string_value(all);

		if (json_string_length(value) >= LABEL_VALUE_MAX)
			continue;
		normalise(key, name);
		(void)snprintf(variable, sizeof(variable), "MARATHON_APP_LABEL_%s", name);
		set(env, variable, json_string_value(value));
		if (before && asprintf(&joined, "%s%s%s", before, *before ? " " : "", name) >= 0)
			(void)json_string_set(all, joined);
		else
			joined = NULL;
	}
	(void)json_object_set_new(env, "MARATHON_APP_LABELS", all);
}

static void set_port(json_t *env, const struct app *app, unsigned index, uint16_t port)
{
	const struct app_port wanted = app_port(app, index);
	char variable[NAME_MAX_SIZE + 8], upper[NAME_MAX_SIZE];

	(void)snprintf(variable, sizeof(variable), "PORT%u", index);
	set_fmt(env, variable, "%u", port);
	(void)snprintf(variable, sizeof(variable), "PORT_%u", wanted.requested ? wanted.requested : port);
	set_fmt(env, variable, "%u", port);
	if (wanted.name) {
		normalise(wanted.name, upper);
		(void)snprintf(variable, sizeof(variable), "PORT_%s", upper);
		set_fmt(env, variable, "%u", port);
	}
}

struct port_list {
	char text[1024];
	size_t used;
};

static void list_port(json_t *env, struct port_list *list, uint16_t port)
{
	if (list->used >= sizeof(list->text))
		return;
	if (list->used == 0)
		set_fmt(env, "PORT", "%u", port);
	list->used += (size_t)snprintf(list->text + list->used, sizeof(list->text) - list->used,
				       "%s%u", list->used ? "," : "", port);
}

/*
 * No variable at all when the app has no ports.  PORTS has those that were given to the instance, by its
 * node and then by chance; those that only the definition says are not among them.
 */
static void set_ports(json_t *env, const struct app *app, const uint16_t *ports, unsigned n_ports)
{
	struct port_list list = { 0 };

	for (unsigned i = 0; i < n_ports; i++) {
		set_port(env, app, i, ports[i]);
		if (app_port(app, i).takes_host_port)
			list_port(env, &list, ports[i]);
	}
	for (unsigned i = 0; i < n_ports; i++) {
		const struct app_port wanted = app_port(app, i);

		if (!wanted.takes_host_port && wanted.container_port == 0)
			list_port(env, &list, ports[i]);
	}
	if (n_ports > 0)
		set(env, "PORTS", list.text);
}

/* Takes PLACE. */
static void add_prefixed(json_t *env, json_t *place_take, const char *prefix)
{
	const char *name;
	json_t *value;

	json_object_foreach(place_take, name, value) {
		AUTO_FREE char *prefixed = NULL;

		if (asprintf(&prefixed, "%s%s", prefix, name) >= 0)
			(void)json_object_set(env, prefixed, value);
		else
			prefixed = NULL;
	}
	json_decref(place_take);
}

/* What every task is told of as what it runs; WHAT is "APP" or "CONTAINER". */
static void set_context(json_t *env, const struct instance_task *task, const char *what)
{
	const struct app *spec = instance_task_spec(task);
	const struct {
		const char *name;
		double value;
	} amounts[] = { { "CPUS", spec->cpus }, { "MEM", spec->mem_mb }, { "DISK", spec->disk_mb } };
	char variable[64];

	set(env, "MESOS_TASK_ID", task->id);
	set(env, "MARATHON_APP_ID", task->instance->spec->id);
	set(env, "MARATHON_APP_VERSION", task->instance->spec->version);
	for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
		(void)snprintf(variable, sizeof(variable), "MARATHON_%s_RESOURCE_%s", what,
			       amounts[i].name);
		set_double(env, variable, amounts[i].value);
	}
	(void)snprintf(variable, sizeof(variable), "MARATHON_%s_RESOURCE_GPUS", what);
	set_fmt(env, variable, "%lld", (long long)spec->gpus);
}

static bool is_role_enforced(const struct controller *c, const struct instance *instance)
{
	return instance->entry->kind->is_app && group_role_is_enforced(c, instance->spec->id);
}

static json_t *environment_of_app(const struct controller *c, const struct instance_task *task)
{
	const struct instance *instance = task->instance;
	const struct app *app = instance->spec;
	const char *image = container_info_image(app->json);
	json_t *env = json_object(), *place = json_object(), *own = json_deep_copy(app->env);

	set_context(env, task, "APP");
	if (image)
		set(env, "MARATHON_APP_DOCKER_IMAGE", image);
	set(env, "MARATHON_APP_ENFORCE_GROUP_ROLE", is_role_enforced(c, instance) ? "true" : "false");
	set_labels(env, app->labels);
	set(place, "HOST", instance->host);
	set_ports(place, app, instance->ports, instance->n_ports);
	add_prefixed(env, place, c->options.env_vars_prefix);
	if (own && json_object_update(env, own) < 0) {
		json_decref(env);
		env = NULL;
	}
	json_decref(own);
	return env;
}

/* ---- Containers of pods ---- */

static void set_endpoint(json_t *env, const char *prefix, const char *name, uint16_t port)
{
	char variable[NAME_MAX_SIZE + 16], upper[NAME_MAX_SIZE];

	normalise(name, upper);
	(void)snprintf(variable, sizeof(variable), "%s%s", prefix, upper);
	set_fmt(env, variable, "%u", port);
}

/* ENDPOINT_ is where the others of the pod reach it: all that share its network are told. */
static void set_endpoints(json_t *env, const struct instance *instance)
{
	for (unsigned i = 0; i < instance->n_ports; i++) {
		const char *name = app_port(instance->spec, i).name;
		uint16_t outside = instance_host_port(instance, i);
		uint16_t inside = instance_container_port(instance, i);

		if (outside)
			set_endpoint(env, "EP_HOST_", name, outside);
		if (instance->spec->has_own_network)
			set_endpoint(env, "EP_CONTAINER_", name, inside);
		set_endpoint(env, "ENDPOINT_", name, inside);
	}
}

static json_t *environment_of_container(const struct instance_task *task)
{
	const struct instance *instance = task->instance;
	const struct pod_container *container = instance_task_container(task);
	json_t *env = json_deep_copy(container->app->env);
	json_t *labels = json_deep_copy(instance->spec->labels);
	json_t *own_labels = json_deep_copy(container->app->labels);
	char executor_id[EXECUTOR_ID_SIZE];

	env = env ? env : json_object();
	executor_id_of(instance, executor_id);
	(void)json_object_update(labels, own_labels);
	set(env, "HOST", instance->host);
	set_context(env, task, "CONTAINER");
	set(env, "MESOS_EXECUTOR_ID", executor_id);
	set(env, "MARATHON_CONTAINER_ID", container->name);
	set_labels(env, labels);
	set_endpoints(env, instance);
	json_decref(labels);
	json_decref(own_labels);
	return env;
}

json_t *environment_of(const struct controller *c, const struct instance_task *task)
{
	return task->instance->spec->pod ? environment_of_container(task)
					 : environment_of_app(c, task);
}
