/* Where the instances of a plan would be placed now: its deployment, played on paper. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_FORECAST_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_FORECAST_H

#include <jansson.h>

struct controller;
struct plan;

/*
 * What ?dryRun=true answers: "steps" as they would be; past Marathon, "cancels", the deployments that
 * would be ended, and "placements", for every app that starts instances: "placed", the node of each
 * one, as if all came up at once, and "waiting", how many would find no place and why on each node
 * they do not.  From what was left of the nodes' last offers; C is as before afterwards.  The
 * definitions of PLAN are stamped.  A new reference or NULL.
 */
json_t *forecast_view(struct controller *c, struct plan *plan);

#endif
