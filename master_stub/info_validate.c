#include "master_stub/info_validate.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- CommandInfo ---- */

static int check_variable(const Mesos__V1__Environment__Variable *variable, struct err *e)
{
	const char *name = variable->name;
	bool is_secret = variable->type == MESOS__V1__ENVIRONMENT__VARIABLE__TYPE__SECRET;

	if (!*name || strchr(name, '='))
		return err_set(e, EINVAL, "Environment variable '%.150s' has no valid name", name);
	if (is_secret && !variable->secret)
		return err_set(e, EINVAL, "Environment variable '%.150s' of type 'SECRET' must have"
			       " a secret set", name);
	if (is_secret && variable->value)
		return err_set(e, EINVAL, "Environment variable '%.150s' of type 'SECRET' must not"
			       " have a value set", name);
	if (!is_secret && !variable->value)
		return err_set(e, EINVAL, "Environment variable '%.150s' of type 'VALUE' must have a"
			       " value set", name);
	if (!is_secret && variable->secret)
		return err_set(e, EINVAL, "Environment variable '%.150s' of type 'VALUE' must not"
			       " have a secret set", name);
	return 0;
}

int command_info_validate(const Mesos__V1__CommandInfo *command, struct err *e)
{
	const Mesos__V1__Environment *environment = command->environment;
	int r = 0;

	for (size_t i = 0; environment && i < environment->n_variables && r == 0; i++)
		r = check_variable(environment->variables[i], e);
	return r;
}

/* ---- ContainerInfo ---- */

static int check_source(const Mesos__V1__Volume__Source *source, struct err *e)
{
	static const struct {
		const char *name;
		size_t body;
	} rows[] = {
#define ROW(type, body_) \
	[MESOS__V1__VOLUME__SOURCE__TYPE__##type] = \
		{ #body_, offsetof(Mesos__V1__Volume__Source, body_) }
		ROW(DOCKER_VOLUME, docker_volume), ROW(SANDBOX_PATH, sandbox_path),
		ROW(SECRET, secret), ROW(HOST_PATH, host_path), ROW(CSI_VOLUME, csi_volume),
#undef ROW
	};
	unsigned type = source->has_type ? (unsigned)source->type : 0;

	if (type == 0 || type >= ARRAY_SIZE(rows))
		return err_set(e, EINVAL, "'source.type' is not set or unknown");
	if (!*(void *const *)((const char *)source + rows[type].body))
		return err_set(e, EINVAL, "'source.%s' is not set", rows[type].name);
	return 0;
}

static int check_volume(const Mesos__V1__Volume *volume, struct err *e)
{
	if (!!volume->host_path + !!volume->image + !!volume->source > 1)
		return err_set(e, EINVAL, "Only one of them should be set: 'host_path', 'image' and"
			       " 'source'");
	return volume->source ? check_source(volume->source, e) : 0;
}

static int check_rlimits(const Mesos__V1__RLimitInfo *info, struct err *e)
{
	for (size_t i = 0; info && i < info->n_rlimits; i++) {
		const Mesos__V1__RLimitInfo__RLimit *limit = info->rlimits[i];

		if (!limit->has_type || limit->type == MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__UNKNOWN)
			return err_set(e, EINVAL, "RLimit has no known 'type'");
		if (!limit->has_hard != !limit->has_soft)
			return err_set(e, EINVAL, "RLimit must have both of 'hard' and 'soft' set,"
				       " or neither");
		if (limit->has_hard && limit->soft > limit->hard)
			return err_set(e, EINVAL, "RLimit's 'soft' must not be above its 'hard'");
	}
	return 0;
}

int container_info_validate(const Mesos__V1__ContainerInfo *container, struct err *e)
{
	int r = 0;

	if (container->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER && !container->docker)
		return err_set(e, EINVAL, "DockerInfo 'docker' is not set for DOCKER typed"
			       " ContainerInfo");
	for (size_t i = 0; i < container->n_volumes && r == 0; i++) {
		r = check_volume(container->volumes[i], e);
		if (r < 0)
			err_wrap(e, "Invalid volume '%.100s'", container->volumes[i]->container_path);
	}
	return r == 0 ? check_rlimits(container->rlimit_info, e) : r;
}

/* ---- checks ---- */

enum check_type { CHECK_NONE, CHECK_COMMAND, CHECK_HTTP, CHECK_TCP, N_CHECK_TYPES };
static const char *const check_names[N_CHECK_TYPES] = { "", "COMMAND", "HTTP", "TCP" };
static const char *const check_bodies[N_CHECK_TYPES] = { "", "command", "http", "tcp" };

/* What a check and a health check have in common; KIND is the word for it. */
struct check {
	const char *kind;
	enum check_type type;
	bool has[N_CHECK_TYPES];
	const Mesos__V1__CommandInfo *command;
	const char *path;		/* NULL: none */
	uint32_t port;			/* of HTTP or TCP */
};

static int check_shell_command(const struct check *check, struct err *e)
{
	const Mesos__V1__CommandInfo *command = check->command;

	if (!command || !command->value)
		return err_set(e, EINVAL, "Command %s must contain '%s'", check->kind,
			       !command || command->shell ? "shell command" : "executable path");
	if (command_info_validate(command, e) < 0)
		return err_wrap(e, "%s's `CommandInfo` is invalid", check->kind);
	return 0;
}

static int check_parts(const struct check *check, struct err *e)
{
	if (check->type == CHECK_NONE)
		return err_set(e, EINVAL, "%s must specify a known 'type'", check->kind);
	if (!check->has[check->type])
		return err_set(e, EINVAL, "Expecting '%s' to be set for %s %s",
			       check_bodies[check->type], check_names[check->type], check->kind);
	if (check->type == CHECK_COMMAND)
		return check_shell_command(check, e);
	if (check->port < 1 || check->port > UINT16_MAX)
		return err_set(e, EINVAL, "%u is not a port for %s %s", check->port,
			       check_names[check->type], check->kind);
	if (check->type == CHECK_HTTP && check->path && *check->path != '/')
		return err_set(e, EINVAL, "The path '%.100s' of HTTP %s must start with '/'",
			       check->path, check->kind);
	return 0;
}

struct duration {
	const char *name;
	double seconds;
};

static int check_durations(const struct duration *durations, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(durations[i].seconds) || durations[i].seconds < 0)
			return err_set(e, EINVAL, "Expecting '%s' to be non-negative",
				       durations[i].name);
	}
	return 0;
}

/* Old clients leave the type out. */
static enum check_type infer_type(const struct check *check)
{
	for (enum check_type type = CHECK_COMMAND; type < N_CHECK_TYPES; type++) {
		if (check->has[type])
			return type;
	}
	return CHECK_NONE;
}

int health_check_validate(const Mesos__V1__HealthCheck *health, struct err *e)
{
	const struct duration durations[] = {
		{ "delay_seconds", health->delay_seconds },
		{ "grace_period_seconds", health->grace_period_seconds },
		{ "interval_seconds", health->interval_seconds },
		{ "timeout_seconds", health->timeout_seconds },
	};
	struct check check = {
		.kind = "health check",
		.has = { false, health->command, health->http, health->tcp },
		.command = health->command,
		.path = health->http ? health->http->path : NULL,
		.port = health->http ? health->http->port : health->tcp ? health->tcp->port : 0,
	};
	const char *scheme = health->http ? health->http->scheme : NULL;
	int r;

	if (check.has[CHECK_COMMAND] + check.has[CHECK_HTTP] + check.has[CHECK_TCP] > 1)
		return err_set(e, EINVAL, "Only one of 'command', 'http' and 'tcp' may be set for a"
			       " health check");
	check.type = health->has_type ? (enum check_type)health->type : infer_type(&check);
	r = check_parts(&check, e);
	if (r == 0 && scheme && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		r = err_set(e, EINVAL, "Unsupported HTTP health check scheme: '%.32s'", scheme);
	return r == 0 ? check_durations(durations, ARRAY_SIZE(durations), e) : r;
}

int check_info_validate(const Mesos__V1__CheckInfo *info, struct err *e)
{
	const struct duration durations[] = {
		{ "delay_seconds", info->delay_seconds },
		{ "interval_seconds", info->interval_seconds },
		{ "timeout_seconds", info->timeout_seconds },
	};
	const struct check check = {
		.kind = "check",
		.type = info->has_type ? (enum check_type)info->type : CHECK_NONE,
		.has = { false, info->command, info->http, info->tcp },
		.command = info->command ? info->command->command : NULL,
		.path = info->http ? info->http->path : NULL,
		.port = info->http ? info->http->port : info->tcp ? info->tcp->port : 0,
	};
	int r = check_parts(&check, e);

	return r == 0 ? check_durations(durations, ARRAY_SIZE(durations), e) : r;
}
