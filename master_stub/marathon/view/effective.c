#include "master_stub/marathon/view/effective.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/placement/reservation.h"
#include "master_stub/marathon/state.h"

static void task_free(Mesos__V1__TaskInfo *task)
{
	mesos__v1__task_info__free_unpacked(task, NULL);
}
DEFINE_AUTO(Mesos__V1__TaskInfo *, task_free);

/* With a shell it is the shell's; an image's own entry point stands before the arguments, unless there is a command. */
static json_t *argv_of(const Mesos__V1__CommandInfo *command)
{
	json_t *argv;

	if (command->shell)
		return json_pack("[s, s, s]", "/bin/sh", "-c", command->value);
	argv = json_array();
	for (size_t i = 0; i < command->n_arguments; i++)
		(void)json_array_append_new(argv, json_string(command->arguments[i]));
	return argv;
}

static json_t *env_of(const Mesos__V1__CommandInfo *command)
{
	const Mesos__V1__Environment *environment = command->environment;
	json_t *env = json_object();

	for (size_t i = 0; environment && i < environment->n_variables; i++) {
		const Mesos__V1__Environment__Variable *variable = environment->variables[i];

		(void)json_object_set_new(env, variable->name,
					  variable->value ? json_string(variable->value) : json_null());
	}
	return env;
}

/* "cpus" and the like by name, all of a name together; ports have a list of their own. */
static json_t *scalars_of(Mesos__V1__Resource *const *resources, size_t n)
{
	json_t *scalars = json_object();

	for (size_t i = 0; i < n; i++) {
		const char *name = resources[i]->name;
		double sum = json_real_value(json_object_get(scalars, name));

		if (resources[i]->scalar)
			(void)json_object_set_new(scalars, name,
						  json_real(sum + resources[i]->scalar->value));
	}
	return scalars;
}

static json_t *limits_of(const Mesos__V1__TaskInfo *task)
{
	json_t *limits = json_object();

	for (size_t i = 0; i < task->n_limits; i++)
		(void)json_object_set_new(limits, task->limits[i]->key,
					  json_real(task->limits[i]->value->value));
	return limits;
}

static json_t *image_of(const Mesos__V1__ContainerInfo *container)
{
	const Mesos__V1__Image *image =
		container && container->mesos ? container->mesos->image : NULL;

	if (container && container->docker)
		return json_string(container->docker->image);
	return image && image->docker ? json_string(image->docker->name) : json_null();
}

static json_t *describe(const struct instance *instance, const Mesos__V1__TaskInfo *task)
{
	struct err ignored = { 0 };
	json_t *info = NULL, *ports = json_array();

	if (pb_to_json(&task->base, &info, &ignored) < 0) {
		json_decref(ports);
		return NULL;
	}
	for (unsigned i = 0; i < instance->n_ports; i++)
		(void)json_array_append_new(ports, json_integer(instance->ports[i]));
	return json_pack("{s:s, s:s, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}", "appId",
			 instance->entry->id, "version", instance->spec->version, "argv",
			 argv_of(task->command), "user", task->command->user, "env",
			 env_of(task->command), "ports", ports, "resources",
			 scalars_of(task->resources, task->n_resources), "limits",
			 limits_of(task), "image", image_of(task->container), "taskInfo", info);
}

/* Required ports are known, the others come with an offer. */
static int imagine_ports(struct instance *imagined)
{
	const struct app *app = imagined->spec;

	imagined->n_ports = app_n_ports(app);
	imagined->ports = calloc(imagined->n_ports + 1, sizeof(*imagined->ports));
	for (unsigned i = 0; imagined->ports && i < imagined->n_ports; i++) {
		const struct app_port port = app_port(app, i);

		imagined->ports[i] = port.takes_host_port ? port.host_port : port.container_port;
	}
	return imagined->ports ? 0 : -1;
}

/* Under its reservation and with its volumes, where it has them. */
static int resources_of(const struct instance_task *of, struct resources *ret)
{
	const struct instance *instance = of->instance;
	int r;

	if (instance->residence) {
		struct reservation reservation;

		r = reservation_make(instance->residence, instance->spec, &reservation);
		if (r < 0)
			return r;
		*ret = TAKE_VAL(reservation.whole, (struct resources){ 0 });
		reservation_done(&reservation);
		return 0;
	}
	r = task_resources(instance_task_spec(of), ret);
	for (unsigned i = 0; i < instance->n_ports && r == 0; i++) {
		uint16_t port = instance_host_port(instance, i);

		if (port != 0)
			r = ranges_add(&ret->ports, port, port);
	}
	return r;
}

static json_t *view_of(const struct controller *c, const struct instance_task *of)
{
	const struct instance *instance = of->instance;
	AUTO(task_freep) Mesos__V1__TaskInfo *task = NULL;
	struct resources need = { 0 };
	json_t *view = NULL;
	int r = resources_of(of, &need);

	if (r == 0)
		r = task_info_new(c, of, &need, &task);
	if (r == 0)
		view = describe(instance, task);
	resources_done(&need);
	return view;
}

json_t *effective_view(const struct controller *c, const struct entry *entry,
		       const struct instance_task *task)
{
	static char nothing[] = "";
	AUTO_FREE struct instance *imagined =
		calloc(1, sizeof(*imagined) + sizeof(imagined->tasks[0]));
	json_t *view;

	if (task)
		return view_of(c, task);
	if (!imagined)
		return NULL;
	imagined->entry = (struct entry *)(uintptr_t)entry;
	imagined->spec = entry->target;
	imagined->id = imagined->agent_id = imagined->host = nothing;
	imagined->n_tasks = 1;
	imagined->tasks[0] = (struct instance_task){ .instance = imagined, .id = nothing };
	view = imagine_ports(imagined) == 0 ? view_of(c, &imagined->tasks[0]) : NULL;
	free(imagined->ports);
	return view;
}
