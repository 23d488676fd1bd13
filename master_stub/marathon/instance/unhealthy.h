/*
 * Instances that failed their health check too often, of apps with an unhealthyStrategy: past
 * Marathon, the controller decides what becomes of them, not the node.
 */
#ifndef MASTER_STUB_MARATHON_INSTANCE_UNHEALTHY_H
#define MASTER_STUB_MARATHON_INSTANCE_UNHEALTHY_H

#include <jansson.h>
#include <stdint.h>

struct controller;
struct entry;

/* The failure in a row on which CHECK, as defined, ends the task; UINT32_MAX: none does. */
uint32_t unhealthy_limit(const json_t *check);

/*
 * Dooms those of ENTRY, which is to have N instances, that need not wait for a replacement.  How
 * many more than N it is to have for the sake of those that wait.
 */
unsigned unhealthy_balance(struct controller *c, struct entry *entry, unsigned n);

/* In a restart, whose plan replaces all others: dooms those of the new version. */
void unhealthy_kill_new(struct controller *c, struct entry *entry);

/* Why none of ENTRY's is killed; owned by the caller, NULL: they are, or memory is out. */
char *unhealthy_why_stopped(const struct entry *entry);

#endif
