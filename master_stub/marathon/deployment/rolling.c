#include "master_stub/marathon/deployment/rolling.h"

#include <math.h>

#include "master_stub/marathon/definition/app.h"

static unsigned minimum(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned minus(unsigned a, unsigned b)
{
	return a > b ? a - b : 0;
}

static unsigned min_healthy_of(const struct app *app)
{
	return (unsigned)ceil(app->instances * app->min_health);
}

/* No room in either direction: without one more, or one less, nothing would ever move. */
static bool is_stuck(const struct app *app)
{
	return (unsigned)floor(app->instances * (1 + app->max_over)) == min_healthy_of(app);
}

/* What lives where its data is cannot have another beside it. */
unsigned rolling_min_healthy(const struct app *app)
{
	return min_healthy_of(app) - (app->is_resident && app->instances > 0 && is_stuck(app));
}

unsigned rolling_max_capacity(const struct app *app)
{
	return (unsigned)floor(app->instances * (1 + app->max_over)) +
	       (!app->is_resident && is_stuck(app));
}

unsigned rolling_count_old(const struct rolling_state *state)
{
	return state->old_healthy + state->old_other + state->old_unknown + state->old_unjudged;
}

/*
 * Evaluated anew after every change, so that it holds whatever happened in between: what is
 * healthy never falls below the minimum by our doing, what exists never exceeds the capacity.
 */
void rolling_plan(const struct app *app, const struct rolling_state *state,
		  struct rolling_plan *ret)
{
	unsigned n = app->instances, min_healthy = rolling_min_healthy(app);
	unsigned max_capacity = rolling_max_capacity(app);
	unsigned old = rolling_count_old(state);
	unsigned new = state->new_healthy + state->new_other;
	unsigned healthy = state->old_healthy + state->new_healthy;
	unsigned exist, stop_healthy, stop_unjudged;

	*ret = (struct rolling_plan){ .stop_new = minus(new, n) };
	/*
	 * Stopping one that is not healthy takes nothing away.  One of which nothing is known may
	 * well be healthy, so it is neither relied on nor stopped.  One that has yet to show what it
	 * is may go when enough are left should it be healthy: nobody knows how long that takes.
	 */
	stop_healthy = minimum(minus(healthy, min_healthy), state->old_healthy);
	stop_unjudged = minimum(minus(healthy - stop_healthy + state->old_unjudged, min_healthy),
				state->old_unjudged);
	ret->stop_old = state->old_other + stop_unjudged + stop_healthy;
	exist = old + new + state->dying;
	ret->start = minimum(minus(n, new), minus(max_capacity, exist));
	ret->is_done = state->new_healthy == n && new == n && old == 0 && state->dying == 0;
}
