/* WAIT_CONTAINER: requests that are answered when a container has ended. */
#ifndef AGENT_LAUNCHED_WAIT_H
#define AGENT_LAUNCHED_WAIT_H

struct launched;

void launched_tell_waits(struct launched *l);
/* It is forgotten: they are told that there is none. */
void launched_drop_waits(struct launched *l);

#endif
