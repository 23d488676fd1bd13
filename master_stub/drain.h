/* What operators do to agents: deactivate, drain, reactivate, declare gone (reference/mesos.md 3.4). */
#ifndef MASTER_STUB_DRAIN_H
#define MASTER_STUB_DRAIN_H

#include "master_stub/registry.h"

struct err;
struct master;

extern const struct drain drain_none;

/*
 * Each is on disk before it is answered.  -ENOENT: no such agent; -EEXIST: it is gone; -EINVAL: it
 * cannot be done now, or never.
 */
int drain_agent(struct master *master, const char *agent_id,
		const Mesos__V1__DrainConfig *config, struct err *e);
int drain_deactivate(struct master *master, const char *agent_id, struct err *e);
int drain_reactivate(struct master *master, const char *agent_id, struct err *e);
/* Once more does no harm. */
int drain_mark_gone(struct master *master, const char *agent_id, struct err *e);

/* AGENT has been told what its record says of draining. */
void drain_note_told(struct agent *agent);
/* Those on which nothing runs any more are drained, and gone if that was asked for. */
void drains_turn(struct master *master);
/* Out of the list of draining agents. */
void drain_forget(struct agent *agent);
/* As a record has it; INFO may be NULL. */
void drain_restore(struct agent *agent, const Mesos__V1__DrainInfo *info, int64_t started_wall_ms);

/* As the API tells it, for as long as RET lives; NULL: it is not drained. */
struct drain_message {
	Mesos__V1__DrainInfo info;
	Mesos__V1__DrainConfig config;
	Mesos__V1__DurationInfo max_grace;
};
Mesos__V1__DrainInfo *drain_describe(const struct drain *drain, struct drain_message *ret);

#endif
