#include "master_stub/marathon/instance/weight.h"

#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/deployment/rollout.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/state.h"

/* A change of it alone is adopted by those that are there, and theirs when others are to follow them. */
static int64_t adopted_weight(const struct instance *instance)
{
	const struct version *version;

	TAILQ_FOREACH(version, &instance->entry->versions, of_app) {
		if (instance_is_current(instance, version->app))
			return version->app->weight;
	}
	return instance->spec->weight;
}

/* CANARY: of its app; NULL: that has none. */
static int64_t weight_of(const struct instance *instance, const struct rollout_weights *canary)
{
	const struct entry *entry = instance->entry;

	if (canary)
		return instance_is_current(instance, entry->target) ? canary->of_new : canary->of_old;
	return adopted_weight(instance);
}

static unsigned in_force(int64_t weight)
{
	return weight < 0 ? 1 : (unsigned)weight;
}

int64_t instance_weight(const struct instance *instance)
{
	struct rollout_weights canary;

	return weight_of(instance, rollout_weights(instance->entry, &canary) ? &canary : NULL);
}

unsigned instance_weight_in_force(const struct instance *instance)
{
	return in_force(instance_weight(instance));
}

void weight_forget(struct instance *instance)
{
	instance->told_weight = -1;
}

static void tell(struct controller *c, struct instance *instance, unsigned weight)
{
	instance->told_weight = weight;
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		if (!instance_state_is_terminal(instance->tasks[i].state))
			calls_weigh(c, instance->tasks[i].id, weight);
	}
}

/* Who is behind no service has no share of anything; of whom nothing was heard, the master may know nothing. */
static bool is_weighed(const struct instance *instance)
{
	return app_has_services(instance->spec) && instance->is_confirmed &&
	       instance->unreachable_wall_ms == 0;
}

static void weigh(struct controller *c, struct entry *entry)
{
	struct rollout_weights weights;
	bool has_canary = rollout_weights(entry, &weights);
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		unsigned weight;

		if (!is_weighed(instance))
			continue;
		weight = in_force(weight_of(instance, has_canary ? &weights : NULL));
		if (instance->told_weight != weight)
			tell(c, instance, weight);
	}
}

void weights_turn(struct controller *c)
{
	if (c->is_subscribed)
		entries_look(c, weigh);
}
