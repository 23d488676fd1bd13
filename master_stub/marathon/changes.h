/* Changes to apps: each becomes a deployment.  What /v2 asks for, without HTTP. */
#ifndef MASTER_STUB_MARATHON_CHANGES_H
#define MASTER_STUB_MARATHON_CHANGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/id.h"

struct app;
struct controller;
struct deployment;
struct instance;
struct refusal;

/* What a change is answered with. */
struct change_result {
	char deployment_id[ID_UUID_SIZE];
	char version[CLOCK_TEXT_SIZE];
};

/* One app of a change.  Owns APP. */
struct change {
	char app_id[192];
	struct app *app;	/* the new definition; NULL: delete, or with IS_RESTART: as it is */
	bool is_restart;
	/* Instances that already run what APP says are kept, whatever version they had it from. */
	bool keeps_same;
};

void changes_free(struct change *changes, unsigned n);

/*
 * Apply CHANGES (of N different apps) as one deployment.  The records are in the store before it
 * returns.  Refused with 409 when another deployment holds one of the apps, unless FORCE; 403
 * when too many run; 422 for cyclic dependencies and for want of a service port.
 */
int changes_apply(struct controller *c, struct change *changes, unsigned n, bool force,
		  int64_t now_ms, struct change_result *ret, struct refusal *refusal);

/* DELETE of a deployment: FORCE only stops it, else what it changed is changed back. */
int changes_cancel(struct controller *c, const char *deployment_id, bool force, int64_t now_ms,
		   struct change_result *ret, struct refusal *refusal);

/*
 * Kill INSTANCES; others take their places, unless SCALE: then their apps are made smaller by as
 * many, as a deployment.
 */
int changes_kill(struct controller *c, struct instance **instances, unsigned n, bool scale,
		 bool force, int64_t now_ms, struct change_result *ret, struct refusal *refusal);

/*
 * Go back behind D, which failed for REASON: the apps that it changed are what they were, as a new
 * deployment; those that it created stay.  D has failed and is freed in any case.
 */
void changes_roll_back(struct controller *c, struct deployment *d, const char *reason);

/* The same by request: when it cannot be gone back, D goes on and REFUSAL says why. */
int changes_abort(struct controller *c, struct deployment *d, const char *reason,
		  struct change_result *ret, struct refusal *refusal);

/* The launch delay of an app is forgotten. */
int changes_reset_delay(struct controller *c, const char *app_id, int64_t now_ms,
			struct refusal *refusal);

#endif
