#include "master_stub/marathon/placement/node_faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One failure may be chance; and whoever moves after each crash unbalances what was spread. */
enum { TOO_MANY = 2 };

static struct node_fault *find(struct node_faults *faults, const char *agent_id)
{
	for (unsigned i = 0; i < faults->n; i++) {
		if (strcmp(faults->list[i].agent_id, agent_id) == 0)
			return &faults->list[i];
	}
	return NULL;
}

static void drop(struct node_faults *faults, struct node_fault *fault)
{
	free(fault->agent_id);
	free(fault->host);
	*fault = faults->list[--faults->n];
}

static struct node_fault *find_oldest(struct node_faults *faults)
{
	struct node_fault *oldest = &faults->list[0];

	for (unsigned i = 1; i < faults->n; i++) {
		if (faults->list[i].last_ms < oldest->last_ms)
			oldest = &faults->list[i];
	}
	return oldest;
}

int node_faults_set(struct node_faults *faults, const char *agent_id, const char *host, unsigned n,
		    int64_t last_ms)
{
	struct node_fault *fault = find(faults, agent_id);
	struct node_fault new = { 0 };

	if (!fault) {
		new.agent_id = strdup(agent_id);
		new.host = strdup(host);
		if (!new.agent_id || !new.host) {
			free(new.agent_id);
			free(new.host);
			return -ENOMEM;
		}
		if (faults->n == NODE_FAULTS_KEPT)
			drop(faults, find_oldest(faults));
		fault = &faults->list[faults->n++];
		*fault = new;
	}
	fault->failures = n;
	fault->last_ms = last_ms;
	return 0;
}

int node_faults_add(struct node_faults *faults, const char *agent_id, const char *host,
		    int64_t within_ms, int64_t now_ms)
{
	const struct node_fault *fault = find(faults, agent_id);
	bool counts = fault && now_ms - fault->last_ms < within_ms;

	return node_faults_set(faults, agent_id, host, counts ? fault->failures + 1 : 1, now_ms);
}

void node_faults_reset(struct node_faults *faults)
{
	while (faults->n > 0)
		drop(faults, &faults->list[0]);
}

int64_t node_faults_avoided_until(const struct node_faults *faults, const char *agent_id,
				  int64_t within_ms)
{
	for (unsigned i = 0; i < faults->n; i++) {
		const struct node_fault *fault = &faults->list[i];

		if (strcmp(fault->agent_id, agent_id) == 0)
			return fault->failures >= TOO_MANY ? fault->last_ms + within_ms : 0;
	}
	return 0;
}
