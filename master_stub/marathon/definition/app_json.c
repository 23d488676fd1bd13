/* From what a client sends to a definition: the stages of app_parts.h, then typed values. */
#include "master_stub/marathon/definition/app.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_parts.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/autoscale.h"
#include "master_stub/marathon/definition/constraints.h"
#include "master_stub/marathon/definition/pod.h"

/* ---- Canonical form ---- */

static int make_ids_absolute(json_t *app, struct problems *problems)
{
	const char *own = json_string_value(json_object_get(app, "id"));
	char id[APP_ID_SIZE], group[APP_ID_SIZE];
	json_t *item;
	size_t i;

	if (app_id_resolve("/", own, id) < 0 || app_id_complaint(id)) {
		problems_add(problems, "/id", "must be a path below the root");
		return 0;
	}
	if (json_object_set_new(app, "id", json_string(id)) < 0)
		return -ENOMEM;
	(void)app_id_resolve(id, "..", group);
	json_array_foreach(json_object_get(app, "dependencies"), i, item) {
		char path[48], absolute[APP_ID_SIZE];

		(void)snprintf(path, sizeof(path), "/dependencies(%zu)", i);
		if (app_id_resolve(group, json_string_value(item), absolute) < 0)
			problems_add(problems, path, "must be a path below the root");
		else if (json_string_set(item, absolute) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- Typed values ---- */

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* Apps have whole seconds, pods have parts of them, too. */
static int64_t millis_of(const json_t *object, const char *key)
{
	return (int64_t)(number_of(object, key) * 1000);
}

static double limit_of(const json_t *app, const char *key)
{
	const json_t *limit = json_object_get(json_object_get(app, "resourceLimits"), key);

	return json_is_string(limit) ? INFINITY : json_number_value(limit);
}

/* The JSON is kept as long as the app: what is taken from it need not be copied. */
static void take_strings(struct app *app, const json_t *json)
{
	app->id = json_string_value(json_object_get(json, "id"));
	app->cmd = json_string_value(json_object_get(json, "cmd"));
	app->user = json_string_value(json_object_get(json, "user"));
	app->role = json_string_value(json_object_get(json, "role"));
	app->args = json_object_get(json, "args");
	app->env = json_object_get(json, "env");
	app->labels = json_object_get(json, "labels");
	app->dependencies = json_object_get(json, "dependencies");
	app->health_checks = json_object_get(json, "healthChecks");
	app->networks = json_object_get(json, "networks");
	app->has_own_network = !networks_are_of_host(app->networks);
	app->ports = app_ports(json);
	app->readiness_check = json_array_get(json_object_get(json, "readinessChecks"), 0);
	app->volumes = json_object_get(json_object_get(json, "container"), "volumes");
}

static void take_volumes(struct app *app)
{
	for (size_t i = 0; i < json_array_size(app->volumes); i++)
		app->volumes_mb += app_persistent_mb(json_array_get(app->volumes, i));
	app->is_resident = app->volumes_mb > 0;
}

static bool lists(const json_t *texts, const char *text)
{
	for (size_t i = 0; i < json_array_size(texts); i++) {
		if (strcmp(json_string_value(json_array_get(texts, i)), text) == 0)
			return true;
	}
	return false;
}

/* None named: all of them. */
static void take_accepted_roles(struct app *app, const json_t *json)
{
	const json_t *accepted = json_object_get(json, "acceptedResourceRoles");
	bool takes_all = json_array_size(accepted) == 0;

	app->names_accepted = !takes_all || app->is_resident;
	app->takes_unreserved = takes_all || lists(accepted, "*");
	app->takes_reserved = takes_all || lists(accepted, app->role);
	/* Only what is reserved for nobody yet can be reserved for an instance. */
	if (app->is_resident)
		app->takes_reserved = false;
}

static enum placement_strategy placement_of(const char *name)
{
	if (!name)
		return PLACEMENT_DEFAULT;
	return strcmp(name, "BINPACK") == 0 ? PLACEMENT_BINPACK : PLACEMENT_SPREAD;
}

static void take_numbers(struct app *app, const json_t *json)
{
	const json_t *grace = json_object_get(json, "taskKillGracePeriodSeconds");
	const json_t *upgrade = json_object_get(json, "upgradeStrategy");
	const json_t *unreachable = json_object_get(json, "unreachableStrategy");
	const char *selection = json_string_value(json_object_get(json, "killSelection"));

	app->instances = (unsigned)json_integer_value(json_object_get(json, "instances"));
	app->cpus = number_of(json, "cpus");
	app->mem_mb = number_of(json, "mem");
	app->disk_mb = number_of(json, "disk");
	app->gpus = json_integer_value(json_object_get(json, "gpus"));
	app->cpus_limit = limit_of(json, "cpus");
	app->mem_limit_mb = limit_of(json, "mem");
	app->require_ports = json_is_true(json_object_get(json, "requirePorts"));
	app->min_health = number_of(upgrade, "minimumHealthCapacity");
	app->max_over = number_of(upgrade, "maximumOverCapacity");
	app->backoff_ms = millis_of(json, "backoffSeconds");
	app->max_delay_ms = millis_of(json, "maxLaunchDelaySeconds");
	app->backoff_factor = number_of(json, "backoffFactor");
	app->kill_grace_ms = grace ? millis_of(json, "taskKillGracePeriodSeconds") : -1;
	app->kill_oldest_first = selection && strcmp(selection, "OLDEST_FIRST") == 0;
	app->placement = placement_of(json_string_value(json_object_get(json, "placementStrategy")));
	app->keeps_unreachable = json_is_string(unreachable);
	app->inactive_after_ms = millis_of(unreachable, "inactiveAfterSeconds");
	app->expunge_after_ms = millis_of(unreachable, "expungeAfterSeconds");
}

/* -1: none is given. */
static int64_t weight_of(const json_t *object)
{
	const json_t *weight = json_object_get(object, "weight");

	return weight ? json_integer_value(weight) : -1;
}

static void take_policy(struct app *app, const json_t *json)
{
	const json_t *deployment = json_object_get(json, "deployment");
	const json_t *canary = json_object_get(deployment, "canary");
	const json_t *unhealthy = json_object_get(json, "unhealthyStrategy");

	app->has_unhealthy_strategy = unhealthy != NULL;
	app->replaces_first = json_is_true(json_object_get(unhealthy, "replaceFirst"));
	app->max_kill_percent =
		(unsigned)json_integer_value(json_object_get(unhealthy, "maxKillPercent"));
	app->canary_count = (unsigned)json_integer_value(json_object_get(canary, "count"));
	app->canary_weight = weight_of(canary);
	app->deadline_ms = millis_of(deployment, "deadlineSeconds");
	app->min_up_ms = millis_of(deployment, "minUpSeconds");
	app->rolls_back = json_is_true(json_object_get(deployment, "rollback"));
	app->max_launch_attempts =
		(unsigned)json_integer_value(json_object_get(json, "maxLaunchAttempts"));
	app->weight = weight_of(json);
}

int app_new(json_t *json_take, struct app **ret)
{
	struct app *app = calloc(1, sizeof(*app));
	int r;

	if (!app) {
		json_decref(json_take);
		return -ENOMEM;
	}
	app->references = 1;
	app->json = json_take;
	take_strings(app, json_take);
	take_volumes(app);
	take_accepted_roles(app, json_take);
	take_numbers(app, json_take);
	take_policy(app, json_take);
	r = constraints_compile(json_object_get(json_take, "constraints"), &app->constraints,
				&app->n_constraints);
	if (r == 0)
		r = autoscale_compile(json_object_get(json_take, "autoscale"), &app->autoscale);
	if (r < 0) {
		app_unref(app);
		return r;
	}
	*ret = app;
	return 0;
}

/* ---- The whole way ---- */

static void findings_done(struct findings *findings)
{
	problems_done(&findings->schema);
	problems_done(&findings->rules);
}

int app_read_canonical(json_t *document, const struct role_rules *rules, struct findings *findings,
		       json_t **ret)
{
	json_t *json;

	app_fill_defaults(document, rules, &findings->schema);
	json = shape_read(&app_shape, document, "", &findings->schema);
	if (!json || problems_any(&findings->schema)) {
		json_decref(json);
		return problems_any(&findings->schema) ? -EINVAL : -ENOMEM;
	}
	if (make_ids_absolute(json, &findings->rules) < 0) {
		json_decref(json);
		return -ENOMEM;
	}
	app_validate(json, rules, &findings->rules);
	*ret = json;
	return problems_any(&findings->rules) ? -EINVAL : 0;
}

int refuse_findings(struct refusal *refusal, int error, const struct findings *findings)
{
	if (error == -ENOMEM)
		return refuse_memory(refusal);
	if (problems_any(&findings->schema))
		return refuse_problems(refusal, "Invalid JSON", &findings->schema);
	return refuse_problems(refusal, "Object is not valid", &findings->rules);
}

/* DOCUMENT's deprecated forms are translated; what was found on the way is in FINDINGS. */
static int parse_document(json_t *document, const struct role_rules *rules,
			  struct findings *findings, struct app **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *json = NULL;
	int r = app_read_canonical(document, rules, findings, &json);

	if (r == 0) {
		app_check_support(json, &findings->rules);
		r = problems_any(&findings->rules) ? -EINVAL : 0;
	}
	if (r < 0)
		return refuse_findings(refusal, r, findings);
	if (app_new(TAKE_PTR(json), ret) < 0)
		return refuse_memory(refusal);
	return 0;
}

static int refuse_not_object(struct refusal *refusal)
{
	return refuse_with_text(refusal, 400, "Please specify data in JSON format",
				"an app definition is a JSON object");
}

static bool leaves_instances(const json_t *document)
{
	return json_is_object(json_object_get(document, "autoscale"));
}

int app_parse(const json_t *document, const char *id, const struct role_rules *rules,
	      struct app **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *copy = NULL;
	struct findings findings = { 0 };
	int r;

	if (!json_is_object(document))
		return refuse_not_object(refusal);
	copy = json_deep_copy(document);
	if (!copy || (id && json_object_set_new(copy, "id", json_string(id)) < 0))
		return refuse_memory(refusal);
	app_translate_legacy(copy, &findings);
	r = parse_document(copy, rules, &findings, ret, refusal);
	findings_done(&findings);
	if (r == 0)
		(*ret)->leaves_instances = leaves_instances(document);
	return r;
}

/* These are as the update says, also when it says nothing of them. */
static const char *const always_replaced[] = { "resourceLimits", "executorResources" };

/* What of the base an update takes with it when it replaces the other. */
static void drop_replaced(json_t *merged, const json_t *changes)
{
	const json_t *networks = json_object_get(changes, "networks");

	for (size_t i = 0; i < ARRAY_SIZE(always_replaced); i++)
		(void)json_object_del(merged, always_replaced[i]);
	/* cmd and args exclude each other: the new one replaces the old. */
	if (json_is_string(json_object_get(changes, "cmd")))
		(void)json_object_del(merged, "args");
	if (json_array_size(json_object_get(changes, "args")) > 0)
		(void)json_object_del(merged, "cmd");
	/* The host's ports go with the host's network, and mappings with the others. */
	if (!networks_are_of_host(networks))
		(void)json_object_del(merged, "portDefinitions");
	else if (json_array_size(networks) > 0)
		(void)json_object_del(json_object_get(merged, "container"), "portMappings");
}

int app_parse_update(const struct app *base, const json_t *document,
		     const struct role_rules *rules, struct app **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *merged = NULL, *changes = NULL;
	struct findings findings = { 0 };
	const char *key;
	json_t *value;
	int r;

	if (!json_is_object(document))
		return refuse_not_object(refusal);
	merged = json_deep_copy(base->json);
	changes = json_deep_copy(document);
	if (!merged || !changes)
		return refuse_memory(refusal);
	app_translate_legacy(changes, &findings);
	drop_replaced(merged, changes);
	json_object_foreach(changes, key, value) {
		if (json_is_null(value) || !app_shape_has(key) || strcmp(key, "id") == 0)
			continue;
		if (json_object_set(merged, key, value) < 0)
			findings.schema.out_of_memory = true;
	}
	r = parse_document(merged, rules, &findings, ret, refusal);
	findings_done(&findings);
	if (r == 0)
		(*ret)->leaves_instances = leaves_instances(document);
	return r;
}

static int take_version(const json_t *json, const char *key, char ret[CLOCK_TEXT_SIZE])
{
	const char *text = json_string_value(json_object_get(json, key));
	int64_t time;

	if (!text || strlen(text) >= CLOCK_TEXT_SIZE || clock_parse(text, &time) < 0)
		return -EINVAL;
	(void)snprintf(ret, CLOCK_TEXT_SIZE, "%s", text);
	return 0;
}

/* Through the same checks as a client's: a record of an older version gets its defaults here. */
int app_from_stored(const json_t *stored, struct app **ret, struct refusal *refusal)
{
	const json_t *info = json_object_get(stored, "versionInfo");
	AUTO(app_unrefp) struct app *app = NULL;
	int r = pod_is_document(stored) ? pod_parse(stored, NULL, NULL, &app, refusal)
					: app_parse(stored, NULL, NULL, &app, refusal);

	if (r < 0)
		return r;
	if (take_version(stored, "version", app->version) < 0 ||
	    take_version(info, "lastScalingAt", app->last_scaling_at) < 0 ||
	    take_version(info, "lastConfigChangeAt", app->last_config_change_at) < 0)
		return refuse(refusal, 422, "the stored definition has no version");
	*ret = TAKE_PTR(app);
	return 0;
}

static struct app *with_instances(const struct app *base, unsigned instances)
{
	json_t *json = json_deep_copy(base->json);
	struct app *app = NULL;

	if (json_object_set_new(json, "instances", json_integer(instances)) < 0) {
		json_decref(json);
		return NULL;
	}
	return app_new(json, &app) < 0 ? NULL : app;
}

struct app *app_with_instances(const struct app *base, unsigned instances)
{
	struct app *app = base->pod ? pod_with_instances(base, instances) :
				      with_instances(base, instances);

	if (!app)
		return NULL;
	memcpy(app->version, base->version, sizeof(app->version));
	memcpy(app->last_scaling_at, base->last_scaling_at, sizeof(app->last_scaling_at));
	memcpy(app->last_config_change_at, base->last_config_change_at,
	       sizeof(app->last_config_change_at));
	return app;
}
