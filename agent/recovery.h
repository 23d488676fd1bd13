/* After a restart: what the disk says, held against what is alive. */
#ifndef AGENT_RECOVERY_H
#define AGENT_RECOVERY_H

struct agent;
struct err;

/*
 * Load every record, adopt living executors, settle dead ones, destroy containers and executors
 * that no record knows.  A record that cannot be read is counted and left out; it never stops a
 * start.  The link is started by recovery_check(), once.
 */
int recovery_run(struct agent *agent, struct err *e);

/* Every turn: register as soon as all executors are back, or have had their time. */
void recovery_check(struct agent *agent);

#endif
