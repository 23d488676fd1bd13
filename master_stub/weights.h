/* Weights of roles: kept in the store, and told to the allocator. */
#ifndef MASTER_STUB_WEIGHTS_H
#define MASTER_STUB_WEIGHTS_H

struct err;
struct master;

/* Read the records of kind "weight"; without any, those of the options become records. */
int weights_load(struct master *master, struct err *e);
void weights_free(struct master *master);
/* 1 until it is set. */
double weight_of(const struct master *master, const char *role);

#endif
