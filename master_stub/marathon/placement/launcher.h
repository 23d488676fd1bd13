/* Offers to launches: whom an offer fits, and what to launch where. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_LAUNCHER_H
#define MASTER_STUB_MARATHON_PLACEMENT_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct controller;
struct entry;

/* Launch what is wanted on these offers, decline the others.  Every offer is answered. */
void launch_offers(struct controller *c, Mesos__V1__Offer *const *offers, size_t n);

/* Is there something to launch at this time? */
bool launch_is_wanted(const struct controller *c, const struct entry *entry);

/* REVIVE when something new wants to be launched, SUPPRESS when nothing does. */
void launch_turn(struct controller *c);

#endif
