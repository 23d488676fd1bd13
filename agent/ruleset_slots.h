/*
 * Whose turn is when: a service's new connections go through a table of slots, each of which names one of
 * its backends.  Pure, and the same on every node.
 */
#ifndef AGENT_RULESET_SLOTS_H
#define AGENT_RULESET_SLOTS_H

#include <stddef.h>
#include <stdint.h>

enum {
	RULESET_MAX_SLOTS = 4096,
	RULESET_SOURCE_SLOTS = 1024,	/* of a service that keeps clients, however many backends it has */
};

/*
 * Slots in which backend I of N (at most RULESET_MAX_SLOTS) has a share of WEIGHTS[I] (each at most
 * 1000; 0: none), spread as evenly as can be, so that those who take their turns one after the other
 * meet no backend twice in a row without need.  Returns their number, which is the smallest that has
 * the exact shares; where that is beyond RULESET_MAX_SLOTS, shares are rounded and none is less than one
 * slot.  0: no backend has a weight.
 */
size_t ruleset_slots_by_turn(const unsigned *weights, size_t n,
			     uint16_t ret_slots[RULESET_MAX_SLOTS]);

/*
 * RULESET_SOURCE_SLOTS slots, each of which goes to the backend that wins it by a number made of both,
 * as often as its weight says (rendezvous hashing: Thaler and Ravishankar, 1998, with weights as of
 * Schindelhauer and Schomaker, 2005).  A backend that is gone gives its slots away, one that is new takes
 * its share, and no other slot changes hands.  IDENTITIES[I] is the same wherever and whenever it is of
 * the same backend.
 */
size_t ruleset_slots_by_source(const unsigned *weights, const uint64_t *identities, size_t n,
			       uint16_t ret_slots[RULESET_MAX_SLOTS]);

#endif
