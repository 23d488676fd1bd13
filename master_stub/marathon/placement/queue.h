/* Why an app waits: the funnel of reasons that /v2/queue shows. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_QUEUE_H
#define MASTER_STUB_MARATHON_PLACEMENT_QUEUE_H

#include "master_stub/marathon/state.h"

/* "InsufficientCpus": as Marathon's clients know it. */
const char *reason_name(enum reason reason);

/* Called once a turn: does ENTRY still wait? */
void queue_note(struct controller *c, struct entry *entry);
/*
 * An offer was used, or was not because of REASON (N_REASONS: it would have fitted).  OFFER, its view, is
 * shared by all that could not use it, which may be all apps there are.
 */
void queue_used(struct controller *c, struct entry *entry);
void queue_unused(struct controller *c, struct entry *entry, json_t *offer, enum reason reason);
/* A new reference. */
json_t *queue_offer_view(const Mesos__V1__Offer *offer);

#endif
