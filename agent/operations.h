/*
 * What the master wants divided in another way, and what became of that: an operation with an id is
 * on the disk together with its effect, and told until its framework has acknowledged it.
 */
#ifndef AGENT_OPERATIONS_H
#define AGENT_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/resend.h"
#include "agent/todo.h"
#include "lib/hash.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;

struct operation {
	struct agent *agent;
	Tepui__AppliedOperation *record;	/* owned, as on disk */
	char *key;				/* "FRAMEWORK/ID", also in the store */
	size_t description;			/* bytes of it, packed */
	struct todo todo;
	struct resend resend;
	UT_hash_handle hh;
};

/* At start: those of the store; one that cannot be read is skipped and counted. */
int operations_load(struct agent *agent, struct err *e);
void operations_free(struct agent *agent);

/*
 * APPLY.  A failure is of what the master believes of this node, which the next subscription puts
 * right; if it is told to a framework, too, then it is on its way there.
 */
int operations_apply(struct agent *agent, const Tepui__AgentEvent__Apply *apply, struct err *e);

/* ACKNOWLEDGE_OPERATION: another uuid than that of the operation's status is ignored. */
void operations_acknowledge(struct agent *agent,
			    const Tepui__AgentEvent__AcknowledgeOperation *ack);

/* The link is up again: everything is sent at once.  Down: nothing is in flight. */
void operations_resume(struct agent *agent);
void operations_pause(struct agent *agent);

/* Nobody will acknowledge them any more. */
void operations_forget(struct agent *agent);

#endif
