/* From a change to the plan of its deployment: computed once, then either shown or applied. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_PLAN_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "master_stub/marathon/deployment/deployment.h"

struct change_set;
struct controller;
struct entry;
struct refusal;

struct plan {
	struct change_set *set;		/* borrowed; its definitions have their ports */
	struct deployment_part *parts;	/* one for each app of the set */
	struct deployment *deployment;	/* owned; without id and version */
};

/*
 * Nothing of the controller is changed.  Refused with 409 when another deployment holds one of the
 * apps, unless the set is forced, and for an app with the id of a pod, or the reverse; 403 when too many run;
 * 404 for an app to restart or delete that is not there; 422 for cyclic dependencies, for an app with the id of a group, and for want of a
 * service port.  Freed with plan_done() in any case.
 */
int plan_make(struct controller *c, struct change_set *set, struct plan *ret,
	      struct refusal *refusal);
void plan_done(struct plan *plan);

/* 409: there is one with the id of ENTRY, which is an app or a pod. */
int plan_refuse_taken(const struct entry *entry, struct refusal *refusal);

/* Every definition that is changed becomes VERSION of its app. */
void plan_stamp(const struct controller *c, const struct plan *plan, const char *version);

/* Would DEPLOYMENT have to be cancelled? */
bool plan_touches(const struct plan *plan, const struct deployment *deployment);

#endif
