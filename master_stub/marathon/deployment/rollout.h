/*
 * What operators decide of a deployment that is under way: canaries wait to be promoted, everything
 * can be paused, resumed and aborted.
 */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_ROLLOUT_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

struct change_result;
struct controller;
struct deployment;
struct entry;
struct instance;
struct refusal;

/* A new deployment: which of its restarts begin with canaries. */
void rollout_choose_canaries(const struct controller *c, struct deployment *d);

/* Are the canaries of ENTRY, which is in PHASE_CANARY, all up? */
bool rollout_is_awaiting(struct controller *c, const struct entry *entry);
/* Notes whether D waits for its promotion, and tells when it begins to. */
void rollout_note(struct controller *c, struct deployment *d);

enum rollout_verb { ROLLOUT_PROMOTE, ROLLOUT_PAUSE, ROLLOUT_RESUME, ROLLOUT_ABORT };
/*
 * 404: no such deployment; 409: not in a state to do that.  RET: the deployment, or for an abort
 * the one that goes back behind it.
 */
int rollout_do(struct controller *c, const char *deployment_id, enum rollout_verb verb,
	       int64_t now_ms, struct change_result *ret, struct refusal *refusal);

/* PERCENT of the traffic, up to 100, is the canaries' from now on.  As rollout_do(). */
int rollout_weigh(struct controller *c, const char *deployment_id, unsigned percent, int64_t now_ms,
		  struct change_result *ret, struct refusal *refusal);

/* Of the traffic of an app: each instance of the version that it is to have, and each other one. */
struct rollout_weights {
	unsigned of_new, of_old;	/* up to APP_WEIGHT_MAX */
};
/* While canaries of ENTRY are to have a share of their own.  False: all are as they are without. */
bool rollout_weights(const struct entry *entry, struct rollout_weights *ret);

#endif
