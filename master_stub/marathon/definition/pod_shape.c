/* The fields of a pod's definition (reference/marathon.md 1.10). */
#include <string.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_parts.h"
#include "master_stub/marathon/definition/pod_parts.h"

enum {
	MAX_INSTANCES = 100000, MAX_SECONDS = 31536000, MAX_LIST = 1000, MAX_CONTAINERS = 64, MAX_PORT = 65535,
	MAX_NAME = 256, MAX_PATH = 1024,
};

static const struct shape text = { .kind = SHAPE_STRING };
static const struct shape name_text = { .kind = SHAPE_STRING, .min = 1, .max = MAX_NAME };

static const char *check_id(const char *id)
{
	const char *complaint = app_id_path_complaint(id);

	if (complaint)
		return complaint;
	if (id[0] != '/')
		return "Path needs to be absolute";
	return id[strspn(id, "/")] ? NULL : "Path must contain at least one path element";
}

/* ---- A container ---- */

static const struct shape command_fields[] = {
	{ "shell", SHAPE_STRING, .min = 1 },
	{ "argv", SHAPE_LIST, .min = 1, .max = MAX_LIST, .of = &text },
	{ 0 },
};

static const struct shape exec_fields[] = {
	{ "command", SHAPE_OBJECT, .is_required = true, .is_strict = true, .of = command_fields },
	{ "overrideEntrypoint", SHAPE_BOOL, .fallback = NULL },
	{ 0 },
};

static const struct shape resource_fields[] = {
	{ "cpus", SHAPE_NUMBER, .max = 1e6, .fallback = "0.1" },
	{ "mem", SHAPE_NUMBER, .max = 1e9, .fallback = "32" },
	{ "disk", SHAPE_NUMBER, .max = 1e12, .fallback = "0" },
	{ "gpus", SHAPE_INTEGER, .max = 1e6, .fallback = "0" },
	{ 0 },
};

static const char *const protocols[] = { "tcp", "udp", NULL };
static const struct shape protocol = { .kind = SHAPE_ENUM, .names = protocols };

static const struct shape endpoint_fields[] = {
	{ "name", SHAPE_STRING, .is_required = true, .check = port_name_complaint },
	{ "containerPort", SHAPE_INTEGER, .max = MAX_PORT },
	{ "hostPort", SHAPE_INTEGER, .max = MAX_PORT },
	{ "protocol", SHAPE_LIST, .min = 1, .max = 16, .of = &protocol, .fallback = "[\"tcp\"]" },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &text, .omit_empty = true },
	{ "networkNames", SHAPE_LIST, .max = 16, .of = &name_text, .omit_empty = true },
	{ 0 },
};
static const struct shape endpoint = { .kind = SHAPE_OBJECT, .of = endpoint_fields };

static const char *const image_kinds[] = { "DOCKER", NULL };

static const struct shape image_fields[] = {
	{ "kind", SHAPE_ENUM, .is_required = true, .names = image_kinds },
	{ "id", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_PATH },
	{ "pullConfig", SHAPE_OBJECT, .of = pull_fields },
	{ "forcePull", SHAPE_BOOL, .fallback = NULL },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &text, .omit_empty = true },
	{ 0 },
};

static const char *const schemes[] = { "HTTP", "HTTPS", NULL };

static const struct shape http_fields[] = {
	{ "endpoint", SHAPE_STRING, .is_required = true, .check = port_name_complaint },
	{ "path", SHAPE_STRING, .min = 1, .max = MAX_PATH },
	{ "scheme", SHAPE_ENUM, .names = schemes, .fallback = "\"HTTP\"" },
	{ 0 },
};

static const struct shape tcp_fields[] = {
	{ "endpoint", SHAPE_STRING, .is_required = true, .check = port_name_complaint },
	{ 0 },
};

static const struct shape check_command_fields[] = {
	{ "command", SHAPE_OBJECT, .is_required = true, .is_strict = true, .of = command_fields },
	{ 0 },
};

static const struct shape health_check_fields[] = {
	{ "http", SHAPE_OBJECT, .is_strict = true, .of = http_fields },
	{ "tcp", SHAPE_OBJECT, .is_strict = true, .of = tcp_fields },
	{ "exec", SHAPE_OBJECT, .is_strict = true, .of = check_command_fields },
	{ "gracePeriodSeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "300" },
	{ "intervalSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "60" },
	{ "maxConsecutiveFailures", SHAPE_INTEGER, .max = 1000000, .fallback = "3" },
	{ "timeoutSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "20" },
	{ "delaySeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "15" },
	{ 0 },
};

static const struct shape check_fields[] = {
	{ "http", SHAPE_OBJECT, .is_strict = true, .of = http_fields },
	{ "tcp", SHAPE_OBJECT, .is_strict = true, .of = tcp_fields },
	{ "exec", SHAPE_OBJECT, .is_strict = true, .of = check_command_fields },
	{ "intervalSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "60" },
	{ "timeoutSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "20" },
	{ "delaySeconds", SHAPE_INTEGER, .max = MAX_SECONDS, .fallback = "15" },
	{ 0 },
};

static const struct shape mount_fields[] = {
	{ "name", SHAPE_STRING, .is_required = true, .check = port_name_complaint },
	{ "mountPath", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_PATH },
	{ "readOnly", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};
static const struct shape mount = { .kind = SHAPE_OBJECT, .is_strict = true, .of = mount_fields };

static const struct shape lifecycle_fields[] = {
	{ "killGracePeriodSeconds", SHAPE_NUMBER, .max = MAX_SECONDS },
	{ 0 },
};

static const struct shape container_rows[] = {
	{ "name", SHAPE_STRING, .is_required = true, .check = port_name_complaint },
	{ "exec", SHAPE_OBJECT, .is_strict = true, .of = exec_fields },
	{ "resources", SHAPE_OBJECT, .is_required = true, .is_strict = true, .of = resource_fields },
	{ "resourceLimits", SHAPE_OBJECT, .is_strict = true, .of = limit_fields },
	{ "endpoints", SHAPE_LIST, .max = 100, .of = &endpoint, .omit_empty = true },
	{ "image", SHAPE_OBJECT, .of = image_fields },
	{ "environment", SHAPE_CUSTOM, .read = env_read, .omit_empty = true },
	{ "user", SHAPE_STRING, .min = 1, .max = 64 },
	{ "healthCheck", SHAPE_OBJECT, .is_strict = true, .of = health_check_fields },
	{ "check", SHAPE_OBJECT, .is_strict = true, .of = check_fields },
	{ "volumeMounts", SHAPE_LIST, .max = MAX_LIST, .of = &mount, .omit_empty = true },
	{ "artifacts", SHAPE_LIST, .max = 100, .of = &fetch_shape, .omit_empty = true },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &text, .omit_empty = true },
	{ "lifecycle", SHAPE_OBJECT, .is_strict = true, .of = lifecycle_fields },
	{ "tty", SHAPE_BOOL, .fallback = NULL },
	{ "linuxInfo", SHAPE_OBJECT, .is_strict = true, .of = linux_fields },
	{ 0 },
};
static const struct shape container = { .kind = SHAPE_OBJECT, .is_strict = true, .of = container_rows };

/* ---- The pod ---- */

static json_t *read_anything(const json_t *value, const char *path, struct problems *problems)
{
	(void)path;
	(void)problems;
	return json_deep_copy(value);
}

static const struct shape volume_fields[] = {
	{ "name", SHAPE_STRING, .is_required = true, .check = port_name_complaint },
	{ "host", SHAPE_STRING, .min = 1, .max = MAX_PATH },
	{ "secret", SHAPE_STRING, .min = 1, .max = MAX_NAME },
	{ "persistent", SHAPE_CUSTOM, .read = read_anything },
	{ 0 },
};
static const struct shape volume = { .kind = SHAPE_OBJECT, .is_strict = true, .of = volume_fields };

/* No less, or no master takes it (reference/mesos.md): it would fail again and again. */
static const struct shape executor_fields[] = {
	{ "cpus", SHAPE_NUMBER, .min = .01, .max = 1e6, .fallback = "0.1" },
	{ "mem", SHAPE_NUMBER, .min = 32, .max = 1e9, .fallback = "32" },
	{ "disk", SHAPE_NUMBER, .min = .001, .max = 1e12, .fallback = "10" },
	{ 0 },
};

static const char *const scaling_kinds[] = { "fixed", NULL };

static const struct shape scaling_fields[] = {
	{ "kind", SHAPE_ENUM, .names = scaling_kinds, .fallback = "\"fixed\"" },
	{ "instances", SHAPE_INTEGER, .max = MAX_INSTANCES, .fallback = "1" },
	{ 0 },
};

static const struct shape backoff_fields[] = {
	{ "backoff", SHAPE_NUMBER, .max = MAX_SECONDS, .fallback = "1" },
	{ "backoffFactor", SHAPE_NUMBER, .min = 1, .max = 1000, .fallback = "1.15" },
	{ "maxLaunchDelay", SHAPE_NUMBER, .max = MAX_SECONDS, .fallback = "300" },
	{ 0 },
};

static const struct shape upgrade_fields[] = {
	{ "minimumHealthCapacity", SHAPE_NUMBER, .max = 1, .fallback = "1" },
	{ "maximumOverCapacity", SHAPE_NUMBER, .max = 1, .fallback = "1" },
	{ 0 },
};

static const struct shape constraint_fields[] = {
	{ "fieldName", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_NAME },
	{ "operator", SHAPE_STRING, .is_required = true, .min = 1, .max = MAX_NAME },
	{ "value", SHAPE_STRING, .max = MAX_PATH },
	{ 0 },
};
static const struct shape constraint = { .kind = SHAPE_OBJECT, .is_strict = true, .of = constraint_fields };

static const struct shape placement_fields[] = {
	{ "constraints", SHAPE_LIST, .max = 100, .of = &constraint, .fallback = "[]" },
	{ "acceptedResourceRoles", SHAPE_LIST, .max = 100, .of = &name_text, .fallback = "[]" },
	{ 0 },
};

#define BACKOFF "{\"backoff\":1,\"backoffFactor\":1.15,\"maxLaunchDelay\":300}"
#define UPGRADE "{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":1}"
#define PLACEMENT "{\"constraints\":[],\"acceptedResourceRoles\":[]}"
#define KILL_SELECTION "\"YOUNGEST_FIRST\""
#define UNREACHABLE "{\"inactiveAfterSeconds\":0,\"expungeAfterSeconds\":0}"

static const struct shape scheduling_fields[] = {
	{ "backoff", SHAPE_OBJECT, .is_strict = true, .of = backoff_fields, .fallback = BACKOFF },
	{ "upgrade", SHAPE_OBJECT, .is_strict = true, .of = upgrade_fields, .fallback = UPGRADE },
	{ "placement", SHAPE_OBJECT, .is_strict = true, .of = placement_fields, .fallback = PLACEMENT },
	{ "killSelection", SHAPE_ENUM, .names = kill_selections, .fallback = KILL_SELECTION },
	{ "unreachableStrategy", SHAPE_CUSTOM, .read = unreachable_read, .fallback = UNREACHABLE },
	{ 0 },
};

/* In the order in which the answers show them. */
static const struct shape pod_fields[] = {
	{ "id", SHAPE_STRING, .is_required = true, .check = check_id },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &text, .fallback = "{}" },
	{ "user", SHAPE_STRING, .min = 1, .max = 64 },
	{ "environment", SHAPE_CUSTOM, .read = env_read, .omit_empty = true },
	{ "containers", SHAPE_LIST, .is_required = true, .min = 1, .max = MAX_CONTAINERS, .of = &container },
	{ "secrets", SHAPE_MAP, .max = 100, .of = &secret_shape, .omit_empty = true },
	{ "volumes", SHAPE_LIST, .max = MAX_LIST, .of = &volume, .omit_empty = true },
	{ "networks", SHAPE_LIST, .max = 8, .of = &network_shape, .fallback = "[{\"mode\":\"host\"}]" },
	{ "weight", SHAPE_INTEGER, .max = APP_WEIGHT_MAX },
	{ "scaling", SHAPE_OBJECT, .of = scaling_fields, .fallback = "{\"kind\":\"fixed\",\"instances\":1}" },
	{ "scheduling", SHAPE_OBJECT, .is_strict = true, .of = scheduling_fields,
	  .fallback = "{\"backoff\":" BACKOFF ",\"upgrade\":" UPGRADE ",\"placement\":" PLACEMENT
		      ",\"killSelection\":" KILL_SELECTION ",\"unreachableStrategy\":" UNREACHABLE "}" },
	{ "executorResources", SHAPE_OBJECT, .is_strict = true, .of = executor_fields,
	  .fallback = "{\"cpus\":0.1,\"mem\":32,\"disk\":10}" },
	{ "role", SHAPE_STRING, .is_required = true, .min = 1, .max = ROLE_MAX, .check = role_complaint },
	{ "linuxInfo", SHAPE_OBJECT, .is_strict = true, .of = linux_fields },
	{ "legacySharedCgroups", SHAPE_BOOL, .fallback = NULL },
	{ 0 },
};

const struct shape pod_shape = { .kind = SHAPE_OBJECT, .of = pod_fields };
