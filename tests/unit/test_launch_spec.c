/* From a task to its launch document: every default, every refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/launch_spec.h"
#include "agent/profiles.h"
#include "agent/users.h"
#include "containerizer/image/image.h"
#include "containerizer/spec_json.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"

static struct users users;
static struct profiles profiles;

static struct launch_place place = {
	.container_id = "c-1", .task_id = "T", .executor_id = "T", .sandbox = "/w/sandbox", .framework_id = "F",
	.agent_id = "S",
	.role = "web", .root = "/w/root",
};

static struct launch_settings settings_of(void)
{
	return (struct launch_settings){
		.users = &users, .profiles = &profiles, .default_user = "nobody", .allow_root = true, .pids_limit = 1024,
		.host_path_volumes = "/srv:/data/shared", .log_bytes = 10 << 20, .log_files = 2,
		.cgroup_layout = "layout", .hidden = "/w",
	};
}

/* A task of half a cpu and 64 MiB in JSON, with MORE members in front. */
static Mesos__V1__TaskInfo *task_of(const char *more)
{
	char text[4096];
	struct err e = { 0 };
	ProtobufCMessage *message;
	json_t *json;

	(void)snprintf(text, sizeof(text),
		       "{%s\"name\":\"t\",\"task_id\":{\"value\":\"T\"},\"agent_id\":{\"value\":\"S\"}%s}",
		       more, strstr(more, "\"resources\"") ? "" :
		       ",\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5}},"
		       "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":64}}]");
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_int_equal(pb_from_json(&mesos__v1__task_info__descriptor, json, &message, &e), 0);
	json_decref(json);
	return (Mesos__V1__TaskInfo *)message;
}

static json_t *build(const struct launch_settings *settings, const char *more,
		     struct launch_result *result)
{
	Mesos__V1__TaskInfo *task = task_of(more);
	struct err e = { 0 };
	int r = launch_spec_build(settings, &place, task, result, &e);

	if (r < 0)
		fail_msg("%s", e.msg);
	mesos__v1__task_info__free_unpacked(task, NULL);
	json_decref(TAKE_PTR(result->directories));
	json_decref(TAKE_PTR(result->parent_directories));
	return result->config;
}

static const json_t *at(const json_t *doc, const char *path)
{
	char copy[128], *rest = copy, *key;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((key = strsep(&rest, "/")))
		doc = json_is_array(doc) ? json_array_get(doc, strtoul(key, NULL, 10)) :
					   json_object_get(doc, key);
	return doc;
}

static json_int_t number_at(const json_t *doc, const char *path)
{
	const json_t *value = at(doc, path);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", path);
	return json_integer_value(value);
}

static bool has_env(const json_t *doc, const char *line)
{
	const json_t *value;
	size_t i;

	json_array_foreach(at(doc, "process/env"), i, value) {
		if (strcmp(json_string_value(value), line) == 0)
			return true;
	}
	return false;
}

#define COMMAND "\"command\":{\"value\":\"sleep 1\"},"
#define LOGGER(name, value) "\"command\":{\"value\":\"x\",\"environment\":{\"variables\":[{\"name\":" \
	"\"CONTAINER_LOGGER_" name "\",\"value\":\"" value "\"}]}},"

#define VOLUME(members) COMMAND "\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"mode\":\"RO\"," \
	members "}]},"
#define IMAGE "\"image\":{\"type\":\"DOCKER\",\"docker\":{\"name\":\"i\"}}"
#define TMPFS(key, value) "\"container_path\":\"/x\",\"source\":{\"type\":\"DOCKER_VOLUME\"," \
	"\"docker_volume\":{\"driver\":\"tmpfs\",\"name\":\"n\",\"driver_options\":{\"parameter\":[{" \
	"\"key\":\"" key "\",\"value\":\"" value "\"}]}}}"

static void test_defaults_are_safe(void **state)
{
	struct launch_settings settings = settings_of();
	struct launch_result result;
	json_t *doc = build(&settings, COMMAND, &result);

	(void)state;
	assert_int_equal(result.uid, 65534);
	assert_int_equal(number_at(doc, "process/user/uid"), 65534);
	assert_string_equal(json_string_value(at(doc, "process/args/0")), "/bin/sh");
	assert_string_equal(json_string_value(at(doc, "process/args/2")), "sleep 1");
	assert_int_equal(json_array_size(at(doc, "process/capabilities/bounding")), 0);
	assert_int_equal(json_array_size(at(doc, "process/capabilities/effective")), 0);
	assert_true(json_is_true(at(doc, "process/noNewPrivileges")));
	assert_true(json_is_true(at(doc, "root/readonly")));
	assert_int_equal(number_at(doc, "linux/resources/pids/limit"), 1024);
	assert_int_equal(number_at(doc, "linux/resources/cpu/shares"), 512);
	assert_null(at(doc, "linux/resources/cpu/quota"));
	assert_int_equal(number_at(doc, "linux/resources/memory/limit"), 64 << 20);
	assert_int_equal(number_at(doc, "linux/resources/memory/swap"), 64 << 20);
	assert_null(at(doc, "linux/resources/memory/reservation"));
	assert_int_equal(json_array_size(at(doc, "linux/namespaces")), 5);
	assert_string_equal(json_string_value(at(doc, "annotations/io.tepui.hidden")), "/w");
	assert_string_equal(json_string_value(at(doc, "process/cwd")), "/mnt/mesos/sandbox");
	assert_string_equal(json_string_value(at(doc, "hostname")), "c-1");
	assert_string_equal(json_string_value(at(doc, "process/rlimits/0/type")), "RLIMIT_CORE");
	assert_int_equal(number_at(doc, "process/rlimits/1/hard"), 65536);
	assert_int_equal(json_array_size(at(doc, "process/rlimits")), 3);
	json_decref(doc);
}

static void test_logs_and_terminal(void **state)
{
	static const struct {
		const char *task, *logs;
	} rows[] = {
		{ COMMAND, "10485760:2 10485760:2" },
		{ LOGGER("MAX_STDOUT_SIZE", "5KB"), "5120:2 10485760:2" },
		{ LOGGER("MAX_STDERR_SIZE", "1TB"), "10485760:2 1099511627776:2" },
		{ LOGGER("LOGROTATE_STDERR_OPTIONS", "rotate 0"), "10485760:2 10485760:0" },
	};
	struct launch_settings settings = settings_of();
	struct launch_result result;
	json_t *doc;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		doc = build(&settings, rows[i].task, &result);
		assert_string_equal(json_string_value(at(doc, "annotations/io.tepui.logs")),
				    rows[i].logs);
		assert_null(at(doc, "process/terminal"));
		json_decref(doc);
	}
	doc = build(&settings, COMMAND "\"container\":{\"type\":\"MESOS\",\"tty_info\":{"
		    "\"window_size\":{\"rows\":5,\"columns\":7}}},", &result);
	assert_true(json_is_true(at(doc, "process/terminal")));
	assert_int_equal(number_at(doc, "process/consoleSize/height"), 5);
	assert_int_equal(number_at(doc, "process/consoleSize/width"), 7);
	json_decref(doc);
}

static void test_volumes(void **state)
{
	static const struct {
		const char *task, *source, *destination, *roots;
	} rows[] = {
		{ VOLUME("\"container_path\":\"/x\",\"host_path\":\"/srv\""), "/srv", "/x",
		  "/srv" },
		{ VOLUME("\"container_path\":\"d/x\",\"host_path\":\"/data/shared/a\""),
		  "/data/shared/a", "/mnt/mesos/sandbox/d/x", "/data/shared" },
		{ VOLUME("\"container_path\":\"/x\",\"host_path\":\"a/b\""), "/w/sandbox/a/b", "/x",
		  NULL },
		{ VOLUME(TMPFS("size", "5")), "tmpfs", "/x", NULL },
	};
	struct launch_settings settings = settings_of();
	struct launch_result result;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *doc = build(&settings, rows[i].task, &result);
		const json_t *roots = at(doc, "annotations/io.tepui.volume-roots");
		struct spec spec;
		struct err e = { 0 };

		assert_string_equal(json_string_value(at(doc, "mounts/0/source")), rows[i].source);
		assert_string_equal(json_string_value(at(doc, "mounts/0/destination")),
				    rows[i].destination);
		assert_true(!roots == !rows[i].roots);
		if (roots)
			assert_string_equal(json_string_value(roots), rows[i].roots);
		assert_int_equal(spec_from_json(doc, &spec, &e), 0);
		assert_int_equal(isolators_validate(&spec, &e), 0);
		spec_done(&spec);
		json_decref(doc);
	}
}

static void test_image_volumes(void **state)
{
	static const char task[] = COMMAND "\"container\":{\"type\":\"MESOS\",\"volumes\":["
		"{\"mode\":\"RO\",\"container_path\":\"a\"," IMAGE "},"
		"{\"mode\":\"RW\",\"container_path\":\"/b\",\"host_path\":\"b\"},"
		"{\"mode\":\"RW\",\"container_path\":\"/c\"," IMAGE "}]},";
	char low[] = "/s/low", top[] = "/s/top", *layers[] = { low, top };
	struct launch_settings settings = settings_of();
	struct image images[] = {
		{ .layers = layers, .n_layers = 2 }, { .layers = layers, .n_layers = 1 },
	};
	struct launch_result result;
	struct err e = { 0 };
	struct spec spec;
	json_t *doc;

	(void)state;
	place.volume_images = images;
	doc = build(&settings, task, &result);
	assert_string_equal(json_string_value(at(doc, "mounts/0/source")), "/w/root/volume-0");
	assert_string_equal(json_string_value(at(doc, "mounts/0/options/0")), "ro");
	assert_string_equal(json_string_value(at(doc, "mounts/2/source")), "/w/root/volume-1");
	assert_string_equal(json_string_value(at(doc, "mounts/2/options/0")), "rw");
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_int_equal(isolators_validate(&spec, &e), 0);
	assert_string_equal(spec.mounts[0].layers[0], "/s/top");
	assert_string_equal(spec.mounts[0].layers[1], "/s/low");
	assert_null(spec.mounts[1].layers);
	assert_string_equal(spec.mounts[2].layers[0], "/s/low");
	assert_null(spec.mounts[2].layers[1]);
	spec_done(&spec);
	json_decref(doc);
}

static void test_the_supervisor_reads_what_is_written(void **state)
{
	static const char *const tasks[] = {
		COMMAND,
		"\"command\":{\"value\":\"id\",\"user\":\"root\"},",
		COMMAND "\"container\":{\"type\":\"MESOS\",\"tty_info\":{\"window_size\":{"
		"\"rows\":5,\"columns\":7}}},",
		COMMAND "\"limits\":{\"cpus\":{\"value\":1.5},\"mem\":{\"value\":\"Infinity\"}},",
		COMMAND "\"container\":{\"type\":\"MESOS\",\"hostname\":\"h\",\"rlimit_info\":"
			"{\"rlimits\":[{\"type\":\"RLMT_STACK\"}]}},",
	};
	struct launch_settings settings = settings_of();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		struct launch_result result;
		json_t *doc = build(&settings, tasks[i], &result);
		struct spec spec = { 0 };
		struct err e = { 0 };
		int r = spec_from_json(doc, &spec, &e);

		if (r < 0)
			fail_msg("%zu: %s", i, e.msg);
		assert_true(spec.host_root);
		assert_string_equal(spec.sandbox, "/w/sandbox");
		spec_done(&spec);
		json_decref(doc);
	}
}

static void test_environment(void **state)
{
	struct launch_settings settings = settings_of();
	struct launch_result result;
	json_t *doc = build(&settings,
			    "\"command\":{\"value\":\"x\",\"environment\":{\"variables\":["
			    "{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"A\",\"value\":\"2\"},"
			    "{\"name\":\"MESOS_TASK_ID\",\"value\":\"forged\"}]}},", &result);

	(void)state;
	assert_true(has_env(doc, "A=2"));
	assert_false(has_env(doc, "A=1"));
	assert_true(has_env(doc, "MESOS_TASK_ID=T"));
	assert_true(has_env(doc, "MESOS_SANDBOX=/mnt/mesos/sandbox"));
	assert_true(has_env(doc, "MESOS_ALLOCATION_ROLE=web"));
	assert_true(has_env(doc, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	json_decref(doc);
}

static void test_limits(void **state)
{
	struct launch_settings settings = settings_of();
	struct launch_result result;
	json_t *doc = build(&settings, COMMAND
			    "\"limits\":{\"cpus\":{\"value\":1.5},\"mem\":{\"value\":128}},", &result);

	(void)state;
	assert_int_equal(number_at(doc, "linux/resources/cpu/quota"), 150000);
	assert_int_equal(number_at(doc, "linux/resources/cpu/period"), 100000);
	assert_int_equal(number_at(doc, "linux/resources/memory/limit"), 128 << 20);
	assert_int_equal(number_at(doc, "linux/resources/memory/reservation"), 64 << 20);
	json_decref(doc);

	doc = build(&settings, COMMAND "\"limits\":{\"mem\":{\"value\":\"Infinity\"}},", &result);
	assert_int_equal(number_at(doc, "linux/resources/memory/limit"), -1);
	assert_null(at(doc, "linux/resources/memory/swap"));
	json_decref(doc);

	settings.cfs_quota = true;
	doc = build(&settings, COMMAND, &result);
	assert_int_equal(number_at(doc, "linux/resources/cpu/quota"), 50000);
	json_decref(doc);
}

static void test_root_when_asked_for(void **state)
{
	struct launch_settings settings = settings_of();
	struct launch_result result;
	json_t *doc = build(&settings, "\"command\":{\"value\":\"id\",\"user\":\"root\"},", &result);

	(void)state;
	assert_int_equal(result.uid, 0);
	assert_int_equal(json_array_size(at(doc, "process/capabilities/bounding")), 11);
	assert_int_equal(json_array_size(at(doc, "process/capabilities/inheritable")), 0);
	assert_int_equal(json_array_size(at(doc, "process/capabilities/ambient")), 0);
	json_decref(doc);

	doc = build(&settings, "\"command\":{\"value\":\"id\",\"user\":\"root\"},\"container\":{"
		    "\"type\":\"MESOS\",\"linux_info\":{\"effective_capabilities\":"
		    "{\"capabilities\":[\"CHOWN\"]}}},", &result);
	assert_int_equal(json_array_size(at(doc, "process/capabilities/bounding")), 1);
	assert_string_equal(json_string_value(at(doc, "process/capabilities/effective/0")),
			    "CAP_CHOWN");
	json_decref(doc);
}

static void test_arguments_without_a_shell(void **state)
{
	struct launch_settings settings = settings_of();
	struct launch_result result;
	json_t *doc = build(&settings, "\"command\":{\"shell\":false,\"value\":\"/bin/echo\","
			    "\"arguments\":[\"echo\",\"$A\",\"b c\"]},", &result);

	(void)state;
	assert_int_equal(json_array_size(at(doc, "process/args")), 3);
	assert_string_equal(json_string_value(at(doc, "process/args/0")), "/bin/echo");
	assert_string_equal(json_string_value(at(doc, "process/args/1")), "$A");
	assert_string_equal(json_string_value(at(doc, "process/args/2")), "b c");
	json_decref(doc);
}

static const struct {
	const char *more;
	int r;
	const char *msg;
} bad[] = {
	{ "", -EINVAL, "command: missing" },
	{ "\"command\":{},", -EINVAL, "command.value: missing" },
	{ "\"executor\":{\"executor_id\":{\"value\":\"e\"}},", -ENOTSUP,
	  "executor: custom executors are not supported" },
	{ "\"command\":{\"value\":\"x\",\"user\":\"nosuch\"},", -EINVAL,
	  "command.user: the node has no user 'nosuch'" },
	{ "\"command\":{\"value\":\"x\",\"uris\":[{\"value\":\"http://a/\"}]},", -ENOTSUP,
	  "command.uris: fetching is not supported" },
	{ "\"command\":{\"value\":\"x\",\"arguments\":[\"a\"]},", -EINVAL,
	  "command.arguments: given although command.shell is true" },
	{ "\"command\":{\"value\":\"x\",\"environment\":{\"variables\":[{\"name\":\"A=B\"}]}},",
	  -EINVAL, "command.environment: bad name 'A=B'" },
	{ "\"command\":{\"value\":\"x\",\"environment\":{\"variables\":[{\"name\":\"A\",\"type\":"
	  "\"SECRET\"}]}},", -ENOTSUP,
	  "command.environment: 'A' is a secret, which is not supported" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"hostname\":\"a\\n192.0.2.1 db\"},", -EINVAL,
	  "container.hostname: not 1 to 64 letters, digits, '-', '_' and '.'" },
	{ COMMAND "\"container\":{\"type\":\"DOCKER\"},", -ENOTSUP,
	  "container.type: DOCKER is not supported, MESOS is" },
	{ VOLUME("\"container_path\":\"/x\""), -EINVAL,
	  "container.volumes[0]: not exactly one of host_path, image and source" },
	{ VOLUME("\"container_path\":\"/x\",\"host_path\":\"/etc\""), -EPERM,
	  "container.volumes[0].host_path: this agent gives '/etc' to no task; see "
	  "--host_path_volumes" },
	{ VOLUME("\"container_path\":\"/x\",\"host_path\":\"/srv/../etc\""), -EINVAL,
	  "container.volumes[0].host_path: not a path without '.', '..' and ':'" },
	{ VOLUME("\"container_path\":\"/x\",\"host_path\":\"/srvother\""), -EPERM,
	  "container.volumes[0].host_path: this agent gives '/srvother' to no task; see "
	  "--host_path_volumes" },
	{ VOLUME("\"container_path\":\"/x\",\"host_path\":\"../y\""), -EINVAL,
	  "container.volumes[0]: '../y' is not a path in the sandbox" },
	{ VOLUME("\"container_path\":\"../x\",\"host_path\":\"y\""), -EINVAL,
	  "container.volumes[0].container_path: not a path without '.' and '..'" },
	{ VOLUME("\"container_path\":\"/dev/x\",\"host_path\":\"/srv\""), -EINVAL,
	  "container.volumes[0].container_path: '/dev/x' is among the devices" },
	{ VOLUME("\"container_path\":\"/x\",\"source\":{\"type\":\"SECRET\"}"), -ENOTSUP,
	  "container.volumes[0].source: only HOST_PATH, SANDBOX_PATH and DOCKER_VOLUME of driver "
	  "tmpfs are supported" },
	{ VOLUME(TMPFS("size", "0")), -EINVAL,
	  "container.volumes[0].source.docker_volume: a tmpfs has the one option size, 1 to "
	  "1048576 MiB" },
	{ VOLUME(TMPFS("nosize", "1")), -EINVAL,
	  "container.volumes[0].source.docker_volume: a tmpfs has the one option size, 1 to "
	  "1048576 MiB" },
	{ LOGGER("MAX_STDOUT_SIZE", "4095B"), -EINVAL,
	  "command.environment: CONTAINER_LOGGER_MAX_STDOUT_SIZE is not a size from 4096B on, "
	  "such as 10MB" },
	{ LOGGER("MAX_STDERR_SIZE", "10 MB"), -EINVAL,
	  "command.environment: CONTAINER_LOGGER_MAX_STDERR_SIZE is not a size from 4096B on, "
	  "such as 10MB" },
	{ LOGGER("LOGROTATE_STDERR_OPTIONS", "compress"), -ENOTSUP,
	  "command.environment: of CONTAINER_LOGGER_LOGROTATE_STDERR_OPTIONS only 'rotate 0' to "
	  "'rotate 100' is supported" },
	{ LOGGER("LOGROTATE_STDOUT_OPTIONS", "rotate 101"), -ENOTSUP,
	  "command.environment: of CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS only 'rotate 0' to "
	  "'rotate 100' is supported" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"share_pid_namespace\":true}},",
	  -ENOTSUP, "container.linux_info.share_pid_namespace: it has no parent to share with but the "
	  "host" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"seccomp\":{\"unconfined\":"
	  "true}}},", -EPERM,
	  "container.linux_info.seccomp.unconfined: this agent confines every task" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"seccomp\":{\"profile_name\":"
	  "\"loose.json\"}}},", -EINVAL,
	  "container.linux_info.seccomp.profile_name: this agent has no profile 'loose.json'" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"seccomp\":{\"profile_name\":"
	  "\"p\",\"unconfined\":true}}},", -EINVAL,
	  "container.linux_info.seccomp: both a profile and unconfined" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"effective_capabilities\":"
	  "{\"capabilities\":[\"SYS_ADMIN\"]}}},", -EPERM,
	  "container.linux_info.effective_capabilities: capability 21 is above what this agent grants" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"rlimit_info\":{\"rlimits\":[{\"type\":"
	  "\"RLMT_CPU\",\"soft\":2}]}},", -EINVAL,
	  "container.rlimit_info: RLIMIT_CPU has only one of hard and soft" },
	{ COMMAND "\"container\":{\"type\":\"MESOS\",\"rlimit_info\":{\"rlimits\":[{\"type\":"
	  "\"RLMT_CPU\",\"soft\":3,\"hard\":2}]}},", -EINVAL,
	  "container.rlimit_info: RLIMIT_CPU has soft above hard" },
	{ COMMAND "\"limits\":{\"mem\":{\"value\":32}},", -EINVAL, "limits.mem: below the request" },
	{ COMMAND "\"limits\":{\"disk\":{\"value\":32}},", -EINVAL,
	  "limits.disk: only cpus and mem can be limited" },
};

static void test_what_cannot_be_honoured_is_named(void **state)
{
	struct launch_settings settings = settings_of();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct launch_result result = { .uid = 7 };
		Mesos__V1__TaskInfo *task = task_of(bad[i].more);
		struct err e = { 0 };

		assert_int_equal(launch_spec_build(&settings, &place, task, &result, &e), bad[i].r);
		assert_string_equal(e.msg, bad[i].msg);
		assert_int_equal(result.uid, 7);
		mesos__v1__task_info__free_unpacked(task, NULL);
	}
}

static void test_root_may_be_forbidden(void **state)
{
	struct launch_settings settings = settings_of();
	Mesos__V1__TaskInfo *task = task_of("\"command\":{\"value\":\"x\",\"user\":\"root\"},");
	struct launch_result result;
	struct err e = { 0 };

	(void)state;
	settings.allow_root = false;
	assert_int_equal(launch_spec_build(&settings, &place, task, &result, &e), -EPERM);
	assert_string_equal(e.msg, "command.user: this agent runs no task as 'root' "
			    "without --allow_root_tasks");
	mesos__v1__task_info__free_unpacked(task, NULL);
}

static void test_users_are_read_line_by_line(void **state)
{
	struct users found = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(users_parse("root:x:0:0:r:/root:/bin/sh\nbad line\n+nis:x:1:1::\n"
				     "big:x:4294967295:1::\nneg:x:-1:1::\nlast:x:7:8::", &found, &e),
			 0);
	assert_int_equal(found.n, 2);
	assert_int_equal(users_find(&found, "last")->gid, 8);
	assert_null(users_find(&found, "big"));
	users_done(&found);
}

static int set_up(void **state)
{
	struct err e = { 0 };

	(void)state;
	return users_parse("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n", &users,
			   &e);
}

static int tear_down(void **state)
{
	(void)state;
	users_done(&users);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_safe),
		cmocka_unit_test(test_logs_and_terminal),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_image_volumes),
		cmocka_unit_test(test_the_supervisor_reads_what_is_written),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_root_when_asked_for),
		cmocka_unit_test(test_arguments_without_a_shell),
		cmocka_unit_test(test_what_cannot_be_honoured_is_named),
		cmocka_unit_test(test_root_may_be_forbidden),
		cmocka_unit_test(test_users_are_read_line_by_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
