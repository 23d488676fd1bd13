/* Changes to apps and groups: each becomes a deployment.  What /v2 asks for, without HTTP. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_CHANGES_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_CHANGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/id.h"
#include "master_stub/marathon/deployment/change_set.h"

struct controller;
struct deployment;
struct entry;
struct instance;
struct refusal;

/* What a change is answered with. */
struct change_result {
	char deployment_id[ID_UUID_SIZE];
	char version[CLOCK_TEXT_SIZE];
};

/*
 * Apply SET as one deployment.  The records are in the store before it returns.  Refused as the plan
 * is (plan.h).
 */
int changes_apply(struct controller *c, struct change_set *set, int64_t now_ms,
		      struct change_result *ret, struct refusal *refusal);
/*
 * Nothing of it: *RET is what it would come to (forecast.h), or it is refused in the same way, without
 * an event.
 */
int changes_dry_run(struct controller *c, struct change_set *set, int64_t now_ms, json_t **ret,
		    struct refusal *refusal);

/* What changes back what a deployment changed.  Into SET, which is empty before.  404 in REFUSAL. */
int changes_undo(struct controller *c, const char *deployment_id, struct change_set *set,
		 struct refusal *refusal);
/* DELETE of a deployment: FORCE only stops it, else what it changed is changed back. */
int changes_cancel(struct controller *c, const char *deployment_id, bool force, int64_t now_ms,
		   struct change_result *ret, struct refusal *refusal);

/*
 * Kill INSTANCES; others take their places.  Resident ones come back to their volumes; with WIPE what
 * is reserved for them is released.
 */
int changes_kill(struct controller *c, struct instance **instances, unsigned n, bool wipe,
		 int64_t now_ms, struct refusal *refusal);
/* Release what is reserved for instances of ENTRY that do not run, on HOST or (NULL) anywhere. */
int changes_wipe_vacant(struct controller *c, const struct entry *entry, const char *host,
			int64_t now_ms, struct refusal *refusal);
/* What makes their apps smaller by as many, so that they do not.  Into SET, which is empty before. */
int changes_scale_down(const struct controller *c, struct instance **instances, unsigned n,
		       struct change_set *set, struct refusal *refusal);

/*
 * Go back behind D, which failed for REASON: the apps that it changed are what they were, as a new
 * deployment; those that it created stay.  D has failed and is freed in any case.
 */
void changes_roll_back(struct controller *c, struct deployment *d, const char *reason);

/* The same by request: when it cannot be gone back, D goes on and REFUSAL says why. */
int changes_abort(struct controller *c, struct deployment *d, const char *reason,
		  struct change_result *ret, struct refusal *refusal);

/* The same, but each only when another is good in its place. */
int changes_replace(struct controller *c, struct instance **instances, unsigned n, int64_t now_ms,
		    struct refusal *refusal);

/* The launch delay of an app is forgotten. */
int changes_reset_delay(struct controller *c, const char *app_id, int64_t now_ms,
			struct refusal *refusal);

#endif
