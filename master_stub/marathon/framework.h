/* The framework that the controller is to the master: its subscription, and the roles it is in. */
#ifndef MASTER_STUB_MARATHON_FRAMEWORK_H
#define MASTER_STUB_MARATHON_FRAMEWORK_H

#include <stddef.h>

struct controller;
struct err;

/* Subscribe, if that is due: in the default role alone. */
void framework_turn(struct controller *c);
/* The subscription has ended; the scheduler is gone with the ERROR that told WHY. */
void framework_lost(struct controller *c, const char *why);

/* From now on in ROLES and no others, without offers for those SUPPRESSED.  -errno: as before. */
int framework_set_roles(struct controller *c, const char *const *roles, size_t n,
			const char *const *suppressed, size_t n_suppressed, struct err *e);

#endif
