/* Deployments: the ordered steps from what the apps were to what they are to be. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_DEPLOYMENT_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_DEPLOYMENT_H

#include <jansson.h>
#include <stdbool.h>

struct controller;
struct deployment;
struct entry;

/* One app or pod of a change: what it was and what is to be done with it. */
struct deployment_part {
	const char *app_id;
	bool is_pod;
	const char *original;	/* version; NULL: it is new */
	enum deployment_work {
		WORK_NOTHING,
		WORK_STOP,
		WORK_START,	/* new: start, then scale */
		WORK_SCALE,
		WORK_RESTART,
	} work;
	unsigned layer;		/* dependencies have lower ones */
};

/* A plan in the order of reference/marathon.md 3.2; without id and version.  -ENOMEM. */
int deployment_new(const struct deployment_part *parts, unsigned n, struct deployment **ret);
void deployment_free(struct deployment *deployment);

/* Into the controller's list, which owns it from now on; its apps are held by it. */
void deployment_attach(struct controller *c, struct deployment *deployment);
/* Its apps are looked at anew: what it wants of them has changed. */
void deployment_touch(const struct controller *c, struct deployment *deployment);
/*
 * Out of the list and the store, and freed, after deployment_failed is told; its apps are held no
 * longer.
 */
void deployment_cancel(struct controller *c, struct deployment *deployment, const char *reason);

/* It goes back behind the one with ID, which failed for REASON.  -ENOMEM. */
int deployment_set_rollback(struct deployment *deployment, const char *id, const char *reason);

struct deployment *deployment_find(const struct controller *c, const char *id);

/* Go on with what can go on.  True: something changed. */
bool deployments_turn(struct controller *c);

/* The stored form: steps, and what each app was.  New reference or NULL. */
json_t *deployment_to_plan(const struct deployment *deployment);
/* The reverse; -EINVAL, -ENOMEM. */
int deployment_from_plan(const json_t *plan, struct deployment **ret);

/* [{"actions": [{"action", "app" or "pod"}]}]; new reference or NULL. */
json_t *deployment_steps_view(const struct deployment *deployment);

/* The element of GET /v2/deployments; new reference or NULL. */
json_t *deployment_view(const struct controller *c, const struct deployment *deployment);

/* ---- deployment_ends.c ---- */

/* DEPLOYMENT ends now, failed for REASON (NULL: it has succeeded): kept and recorded. */
void deployment_note_end(struct controller *c, const struct deployment *deployment,
			 const char *reason);

/* What a process before this one stored of a deployment that has ended.  -EINVAL, -ENOMEM. */
int deployment_remember(struct controller *c, json_t *ended_take);

/*
 * What is, or was, with ID: "state" is "running" (with all that is above), "succeeded", or "failed"
 * with a "reason".  New reference, or NULL: not known, or one of too long ago.
 */
json_t *deployment_state_view(const struct controller *c, const char *id);

/* ---- deployment.c ---- */

/* Does DEPLOYMENT touch APP_ID? */
bool deployment_affects(const struct deployment *deployment, const char *app_id);

/* What an entry's deployment has come to for it. */
enum deployment_phase {
	PHASE_NONE,	/* not held, or done with it: its target holds */
	PHASE_BEFORE,	/* still as it was: deployment_original() */
	PHASE_SCALE,
	PHASE_CANARY,	/* a restart, until it is promoted */
	PHASE_RESTART,
	PHASE_PAUSED,
};
enum deployment_phase deployment_phase_of(const struct entry *entry);
/* Is ENTRY's restart one that begins with canaries and is not promoted yet? */
bool deployment_has_canary(const struct entry *entry);
/* The version that ENTRY had before its deployment; "" when it is new. */
const char *deployment_original(const struct entry *entry);
/* The same of an app of DEPLOYMENT, which need not hold it yet. */
const char *deployment_original_of(const struct deployment *deployment, const char *app_id);

#endif
