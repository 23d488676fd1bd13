#include "agent/executor_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/executor_token.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"

int64_t executor_grace_ms(const struct agent *agent, const Mesos__V1__ExecutorInfo *info)
{
	const Mesos__V1__DurationInfo *own = info->shutdown_grace_period;

	if (!own)
		return agent->flags.executor_shutdown_grace_period;
	return own->nanoseconds < 0 ? 0 : own->nanoseconds / 1000000;
}

int executor_env(const struct agent *agent, const struct executor_place *place,
		 const Mesos__V1__ExecutorInfo *info, json_t **ret, struct err *e)
{
	const struct executor_claims claims = {
		place->framework_id, info->executor_id->value, place->container_id,
	};
	AUTO_FREE char *token = executor_token_make(agent, &claims), *pid = NULL;
	char grace[FLAG_MILLIS_SIZE], recovery[FLAG_MILLIS_SIZE], backoff[FLAG_MILLIS_SIZE];

	flags_format_millis(executor_grace_ms(agent, info), grace);
	flags_format_millis(agent->flags.recovery_timeout, recovery);
	/* So that it has tried once before a restarted agent gives it up. */
	flags_format_millis(agent->flags.executor_reregistration_timeout, backoff);
	if (asprintf(&pid, "slave(1)@%s", agent->endpoint) < 0)
		pid = NULL;
	if (!token || !pid)
		return err_set(e, ENOMEM, "describe the environment");
	/* Always checkpointing: what is here survives its agent, whatever its framework asked for. */
	*ret = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*,"
			 " s:s}",
			 "MESOS_FRAMEWORK_ID", claims.framework_id,
			 "MESOS_EXECUTOR_ID", claims.executor_id,
			 "MESOS_DIRECTORY", place->sandbox,
			 "MESOS_SANDBOX", HANDOVER_SANDBOX,
			 "MESOS_SLAVE_ID", agent_id(agent),
			 "MESOS_SLAVE_PID", pid,
			 "MESOS_AGENT_ENDPOINT", agent->endpoint,
			 "MESOS_CHECKPOINT", "1",
			 "MESOS_HTTP_COMMAND_EXECUTOR", "1",
			 "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", grace,
			 "MESOS_RECOVERY_TIMEOUT", recovery,
			 "MESOS_SUBSCRIPTION_BACKOFF_MAX", backoff,
			 "LIBPROCESS_PORT", "0",
			 "MESOS_DOMAIN_SOCKET", agent->flags.http_executor_domain_sockets ?
				EXECUTOR_SOCKETS_INSIDE "/" EXECUTOR_SOCKET : NULL,
			 "MESOS_EXECUTOR_AUTHENTICATION_TOKEN", token);
	return *ret ? 0 : err_set(e, ENOMEM, "describe the environment");
}
