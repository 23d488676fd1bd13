/* What of a node's resources an app may use: those of everybody, and those reserved for its role. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_USABLE_H
#define MASTER_STUB_MARATHON_PLACEMENT_USABLE_H

struct app;
struct controller;
struct resources;

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

#endif
