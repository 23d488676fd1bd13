/*
 * What the instances of autoscaled apps use and expose: asked of their agents, one question an
 * agent however many tasks it has, and of themselves.
 */
#ifndef MASTER_STUB_MARATHON_AUTOSCALE_METERING_H
#define MASTER_STUB_MARATHON_AUTOSCALE_METERING_H

#include <stdbool.h>
#include <stdint.h>

struct autoscale_sample;
struct controller;
struct entry;
struct instance;
struct node;

/* Ask what the targets of ENTRY need. */
void metering_ask(struct controller *c, struct entry *entry);
/* Is an answer to come that ENTRY's targets need? */
bool metering_is_waiting(const struct controller *c, const struct entry *entry);

/*
 * What is known since SINCE_MS, for every target of INSTANCES instances: those that there are, as
 * far as they serve already, and then the ones that are to come, of which nothing is known.
 */
void metering_take(const struct controller *c, const struct entry *entry, unsigned instances,
		   int64_t since_ms, struct autoscale_sample *ret);

void metering_forget(struct controller *c, struct instance *instance);
void metering_forget_node(struct controller *c, struct node *node);

#endif
