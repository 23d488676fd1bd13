/*
 * Containers that are no task's: launched by a call of an operator or of an executor, on their own or
 * in another container, or as the holder of a task group (agent/pods.h).  Each is a ContainerRecord
 * from before anything of it is made until it is removed.
 */
#ifndef AGENT_LAUNCHED_H
#define AGENT_LAUNCHED_H

#include <stdbool.h>

#include "agent/container.h"
#include "proto/agent.pb-c.h"

struct agent;
struct err;
struct http_request;
struct launched_wait;

/* Told after the record says so, by kind; each may be NULL. */
struct launched_ops {
	void (*started)(struct container *c);
	void (*ended)(struct container *c);
};

struct launched {
	Tepui__ContainerRecord *record;	/* owned */
	struct container *container;	/* owned */
	size_t description;		/* bytes of the record, as it was launched */
	const struct launched_ops *ops;	/* or NULL */
	struct http_request *launch;	/* is answered when it runs, or will not */
	struct launched_wait *waits;
};

/* The one that C is of; NULL: of none. */
struct launched *launched_of(const struct container *c);

/*
 * The agent's name of the container that ID names, nested or not: owned.  -EINVAL: it cannot be
 * one's; -ENOENT: it has no such parent.
 */
int launched_name(struct agent *agent, const Mesos__V1__ContainerID *id, char **ret,
		  struct container **ret_parent, struct err *e);

/* What ID names, of whatever kind; NULL if unknown. */
struct container *launched_find(struct agent *agent, const Mesos__V1__ContainerID *id);

/*
 * Admit and store RECORD (taken, also on failure) and launch it after the commit.  What is on its own
 * is charged to the node; what is in another has a part of that one's.
 */
int launched_new(struct agent *agent, Tepui__ContainerRecord *record_take,
		 struct container *parent, struct launched **ret, struct err *e);

/* Queue the changed record for the store, and for what follows the commit. */
int launched_put(struct launched *l, struct err *e);

/*
 * Recovery: read RECORD (taken); then, when all are known, take up what lives of those
 * that are in another one, or of the others. */
int launched_load(struct agent *agent, Tepui__ContainerRecord *record_take, struct err *e);
void launched_settle(struct agent *agent, bool are_nested);
/* The agent leaves; they go on. */
void launched_free_all(struct agent *agent);

/* SIGKILL, by way of the record. */
int launched_kill(struct container *c, struct err *e);

/* Sandbox, record and memory.  It has ended. */
void launched_remove(struct launched *l);

/* When C has ended, or now if it has: WAIT_CONTAINER, or its older twin. */
int launched_wait(struct http_request *req, struct container *c, bool is_twin, struct err *e);

#endif
