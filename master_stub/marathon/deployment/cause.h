/* Why an app is not what it is to be: sentences that name instance, node and what was last heard. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_CAUSE_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_CAUSE_H

struct controller;
struct entry;

/* Both are owned by the caller and valid UTF-8; NULL when memory is out. */

/* What keeps ENTRY's newest version from being up. */
char *cause_of_delay(struct controller *c, const struct entry *entry);
/* How long its backoff still is, and what made it so. */
char *cause_of_backoff(const struct controller *c, const struct entry *entry);
/* That nothing of ENTRY is started any more, after how many attempts, and how the last one ended. */
char *cause_of_giving_up(const struct entry *entry);

#endif
