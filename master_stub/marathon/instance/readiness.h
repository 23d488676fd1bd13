/*
 * Readiness checks (reference/marathon.md 2.4): whether the new instances of a deployment may take
 * the place of others.  After the deployment nobody asks any more.
 */
#ifndef MASTER_STUB_MARATHON_INSTANCE_READINESS_H
#define MASTER_STUB_MARATHON_INSTANCE_READINESS_H

#include <jansson.h>
#include <stdbool.h>

struct controller;
struct entry;
struct instance;

/* Ask those that deployments wait for; the answers of others are forgotten. */
void readiness_turn(struct controller *c);

/* Does a deployment wait for INSTANCE to become ready?  Not asked yet, as after a restart, is so. */
bool readiness_is_awaited(const struct instance *instance);

/* readinessCheckResults; a new reference. */
json_t *readiness_view(const struct entry *entry);

/* Of an instance that goes. */
void readiness_forget(struct controller *c, struct instance *instance);

#endif
