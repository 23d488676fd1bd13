#include "master_stub/marathon/placement/fit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/usable.h"

void fit_done(struct fit *fit)
{
	survey_free(fit->survey);
	*fit = (struct fit){ 0 };
}

/* Only instances of the current config count. */
static void count_current(const struct controller *c, const struct entry *entry)
{
	const struct instance *instance;
	struct node *node, *next;

	HASH_ITER(by_id, c->nodes, node, next)
		node->n_current = 0;
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (!instance_is_current(instance, entry->launch_spec) ||
		    !instance_is_alive(instance))
			continue;
		node = node_find(c, instance->agent_id);
		if (node)
			node->n_current++;
	}
}

int fit_prepare(const struct controller *c, const struct entry *entry, struct fit *ret)
{
	const struct app *spec = entry->launch_spec;
	AUTO_FREE struct occupied *nodes = NULL;
	const struct node *node, *next;
	size_t n = 0;

	*ret = (struct fit){ .c = c, .entry = entry };
	if (spec->n_constraints == 0)
		return 0;
	nodes = calloc(HASH_CNT(by_id, c->nodes) + 1, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	count_current(c, entry);
	HASH_ITER(by_id, c->nodes, node, next)
		nodes[n++] = (struct occupied){ node_place(node), node->n_current };
	return survey_new(spec->constraints, spec->n_constraints, nodes, n, spec->instances,
			  &ret->survey);
}

uint16_t fit_missing_port(const struct app *spec, const struct ranges *free_ports)
{
	for (unsigned i = 0; i < app_n_ports(spec); i++) {
		uint16_t port = app_port(spec, i).host_port;

		if (port != 0 && !ranges_contains(free_ports, port, port))
			return port;
	}
	return 0;
}

/* What a node has for SPEC, as if nothing of it were reserved. */
static enum reason lacks(const struct app *spec, const struct resources *usable)
{
	static const enum reason scalar_reasons[N_RESOURCE_KINDS] = {
		[RESOURCE_CPUS] = REASON_CPUS,
		[RESOURCE_MEM] = REASON_MEM,
		[RESOURCE_DISK] = REASON_DISK,
		[RESOURCE_GPUS] = REASON_GPUS,
	};
	struct resources need;

	if (instance_resources(spec, &need) < 0)
		return REASON_CPUS;
	for (int kind = 0; kind < N_RESOURCE_KINDS; kind++) {
		if (usable->scalar[kind] < need.scalar[kind])
			return scalar_reasons[kind];
	}
	/* Dynamic ports need only be enough; required ones have to be there. */
	if (ranges_count(&usable->ports) < app_n_host_ports(spec) ||
	    fit_missing_port(spec, &usable->ports) != 0)
		return REASON_PORTS;
	return N_REASONS;
}

enum reason fit_why_not(const struct fit *fit, const struct spot *spot)
{
	const struct app *spec = fit->entry->launch_spec;
	const struct resources *usable;
	struct resources scratch;
	enum reason reason;

	if (!spot->is_usable || (spot->role && strcmp(spot->role, spec->role) != 0))
		return REASON_ROLE;
	/* They go where their volumes are, or nowhere. */
	if (spec->is_resident && residences_suffice(fit->entry))
		return REASON_RESERVATION;
	if (!constraints_allow(spec->constraints, spec->n_constraints, &spot->place,
			       fit->survey))
		return REASON_CONSTRAINT;
	if (spot->is_unavailable)
		return REASON_MAINTENANCE;
	usable = usable_of(fit->c, spec, spot->left, &scratch);
	reason = usable ? lacks(spec, usable) : REASON_CPUS;
	resources_done(&scratch);
	return reason;
}
