#include "master_stub/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

static struct master *master_of(const struct endpoint *endpoint)
{
	return endpoint->task->framework->master;
}

/* ---- its life ---- */

void endpoint_key(const struct endpoint *endpoint, char ret[ENDPOINT_KEY_SIZE])
{
	(void)snprintf(ret, ENDPOINT_KEY_SIZE, "%s/%s", endpoint->task->framework->id,
		       endpoint->task->id);
}

int endpoint_new(struct task *task, const Mesos__V1__TaskInfo *info, bool is_launched)
{
	struct master *master = task->framework->master;
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int r;

	if (!endpoint)
		return -ENOMEM;
	endpoint->entry.kind = ENTRY_ENDPOINT;
	endpoint->task = task;
	endpoint->state = TEPUI__ENDPOINT__STATE__STARTING;
	task->endpoint = endpoint;
	master->directory->n_endpoints++;
	r = endpoint_describe(endpoint, info, is_launched);
	if (r < 0) {
		endpoint_free(endpoint);
		return r;
	}
	directory_touch(master, &endpoint->entry);
	return 0;
}

static void free_addresses(struct endpoint *endpoint)
{
	for (unsigned i = 0; i < endpoint->n_addresses; i++)
		free(endpoint->addresses[i]);
	free(TAKE_PTR(endpoint->addresses));
	endpoint->n_addresses = 0;
}

void endpoint_free(struct endpoint *endpoint)
{
	struct task *task;
	char key[ENDPOINT_KEY_SIZE];

	if (!endpoint)
		return;
	task = endpoint->task;
	endpoint_key(endpoint, key);
	for (unsigned i = 0; i < endpoint->n_claims; i++)
		claim_drop(&endpoint->claims[i]);
	directory_remove(master_of(endpoint), &endpoint->entry, key);
	master_of(endpoint)->directory->n_endpoints--;
	leave_forget(task->leave);
	task->endpoint = NULL;
	for (unsigned i = 0; i < endpoint->n_ports; i++)
		free(endpoint->ports[i].name);
	free_addresses(endpoint);
	free(endpoint->ports);
	free(endpoint->claims);
	free(endpoint->complaint);
	free(endpoint->name);
	free(endpoint);
}

/* ---- its state ---- */

static bool is_to_end(const struct task *task)
{
	return task->is_kill_requested || task->framework->is_removed ||
	       task->state == MESOS__V1__TASK_STATE__TASK_KILLING ||
	       (task->executor && task->executor->is_shut_down) ||
	       task->agent->drain.state == MESOS__V1__DRAIN_STATE__DRAINING;
}

static Tepui__Endpoint__State state_of(const struct endpoint *endpoint)
{
	const struct task *task = endpoint->task;

	if (task->is_unreachable)
		return TEPUI__ENDPOINT__STATE__UNREACHABLE;
	if (is_to_end(task))
		return TEPUI__ENDPOINT__STATE__DRAINING;
	if (task->state != MESOS__V1__TASK_STATE__TASK_RUNNING ||
	    (endpoint->is_checked && !endpoint->has_verdict))
		return TEPUI__ENDPOINT__STATE__STARTING;
	return endpoint->has_verdict && !endpoint->is_healthy ?
	       TEPUI__ENDPOINT__STATE__UNHEALTHY : TEPUI__ENDPOINT__STATE__SERVING;
}

bool endpoint_serves(const struct endpoint *endpoint)
{
	if (endpoint->task->is_unreachable ||
	    endpoint->task->state != MESOS__V1__TASK_STATE__TASK_RUNNING ||
	    (endpoint->is_checked && !endpoint->has_verdict) ||
	    (endpoint->has_verdict && !endpoint->is_healthy))
		return false;
	if (!endpoint->is_launched)
		return endpoint->n_claims > 0;
	for (unsigned i = 0; i < endpoint->n_claims; i++) {
		if (endpoint->claims[i].service)
			return true;
	}
	return false;
}

void endpoint_update(struct task *task)
{
	struct endpoint *endpoint = task->endpoint;

	if (!endpoint || state_of(endpoint) == endpoint->state)
		return;
	endpoint->state = state_of(endpoint);
	directory_touch(master_of(endpoint), &endpoint->entry);
}

void endpoints_update(struct agent *agent)
{
	struct task *task;

	TAILQ_FOREACH(task, &agent->tasks, on_agent)
		endpoint_update(task);
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return text && (inet_pton(AF_INET, text, &address) == 1 ||
			inet_pton(AF_INET6, text, &address) == 1);
}

/* Those of its container, in the order in which they are told: borrowed, at most the bound. */
static unsigned list_addresses(const Mesos__V1__ContainerStatus *status, const char **ret)
{
	unsigned n = 0;

	for (size_t i = 0; status && i < status->n_network_infos; i++) {
		const Mesos__V1__NetworkInfo *network = status->network_infos[i];

		for (size_t k = 0; k < network->n_ip_addresses && n < ENDPOINT_MAX_ADDRESSES; k++) {
			if (is_address(network->ip_addresses[k]->ip_address))
				ret[n++] = network->ip_addresses[k]->ip_address;
		}
	}
	return n;
}

static bool has_addresses(const struct endpoint *endpoint, const char *const *addresses, unsigned n)
{
	if (endpoint->n_addresses != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(endpoint->addresses[i], addresses[i]) != 0)
			return false;
	}
	return true;
}

/* Without memory they are as they were: the next status tells them again. */
static void set_addresses(struct endpoint *endpoint, const Mesos__V1__ContainerStatus *status)
{
	const char *addresses[ENDPOINT_MAX_ADDRESSES];
	unsigned n = list_addresses(status, addresses);
	char **copies;

	if (n == 0 || has_addresses(endpoint, addresses, n))
		return;
	copies = calloc(n, sizeof(*copies));
	if (!copies)
		return;
	free_addresses(endpoint);
	endpoint->addresses = copies;
	for (unsigned i = 0; i < n; i++) {
		copies[i] = strdup(addresses[i]);
		if (!copies[i])
			break;
		endpoint->n_addresses++;
	}
	directory_touch(master_of(endpoint), &endpoint->entry);
}

void endpoint_heard(struct task *task, const Mesos__V1__TaskStatus *status)
{
	struct endpoint *endpoint = task->endpoint;

	if (!endpoint)
		return;
	if (endpoint->has_own_network)
		set_addresses(endpoint, status->container_status);
	if (status->has_healthy) {
		endpoint->has_verdict = true;
		endpoint->is_healthy = status->healthy;
	}
	endpoint_update(task);
}

void endpoint_weigh(struct task *task, uint16_t weight)
{
	struct endpoint *endpoint = task->endpoint;

	if (!endpoint || endpoint->weight == weight)
		return;
	endpoint->weight = weight;
	directory_touch(master_of(endpoint), &endpoint->entry);
}

/* ---- why ---- */

const char *endpoint_why_out(const struct endpoint *endpoint, char *buf, size_t size)
{
	const struct task *task = endpoint->task;
	const struct agent *agent = task->agent;

	switch ((int)endpoint->state) {
	case TEPUI__ENDPOINT__STATE__UNREACHABLE:
		(void)snprintf(buf, size, "its agent '%s' on '%s' is unreachable", agent->id,
			       agent->info->hostname);
		return buf;
	case TEPUI__ENDPOINT__STATE__DRAINING:
		if (task->framework->is_removed)
			return "its framework is removed";
		if (agent->drain.state == MESOS__V1__DRAIN_STATE__DRAINING)
			(void)snprintf(buf, size, "its agent '%s' on '%s' is drained", agent->id,
				       agent->info->hostname);
		else
			(void)snprintf(buf, size, "it is to be killed: open connections live on");
		return buf;
	case TEPUI__ENDPOINT__STATE__STARTING:
		if (task->state == MESOS__V1__TASK_STATE__TASK_RUNNING)
			return "its health checks have not said anything yet";
		(void)snprintf(buf, size, "it does not run yet: it is %s",
			       master_task_state_name(task->state));
		return buf;
	case TEPUI__ENDPOINT__STATE__UNHEALTHY:
		return "its health checks fail";
	default:
		break;
	}
	if (endpoint->weight == 0)
		return "its weight is 0";
	if (endpoint->has_own_network || agent->address)
		return NULL;
	(void)snprintf(buf, size, "its agent '%s' on '%s' has not told its address", agent->id,
		       agent->info->hostname);
	return buf;
}
