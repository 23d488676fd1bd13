/* Attributes of the process, and kernel parameters: what is refused, with which words. */
#include <errno.h>
#include <linux/sched.h>

#include "lib/cleanup.h"
#include "tests/unit/spec_cases.h"

static const char base[] =
	"{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"/bin/true\"],\"cwd\":\"/\","
	"\"user\":{\"uid\":0,\"gid\":0}},\"root\":{\"path\":\"/srv/root\"},"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]}}";

static const struct spec_case bad[] = {
	{ "process.scheduler", "[]", -EINVAL, "process.scheduler: not an object" },
	{ "process.scheduler", "{}", -EINVAL, "process.scheduler.policy: missing" },
	{ "process.scheduler", "{\"policy\":7}", -EINVAL,
	  "process.scheduler.policy: not a string" },
	{ "process.scheduler", "{\"policy\":\"SCHED_ISO\"}", -EINVAL,
	  "process.scheduler.policy: 'SCHED_ISO' is not supported" },
	{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"nice\":20}", -ERANGE,
	  "process.scheduler.nice: 20 is outside -20..19" },
	{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"flags\":[\"x\"]}", -EINVAL,
	  "process.scheduler.flags: 'x' is not supported" },
	{ "process.scheduler", "{\"policy\":\"SCHED_RR\",\"priority\":100}", -ERANGE,
	  "process.scheduler.priority: 100 is outside 0..99" },
	{ "process.scheduler", "{\"policy\":\"SCHED_RR\"}", -EINVAL,
	  "scheduler: process.scheduler.priority: 1 to 99 with SCHED_FIFO and SCHED_RR, and 0 with "
	  "others" },
	{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"priority\":1}", -EINVAL,
	  "scheduler: process.scheduler.priority: 1 to 99 with SCHED_FIFO and SCHED_RR, and 0 with "
	  "others" },
	{ "process.scheduler", "{\"policy\":\"SCHED_IDLE\",\"nice\":1}", -EINVAL,
	  "scheduler: process.scheduler.nice: for SCHED_OTHER and SCHED_BATCH only" },
	{ "process.scheduler", "{\"policy\":\"SCHED_DEADLINE\"}", -EINVAL,
	  "scheduler: process.scheduler: runtime, deadline and period are for SCHED_DEADLINE, "
	  "which needs them" },
	{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"period\":1}", -EINVAL,
	  "scheduler: process.scheduler: runtime, deadline and period are for SCHED_DEADLINE, "
	  "which needs them" },
	{ "process.ioPriority", "7", -EINVAL, "process.ioPriority: not an object" },
	{ "process.ioPriority", "{\"priority\":1}", -EINVAL, "process.ioPriority.class: missing" },
	{ "process.ioPriority", "{\"class\":\"IOPRIO_CLASS_NONE\"}", -EINVAL,
	  "process.ioPriority.class: 'IOPRIO_CLASS_NONE' is not supported" },
	{ "process.ioPriority", "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}", -ERANGE,
	  "process.ioPriority.priority: 8 is outside 0..7" },
	{ "process.execCPUAffinity", "[]", -EINVAL, "process.execCPUAffinity: not an object" },
	{ "process.execCPUAffinity", "{\"initial\":7}", -EINVAL,
	  "process.execCPUAffinity.initial: not a string" },
	{ "process.execCPUAffinity", "{\"final\":\"0-\"}", -EINVAL,
	  "process.execCPUAffinity.final: '0-' is not a list of processors" },
	{ "process.apparmorProfile", "7", -EINVAL, "process.apparmorProfile: not a string" },
	{ "process.selinuxLabel", "\"system_u\"", -ENOTSUP,
	  "process.selinuxLabel: SELinux is not supported" },
	{ "linux.mountLabel", "\"system_u\"", -ENOTSUP,
	  "linux.mountLabel: SELinux is not supported" },
	{ "linux.intelRdt", "{}", -ENOTSUP, "linux.intelRdt: cache allocation is not supported" },
	{ "linux.memoryPolicy", "{}", -ENOTSUP,
	  "linux.memoryPolicy: NUMA policies are not supported" },
	{ "linux.netDevices", "{\"eth0\":{}}", -ENOTSUP,
	  "linux.netDevices: moving of devices is not supported" },
	{ "linux.personality", "\"LINUX\"", -EINVAL, "linux.personality: not an object" },
	{ "linux.personality", "{}", -EINVAL, "linux.personality.domain: missing" },
	{ "linux.personality", "{\"domain\":\"SVR4\"}", -EINVAL,
	  "linux.personality.domain: 'SVR4' is not supported" },
	{ "linux.personality", "{\"domain\":\"LINUX\",\"flags\":[\"ADDR_NO_RANDOMIZE\"]}", -EINVAL,
	  "linux.personality.flags: 'ADDR_NO_RANDOMIZE' is not supported" },

	{ "linux.sysctl", "[]", -EINVAL, "linux.sysctl: not an object" },
	{ "linux.sysctl", "{\"net.ipv4.ip_forward\":1}", -EINVAL,
	  "linux.sysctl.net.ipv4.ip_forward: not a string" },
	{ "linux.sysctl", "{\"\":\"1\"}", -EINVAL, "linux.sysctl.: not a name" },
	{ "linux.sysctl", "{\"net.a=b\":\"1\"}", -EINVAL, "linux.sysctl.net.a=b: not a name" },
	{ "linux.sysctl", "{\"net.ipv4.ip_forward\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'net/ipv4/ip_forward' is the host's: there is no own "
	  "network namespace" },
	{ "linux.sysctl", "{\"kernel.shmmax\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'kernel/shmmax' is the host's: there is no own ipc "
	  "namespace" },
	{ "linux.sysctl", "{\"kernel.hostname\":\"x\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'kernel/hostname' is the host's: there is no own uts "
	  "namespace" },
	{ "linux.sysctl", "{\"user.max_user_namespaces\":\"0\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'user/max_user_namespaces' is the host's: there is no own "
	  "user namespace" },
	{ "linux.sysctl", "{\"kernel.core_pattern\":\"|/x\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'kernel/core_pattern' is the whole host's" },
	{ "linux.sysctl", "{\"kernel.shmmax2\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'kernel/shmmax2' is the whole host's" },
	{ "linux.sysctl", "{\"net/../kernel/core_pattern\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'net/../kernel/core_pattern' is the whole host's" },
	{ "linux.sysctl", "{\"net.//.kernel.core_pattern\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'net/../kernel/core_pattern' is the whole host's" },
	{ "linux.sysctl", "{\"net\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'net' is the whole host's" },
	{ "linux.sysctl", "{\"vm/swappiness\":\"1\"}", -EINVAL,
	  "sysctls: linux.sysctl: 'vm/swappiness' is the whole host's" },
};

static void test_bad_attributes_are_named(void **state)
{
	(void)state;
	spec_check_refused(base, bad, ARRAY_SIZE(bad));
}

static void test_good_attributes(void **state)
{
	json_t *doc = spec_parse_json(base);
	struct spec spec;
	struct err e = { 0 };

	(void)state;
	spec_patch(doc, "process.scheduler", "{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,"
		   "\"deadline\":2,\"period\":3,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\","
		   "\"SCHED_FLAG_DL_OVERRUN\"]}");
	spec_patch(doc, "process.ioPriority", "{\"class\":\"IOPRIO_CLASS_IDLE\"}");
	spec_patch(doc, "process.execCPUAffinity", "{\"initial\":\"0\",\"final\":\"0-3,7\"}");
	spec_patch(doc, "process.apparmorProfile", "\"docker-default\"");
	spec_patch(doc, "process.selinuxLabel", "\"\"");
	spec_patch(doc, "linux", "{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},"
		   "{\"type\":\"network\"}],\"personality\":{\"domain\":\"LINUX32\",\"flags\":[]},\"sysctl\":"
		   "{\"net.ipv4.conf.eth0/1.forwarding\":\"1\",\"net/ipv4/conf/a.b/x\":\"2\"}}");
	assert_int_equal(spec_from_json(doc, &spec, &e), 0);
	assert_int_equal(isolators_validate(&spec, &e), 0);
	assert_int_equal(spec.scheduler.policy, SCHED_DEADLINE);
	assert_int_equal(spec.scheduler.flags, 5);
	assert_int_equal(spec.scheduler.period, 3);
	assert_int_equal(spec.io_class, 3);
	assert_string_equal(spec.exec_cpus_final, "0-3,7");
	assert_string_equal(spec.apparmor_profile, "docker-default");
	assert_true(spec.has_personality);
	assert_int_equal(spec.personality, 8);
	assert_string_equal(spec.sysctls[0], "net/ipv4/conf/eth0.1/forwarding=1");
	assert_string_equal(spec.sysctls[1], "net/ipv4/conf/a.b/x=2");
	assert_null(spec.sysctls[2]);
	spec_done(&spec);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_attributes_are_named),
		cmocka_unit_test(test_good_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
