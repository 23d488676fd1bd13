/* Which instances go when some have to (reference/marathon.md 3.4). */
#ifndef MASTER_STUB_MARATHON_INSTANCE_KILL_SELECTION_H
#define MASTER_STUB_MARATHON_INSTANCE_KILL_SELECTION_H

struct controller;
struct entry;
struct instance;

/* By the config that they run, as seen from the entry's target. */
enum generation { OLD_ONES = 1, NEW_ONES = 2, ALL_ONES = 3 };

/*
 * Fill LIST (of at least the entry's number of instances) with the at most N that go first:
 * those of the fullest group where GROUP_BY wants balance, then the less far they have come, then
 * by killSelection.  -ENOMEM.
 */
int kill_selection(const struct controller *c, const struct entry *entry, enum generation which,
		   unsigned n, struct instance **list, unsigned *ret_n);

#endif
