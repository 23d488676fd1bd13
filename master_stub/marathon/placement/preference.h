/* Of the nodes on which an instance fits, the one that it goes to. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_PREFERENCE_H
#define MASTER_STUB_MARATHON_PLACEMENT_PREFERENCE_H

#include <stdint.h>

struct controller;
struct entry;
struct node;
struct spot;

/* Less is better, the members in their order. */
struct rank {
	unsigned reluctance;	/* what is reluctantly taken, only if nothing else does */
	uint64_t first, second;
};

/*
 * Count where the instances of ENTRY are, in the nodes and their zones: what preference_rank() then
 * looks at, until something is launched or the next call.
 */
void preference_prepare(struct controller *c, const struct entry *entry);

/*
 * Of NODE, where SPOT is.  Spread: where the app has the fewest instances, then in whose zone.  Packed:
 * where the fewest more of them would find room.
 */
struct rank preference_rank(const struct controller *c, const struct entry *entry,
			    const struct node *node, const struct spot *spot);

/* Below 0: A is better. */
int rank_compare(const struct rank *a, const struct rank *b);

#endif
