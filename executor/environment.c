#include "executor/environment.h"

#include <errno.h>
#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"

#define ROW(name_, kind_, member, fallback_) \
	{ .name = (name_), .kind = (kind_), .off = offsetof(struct environment, member), \
	  .fallback = (fallback_) }

static const struct flag variables[] = {
	ROW("framework_id", FLAG_STR, framework_id, NULL),
	ROW("executor_id", FLAG_STR, executor_id, NULL),
	ROW("domain_socket", FLAG_STR, domain_socket, NULL),
	ROW("recovery_timeout", FLAG_MILLIS, recovery_ms, "15mins"),
	ROW("subscription_backoff_max", FLAG_MILLIS, backoff_ms, "2secs"),
	ROW("executor_shutdown_grace_period", FLAG_MILLIS, shutdown_grace_ms, "5secs"),
};

int environment_read(struct environment *ret, struct err *e)
{
	static char name[] = "tepui-executor";
	char *const argv[] = { name, NULL };
	struct environment env = { 0 };
	int index, r;

	r = flags_parse(variables, ARRAY_SIZE(variables), "MESOS", 1, argv, &env, &index, e);
	if (r < 0)
		return r;
	if (!env.framework_id || !env.executor_id || !env.domain_socket) {
		environment_done(&env);
		return err_set(e, EINVAL, "read MESOS_%s", !env.framework_id ? "FRAMEWORK_ID" :
			       !env.executor_id ? "EXECUTOR_ID" : "DOMAIN_SOCKET");
	}
	*ret = env;
	return 0;
}

void environment_done(struct environment *env)
{
	flags_done(variables, ARRAY_SIZE(variables), env);
}
