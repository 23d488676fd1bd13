#include "tests/sim/people.h"

#include <stdio.h>
#include <stdlib.h>

#include "master_stub/marathon/changes.h"
#include "master_stub/marathon/refusal.h"
#include "master_stub/marathon/state.h"
#include "tests/sim/host.h"
#include "tests/sim/sim.h"

struct people *people_new(void)
{
	struct people *people = sim_alloc(sizeof(*people));

	for (int i = 0; i < N_APPS; i++) {
		people->wanted[i] = APP_DELETED;
		people->asked[i] = APP_UNKNOWN;
	}
	return people;
}

const char *people_app_id(unsigned app)
{
	static const char *const ids[N_APPS] = { "/a", "/b", "/c", "/d" };

	return ids[app];
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

/* ---- changes ---- */

/* DEFINITION (taken) of a new app or an update of ENTRY's; NULL: it is deleted. */
static void apply(struct sim *sim, unsigned app, const struct entry *entry, json_t *definition,
		  int instances)
{
	struct change *change = sim_alloc(sizeof(*change));
	struct change_result result;
	struct refusal refusal = { 0 };
	bool is_forced = sim->is_ending || sim_chance(sim, 500);
	int r = 0;

	(void)snprintf(change->app_id, sizeof(change->app_id), "%s", people_app_id(app));
	if (definition)
		r = entry ? app_parse_update(entry->target, definition, &change->app, &refusal)
			  : app_parse(definition, NULL, &change->app, &refusal);
	if (r == 0)
		r = changes_apply(sim->host->controller, change, 1, is_forced, sim->now_ms, &result,
				  &refusal);
	sim_trace(sim, "people: %s shall have %d instances%s", people_app_id(app), instances,
		  r < 0 ? ", which is refused" : "");
	if (r == 0)
		sim->people->asked[app] = instances;
	refusal_done(&refusal);
	json_decref(definition);
	changes_free(change, 1);
}

static void create(struct sim *sim, unsigned app)
{
	int instances = (int)sim_between(sim, 0, 4);

	apply(sim, app, NULL, json_pack("{s:s, s:s, s:i, s:f, s:i, s:i}", "id", people_app_id(app),
					"cmd", "sleep 1000", "instances", instances, "cpus", 0.1,
					"mem", 32, "maxLaunchDelaySeconds", 20), instances);
}

static void change(struct sim *sim, unsigned app, const struct entry *entry)
{
	int instances = (int)entry->target->instances;

	switch (rng_below(&sim->rng, 4)) {
	case 0:
		apply(sim, app, entry, NULL, APP_DELETED);
		break;
	case 1:
		apply(sim, app, entry, json_pack("{s:f}", "cpus", (double)sim_between(sim, 1, 3) / 10),
		      instances);
		break;
	default:
		instances = (int)sim_between(sim, 0, 5);
		apply(sim, app, entry, json_pack("{s:i}", "instances", instances), instances);
		break;
	}
}

void people_act(struct sim *sim)
{
	unsigned app = (unsigned)rng_below(&sim->rng, N_APPS);
	const struct entry *entry;

	if (!sim->people || !sim->host->master || sim->host->is_full)
		return;
	entry = entry_find_live(sim->host->controller, people_app_id(app));
	if (entry)
		change(sim, app, entry);
	else
		create(sim, app);
	host_acted(sim->host, NULL);
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
