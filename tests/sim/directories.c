#include "tests/sim/directories.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/state.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "tests/sim/agent.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum { MOST_APPLYING_MS = 1500, KEY_SIZE = 600 };

/* What was told last of an endpoint, to whomever. */
struct farewell {
	UT_hash_handle hh;
	Tepui__Endpoint__State state;
	bool is_leaving;		/* from serving to draining, */
	int64_t since_ms;		/* since then */
	char key[];
};

/* An address that agents know a name by: it stays. */
struct sim_service {
	UT_hash_handle hh;
	char address[INET_ADDRSTRLEN];
	char name[];
};

/* ---- an agent ---- */

void directory_of_agent_begin(struct sim_agent *agent)
{
	mirror_begin(&agent->mirror);
}

/* TAG: the stream and the generation. */
static void on_applied(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;

	if (!agent->is_running || agent->state != LINK_UP || tag >> 32 != agent->mirror.stream)
		return;
	call.has_directory_generation = true;
	call.directory_generation = tag & UINT32_MAX;
	sim_agent_send(agent, TEPUI__AGENT_CALL__TYPE__DIRECTORY_APPLIED, &call);
}

static void check_address(struct sim *sim, const Tepui__Service *service)
{
	struct sim_service *known = NULL;

	if (!service->name)
		return;
	HASH_FIND_STR(sim->services, service->name, known);
	if (!known) {
		known = sim_alloc(sizeof(*known) + strlen(service->name) + 1);
		strcpy(known->name, service->name);
		(void)snprintf(known->address, sizeof(known->address), "%s", service->address);
		HASH_ADD_KEYPTR(hh, sim->services, known->name, strlen(known->name), known);
	}
	if (strcmp(known->address, service->address) != 0)
		sim_fail(sim, "P12 address", "'%s' is at %s, and was at %s", service->name,
			 service->address, known->address);
}

void directory_of_agent_told(struct sim_agent *agent, const Tepui__Directory *message)
{
	struct sim *sim = agent->sim;

	mirror_apply(&agent->mirror, message);
	if (agent->mirror.is_broken)
		sim_fail(sim, "P12 generations", "%s is told generation %llu out of order",
			 agent->hostname, (unsigned long long)message->generation);
	for (size_t i = 0; i < message->n_services; i++)
		check_address(sim, message->services[i]);
	if (!message->has_more)
		sim_in(sim, sim_between(sim, 0, MOST_APPLYING_MS), on_applied, agent,
		       (uint64_t)agent->mirror.stream << 32 | message->generation);
}

void directory_of_agent_drop(struct sim_agent *agent)
{
	mirror_done(&agent->mirror);
}

/* ---- who is killed has left ---- */

static struct farewell *farewell_of(struct sim *sim, const char *key)
{
	struct farewell *farewell = NULL;

	HASH_FIND_STR(sim->farewells, key, farewell);
	if (farewell)
		return farewell;
	farewell = sim_alloc(sizeof(*farewell) + strlen(key) + 1);
	strcpy(farewell->key, key);
	HASH_ADD_KEYPTR(hh, sim->farewells, farewell->key, strlen(farewell->key), farewell);
	return farewell;
}

static void note_state(struct sim *sim, const Tepui__Endpoint *endpoint)
{
	struct farewell *farewell = farewell_of(sim, endpoint->key);
	bool is_draining = endpoint->state == TEPUI__ENDPOINT__STATE__DRAINING;

	if (is_draining && farewell->state == TEPUI__ENDPOINT__STATE__SERVING) {
		farewell->is_leaving = true;
		farewell->since_ms = sim->now_ms;
	} else if (!is_draining) {
		farewell->is_leaving = false;
	}
	farewell->state = endpoint->state;
}

static bool is_behind_service(const Tepui__Endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->n_ports; i++) {
		if (endpoint->ports[i]->n_services > 0)
			return true;
	}
	return false;
}

/* Does AGENT, whose stream is open, send new connections there, as far as it knows? */
static bool is_used(const struct sim *sim, const struct sim_agent *agent, const char *key)
{
	const struct agent *known = registry_find(sim->host->master, agent->id);
	const Tepui__Endpoint *endpoint = mirror_endpoint(&agent->mirror, key);

	return known && known->reader.is_open && endpoint && endpoint->weight > 0 &&
	       endpoint->state == TEPUI__ENDPOINT__STATE__SERVING && is_behind_service(endpoint);
}

static void check_left(struct sim *sim, const char *key)
{
	const struct farewell *farewell = NULL;

	HASH_FIND_STR(sim->farewells, key, farewell);
	if (!farewell || !(farewell->is_leaving ||
			   farewell->state == TEPUI__ENDPOINT__STATE__SERVING) ||
	    (farewell->is_leaving &&
	     sim->now_ms - farewell->since_ms >= master_default_options.service_drain_ms))
		return;
	for (size_t i = 0; i < sim->n_agents; i++) {
		if (is_used(sim, sim->agents[i], key))
			sim_fail(sim, "P12 leaving", "'%s', told to be %d, is killed while %s still"
				 " sends connections there", key, (int)farewell->state,
				 sim->agents[i]->hostname);
	}
}

void directories_sent(struct sim *sim, const Tepui__AgentEvent *event)
{
	const Tepui__AgentEvent__KillTask *kill = event->kill_task;
	char key[KEY_SIZE];

	for (size_t i = 0; event->directory && i < event->directory->n_endpoints; i++)
		note_state(sim, event->directory->endpoints[i]);
	if (!kill)
		return;
	(void)snprintf(key, sizeof(key), "%s/%s", kill->framework_id->value, kill->task_id->value);
	check_left(sim, key);
}

/* ---- all is known ---- */

static Tepui__Endpoint__State state_of(const struct agent_task *task)
{
	if (task->is_kill_requested || task->state == MESOS__V1__TASK_STATE__TASK_KILLING ||
	    task->agent->is_draining)
		return TEPUI__ENDPOINT__STATE__DRAINING;
	if (task->state != MESOS__V1__TASK_STATE__TASK_RUNNING ||
	    (task->run->task->health_check && !task->has_health))
		return TEPUI__ENDPOINT__STATE__STARTING;
	return task->has_health && !task->is_healthy ? TEPUI__ENDPOINT__STATE__UNHEALTHY :
						       TEPUI__ENDPOINT__STATE__SERVING;
}

static bool knows_services(const struct sim_agent *agent, const Tepui__Endpoint *endpoint, char *text,
			   size_t size)
{
	for (size_t i = 0; i < endpoint->n_ports; i++) {
		for (size_t k = 0; k < endpoint->ports[i]->n_services; k++)
			UNLESS(mirror_service(&agent->mirror, endpoint->ports[i]->services[k]),
			       "%s does not know service '%s', which '%s' is behind",
			       agent->hostname, endpoint->ports[i]->services[k], endpoint->key);
	}
	return true;
}

/* What the controller wants of its own, however often the master has forgotten it. */
static bool knows_weight(const struct sim *sim, const struct sim_agent *agent,
			 const Tepui__Endpoint *endpoint, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;
	const struct instance *instance = c ? instance_find_task(c, endpoint->task_id) : NULL;

	if (!instance || !is_behind_service(endpoint))
		return true;
	UNLESS(endpoint->weight == instance_weight_in_force(instance),
	       "%s gives '%s' weight %u, it is to have %u", agent->hostname, endpoint->key,
	       endpoint->weight, instance_weight_in_force(instance));
	return true;
}

static bool knows_tasks(const struct sim *sim, const struct sim_agent *agent,
			const struct sim_agent *other, size_t *n, char *text, size_t size)
{
	const struct agent_task *task;

	TAILQ_FOREACH(task, &other->tasks, next) {
		const Tepui__Endpoint *endpoint;

		if (promises_is_terminal(task->state))
			continue;
		endpoint = mirror_endpoint(&agent->mirror, fate_key(task->fate));
		UNLESS(endpoint, "%s does not know of '%s'", agent->hostname, fate_key(task->fate));
		UNLESS(endpoint->state == state_of(task), "%s takes '%s' for %d, it is %d",
		       agent->hostname, endpoint->key, (int)endpoint->state, (int)state_of(task));
		UNLESS(strcmp(endpoint->agent_id, other->id) == 0, "%s takes '%s' to be elsewhere",
		       agent->hostname, endpoint->key);
		if (!knows_services(agent, endpoint, text, size) ||
		    !knows_weight(sim, agent, endpoint, text, size))
			return false;
		++*n;
	}
	return true;
}

static bool is_healed(const struct sim *sim, const struct sim_agent *agent, char *text, size_t size)
{
	const Tepui__DirectoryNode *node;
	size_t n = 0;

	UNLESS(agent->mirror.is_whole && !agent->mirror.is_open, "%s was not told all that there is",
	       agent->hostname);
	for (size_t i = 0; i < sim->n_agents; i++) {
		const struct sim_agent *other = sim->agents[i];

		node = mirror_find(agent->mirror.nodes, other->id);
		UNLESS(node && node->address && strcmp(node->address, other->address) == 0,
		       "%s does not know where %s is", agent->hostname, other->hostname);
		if (!knows_tasks(sim, agent, other, &n, text, size))
			return false;
	}
	UNLESS(HASH_COUNT(agent->mirror.endpoints) == n, "%s knows of %u tasks, there are %zu",
	       agent->hostname, HASH_COUNT(agent->mirror.endpoints), n);
	return true;
}

bool directories_are_healed(const struct sim *sim, char *text, size_t size)
{
	for (size_t i = 0; i < sim->n_agents; i++) {
		if (sim->agents[i]->takes_directory && !is_healed(sim, sim->agents[i], text, size))
			return false;
	}
	return true;
}

void directories_free(struct sim *sim)
{
	struct farewell *farewell, *next_farewell;
	struct sim_service *service, *next;

	HASH_ITER(hh, sim->farewells, farewell, next_farewell) {
		HASH_DEL(sim->farewells, farewell);
		free(farewell);
	}
	HASH_ITER(hh, sim->services, service, next) {
		HASH_DEL(sim->services, service);
		free(service);
	}
}
