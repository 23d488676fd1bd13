#include "master_stub/marathon/instance/environment.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/instance/container_info.h"

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
	const json_t *definition = json_array_get(app->ports, index);
	const char *name = json_string_value(json_object_get(definition, "name"));
	uint16_t requested = app_service_port(app, index);
	char variable[NAME_MAX_SIZE + 8], upper[NAME_MAX_SIZE];

	(void)snprintf(variable, sizeof(variable), "PORT%u", index);
	set_fmt(env, variable, "%u", port);
	(void)snprintf(variable, sizeof(variable), "PORT_%u", requested ? requested : port);
	set_fmt(env, variable, "%u", port);
	if (name) {
		normalise(name, upper);
		(void)snprintf(variable, sizeof(variable), "PORT_%s", upper);
		set_fmt(env, variable, "%u", port);
	}
}

/* No variable at all when the app has no ports. */
static void set_ports(json_t *env, const struct app *app, const uint16_t *ports, unsigned n_ports)
{
	char list[1024] = "";
	size_t used = 0;

	for (unsigned i = 0; i < n_ports; i++) {
		set_port(env, app, i, ports[i]);
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%u",
						 i ? "," : "", ports[i]);
	}
	if (n_ports > 0) {
		set(env, "PORTS", list);
		set_fmt(env, "PORT", "%u", ports[0]);
	}
}

json_t *environment_of(const struct app *app, const char *task_id, const char *host,
		       const uint16_t *ports, unsigned n_ports)
{
	const char *image = container_info_image(app->json);
	json_t *env = json_object(), *own = json_deep_copy(app->env);

	set(env, "MESOS_TASK_ID", task_id);
	set(env, "MARATHON_APP_ID", app->id);
	set(env, "MARATHON_APP_VERSION", app->version);
	if (image)
		set(env, "MARATHON_APP_DOCKER_IMAGE", image);
	set_double(env, "MARATHON_APP_RESOURCE_CPUS", app->cpus);
	set_double(env, "MARATHON_APP_RESOURCE_MEM", app->mem_mb);
	set_double(env, "MARATHON_APP_RESOURCE_DISK", app->disk_mb);
	set_fmt(env, "MARATHON_APP_RESOURCE_GPUS", "%lld", (long long)app->gpus);
	set(env, "MARATHON_APP_ENFORCE_GROUP_ROLE", "false");
	set_labels(env, app->labels);
	set(env, "HOST", host);
	set_ports(env, app, ports, n_ports);
	if (own && json_object_update(env, own) < 0) {
		json_decref(env);
		env = NULL;
	}
	json_decref(own);
	return env;
}
