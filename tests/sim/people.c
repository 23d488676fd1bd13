#include "tests/sim/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/state.h"
#include "tests/sim/groups.h"
#include "tests/sim/host.h"
#include "tests/sim/residents.h"
#include "tests/sim/sim.h"

const char *people_app_id(unsigned app)
{
	static const char *const ids[N_APPS] = { "/a", "/b", "/c", "/d", "/r", "/s", "/p", "/q" };

	return ids[app];
}

unsigned people_app_number(const char *id)
{
	unsigned app = 0;

	while (app < N_APPS && strcmp(people_app_id(app), id) != 0)
		app++;
	return app;
}

void people_are_answered(struct sim *sim)
{
	for (int i = 0; sim->people && i < N_APPS; i++) {
		if (sim->people->asked[i] != APP_UNKNOWN)
			sim->people->wanted[i] = sim->people->asked[i];
		sim->people->asked[i] = APP_UNKNOWN;
	}
}

void people_are_not_answered(struct sim *sim)
{
	for (int i = 0; sim->people && i < N_APPS; i++) {
		if (sim->people->asked[i] != APP_UNKNOWN)
			sim->people->wanted[i] = APP_UNKNOWN;
		sim->people->asked[i] = APP_UNKNOWN;
	}
}

static bool is_pod(unsigned app)
{
	return app >= N_APPS - N_PODS;
}

/* With a volume on its agent. */
static bool is_resident(unsigned app)
{
	return !is_pod(app) && app >= N_APPS - N_PODS - N_RESIDENTS;
}

/* ---- changes ---- */

static void ask(struct sim *sim, unsigned app, int instances)
{
	sim->people->asked[app] = instances;
	if (instances == APP_DELETED)
		residents_let_go(sim, people_app_id(app));
}

/* Pods are given as a whole, apps as what is to be other than in ENTRY. */
static int parse(unsigned app, const struct entry *entry, const json_t *definition,
		 struct app **ret, struct refusal *refusal)
{
	if (is_pod(app))
		return pod_parse(definition, NULL, NULL, ret, refusal);
	return entry ? app_parse_update(entry->target, definition, NULL, ret, refusal)
		     : app_parse(definition, NULL, NULL, ret, refusal);
}

/* DEFINITION (taken) of a new app or an update of ENTRY's; NULL: restarted as it is, or deleted. */
static void apply(struct sim *sim, unsigned app, const struct entry *entry, json_t *definition,
		  int instances)
{
	bool is_forced = sim->is_ending || sim_chance(sim, 500);
	struct change_set set = { .force = is_forced };
	struct change *change = change_set_app(&set, people_app_id(app));
	struct change_result result;
	struct refusal refusal = { 0 };
	int r = 0;

	change->is_restart = !definition && instances != APP_DELETED;
	if (definition)
		r = parse(app, entry, definition, &change->app, &refusal);
	if (r == 0)
		r = changes_apply(sim->host->controller, &set, sim->now_ms, &result, &refusal);
	sim_trace(sim, "people: %s shall have %d instances%s", people_app_id(app), instances,
		  r < 0 ? ", which is refused" : "");
	if (r == 0)
		ask(sim, app, instances);
	refusal_done(&refusal);
	json_decref(definition);
	change_set_done(&set);
}

/* minimumHealthCapacity and maximumOverCapacity; no other runs where a resident's data is. */
static json_t *any_strategy(struct sim *sim, bool is_of_resident)
{
	static const double pairs[][2] = {
		{ 0.5, 0 }, { 0, 0 }, { 1, 1 }, { 1, 0 }, { 0.5, 0.5 },
	};
	size_t n = is_of_resident ? 2 : ARRAY_SIZE(pairs);
	const double *pair = pairs[rng_below(&sim->rng, n)];

	return json_pack("{s:f, s:f}", "minimumHealthCapacity", pair[0], "maximumOverCapacity",
			 pair[1]);
}

/* Of new connections; 0: none. */
static json_t *any_weight(struct sim *sim)
{
	return json_integer((json_int_t)sim_between(sim, 0, 5));
}

static void add_readiness_check(json_t *definition)
{
	(void)json_object_set_new(definition, "portDefinitions",
				  json_pack("[{s:i, s:s, s:{s:s}}]", "port", 0, "name", "http-api",
					    "labels", "VIP_0", "/ready:80"));
	(void)json_object_set_new(definition, "readinessChecks",
				  json_pack("[{s:i, s:i}]", "intervalSeconds", 5, "timeoutSeconds",
					    2));
}

/* A share of their own, or that of everybody. */
static const char *any_role(struct sim *sim)
{
	return sim_chance(sim, 300) ? residents_role : "*";
}

static json_t *any_container(struct sim *sim, unsigned number)
{
	char name[16];
	json_t *container;

	(void)snprintf(name, sizeof(name), "c%u", number);
	container = json_pack("{s:s, s:{s:{s:s}}, s:{s:f, s:i}}", "name", name, "exec", "command",
			      "shell", "sleep 1000", "resources", "cpus", 0.1, "mem", 32);
	if (sim_chance(sim, 300))
		(void)json_object_set_new(container, "healthCheck",
					  json_pack("{s:{s:{s:s}}}", "exec", "command", "shell",
						    "true"));
	/* Nodes have few ports. */
	if (number == 0 && sim_chance(sim, 400))
		(void)json_object_set_new(container, "endpoints", json_pack("[{s:s}]", "name", "e"));
	return container;
}

static json_t *any_pod(struct sim *sim, unsigned app, int instances)
{
	unsigned n = 1 + (unsigned)rng_below(&sim->rng, GROUP_MAX_TASKS);
	json_t *containers = json_array();

	for (unsigned i = 0; i < n; i++)
		(void)json_array_append_new(containers, any_container(sim, i));
	return json_pack("{s:s, s:{s:s, s:i}, s:{s:{s:i}, s:o}, s:{s:f, s:i, s:i}, s:o}", "id",
			 people_app_id(app), "scaling", "kind", "fixed", "instances", instances,
			 "scheduling", "backoff", "maxLaunchDelay", 20, "upgrade",
			 any_strategy(sim, false), "executorResources", "cpus", 0.1, "mem", 32, "disk", 1,
			 "containers", containers);
}

static json_t *scaled_pod(const struct entry *entry, int instances)
{
	json_t *definition = json_deep_copy(entry->target->json);

	(void)json_object_set_new(json_object_get(definition, "scaling"), "instances",
				  json_integer(instances));
	return definition;
}

/* Few have ports, of which nodes have few. */
static json_t *any_app(struct sim *sim, unsigned app, int instances)
{
	json_t *definition = json_pack(
		"{s:s, s:s, s:s, s:i, s:f, s:i, s:i, s:o}", "id", people_app_id(app), "role",
		any_role(sim), "cmd", "sleep 1000", "instances", instances, "cpus", 0.1, "mem", 32,
		"maxLaunchDelaySeconds", 20, "upgradeStrategy",
		any_strategy(sim, false));

	if (sim_chance(sim, 600))
		(void)json_object_set_new(definition, "portDefinitions", json_array());
	if (sim_chance(sim, 500))
		(void)json_object_set_new(definition, "healthChecks",
					  json_pack("[{s:s, s:{s:s}}]", "protocol", "COMMAND",
						    "command", "value", "true"));
	if (!json_object_get(definition, "portDefinitions") && sim_chance(sim, 700))
		add_readiness_check(definition);
	if (sim_chance(sim, 300))
		(void)json_object_set_new(definition, "weight", any_weight(sim));
	return definition;
}

static json_t *any_resident(struct sim *sim, unsigned app, int instances)
{
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:f, s:i, s:i, s:o, s:[], s:{s:s, s:[{s:s, s:{s:i}}]}}", "id",
		people_app_id(app), "role", residents_role, "cmd", "sleep 1000", "instances",
		instances, "cpus", 0.1, "mem", 32, "maxLaunchDelaySeconds", 20, "upgradeStrategy",
		any_strategy(sim, true), "portDefinitions", "container", "type", "MESOS",
		"volumes", "containerPath", "data", "persistent", "size", 64);
}

static void create(struct sim *sim, unsigned app)
{
	int instances = (int)sim_between(sim, 0, is_pod(app) || is_resident(app) ? 5 : 10);

	apply(sim, app, NULL, is_pod(app)        ? any_pod(sim, app, instances)
			      : is_resident(app) ? any_resident(sim, app, instances)
						 : any_app(sim, app, instances), instances);
}

/* What is then wanted is what the controller says, at once. */
static void cancel(struct sim *sim, unsigned app, const struct entry *entry)
{
	bool is_forced = sim_chance(sim, 500);
	struct change_result result;
	struct refusal refusal = { 0 };
	char id[ID_UUID_SIZE];
	int r;

	if (!entry->deployment)
		return;
	/* The deployment's own ends with it. */
	(void)snprintf(id, sizeof(id), "%s", entry->deployment->id);
	sim_trace(sim, "people: the deployment of %s is %s", people_app_id(app),
		  is_forced ? "cancelled" : "rolled back");
	r = changes_cancel(sim->host->controller, id, is_forced, sim->now_ms,
			   &result, &refusal);
	refusal_done(&refusal);
	if (r < 0)
		return;
	entry = entry_find_live(sim->host->controller, people_app_id(app));
	ask(sim, app, entry ? (int)entry->target->instances : APP_DELETED);
}

/* What is reserved stays as it is. */
static json_t *any_resident_update(struct sim *sim)
{
	return json_pack("{s:s, s:o}", "cmd", sim_chance(sim, 500) ? "sleep 1000" : "sleep 2000",
			 "upgradeStrategy", any_strategy(sim, true));
}

/* One in three is adopted by the instances as they run. */
static json_t *any_update(struct sim *sim)
{
	if (sim_chance(sim, 333))
		return json_pack("{s:o}", "weight", any_weight(sim));
	return json_pack("{s:s, s:f, s:o}", "role", any_role(sim), "cpus",
			 (double)sim_between(sim, 1, 3) / 10, "upgradeStrategy",
			 any_strategy(sim, false));
}

static void change(struct sim *sim, unsigned app, const struct entry *entry)
{
	int instances = (int)entry->target->instances;

	switch (rng_below(&sim->rng, 10)) {
	case 0:
		apply(sim, app, entry, NULL, APP_DELETED);
		break;
	case 1:
		apply(sim, app, entry, NULL, instances);
		break;
	case 2:
		cancel(sim, app, entry);
		break;
	case 3:
	case 4:
		instances = (int)sim_between(sim, 0, 10);
		apply(sim, app, entry, is_pod(app) ? scaled_pod(entry, instances)
						   : json_pack("{s:i}", "instances", instances),
		      instances);
		break;
	default:
		apply(sim, app, entry, is_pod(app)        ? any_pod(sim, app, instances)
				       : is_resident(app) ? any_resident_update(sim)
							  : any_update(sim), instances);
		break;
	}
}

static void act(struct sim *sim)
{
	unsigned app = (unsigned)rng_below(&sim->rng, N_APPS);
	const struct entry *entry;

	if (!sim->host->master || sim->host->is_full)
		return;
	sim_fault(sim, FAULT_APP_CHANGE);
	entry = entry_find_live(sim->host->controller, people_app_id(app));
	if (entry)
		change(sim, app, entry);
	else
		create(sim, app);
	host_acted(sim->host, NULL);
}

/* Soon after one another in some runs, so that deployments are interrupted; in others each has its time. */
static void act_again(void *arg, uint64_t pace_ms)
{
	struct sim *sim = arg;

	if (sim->is_calm)
		return;
	act(sim);
	sim_in(sim, sim_between(sim, 1, (int64_t)pace_ms), act_again, sim, pace_ms);
}

struct people *people_new(struct sim *sim)
{
	struct people *people = sim_alloc(sizeof(*people));

	for (int i = 0; i < N_APPS; i++) {
		people->wanted[i] = APP_DELETED;
		people->asked[i] = APP_UNKNOWN;
	}
	sim_in(sim, sim_between(sim, 1, 10000), act_again, sim,
	       (uint64_t)sim_between(sim, 2000, 60000));
	return people;
}

void people_delete_all(struct sim *sim)
{
	if (!sim->people || !sim->host->master)
		return;
	for (unsigned i = 0; i < N_APPS; i++) {
		const struct entry *entry = entry_find_live(sim->host->controller, people_app_id(i));

		if (entry)
			apply(sim, i, entry, NULL, APP_DELETED);
	}
	host_acted(sim->host, NULL);
}
