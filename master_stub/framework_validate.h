/* Rules for what a framework says of itself, in the order and words of Mesos. */
#ifndef MASTER_STUB_FRAMEWORK_VALIDATE_H
#define MASTER_STUB_FRAMEWORK_VALIDATE_H

#include <stddef.h>

#include "proto/scheduler.pb-c.h"

struct err;
struct offer_constraints;

/* What SUBSCRIBE and UPDATE_FRAMEWORK have in common; borrowed from the call. */
struct framework_terms {
	const Mesos__V1__FrameworkInfo *info;
	char *const *suppressed_roles;
	size_t n_suppressed_roles;
	const Mesos__V1__Scheduler__OfferConstraints *offer_constraints;	/* or NULL */
};

#define FRAMEWORK_TERMS(call) \
	((struct framework_terms){ (call)->framework_info, (call)->suppressed_roles, \
				   (call)->n_suppressed_roles, (call)->offer_constraints })

/* Each -EINVAL with the sentence.  ROLES is the list of those that there may be, or NULL. */
int framework_info_validate(const Mesos__V1__FrameworkInfo *info, const char *roles,
			    struct err *e);
/* Of valid INFO; *ret is owned, NULL where no offer is excluded. */
int framework_terms_validate(const struct framework_terms *terms, struct offer_constraints **ret,
			     struct err *e);
/* May a framework that said OLD say NEW?  In SUBSCRIBE what cannot change is kept instead. */
int framework_info_validate_principal(const Mesos__V1__FrameworkInfo *old,
				      const Mesos__V1__FrameworkInfo *new, struct err *e);
int framework_info_validate_update(const Mesos__V1__FrameworkInfo *old,
				   const Mesos__V1__FrameworkInfo *new, struct err *e);

#endif
