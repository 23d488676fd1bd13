/* Instances that are to go when others are good in their places: past Marathon, which kills first. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_LEAVING_H
#define MASTER_STUB_MARATHON_INSTANCE_LEAVING_H

struct controller;
struct entry;

/*
 * Dooms those of ENTRY, which is to have N instances, that need not wait any more.  How many more
 * than N it is to have for the sake of those that do.
 */
unsigned leaving_balance(struct controller *c, struct entry *entry, unsigned n);

#endif
