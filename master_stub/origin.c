#include "master_stub/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/core.h"
#include "master_stub/registry.h"

static char *describe(const char *boot_id, const Mesos__V1__AgentInfo *info)
{
	char *text;

	if (asprintf(&text, "%s/%s:%d", boot_id ? boot_id : "", info->hostname, info->port) < 0)
		return NULL;
	return text;
}

int origin_set(struct agent *agent)
{
	struct agent *before = NULL;
	char *origin = describe(agent->boot_id, agent->info);

	if (!origin)
		return -ENOMEM;
	origin_forget(agent);
	HASH_FIND(hh_origin, agent->master->origins, origin, strlen(origin), before);
	if (before)
		origin_forget(before);
	agent->origin = origin;
	HASH_ADD_KEYPTR(hh_origin, agent->master->origins, origin, strlen(origin), agent);
	if (agent->hh_origin.tbl)
		return 0;
	free(TAKE_PTR(agent->origin));
	return -ENOMEM;
}

void origin_forget(struct agent *agent)
{
	if (agent->origin)
		HASH_DELETE(hh_origin, agent->master->origins, agent);
	free(TAKE_PTR(agent->origin));
}

struct agent *origin_find(const struct master *master,
			  const Tepui__AgentCall__Subscribe *subscribe)
{
	AUTO_FREE char *origin = describe(subscribe->boot_id, subscribe->agent_info);
	struct agent *agent = NULL;

	if (origin)
		HASH_FIND(hh_origin, master->origins, origin, strlen(origin), agent);
	return agent;
}
