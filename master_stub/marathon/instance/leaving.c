#include "master_stub/marathon/instance/leaving.h"

#include <math.h>

#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/state.h"

static bool is_leaving(const struct instance *instance)
{
	return instance->is_leaving && instance_is_alive(instance);
}

static void count(const struct entry *entry, unsigned *ret_leaving, unsigned *ret_good)
{
	const struct instance *instance;

	*ret_leaving = *ret_good = 0;
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		*ret_leaving += is_leaving(instance);
		*ret_good += !instance->is_leaving && instance_is_alive(instance) &&
			     instance_is_good(instance);
	}
}

static void stop(struct controller *c, struct entry *entry, unsigned n)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (n == 0 || !is_leaving(instance))
			continue;
		if (instance_doom(c, instance, "replaced by request") < 0)
			c->is_out_of_memory = true;
		n--;
	}
}

unsigned leaving_balance(struct controller *c, struct entry *entry, unsigned n)
{
	const struct app *app = entry->target;
	unsigned room = (unsigned)floor(n * app->max_over), least = n, leaving, good, waiting;

	count(entry, &leaving, &good);
	if (leaving == 0)
		return 0;
	/* As in a restart: where nothing may be above, what may be below; where neither, one above. */
	if (room == 0)
		least = (unsigned)ceil(n * app->min_health);
	if (room == 0 && least == n) {
		room = !app->is_resident;
		least -= app->is_resident && n > 0;
	}
	waiting = least > good ? least - good : 0;
	if (leaving > waiting)
		stop(c, entry, leaving - waiting);
	else
		waiting = leaving;
	return waiting < room ? waiting : room;
}
