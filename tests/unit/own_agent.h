/* An agent that a master has given an id. */
#ifndef TESTS_UNIT_OWN_AGENT_H
#define TESTS_UNIT_OWN_AGENT_H

#include "agent/agent.h"

struct own_id {
	Tepui__AgentRecord record;
	Mesos__V1__AgentID id;
};

/* OWN and ID stay with AGENT. */
static inline void own_id_set(struct own_id *own, struct agent *agent, char *id)
{
	tepui__agent_record__init(&own->record);
	mesos__v1__agent_id__init(&own->id);
	own->id.value = id;
	own->record.agent_id = &own->id;
	agent->self = &own->record;
}

#endif
