/* From what an app is to be to what has to be done: whom to stop, how many to launch. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_SCALE_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_SCALE_H

#include <stdbool.h>

#include "master_stub/marathon/deployment/rolling.h"

struct app;
struct controller;
struct entry;
struct instance;

/*
 * ENTRY's instances by what they are, as seen from its definition TARGET.  C is woken when one has
 * been up for long enough.
 */
void entry_count(struct controller *c, const struct entry *entry, const struct app *target,
		 struct rolling_state *ret);

bool entry_is_scaled(struct controller *c, const struct entry *entry);
bool entry_is_restarted(struct controller *c, const struct entry *entry);

/* For all that want instances: doom what is too much, note what is to be launched. */
void entries_balance(struct controller *c);
void app_balance(struct controller *c, struct entry *entry);

/*
 * Its goal is to be stopped from now on: recorded first, killed in this turn, again until its end
 * is told.  -ENOMEM: it is not doomed.
 */
int instance_doom(struct controller *c, struct instance *instance, const char *reason);

/* Send the kills that are due. */
void kills_turn(struct controller *c);

#endif
