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
	ROW("failure_output", FLAG_BOOL, failure_output, "true"),
};

static int require(const char *value, const char *name, struct err *e)
{
	return value && *value ? 0 : err_set(e, EINVAL, "read MESOS_%s", name);
}

int environment_read(struct environment *ret, struct err *e)
{
	static char name[] = "tepui-executor";
	char *const argv[] = { name, NULL };
	struct environment env = { 0 };
	int index, r;

	r = flags_parse(variables, ARRAY_SIZE(variables), "MESOS", 1, argv, &env, &index, e);
	if (r < 0)
		return r;
	r = require(env.framework_id, "FRAMEWORK_ID", e);
	if (r == 0)
		r = require(env.executor_id, "EXECUTOR_ID", e);
	if (r == 0)
		r = require(env.domain_socket, "DOMAIN_SOCKET", e);
	if (r < 0) {
		environment_done(&env);
		return r;
	}
	*ret = env;
	return 0;
}

void environment_done(struct environment *env)
{
	flags_done(variables, ARRAY_SIZE(variables), env);
}
