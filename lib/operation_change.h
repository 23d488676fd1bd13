/* The operations that divide what an agent has in another way: what becomes of what. */
#ifndef LIB_OPERATION_CHANGE_H
#define LIB_OPERATION_CHANGE_H

#include <stdbool.h>

#include "lib/resources.h"

struct err;
struct Mesos__V1__Offer__Operation;

/* So many with an id may be on an agent before their frameworks have acknowledged what became of them. */
enum { OPERATIONS_MAX_KEPT = 1024 };

struct operation_change {
	struct resources from, to;
};

/* Is it RESERVE, UNRESERVE, CREATE or DESTROY, with its body? */
bool operation_is_change(const struct Mesos__V1__Offer__Operation *operation);

/*
 * What OPERATION, one of those, makes of what, wherever that is.  -EINVAL with Mesos's reasons: no
 * volumes, no dynamic reservations, a volume on what is unreserved, a source of another size, ...
 */
int operation_change_read(const struct Mesos__V1__Offer__Operation *operation,
			  struct operation_change *ret, struct err *e);
void operation_change_done(struct operation_change *change);

#endif
