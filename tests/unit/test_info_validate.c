/* What tasks and executors are made of: each rule with its sentence. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "master_stub/info_validate.h"
#include "master_stub/task_validate.h"

typedef int validate_fn(const void *message, struct err *e);

static int command(const void *message, struct err *e)
{
	return command_info_validate(message, e);
}

static int container(const void *message, struct err *e)
{
	return container_info_validate(message, e);
}

static int health(const void *message, struct err *e)
{
	return health_check_validate(message, e);
}

static int check(const void *message, struct err *e)
{
	return check_info_validate(message, e);
}

#define COMMAND &mesos__v1__command_info__descriptor, command
#define CONTAINER &mesos__v1__container_info__descriptor, container
#define HEALTH &mesos__v1__health_check__descriptor, health
#define CHECK &mesos__v1__check_info__descriptor, check
#define VARIABLE(rest) "{\"environment\":{\"variables\":[{" rest "}]}}"
#define VOLUME(rest) \
	"{\"type\":\"MESOS\",\"volumes\":[{\"mode\":\"RW\",\"container_path\":\"v\"," rest "}]}"
#define RLIMIT(rest) "{\"type\":\"MESOS\",\"rlimit_info\":{\"rlimits\":[{" rest "}]}}"
#define SECRET "\"secret\":{\"type\":\"VALUE\",\"value\":{\"data\":\"AA==\"}}"

static const struct {
	const ProtobufCMessageDescriptor *descriptor;
	validate_fn *validate;
	const char *json, *message;	/* NULL: it is valid */
} rows[] = {
	{ COMMAND, "{}", NULL },
	{ COMMAND, VARIABLE("\"name\":\"A\",\"value\":\"\""), NULL },
	{ COMMAND, VARIABLE("\"name\":\"A\",\"type\":\"SECRET\"," SECRET), NULL },
	{ COMMAND, VARIABLE("\"name\":\"\",\"value\":\"1\""),
	  "Environment variable '' has no valid name" },
	{ COMMAND, VARIABLE("\"name\":\"A\""),
	  "Environment variable 'A' of type 'VALUE' must have a value set" },
	{ COMMAND, VARIABLE("\"name\":\"A\",\"value\":\"1\"," SECRET),
	  "Environment variable 'A' of type 'VALUE' must not have a secret set" },
	{ COMMAND, VARIABLE("\"name\":\"A\",\"type\":\"SECRET\""),
	  "Environment variable 'A' of type 'SECRET' must have a secret set" },
	{ COMMAND, VARIABLE("\"name\":\"A\",\"type\":\"SECRET\",\"value\":\"1\"," SECRET),
	  "Environment variable 'A' of type 'SECRET' must not have a value set" },
	{ CONTAINER, "{\"type\":\"MESOS\"}", NULL },
	{ CONTAINER, "{\"type\":\"DOCKER\",\"docker\":{\"image\":\"i\"}}", NULL },
	{ CONTAINER, "{\"type\":\"DOCKER\"}",
	  "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo" },
	{ CONTAINER, VOLUME("\"host_path\":\"/h\""), NULL },
	{ CONTAINER, VOLUME("\"source\":{\"type\":\"SANDBOX_PATH\",\"sandbox_path\":{\"path\":\"p\"}}"),
	  NULL },
	{ CONTAINER, VOLUME("\"host_path\":\"/h\",\"source\":{}"),
	  "Invalid volume 'v': Only one of them should be set: 'host_path', 'image' and 'source'" },
	{ CONTAINER, VOLUME("\"source\":{}"), "Invalid volume 'v': 'source.type' is not set or unknown" },
	{ CONTAINER, VOLUME("\"source\":{\"type\":\"HOST_PATH\"}"),
	  "Invalid volume 'v': 'source.host_path' is not set" },
	{ CONTAINER, RLIMIT("\"type\":\"RLMT_CORE\",\"hard\":2,\"soft\":1"), NULL },
	{ CONTAINER, RLIMIT("\"type\":\"RLMT_CORE\""), NULL },
	{ CONTAINER, RLIMIT("\"hard\":2,\"soft\":1"), "RLimit has no known 'type'" },
	{ CONTAINER, RLIMIT("\"type\":\"RLMT_CORE\",\"hard\":2"),
	  "RLimit must have both of 'hard' and 'soft' set, or neither" },
	{ CONTAINER, RLIMIT("\"type\":\"RLMT_CORE\",\"hard\":1,\"soft\":2"),
	  "RLimit's 'soft' must not be above its 'hard'" },
	{ HEALTH, "{\"type\":\"TCP\",\"tcp\":{\"port\":80}}", NULL },
	/* As old clients have it. */
	{ HEALTH, "{\"http\":{\"port\":80}}", NULL },
	{ HEALTH, "{\"command\":{\"value\":\"true\"}}", NULL },
	{ HEALTH, "{}", "health check must specify a known 'type'" },
	{ HEALTH, "{\"type\":\"HTTP\"}", "Expecting 'http' to be set for HTTP health check" },
	{ HEALTH, "{\"type\":\"HTTP\",\"tcp\":{\"port\":80}}",
	  "Expecting 'http' to be set for HTTP health check" },
	{ HEALTH, "{\"http\":{\"port\":80},\"tcp\":{\"port\":80}}",
	  "Only one of 'command', 'http' and 'tcp' may be set for a health check" },
	{ HEALTH, "{\"type\":\"COMMAND\",\"command\":{}}",
	  "Command health check must contain 'shell command'" },
	{ HEALTH, "{\"type\":\"COMMAND\",\"command\":{\"shell\":false}}",
	  "Command health check must contain 'executable path'" },
	{ HEALTH, "{\"type\":\"COMMAND\",\"command\":{\"value\":\"x\",\"environment\":"
	  "{\"variables\":[{\"name\":\"A\"}]}}}", "health check's `CommandInfo` is invalid:"
	  " Environment variable 'A' of type 'VALUE' must have a value set" },
	{ HEALTH, "{\"type\":\"HTTP\",\"http\":{\"port\":80,\"path\":\"p\"}}",
	  "The path 'p' of HTTP health check must start with '/'" },
	{ HEALTH, "{\"type\":\"HTTP\",\"http\":{\"port\":80,\"scheme\":\"ftp\"}}",
	  "Unsupported HTTP health check scheme: 'ftp'" },
	{ HEALTH, "{\"type\":\"TCP\",\"tcp\":{\"port\":65536}}",
	  "65536 is not a port for TCP health check" },
	{ HEALTH, "{\"type\":\"TCP\",\"tcp\":{\"port\":80},\"timeout_seconds\":-1}",
	  "Expecting 'timeout_seconds' to be non-negative" },
	{ HEALTH, "{\"type\":\"TCP\",\"tcp\":{\"port\":80},\"grace_period_seconds\":\"Infinity\"}",
	  "Expecting 'grace_period_seconds' to be non-negative" },
	{ CHECK, "{\"type\":\"COMMAND\",\"command\":{\"command\":{\"value\":\"true\"}}}", NULL },
	{ CHECK, "{\"tcp\":{\"port\":80}}", "check must specify a known 'type'" },
	{ CHECK, "{\"type\":\"TCP\"}", "Expecting 'tcp' to be set for TCP check" },
	{ CHECK, "{\"type\":\"TCP\",\"tcp\":{\"port\":0}}", "0 is not a port for TCP check" },
	{ CHECK, "{\"type\":\"HTTP\",\"http\":{\"port\":80,\"path\":\"p\"}}",
	  "The path 'p' of HTTP check must start with '/'" },
	{ CHECK, "{\"type\":\"TCP\",\"tcp\":{\"port\":80},\"interval_seconds\":-1}",
	  "Expecting 'interval_seconds' to be non-negative" },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(pb_freep) ProtobufCMessage *message = NULL;
		struct err e = { 0 };
		json_t *json;

		if (json_in_parse(rows[i].json, strlen(rows[i].json), &json, &e) < 0 ||
		    pb_from_json(rows[i].descriptor, json, &message, &e) < 0)
			fail_msg("%s: %s", rows[i].json, e.msg);
		json_decref(json);
		assert_int_equal(rows[i].validate(message, &e), rows[i].message ? -EINVAL : 0);
		assert_string_equal(e.msg, rows[i].message ? rows[i].message : "");
	}
}

static void test_the_number_of_resources_is_bounded(void **state)
{
	Mesos__V1__Resource cpus = MESOS__V1__RESOURCE__INIT, *list[RESOURCE_MAX_PARTS + 1];
	Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
	struct resources resources = { 0 };
	struct err e = { 0 };

	(void)state;
	cpus.name = (char *)(uintptr_t)"cpus";
	cpus.type = MESOS__V1__VALUE__TYPE__SCALAR;
	cpus.scalar = &scalar;
	scalar.value = 1;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = &cpus;
	assert_int_equal(allocated_resources_validate("Executor", list, ARRAY_SIZE(list), "a",
						      &resources, &e), -EINVAL);
	assert_string_equal(e.msg, "Executor names more than 4096 resources");
	e = (struct err){ 0 };
	assert_int_equal(allocated_resources_validate("Executor", list, RESOURCE_MAX_PARTS, "a",
						      &resources, &e), 0);
	assert_int_equal(resources.scalar[RESOURCE_CPUS], 1000 * RESOURCE_MAX_PARTS);
	resources_done(&resources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_the_number_of_resources_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
