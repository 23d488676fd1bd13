/* What specs are refused before anything is made, by which isolator and with which words. */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "isolators/capabilities.h"
#include "isolators/isolator.h"
#include "isolators/rootfs.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static char root[] = "/", hostname[] = "box";

static struct spec good_spec(void)
{
	return (struct spec){
		.root_path = root, .host_root = true, .hostname = hostname,
		.namespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
			CLONE_NEWCGROUP,
		.no_new_privileges = true,
	};
}

static void assert_refused(const struct spec *spec, int r, const char *msg)
{
	struct err e = { 0 };

	assert_int_equal(isolators_validate(spec, &e), r);
	assert_string_equal(e.msg, msg);
}

static void test_good(void **state)
{
	struct spec spec = good_spec();
	struct err e = { 0 };

	(void)state;
	assert_int_equal(isolators_validate(&spec, &e), 0);
	/* The cgroup namespace is entered later, by init itself. */
	assert_true(isolators_clone_flags(&spec) ==
		    (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC));
}

static void test_namespaces(void **state)
{
	struct spec spec = good_spec();

	(void)state;
	spec.namespaces = CLONE_NEWPID;
	assert_refused(&spec, -EINVAL, "namespaces: share the mount namespace of the host");
	spec.namespaces = CLONE_NEWPID | CLONE_NEWNS;
	assert_refused(&spec, -EINVAL, "namespaces: set hostname 'box' without a uts namespace");
	spec.hostname = NULL;
	spec.domainname = hostname;
	assert_refused(&spec, -EINVAL, "namespaces: set domainname 'box' without a uts namespace");
	/* Its offsets are set before anybody is in it, so that clone3(2) does not make it. */
	spec.namespaces |= CLONE_NEWTIME | CLONE_NEWUTS;
	assert_true(isolators_clone_flags(&spec) == (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS));
}

static void test_numbers(void **state)
{
	struct spec spec = good_spec();
	struct spec_io_device weight = { .major = 8, .name = "weight", .value = 1001 };
	char bad_list[] = "0-", bad_size[] = "2M", bad_device[] = "mlx5 0";
	struct spec_hugepages pages = { .page_size = bad_size };
	struct spec_rdma rdma = { .device = bad_device };

	(void)state;
	spec.cpu_shares = 1;
	assert_refused(&spec, -ERANGE, "cpu: 1 shares are outside 2..262144");
	spec.cpu_shares = 2;
	spec.cpu_quota_usec = 5;
	assert_refused(&spec, -ERANGE, "cpu: quota of 5 us is less than 1000");
	spec.cpu_quota_usec = -1;
	spec.cpu_period_usec = 7;
	assert_refused(&spec, -ERANGE, "cpu: period of 7 us is outside 1000..1000000");
	spec.cpu_period_usec = 0;
	spec.cpuset_cpus = bad_list;
	assert_refused(&spec, -EINVAL, "cpuset: parse cpus '0-'");
	spec.cpuset_cpus = NULL;
	spec.memory_limit_bytes = -2;
	assert_refused(&spec, -ERANGE, "memory: limit of -2 bytes");
	spec.memory_limit_bytes = 10;
	spec.memory_swap_bytes = 9;
	assert_refused(&spec, -ERANGE,
		       "memory: limit of 9 bytes with swap is below the one of 10 without");
	spec.memory_swap_bytes = 0;
	spec.pids_limit = -3;
	assert_refused(&spec, -ERANGE, "pids: limit of -3 processes");
	spec.pids_limit = 0;
	spec.io_weight = 9;
	assert_refused(&spec, -ERANGE, "io: weight 9 is outside 10..1000");
	spec.io_weight = 0;
	spec.io_devices = &weight;
	spec.n_io_devices = 1;
	assert_refused(&spec, -ERANGE, "io: weight 1001 is outside 10..1000");
	spec.n_io_devices = 0;
	spec.hugepages = &pages;
	spec.n_hugepages = 1;
	assert_refused(&spec, -EINVAL, "hugetlb: use pages of '2M', which is not like '2MB'");
	spec.n_hugepages = 0;
	spec.rdma = &rdma;
	spec.n_rdma = 1;
	assert_refused(&spec, -EINVAL, "rdma: limit device 'mlx5 0'");
	spec.n_rdma = 0;
	spec.cpu_quota_usec = 10000;
	spec.cpu_burst_usec = 10001;
	assert_refused(&spec, -ERANGE, "cpu: burst of 10001 us is more than the quota of 10000");
}

static void test_devices(void **state)
{
	static const char *const places[] = {
		"/dev", "/dev/", "/dev/.", "/dev/..", "/dev/x/", "/dev//x", "/dev/x/.", "/dev/x/../y",
		"/dev/ptmx", "/dev/pts/0", "/dev/fd", "dev/x", "",
	};
	char outside[16] = "/etc/disk";
	struct spec_device device = { .path = outside, .type = 'b', .major = 8 };
	struct spec_device_rule rule = { .type = 'x' };
	struct spec spec = good_spec();

	(void)state;
	spec.devices = &device;
	spec.n_devices = 1;
	assert_refused(&spec, -EINVAL, "devices: make device '/etc/disk' outside of '/dev'");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		strcpy(outside, places[i]);
		assert_true(isolators_validate(&spec, &(struct err){ 0 }) == -EINVAL);
	}
	strcpy(outside, "/dev/x/y");
	assert_int_equal(isolators_validate(&spec, &(struct err){ 0 }), 0);
	strcpy(outside, "/etc/disk");
	device.type = 's';
	assert_refused(&spec, -EINVAL, "devices: make device '/etc/disk'");
	spec.n_devices = 0;
	spec.device_rules = &rule;
	spec.n_device_rules = 1;
	assert_refused(&spec, -EINVAL, "devices: parse type of device rule");
	rule = (struct spec_device_rule){ .type = 'c', .major = 4096, .minor = -1 };
	assert_refused(&spec, -ERANGE, "devices: match device 4096:-1");
	spec.n_device_rules = 1000;
	assert_refused(&spec, -E2BIG, "devices: use 1000 rules, more than 256");
}

static void test_unified_keeps_off_the_core(void **state)
{
	static const char *const bad[] = {
		"cgroup.procs=1", "memory.max", "../x.y=1", "=1", "memory=1", ".x=1",
	};
	struct spec spec = good_spec();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };
		char text[32], *list[] = { text, NULL };

		strcpy(text, bad[i]);
		spec.unified = list;
		assert_int_equal(isolators_validate(&spec, &e), -EINVAL);
	}
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(rootfs_path_is_plain("/a"));
	assert_true(rootfs_path_is_plain("/a/b/"));
	/* Or "//proc" would be another place than "/proc" to whoever compares. */
	assert_false(rootfs_path_is_plain("//a"));
	assert_false(rootfs_path_is_plain("/a//b"));
	assert_false(rootfs_path_is_plain("/a//"));
	assert_false(rootfs_path_is_plain("/a/./b"));
	assert_false(rootfs_path_is_plain("/."));
	assert_true(rootfs_path_is_plain("/a/..b/c.."));
	assert_false(rootfs_path_is_plain(""));
	assert_false(rootfs_path_is_plain("a"));
	assert_false(rootfs_path_is_plain("/"));
	assert_false(rootfs_path_is_plain("//"));
	assert_false(rootfs_path_is_plain("/.."));
	assert_false(rootfs_path_is_plain("/a/../b"));
	assert_false(rootfs_path_is_plain("/a/.."));
}

static void test_credentials(void **state)
{
	struct spec spec = good_spec();
	struct spec_rlimit limit = { .resource = RLIMIT_NOFILE, .limit = { 2, 1 } };

	(void)state;
	spec.uid = (uid_t)-1;
	assert_refused(&spec, -EINVAL, "credentials: become user 4294967295, group 0");
	spec.uid = 1;
	spec.capabilities.effective = 1;
	assert_refused(&spec, -EINVAL,
		       "credentials: have capabilities 0x1 effective but not permitted");
	spec.capabilities.permitted = 1;
	assert_refused(&spec, -EINVAL,
		       "credentials: have capabilities 0x1 permitted but not bounding");
	spec.capabilities.bounding = 1;
	spec.capabilities.ambient = 2;
	assert_refused(&spec, -EINVAL,
		       "credentials: have capabilities 0x2 ambient but not permitted");
	spec.capabilities.ambient = 0;
	spec.rlimits = &limit;
	spec.n_rlimits = 1;
	assert_refused(&spec, -EINVAL, "rlimits: set soft limit of resource 7 above the hard one");
}

static void test_capability_names(void **state)
{
	(void)state;
	for (int i = 0; i < N_CAPABILITIES; i++) {
		assert_non_null(capability_name(i));
		assert_int_equal(capability_from_name(capability_name(i)), i);
	}
	assert_int_equal(capability_from_name("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
	assert_int_equal(capability_from_name("CHOWN"), CAP_CHOWN);
	assert_int_equal(capability_from_name("CAP_FLY"), -EINVAL);
	assert_int_equal(capability_from_name("cap_chown"), -EINVAL);
	assert_int_equal(capability_from_name(""), -EINVAL);
	assert_null(capability_name(N_CAPABILITIES));
	assert_null(capability_name(-1));
}

static void test_layers(void **state)
{
	char a[] = "/a", up[] = "/a/../b", top[] = "/c", *layers[] = { a, NULL, NULL };
	struct spec spec = good_spec();

	(void)state;
	spec.host_root = false;
	spec.root_layers = layers;
	assert_refused(&spec, -EINVAL, "filesystem: write to 1 layers in ''");
	spec.root_upper = up;
	assert_refused(&spec, -EINVAL, "filesystem: write to 1 layers in '/a/../b'");
	spec.root_upper = top;
	spec.root_directories = (char *[]){ up, NULL };
	assert_refused(&spec, -EINVAL, "filesystem: make directory '/a/../b' of the root");
	spec.root_directories = NULL;
	layers[1] = up;
	assert_refused(&spec, -EINVAL, "filesystem: use '/a/../b' as a layer of the root");
	layers[1] = NULL;
	spec.host_root = true;
	assert_refused(&spec, -EINVAL, "filesystem: use layers and the host's root");
	spec.host_root = false;
	layers[0] = NULL;
	assert_refused(&spec, -EINVAL, "filesystem: write to 0 layers in '/c'");
}

static void test_mounts_of_layers(void **state)
{
	char a[] = "/a", up[] = "/a/../b", top[] = "/c", type[] = "layers", place[] = "/x";
	char *layers[] = { a, NULL, NULL }, *options[] = { NULL, NULL }, size[] = "size=5";
	struct spec_mount mount = {
		.destination = place, .type = type, .options = options,
	};
	struct spec spec = good_spec();

	(void)state;
	spec.mounts = &mount;
	spec.n_mounts = 1;
	assert_refused(&spec, -EINVAL, "filesystem: mounts[0]: no layers");
	mount.layers = layers;
	assert_refused(&spec, -EINVAL, "filesystem: write to 1 layers in ''");
	mount.source = top;
	layers[1] = up;
	assert_refused(&spec, -EINVAL, "filesystem: use '/a/../b' as a layer of mounts[0]");
	layers[1] = NULL;
	options[0] = size;
	assert_refused(&spec, -EINVAL, "filesystem: mounts[0].options: 'size=5' is not for layers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_unified_keeps_off_the_core),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_capability_names),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_mounts_of_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
