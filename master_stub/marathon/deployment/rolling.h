/* How many instances a rolling restart may stop and start next (reference/marathon.md 3.3). */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_ROLLING_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_ROLLING_H

#include <stdbool.h>

struct app;

/* Instances by what they are; those of the old config come before the restart. */
struct rolling_state {
	unsigned old_healthy;	/* alive, running and healthy (or without health checks) */
	unsigned old_other;	/* alive, but not healthy */
	unsigned new_healthy;
	unsigned new_other;	/* launched, not yet healthy */
	unsigned dying;		/* told to stop, not yet gone */
	unsigned old_unknown;	/* alive as far as the records say; not heard of since the start */
	unsigned old_unjudged;	/* running, and may turn out to be healthy or not */
};

struct rolling_plan {
	unsigned stop_old;	/* unhealthy ones first, then unjudged ones */
	unsigned stop_new;	/* more than the app is to have */
	unsigned start;
	bool is_done;
};

/* Those of the old config that are alive. */
unsigned rolling_count_old(const struct rolling_state *state);

void rolling_plan(const struct app *app, const struct rolling_state *state,
		  struct rolling_plan *ret);

/* For the messages: the bounds that hold while APP is restarted. */
unsigned rolling_min_healthy(const struct app *app);
unsigned rolling_max_capacity(const struct app *app);

#endif
