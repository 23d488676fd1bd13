/* What of a node's resources an app may use: those of everybody, and those reserved for its role. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_USABLE_H
#define MASTER_STUB_MARATHON_PLACEMENT_USABLE_H

#include <stdint.h>

struct app;
struct controller;
struct resources;
struct rng;

/*
 * As if nothing of it were reserved: LEFT itself where that is so, else SCRATCH, to be freed with
 * resources_done() in any case.  NULL: no memory.
 */
const struct resources *usable_of(const struct controller *c, const struct app *spec,
				  const struct resources *left, struct resources *scratch);

/*
 * NEED, with ports, which is among the usable of LEFT, goes from there into RET, with the
 * reservations that it is under: what is reserved first, since nobody else may have it.  -ENOMEM:
 * LEFT is as it was.
 */
int usable_take(const struct controller *c, const struct app *spec, struct resources *left,
		const struct resources *need, struct resources *ret);

/*
 * The same with all that an instance of SPEC needs; its ports, room for one more than app_n_ports(), go
 * to PORTS: those that are required, of the others some that RNG chooses (NULL: the first ones).
 */
int usable_take_instance(const struct controller *c, struct rng *rng, const struct app *spec,
			 struct resources *left, uint16_t *ports, struct resources *ret);

#endif
