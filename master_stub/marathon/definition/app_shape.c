#include "master_stub/marathon/definition/app_parts.h"

#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/autoscale.h"

enum { MAX_INSTANCES = 100000, MAX_SECONDS = 31536000, MAX_LIST = 1000 };

static const char *check_url_path(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c == 0x7f || *c == '#')
			return "must be a path without white space";
	}
	return *text == '/' ? NULL : "must start with '/'";
}

static const char *check_env_name(const char *text)
{
	return *text && !strchr(text, '=') ? NULL : "must be a name without '='";
}

/* ---- Values that are of more than one type ---- */

static const struct shape any_text = { .kind = SHAPE_STRING };

static const struct shape secret_reference_fields[] = {
	{ "secret", SHAPE_STRING, .is_required = true, .min = 1, .max = 256 },
	{ 0 },
};

static json_t *read_env_value(const json_t *value, const char *path, struct problems *problems)
{
	static const struct shape reference = {
		.kind = SHAPE_OBJECT,
		.is_strict = true,
		.of = secret_reference_fields,
	};

	return shape_read(json_is_object(value) ? &reference : &any_text, value, path, problems);
}

json_t *env_read(const json_t *value, const char *path, struct problems *problems)
{
	static const struct shape item = { .kind = SHAPE_CUSTOM, .read = read_env_value };
	static const struct shape map = { .kind = SHAPE_MAP, .max = MAX_LIST, .of = &item };
	json_t *walk, *unused;
	const char *key;
	bool failed = false;

	memcpy(&walk, &value, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, unused) {
		char below[SHAPE_PATH_SIZE];
		const char *complaint = check_env_name(key);

		if (!complaint)
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, key);
		problems_add(problems, below, "%s", complaint);
		failed = true;
	}
	return failed ? NULL : shape_read(&map, value, path, problems);
}

json_t *unreachable_read(const json_t *value, const char *path, struct problems *problems)
{
	static const struct shape fields[] = {
		{ "inactiveAfterSeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "0" },
		{ "expungeAfterSeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "0" },
		{ 0 },
	};
	static const struct shape shape = { .kind = SHAPE_OBJECT, .is_strict = true, .of = fields };
	const char *text = json_string_value(value);

	if (text && strcmp(text, "disabled") == 0)
		return json_string(text);
	if (text) {
		problems_add(problems, path, "must be \"disabled\" or an object");
		return NULL;
	}
	return shape_read(&shape, value, path, problems);
}

static json_t *read_limit(const json_t *value, const char *path, struct problems *problems)
{
	static const struct shape number = { .kind = SHAPE_NUMBER, .max = 1e9 };
	const char *text = json_string_value(value);

	if (text && strcmp(text, "unlimited") == 0)
		return json_string(text);
	if (text) {
		problems_add(problems, path, "must be a number or \"unlimited\"");
		return NULL;
	}
	return shape_read(&number, value, path, problems);
}

/* ---- Objects below the app ---- */

static const struct shape label_text = { .kind = SHAPE_STRING };

static const struct shape port_fields[] = {
	{ "port", SHAPE_INTEGER, .max = 65535, .fallback = "0" },
	{ "protocol", SHAPE_ENUM, .names = port_protocols, .fallback = "\"tcp\"" },
	{ "name", SHAPE_STRING, .check = port_name_complaint },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &label_text, .fallback = "{}" },
	{ 0 },
};
static const struct shape port_definition = { .kind = SHAPE_OBJECT, .of = port_fields };

static const char *const check_protocols[] = {
	"HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP", NULL,
};
static const char *const ip_protocols[] = { "IPv4", "IPv6", NULL };

static const struct shape command_fields[] = {
	{ "value", SHAPE_STRING, .is_required = true, .min = 1 },
	{ 0 },
};

static const struct shape health_check_fields[] = {
	{ "protocol", SHAPE_ENUM, .names = check_protocols, .fallback = "\"HTTP\"" },
	{ "path", SHAPE_STRING, .max = 2048 },
	{ "port", SHAPE_INTEGER, .min = 1, .max = 65535 },
	{ "portIndex", SHAPE_INTEGER, .max = 65535 },
	{ "command", SHAPE_OBJECT, .of = command_fields, .is_strict = true },
	{ "gracePeriodSeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "300" },
	{ "intervalSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "60" },
	{ "timeoutSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "20" },
	{ "maxConsecutiveFailures", SHAPE_INTEGER, .max = 1000000, .fallback = "3" },
	{ "delaySeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "15" },
	{ "ignoreHttp1xx", SHAPE_BOOL, .fallback = "false" },
	{ "ipProtocol", SHAPE_ENUM, .names = ip_protocols, .fallback = "\"IPv4\"" },
	{ 0 },
};
static const struct shape health_check = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = health_check_fields,
};

static const char *const readiness_protocols[] = { "HTTP", "HTTPS", NULL };
static const struct shape status_code = { .kind = SHAPE_INTEGER, .min = 100, .max = 999 };

static const struct shape readiness_check_fields[] = {
	{ "name", SHAPE_STRING, .min = 1, .max = 256, .fallback = "\"readinessCheck\"" },
	{ "protocol", SHAPE_ENUM, .names = readiness_protocols, .fallback = "\"HTTP\"" },
	{ "path", SHAPE_STRING, .min = 1, .max = 2048, .check = check_url_path,
	  .fallback = "\"/\"" },
	{ "portName", SHAPE_STRING, .min = 1, .max = 256, .fallback = "\"http-api\"" },
	{ "intervalSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "30" },
	{ "timeoutSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "10" },
	{ "httpStatusCodesForReady", SHAPE_LIST, .min = 1, .max = 100, .of = &status_code,
	  .fallback = "[200]" },
	{ "preserveLastResponse", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};
static const struct shape readiness_check = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = readiness_check_fields,
};

static const struct shape upgrade_fields[] = {
	{ "minimumHealthCapacity", SHAPE_NUMBER, .is_required = true, .max = 1 },
	{ "maximumOverCapacity", SHAPE_NUMBER, .is_required = true, .max = 1 },
	{ 0 },
};

/* Past Marathon, as is maxLaunchAttempts: absent unless asked for. */
static const struct shape unhealthy_fields[] = {
	{ "replaceFirst", SHAPE_BOOL, .fallback = "false" },
	{ "maxKillPercent", SHAPE_INTEGER, .min = 1, .max = 100, .fallback = "50" },
	{ 0 },
};

static const struct shape canary_fields[] = {
	{ "count", SHAPE_INTEGER, .min = 1, .max = MAX_INSTANCES, .is_required = true },
	{ "weight", SHAPE_INTEGER, .max = 100 },
	{ 0 },
};

static const struct shape deployment_fields[] = {
	{ "canary", SHAPE_OBJECT, .is_strict = true, .of = canary_fields },
	{ "deadlineSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS },
	{ "minUpSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS },
	{ "rollback", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};

const struct shape limit_fields[] = {
	{ "cpus", SHAPE_CUSTOM, .read = read_limit },
	{ "mem", SHAPE_CUSTOM, .read = read_limit },
	{ 0 },
};

/* What no URI contains unescaped. */
static const char *check_uri(const char *uri)
{
	for (const char *c = uri; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("<>\"{}|\\^`", *c))
			return "URI has invalid syntax.";
	}
	return NULL;
}

static const struct shape fetch_fields[] = {
	{ "uri", SHAPE_STRING, .is_required = true, .min = 1, .max = 1024, .check = check_uri },
	{ "extract", SHAPE_BOOL, .fallback = "true" },
	{ "executable", SHAPE_BOOL, .fallback = "false" },
	{ "cache", SHAPE_BOOL, .fallback = "false" },
	{ "destPath", SHAPE_STRING, .max = 1024 },
	{ 0 },
};
const struct shape fetch_shape = { .kind = SHAPE_OBJECT, .of = fetch_fields };

static const struct shape constraint = { .kind = SHAPE_LIST, .max = 16, .of = &any_text };

static const struct shape dependency = {
	.kind = SHAPE_STRING,
	.min = 1,
	.check = app_id_path_complaint,
};

/* "" and "//cmd" are the node's own; others are paths. */
static const char *check_executor(const char *text)
{
	if (!*text || strncmp(text, "//cmd", 5) == 0)
		return NULL;
	return strstr(text, "//") || text[strlen(text) - 1] == '/' ? "error.pattern" : NULL;
}

static const struct shape secret_fields[] = {
	{ "source", SHAPE_STRING, .is_required = true, .min = 1, .max = 1024 },
	{ 0 },
};
const struct shape secret_shape = { .kind = SHAPE_OBJECT, .of = secret_fields };

static const struct shape executor_resource_fields[] = {
	{ "cpus", SHAPE_NUMBER, .max = 1e6, .fallback = "0.1" },
	{ "mem", SHAPE_NUMBER, .max = 1e9, .fallback = "32" },
	{ "disk", SHAPE_NUMBER, .max = 1e12, .fallback = "10" },
	{ 0 },
};

static const char *const lost_behaviors[] = {
	"WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT", NULL,
};

static const struct shape residency_fields[] = {
	{ "taskLostBehavior", SHAPE_ENUM, .names = lost_behaviors,
	  .fallback = "\"WAIT_FOREVER\"" },
	{ "relaunchEscalationTimeoutSeconds", SHAPE_INTEGER, .max = MAX_SECONDS,
	  .fallback = "3600" },
	{ 0 },
};

static const char *const schemes[] = { "http", "https", NULL };

static const struct shape check_http_fields[] = {
	{ "portIndex", SHAPE_INTEGER, .max = 65535 },
	{ "port", SHAPE_INTEGER, .min = 1, .max = 65535 },
	{ "path", SHAPE_STRING, .max = 2048, .check = check_url_path },
	{ "scheme", SHAPE_ENUM, .names = schemes, .fallback = "\"http\"" },
	{ 0 },
};

static const struct shape check_tcp_fields[] = {
	{ "portIndex", SHAPE_INTEGER, .max = 65535 },
	{ "port", SHAPE_INTEGER, .min = 1, .max = 65535 },
	{ 0 },
};

static const struct shape check_command_fields[] = {
	{ "shell", SHAPE_STRING, .min = 1 },
	{ "argv", SHAPE_LIST, .min = 1, .max = MAX_LIST, .of = &any_text },
	{ 0 },
};

static const struct shape check_exec_fields[] = {
	{ "command", SHAPE_OBJECT, .is_required = true, .is_strict = true,
	  .of = check_command_fields },
	{ 0 },
};

static const struct shape check_fields[] = {
	{ "http", SHAPE_OBJECT, .is_strict = true, .of = check_http_fields },
	{ "tcp", SHAPE_OBJECT, .is_strict = true, .of = check_tcp_fields },
	{ "exec", SHAPE_OBJECT, .is_strict = true, .of = check_exec_fields },
	{ "intervalSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "60" },
	{ "timeoutSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "20" },
	{ "delaySeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "15" },
	{ 0 },
};

const char *const kill_selections[] = { "YOUNGEST_FIRST", "OLDEST_FIRST", NULL };

static const char *const placements[] = { "SPREAD", "BINPACK", NULL };

/* In the order in which the answers show them. */
static const struct shape app_fields[] = {
	{ "id", SHAPE_STRING, .is_required = true, .check = app_id_complaint },
	{ "cmd", SHAPE_STRING, .min = 1 },
	{ "args", SHAPE_LIST, .max = MAX_LIST, .of = &any_text, .omit_empty = true },
	{ "user", SHAPE_STRING, .min = 1, .max = 64 },
	{ "cpus", SHAPE_NUMBER, .min = .001, .max = 1e6, .fallback = "1" },
	{ "mem", SHAPE_NUMBER, .max = 1e9, .fallback = "128" },
	{ "disk", SHAPE_NUMBER, .max = 1e12, .fallback = "0" },
	{ "gpus", SHAPE_INTEGER, .max = 1e6, .fallback = "0" },
	{ "instances", SHAPE_INTEGER, .max = MAX_INSTANCES, .fallback = "1" },
	{ "executor", SHAPE_STRING, .max = 4096, .check = check_executor, .fallback = "\"\"" },
	{ "env", SHAPE_CUSTOM, .read = env_read, .omit_empty = true },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &label_text, .fallback = "{}" },
	{ "constraints", SHAPE_LIST, .max = 100, .of = &constraint, .omit_empty = true },
	{ "fetch", SHAPE_LIST, .max = 100, .of = &fetch_shape, .omit_empty = true },
	{ "dependencies", SHAPE_LIST, .max = 100, .of = &dependency, .omit_empty = true },
	{ "healthChecks", SHAPE_LIST, .max = 16, .of = &health_check, .omit_empty = true },
	{ "readinessChecks", SHAPE_LIST, .max = 1, .of = &readiness_check, .omit_empty = true },
	{ "check", SHAPE_OBJECT, .is_strict = true, .of = check_fields },
	{ "secrets", SHAPE_MAP, .max = 100, .of = &secret_shape, .omit_empty = true },
	{ "backoffSeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "1" },
	{ "backoffFactor", SHAPE_NUMBER, .min = 1, .max = 1000, .fallback = "1.15" },
	{ "maxLaunchDelaySeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "300" },
	{ "maxLaunchAttempts", SHAPE_INTEGER, .min = 1, .max = 1000000 },
	{ "container", SHAPE_OBJECT, .of = container_fields },
	{ "networks", SHAPE_LIST, .max = 8, .of = &network_shape, .fallback = "[{\"mode\":\"host\"}]" },
	{ "portDefinitions", SHAPE_LIST, .max = 100, .of = &port_definition },
	{ "requirePorts", SHAPE_BOOL, .fallback = "false" },
	{ "weight", SHAPE_INTEGER, .max = APP_WEIGHT_MAX },
	{ "upgradeStrategy", SHAPE_OBJECT, .is_strict = true, .of = upgrade_fields },
	{ "unhealthyStrategy", SHAPE_OBJECT, .is_strict = true, .of = unhealthy_fields },
	{ "deployment", SHAPE_OBJECT, .is_strict = true, .of = deployment_fields },
	{ "killSelection", SHAPE_ENUM, .names = kill_selections,
	  .fallback = "\"YOUNGEST_FIRST\"" },
	{ "placementStrategy", SHAPE_ENUM, .names = placements },
	{ "unreachableStrategy", SHAPE_CUSTOM, .read = unreachable_read,
	  .fallback = "{\"inactiveAfterSeconds\":0,\"expungeAfterSeconds\":0}" },
	{ "taskKillGracePeriodSeconds", SHAPE_INTEGER, .max = MAX_SECONDS },
	{ "role", SHAPE_STRING, .is_required = true, .min = 1, .max = ROLE_MAX,
	  .check = role_complaint },
	{ "acceptedResourceRoles", SHAPE_LIST, .max = 100, .of = &any_text, .omit_empty = true },
	{ "resourceLimits", SHAPE_OBJECT, .is_strict = true, .of = limit_fields },
	{ "executorResources", SHAPE_OBJECT, .is_strict = true, .of = executor_resource_fields },
	{ "residency", SHAPE_OBJECT, .of = residency_fields },
	{ "tty", SHAPE_BOOL, .fallback = NULL },
	{ "autoscale", SHAPE_CUSTOM, .read = autoscale_read, .omit_empty = true },
	{ 0 },
};

const struct shape app_shape = { .kind = SHAPE_OBJECT, .of = app_fields };

bool app_shape_has(const char *key)
{
	for (const struct shape *field = app_fields; field->key; field++) {
		if (strcmp(field->key, key) == 0)
			return true;
	}
	return false;
}
