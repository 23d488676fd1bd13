/* Where agents dialed from: one that does not know its id may have been given one already. */
#ifndef MASTER_STUB_ORIGIN_H
#define MASTER_STUB_ORIGIN_H

#include "proto/tepui.pb-c.h"

struct agent;
struct master;

/* AGENT dialed from there, with its boot id, host name and port.  -ENOMEM. */
int origin_set(struct agent *agent);
void origin_forget(struct agent *agent);
/* The last agent that dialed from where SUBSCRIBE comes from, or NULL. */
struct agent *origin_find(const struct master *master,
			  const Tepui__AgentCall__Subscribe *subscribe);

#endif
