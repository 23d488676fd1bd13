/* What share of new connections an instance gets beside the other backends of its services. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_WEIGHT_H
#define MASTER_STUB_MARATHON_INSTANCE_WEIGHT_H

#include <stdint.h>

struct controller;
struct instance;

/* Its canary's, or else its app's; -1: neither says one, which is 1. */
int64_t instance_weight(const struct instance *instance);
/* The same for the master. */
unsigned instance_weight_in_force(const struct instance *instance);

/* The master may know another one, or none. */
void weight_forget(struct instance *instance);
/* Whatever has changed of it is told to the master. */
void weights_turn(struct controller *c);

#endif
