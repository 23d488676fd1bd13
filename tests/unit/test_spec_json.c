#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "containerizer/spec_parts.h"
#include "lib/cleanup.h"
#include "tests/unit/spec_cases.h"

static const char base[] =
	"{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"/bin/true\"],\"cwd\":\"/\","
	"\"user\":{\"uid\":1,\"gid\":2}},\"root\":{\"path\":\"/\"},\"linux\":{}}";

static const struct spec_case bad[] = {
	{ "ociVersion", "", -EINVAL, "config.ociVersion: missing" },
	{ "ociVersion", "\"2.0\"", -EINVAL, "config.ociVersion: '2.0' is not 1.x" },
	{ "process", "", -EINVAL, "config.process: missing" },
	{ "process", "7", -EINVAL, "process: not an object" },
	{ "root", "{}", -EINVAL, "root.path: missing" },
	{ "linux", "", -EINVAL, "config.linux: missing" },
	{ "domainname", "7", -EINVAL, "config.domainname: not a string" },
	{ "domainname", "\"\"", -ERANGE, "config.domainname: 0 bytes is outside 1..64" },
	{ "hooks", "{\"prestart\":{}}", -EINVAL, "hooks.prestart: not a list" },
	{ "hooks", "{\"poststop\":[{\"path\":\"/a\"},{\"path\":\"b\"}]}", -EINVAL,
	  "hooks.poststop[1].path: 'b' is not absolute" },
	{ "hooks", "{\"createRuntime\":[{\"path\":\"/a\",\"timeout\":0}]}", -ERANGE,
	  "hooks.createRuntime[0].timeout: 0 is outside 1..86400" },
	{ "hostname", "7", -EINVAL, "config.hostname: not a string" },
	{ "process.args", "[]", -EINVAL, "process.args: no program" },
	{ "process.args", "[\"\"]", -EINVAL, "process.args: no program" },
	{ "process.args", "[7]", -EINVAL, "process.args: not a list of strings" },
	{ "process.cwd", "\"tmp\"", -EINVAL, "process.cwd: 'tmp' is not absolute" },
	{ "process.env", "[\"A=1\",\"=2\"]", -EINVAL, "process.env[1]: not NAME=VALUE" },
	{ "process.env", "[\"A\"]", -EINVAL, "process.env[0]: not NAME=VALUE" },
	{ "process.terminal", "1", -EINVAL, "process.terminal: not a boolean" },
	{ "process.oomScoreAdj", "1001", -EINVAL,
	  "process.oomScoreAdj: not an integer of -1000..1000" },
	{ "process.user.uid", "4294967295", -ERANGE,
	  "process.user.uid: 4294967295 is outside 0..4294967294" },
	{ "process.user.uid", "-1", -EINVAL, "process.user.uid: not an unsigned integer" },
	{ "process.user.additionalGids", "[1,-1]", -EINVAL,
	  "process.user.additionalGids[1]: not a group id" },
	{ "process.user.umask", "512", -ERANGE, "process.user.umask: 512 is outside 0..511" },
	{ "process.capabilities", "{\"bounding\":[\"CAP_KILL\",\"CAP_NOPE\"]}", -EINVAL,
	  "process.capabilities.bounding[1]: unknown capability 'CAP_NOPE'" },
	{ "process.rlimits", "[{\"soft\":1,\"hard\":1}]", -EINVAL,
	  "process.rlimits[0].type: missing" },
	{ "process.rlimits", "[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]", -EINVAL,
	  "process.rlimits[0].type: unknown limit 'RLIMIT_X'" },
	{ "process.rlimits", "[{\"type\":\"RLIMIT_CORE\",\"soft\":2,\"hard\":1}]", -EINVAL,
	  "process.rlimits[0].soft: above the hard limit" },
	{ "process.rlimits", "[{\"type\":\"RLIMIT_CORE\",\"soft\":-1,\"hard\":1}]", -EINVAL,
	  "process.rlimits[0].soft: above the hard limit" },
	{ "process.rlimits", "[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1},"
	  "{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1}]", -EINVAL,
	  "process.rlimits[1].type: 'RLIMIT_CORE' is there twice" },
	{ "linux.rootfsPropagation", "\"open\"", -EINVAL,
	  "linux.rootfsPropagation: 'open' is not one" },
	{ "linux.rootfsPropagation", "7", -EINVAL, "linux.rootfsPropagation: not a string" },
	{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"s\",\"major\":1,\"minor\":1}]",
	  -EINVAL, "linux.devices[0].type: 's' is none of 'b', 'c', 'u', 'p'" },
	{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"p\"},{\"path\":\"/dev/y\","
	  "\"type\":\"c\",\"major\":0}]", -EINVAL, "linux.devices[1].minor: missing" },
	{ "linux.resources.devices", "[{\"allow\":true,\"access\":\"rx\"}]", -EINVAL,
	  "linux.resources.devices[0].access: 'rx' is more than 'r', 'w', 'm'" },
	{ "linux.resources.devices", "[{}]", -EINVAL, "linux.resources.devices[0].allow: missing" },
	{ "linux.resources.memory", "{\"limt\":1}", -EINVAL,
	  "linux.resources.memory.limt: unknown field" },
	{ "linux.resources.memory", "{\"limit\":-2}", -ERANGE,
	  "linux.resources.memory.limit: -2 is outside -1..1152921504606846976" },
	{ "linux.resources.cpu", "{\"shares\":1}", -ERANGE,
	  "linux.resources.cpu.shares: 1 is outside 2..262144" },
	{ "linux.resources.blockIO", "{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}]}",
	  -EINVAL, "linux.resources.blockIO.throttleReadBpsDevice[0].rate: missing" },
	{ "linux.resources.unified", "{\"../memory.max\":\"1\"}", -EINVAL,
	  "linux.resources.unified.../memory.max: not a controller's file" },
	{ "linux.resources.unified", "{\"cgroup.procs\":\"1\"}", -EINVAL,
	  "linux.resources.unified.cgroup.procs: not a controller's file" },
	{ "linux.resources.unified", "{\"pids.max\":1}", -EINVAL,
	  "linux.resources.unified.pids.max: not a string" },
	{ "linux.resources.memory", "{\"kernel\":1048576}", -ENOTSUP,
	  "linux.resources.memory.kernel: not supported: kernel memory counts for the limit" },
	{ "linux.resources.memory", "{\"kernelTCP\":1}", -ENOTSUP,
	  "linux.resources.memory.kernelTCP: not supported: buffers of sockets count for the limit" },
	{ "linux.resources.memory", "{\"disableOOMKiller\":true}", -ENOTSUP,
	  "linux.resources.memory.disableOOMKiller: not supported: a container without memory would hang" },
	{ "linux.resources.memory", "{\"useHierarchy\":false}", -ENOTSUP,
	  "linux.resources.memory.useHierarchy: not supported: limits always hold for the groups below" },
	{ "linux.resources.memory", "{\"swappiness\":101}", -ERANGE,
	  "linux.resources.memory.swappiness: 101 is outside 0..100" },
	{ "linux.resources.memory", "{\"checkBeforeUpdate\":1}", -EINVAL,
	  "linux.resources.memory.checkBeforeUpdate: not a boolean" },
	{ "linux.resources.cpu", "{\"realtimeRuntime\":950000}", -ENOTSUP,
	  "linux.resources.cpu.realtimeRuntime: not supported: cgroup v2 does not divide real time" },
	{ "linux.resources.cpu", "{\"realtimePeriod\":1000000}", -ENOTSUP,
	  "linux.resources.cpu.realtimePeriod: not supported: cgroup v2 does not divide real time" },
	{ "linux.resources.cpu", "{\"burst\":-1}", -EINVAL,
	  "linux.resources.cpu.burst: not an unsigned integer" },
	{ "linux.resources.cpu", "{\"idle\":2}", -ERANGE,
	  "linux.resources.cpu.idle: 2 is outside 0..1" },
	{ "linux.resources.blockIO", "{\"leafWeight\":10}", -ENOTSUP,
	  "linux.resources.blockIO.leafWeight: not supported: no process is beside the groups below it" },
	{ "linux.resources.blockIO", "{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":9}]}",
	  -ERANGE, "linux.resources.blockIO.weightDevice[0].weight: 9 is outside 10..1000" },
	{ "linux.resources.blockIO",
	  "{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10,\"leafWeight\":10}]}",
	  -ERANGE, "linux.resources.blockIO.weightDevice[0].leafWeight: 10 is outside 0..0" },
	{ "linux.resources.blockIO", "{\"throttleReadIOPSDevice\":{}}", -EINVAL,
	  "linux.resources.blockIO.throttleReadIOPSDevice: not a list of at most 4096 entries" },
	{ "linux.resources.hugepageLimits", "[{\"pageSize\":\"2MB\"}]", -EINVAL,
	  "linux.resources.hugepageLimits[0].limit: missing" },
	{ "linux.resources.hugepageLimits", "{}", -EINVAL,
	  "linux.resources.hugepageLimits: not a list" },
	{ "linux.resources.rdma", "{\"mlx5_0\":{\"hcaHandles\":-1}}", -ERANGE,
	  "linux.resources.rdma.mlx5_0.hcaHandles: -1 is outside 0..4294967295" },
	{ "linux.resources.rdma", "[]", -EINVAL,
	  "linux.resources.rdma: not an object of at most 4096 devices" },
	{ "linux.resources.network", "{\"classID\":1}", -ENOTSUP,
	  "linux.resources.network.classID: not supported: cgroup v2 marks no packets" },
	{ "linux.resources.network", "{\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}", -ENOTSUP,
	  "linux.resources.network.priorities: not supported: cgroup v2 marks no packets" },
	{ "annotations", "{\"io.tepui.typo\":\"1\"}", -EINVAL,
	  "annotations.io.tepui.typo: unknown field" },
	{ "annotations", "{\"a\":1}", -EINVAL, "annotations.a: not a string" },
	{ "annotations", "{\"io.tepui.host-root\":\"yes\"}", -EINVAL,
	  "annotations.io.tepui.host-root: neither 'true' nor 'false'" },
	{ "annotations", "{\"io.tepui.network\":\"{\"}", -EINVAL,
	  "annotations.io.tepui.network: line 1 column 1: string or '}' expected near end of file" },
	{ "annotations", "{\"io.tepui.network\":\"{}\"}", -EINVAL,
	  "annotations.io.tepui.network.attachments: missing" },
	{ "annotations", "{\"io.tepui.network\":\"{\\\"attachments\\\":[{\\\"network\\\":\\\"n\\\"}]}\"}", -EINVAL,
	  "annotations.io.tepui.network.attachments[0].interface: missing" },
	{ "annotations", "{\"io.tepui.network\":\"{\\\"attachments\\\":[{\\\"network\\\":\\\"n\\\",\\\"interface\\\":\\\"sixteen--letters\\\"}]}\"}", -ERANGE,
	  "annotations.io.tepui.network.attachments[0].interface: 16 bytes is outside 1..15" },
	{ "annotations", "{\"io.tepui.network\":\"{\\\"attachments\\\":[{\\\"network\\\":\\\"n\\\",\\\"interface\\\":\\\"e\\\",\\\"typo\\\":1}]}\"}", -EINVAL,
	  "annotations.io.tepui.network.attachments[0].typo: unknown field" },
	{ "annotations", "{\"io.tepui.logs\":\"1:2 3:4 \"}", -EINVAL,
	  "annotations.io.tepui.logs: not BYTES:FILES twice" },
	{ "annotations", "{\"io.tepui.logs\":\"1:2 3:101\"}", -EINVAL,
	  "annotations.io.tepui.logs: not BYTES:FILES twice" },
	{ "annotations", "{\"io.tepui.hidden\":\"/a:b\"}", -EINVAL,
	  "annotations.io.tepui.hidden: path 1 is not absolute" },
	{ "annotations", "{\"io.tepui.root-layers\":\"/a::/b\"}", -EINVAL,
	  "annotations.io.tepui.root-layers: path 1 is not absolute" },
	{ "annotations", "{\"io.tepui.mount-layers\":\"/a:/b\\n/c\"}", -EINVAL,
	  "annotations.io.tepui.mount-layers: more lines than mounts of type 'layers'" },
};

static void test_bad_documents_are_named_and_leave_the_result_alone(void **state)
{
	(void)state;
	spec_check_refused(base, bad, ARRAY_SIZE(bad));
}

static void test_the_smallest_document_gets_defaults(void **state)
{
	json_t *doc = spec_parse_json(base);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	spec_patch(doc, "annotations", "{\"com.example.note\":\"for others\"}");
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_null(spec.id);
	assert_string_equal(spec.args[0], "/bin/true");
	assert_null(spec.args[1]);
	assert_null(spec.env[0]);
	assert_int_equal(spec.uid, 1);
	assert_int_equal(spec.gid, 2);
	assert_int_equal(spec.umask, 022);
	assert_int_equal(spec.namespaces, 0);
	assert_int_equal(spec.capabilities.bounding, 0);
	assert_false(spec.has_oom_score_adj);
	assert_false(spec.host_root);
	spec_done(&spec);
	json_decref(doc);
}

static const char full[] =
	"{\"ociVersion\":\"1.0.2\",\"hostname\":\"box\","
	"\"process\":{\"args\":[\"a\",\"b\"],\"env\":[\"A=1\",\"B=\"],\"cwd\":\"/w\","
	"\"noNewPrivileges\":true,\"oomScoreAdj\":-5,"
	"\"user\":{\"uid\":0,\"gid\":0,\"umask\":63,\"additionalGids\":[5,6]},"
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1024,\"hard\":65536},"
	"{\"type\":\"RLIMIT_CPU\",\"soft\":7,\"hard\":-1}]},"
	"\"root\":{\"path\":\"/r\",\"readonly\":true},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"options\":[\"nosuid\"]},{\"destination\":\"/v\",\"source\":\"/h\"}],"
	"\"hooks\":{},"
	"\"linux\":{\"cgroupsPath\":\"/x\",\"sysctl\":{},\"rootfsPropagation\":\"private\","
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\",\"path\":\"\"}],"
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],"
	"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"u\",\"major\":1,\"minor\":3,"
	"\"fileMode\":438}],"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"},"
	"\"resources\":{\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":1,"
	"\"minor\":3,\"access\":\"rw\"}],"
	"\"memory\":{\"limit\":1000,\"reservation\":500,\"swap\":1000},"
	"\"cpu\":{\"shares\":512,\"quota\":-1,\"period\":100000,\"cpus\":\"0-1\"},"
	"\"pids\":{\"limit\":10},\"blockIO\":{\"weight\":100,\"throttleWriteIOPSDevice\":"
	"[{\"major\":8,\"minor\":16,\"rate\":99}],\"throttleReadBpsDevice\":"
	"[{\"major\":8,\"minor\":0,\"rate\":1048576}]},"
	"\"unified\":{\"memory.high\":\"900\"}}},"
	"\"annotations\":{\"io.tepui.cgroups\":\"L\",\"io.tepui.sandbox\":\"/s\","
	"\"io.tepui.sandbox-destination\":\"/d\",\"io.tepui.host-root\":\"true\","
	"\"io.tepui.hidden\":\"/a:/b\"}}";

static void check_process_part(const struct spec *s)
{
	assert_string_equal(s->hostname, "box");
	assert_string_equal(s->args[1], "b");
	assert_string_equal(s->env[1], "B=");
	assert_string_equal(s->cwd, "/w");
	assert_true(s->no_new_privileges && s->has_oom_score_adj && s->root_readonly);
	assert_int_equal(s->oom_score_adj, -5);
	assert_int_equal(s->umask, 077);
	assert_int_equal(s->n_additional_gids, 2);
	assert_int_equal(s->additional_gids[1], 6);
	assert_int_equal(s->capabilities.bounding, 1 << 0 | 1 << 5);
	assert_int_equal(s->capabilities.effective, 1 << 5);
	assert_int_equal(s->capabilities.ambient, 0);
	assert_int_equal(s->n_rlimits, 2);
	assert_int_equal(s->rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(s->rlimits[0].limit.rlim_max, 65536);
	assert_true(s->rlimits[1].limit.rlim_max == RLIM_INFINITY);
	assert_int_equal(s->n_mounts, 2);
	assert_string_equal(s->mounts[0].options[0], "nosuid");
	assert_string_equal(s->mounts[1].type, "bind");
	assert_null(s->mounts[1].options[0]);
}

static void check_linux_part(const struct spec *s)
{
	assert_int_equal(s->namespaces, CLONE_NEWPID | CLONE_NEWNS);
	assert_string_equal(s->masked_paths[0], "/proc/kcore");
	assert_string_equal(s->readonly_paths[0], "/proc/sys");
	assert_int_equal(s->devices[0].type, 'c');
	assert_int_equal(s->devices[0].mode, 0666);
	assert_non_null(s->seccomp);
	assert_int_equal(s->n_device_rules, 2);
	assert_int_equal(s->device_rules[0].type, 'a');
	assert_int_equal(s->device_rules[0].major, -1);
	assert_true(s->device_rules[0].can_mknod);
	assert_true(s->device_rules[1].allow && s->device_rules[1].can_write);
	assert_false(s->device_rules[1].can_mknod);
	assert_int_equal(s->memory_limit_bytes, 1000);
	assert_int_equal(s->memory_reservation_bytes, 500);
	assert_int_equal(s->memory_swap_bytes, 1000);
	assert_int_equal(s->cpu_shares, 512);
	assert_int_equal(s->cpu_quota_usec, -1);
	assert_int_equal(s->cpu_period_usec, 100000);
	assert_string_equal(s->cpuset_cpus, "0-1");
	assert_int_equal(s->pids_limit, 10);
	assert_int_equal(s->io_weight, 100);
	assert_int_equal(s->n_io_devices, 2);
	assert_true(s->io_devices[0].major == 8 && s->io_devices[0].minor == 0);
	assert_string_equal(s->io_devices[0].name, "rbps");
	assert_int_equal(s->io_devices[0].value, 1048576);
	assert_true(s->io_devices[1].major == 8 && s->io_devices[1].minor == 16);
	assert_string_equal(s->io_devices[1].name, "wiops");
	assert_int_equal(s->io_devices[1].value, 99);
	assert_string_equal(s->unified[0], "memory.high=900");
	assert_string_equal(s->cgroup_layout, "L");
	assert_string_equal(s->sandbox, "/s");
	assert_string_equal(s->sandbox_destination, "/d");
	assert_true(s->host_root);
	assert_string_equal(s->hidden_paths[0], "/a");
	assert_string_equal(s->hidden_paths[1], "/b");
	assert_null(s->hidden_paths[2]);
}

static void test_everything_is_read(void **state)
{
	json_t *doc = json_loads(full, JSON_REJECT_DUPLICATES, NULL);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	assert_non_null(doc);
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	json_decref(doc);
	check_process_part(&spec);
	check_linux_part(&spec);
	spec_done(&spec);
}

/* What a later version of the specification may bring (OCI config.md, extensibility). */
static void test_unknown_properties_are_passed_over(void **state)
{
	static const char *const paths[] = {
		"newer", "process.newer", "process.user.newer", "root.newer", "linux.newer",
		"hooks", "mounts",
	};
	static const char *const values[] = {
		"1", "{}", "[]", "\"x\"", "null",
		"{\"newer\":[],\"prestart\":[{\"path\":\"/a\",\"newer\":1}]}",
		"[{\"destination\":\"/a\",\"source\":\"/b\",\"newer\":1}]",
	};
	json_t *doc = json_loads(full, JSON_REJECT_DUPLICATES, NULL);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		spec_patch(doc, paths[i], values[i]);
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	json_decref(doc);
	assert_int_equal(spec.n_mounts, 1);
	spec_done(&spec);
}

static const struct {
	const char *path, *clean;
} paths[] = {
	{ "/", "/" }, { "//", "/" }, { "/.", "/" }, { "/a", "/a" }, { "/a/", "/a" }, { "//a/./b/", "/a/b" },
	{ "/a/.", "/a" }, { "/a/..", "/" }, { "/a/../b", "/b" }, { "/a/b/../../..", "/" },
	{ "/../a", "/a" }, { "/a/..b/c..", "/a/..b/c.." }, { "/a/...", "/a/..." },
};

static void test_paths_are_cleaned(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char text[64];

		(void)stpcpy(text, paths[i].path);
		spec_clean_path(text);
		assert_string_equal(text, paths[i].clean);
	}
}

static int write_file(int dir, const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
}

static void test_a_bundle_is_loaded_from_its_directory(void **state)
{
	char path[] = "/tmp/tepui-unit-XXXXXX", *made = mkdtemp(path);
	AUTO_CLOSE int dir = -EBADF;
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	assert_non_null(made);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(spec_load(dir, "config.json", &spec, &e), -ENOENT);
	assert_string_equal(e.msg, "open 'config.json'");
	err_clear(&e);

	assert_int_equal(write_file(dir, "config.json", "{\"a\":1,\"a\":2}"), 0);
	assert_int_equal(spec_load(dir, "config.json", &spec, &e), -EINVAL);
	assert_int_equal(strncmp(e.msg, "config.json: ", 13), 0);
	err_clear(&e);

	assert_int_equal(write_file(dir, "config.json",
				    "{\"ociVersion\":\"1.0\",\"process\":{\"args\":[\"x\"],"
				    "\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}},"
				    "\"root\":{\"path\":\"./rootfs/.\"},\"linux\":{}}"), 0);
	assert_int_equal(spec_load(dir, "config.json", &spec, &e), 0);
	assert_string_equal(spec.root_path, "./rootfs/.");
	assert_int_equal(spec_make_paths_absolute("/of/bundle", &spec, &e), 0);
	assert_string_equal(spec.root_path, "/of/bundle/rootfs");
	spec_done(&spec);

	assert_int_equal(unlinkat(dir, "config.json", 0), 0);
	assert_int_equal(mkfifoat(dir, "config.json", 0600), 0);
	assert_int_equal(spec_load(dir, "config.json", &spec, &e), -EINVAL);
	assert_int_equal(unlinkat(dir, "config.json", 0), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_documents_are_named_and_leave_the_result_alone),
		cmocka_unit_test(test_the_smallest_document_gets_defaults),
		cmocka_unit_test(test_everything_is_read),
		cmocka_unit_test(test_unknown_properties_are_passed_over),
		cmocka_unit_test(test_paths_are_cleaned),
		cmocka_unit_test(test_a_bundle_is_loaded_from_its_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
