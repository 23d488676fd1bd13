#include "master_stub/marathon/definition/pod.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_parts.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/pod_parts.h"
#include "master_stub/marathon/definition/refusal.h"

bool pod_is_document(const json_t *document)
{
	return json_object_get(document, "containers") != NULL;
}

void pod_free(struct pod *pod)
{
	if (!pod)
		return;
	for (unsigned i = 0; i < pod->n_containers; i++)
		app_unref(pod->containers[i].app);
	free(pod->containers);
	json_decref(pod->as_app);
	free(pod);
}

const struct pod_container *pod_container_find(const struct pod *pod, const char *name)
{
	for (unsigned i = 0; i < pod->n_containers; i++) {
		if (strcmp(pod->containers[i].name, name) == 0)
			return &pod->containers[i];
	}
	return NULL;
}

static int take_container(const json_t *json, const json_t *document, unsigned first_port,
			  struct pod_container *container)
{
	const json_t *exec = json_object_get(document, "exec");
	json_t *as_app = pod_container_to_app(json, document);

	if (!as_app)
		return -ENOMEM;
	container->name = json_string_value(json_object_get(document, "name"));
	container->first_port = first_port;
	container->overrides_entrypoint = json_is_true(json_object_get(exec, "overrideEntrypoint"));
	return app_new(as_app, &container->app);
}

static int take_containers(const json_t *json, struct pod *pod)
{
	const json_t *list = json_object_get(json, "containers");
	unsigned first_port = 0;

	pod->containers = calloc(json_array_size(list), sizeof(*pod->containers));
	if (!pod->containers)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct pod_container *container = &pod->containers[i];

		pod->n_containers++;
		if (take_container(json, json_array_get(list, i), first_port, container) < 0)
			return -ENOMEM;
		first_port += app_n_ports(container->app);
	}
	return 0;
}

static void take_executor(const json_t *json, struct pod *pod)
{
	const json_t *resources = json_object_get(json, "executorResources");

	pod->executor_cpus = json_number_value(json_object_get(resources, "cpus"));
	pod->executor_mem_mb = json_number_value(json_object_get(resources, "mem"));
	pod->executor_disk_mb = json_number_value(json_object_get(resources, "disk"));
	pod->shares_cgroups = json_is_true(json_object_get(json, "legacySharedCgroups"));
}

/* Takes JSON, which is in canonical form. */
static int pod_new(json_t *json_take, struct app **ret)
{
	AUTO(json_decrefp) json_t *json = json_take;
	AUTO(app_unrefp) struct app *app = NULL;
	json_t *as_app = pod_to_app(json);
	struct pod *pod;
	int r;

	if (!as_app)
		return -ENOMEM;
	r = app_new(as_app, &app);
	if (r < 0)
		return r;
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		return -ENOMEM;
	app->pod = pod;
	pod->as_app = app->json;
	app->json = TAKE_PTR(json);
	r = take_containers(app->json, pod);
	if (r < 0)
		return r;
	take_executor(app->json, pod);
	*ret = TAKE_PTR(app);
	return 0;
}

/* ---- The whole way ---- */

static int read_canonical(json_t *document, const struct role_rules *rules,
			  struct findings *findings, json_t **ret)
{
	AUTO(json_decrefp) json_t *json = NULL;

	role_fill(document, rules, &findings->schema);
	json = shape_read(&pod_shape, document, "", &findings->schema);
	if (!json || problems_any(&findings->schema))
		return problems_any(&findings->schema) ? -EINVAL : -ENOMEM;
	if (pod_fill_defaults(json) < 0)
		return -ENOMEM;
	pod_validate(json, &findings->rules);
	role_check(json, rules, &findings->rules);
	if (problems_any(&findings->rules))
		return -EINVAL;
	*ret = TAKE_PTR(json);
	return 0;
}

int pod_parse(const json_t *document, const char *id, const struct role_rules *rules,
	      struct app **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *copy = NULL;
	struct findings findings = { 0 };
	json_t *json = NULL;
	int r;

	if (!json_is_object(document))
		return refuse_with_text(refusal, 400, "Please specify data in JSON format",
					"a pod definition is a JSON object");
	copy = json_deep_copy(document);
	if (!copy || (id && json_object_set_new(copy, "id", json_string(id)) < 0))
		return refuse_memory(refusal);
	r = read_canonical(copy, rules, &findings, &json);
	if (r == 0)
		r = pod_new(json, ret);
	if (r < 0)
		r = refuse_findings(refusal, r, &findings);
	problems_done(&findings.schema);
	problems_done(&findings.rules);
	return r;
}

struct app *pod_with_instances(const struct app *base, unsigned instances)
{
	json_t *json = json_deep_copy(base->json);
	struct app *app = NULL;

	if (json_object_set_new(json_object_get(json, "scaling"), "instances",
				json_integer(instances)) < 0) {
		json_decref(json);
		return NULL;
	}
	return pod_new(json, &app) < 0 ? NULL : app;
}
