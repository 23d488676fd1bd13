#include "master_stub/marathon/placement/preference.h"

#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/placement/fit.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/usable.h"
#include "master_stub/marathon/state.h"

/* Those that are being stopped make room and do not count. */
void preference_prepare(struct controller *c, const struct entry *entry)
{
	const struct instance *instance;
	struct node *node, *next_node;
	struct zone *zone, *next_zone;

	HASH_ITER(by_id, c->nodes, node, next_node)
		node->n_of_app = 0;
	HASH_ITER(by_name, c->zones, zone, next_zone)
		zone->n_of_app = 0;
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		node = instance_is_alive(instance) ? node_find(c, instance->agent_id) : NULL;
		if (!node)
			continue;
		node->n_of_app++;
		if (node->zone)
			node->zone->n_of_app++;
	}
}

/* How many more of the app would fit into what is left; of each resource by itself. */
static uint64_t count_more(const struct controller *c, const struct app *spec,
			   const struct resources *left)
{
	struct resources need, scratch;
	const struct resources *usable = usable_of(c, spec, left, &scratch);
	uint64_t fewest = UINT64_MAX;

	if (!usable || instance_resources(spec, &need) < 0) {
		resources_done(&scratch);
		return fewest;
	}
	for (int kind = 0; kind < N_RESOURCE_KINDS; kind++) {
		uint64_t more;

		if (need.scalar[kind] <= 0)
			continue;
		more = (uint64_t)(usable->scalar[kind] / need.scalar[kind]);
		fewest = more < fewest ? more : fewest;
	}
	resources_done(&scratch);
	return fewest;
}

struct rank preference_rank(const struct controller *c, const struct entry *entry,
			    const struct node *node, const struct spot *spot)
{
	enum placement_strategy placement = entry->launch_spec->placement;
	struct rank rank = { .reluctance = 2U * spot->is_to_leave + spot->is_avoided };

	if (placement == PLACEMENT_DEFAULT)
		placement = c->options.placement;
	if (placement == PLACEMENT_BINPACK) {
		rank.first = count_more(c, entry->launch_spec, spot->left);
	} else if (node) {
		rank.first = node->n_of_app;
		rank.second = node->zone ? node->zone->n_of_app : node->n_of_app;
	}
	return rank;
}

int rank_compare(const struct rank *a, const struct rank *b)
{
	if (a->reluctance != b->reluctance)
		return a->reluctance < b->reluctance ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return (a->second > b->second) - (a->second < b->second);
}
