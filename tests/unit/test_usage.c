/* Usage from the files of a cgroup, made of plain files; and of the node, from the real /proc. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolators/cgroup.h"
#include "isolators/usage.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const struct {
	const char *name, *text;
} files[] = {
	{ "cgroup.events", "populated 1\nfrozen 0\n" },
	{ "cgroup.procs", "10\n11\n12\n" },
	{ "cgroup.threads", "10\n11\n12\n13\n" },
	{ "cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 5\nnr_throttled 2\n"
		      "throttled_usec 999\n" },
	{ "cpu.max", "20000 100000\n" },
	{ "cpu.weight", "10\n" },
	{ "cpu.pressure", "some avg10=1.50 avg60=0.00 avg300=0.00 total=77\n"
			  "full avg10=0.25 avg60=0.00 avg300=0.00 total=66\n" },
	{ "memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
			     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n" },
	{ "io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
			 "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n" },
	{ "memory.current", "4096\n" },
	{ "memory.peak", "8192\n" },
	{ "memory.max", "max\n" },
	{ "memory.stat", "anon 100\nfile 200\nkernel 300\nfile_mapped 400\nunevictable 500\n" },
	{ "memory.events", "low 7\nhigh 8\nmax 9\noom 2\noom_kill 1\noom_group_kill 5\n" },
	{ "memory.swap.max", "0\n" },
	{ "hugetlb.2MB.current", "2097152\n" },
	{ "hugetlb.2MB.max", "4194304\n" },
	{ "hugetlb.2MB.events", "max 6\n" },
	{ "hugetlb.1GB.current", "0\n" },
	{ "rdma.current", "mlx5_0 hca_handle=2 hca_object=2000\nbroken\n" },
	{ "pids.current", "4\n" },
	{ "pids.peak", "8\n" },
	{ "pids.max", "1024\n" },
	{ "pids.events", "max 3\n" },
	{ "io.stat", "8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n"
		     "8:16 rbytes=10 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n" },
};

struct fake {
	char path[64];
	struct cgroup cg;
};

static int set_up(void **state)
{
	static struct fake f;

	f = (struct fake){ .path = "/tmp/tepui-test-usage-XXXXXX", .cg = CGROUP_INIT };
	assert_non_null(mkdtemp(f.path));
	f.cg.core_fd = open(f.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		f.cg.versions[i] = 2;
		f.cg.fds[i] = f.cg.core_fd;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = openat(f.cg.core_fd, files[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_int_equal(write(fd, files[i].text, strlen(files[i].text)),
				 strlen(files[i].text));
		(void)close(fd);
	}
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(f->cg.core_fd, files[i].name, 0);
	cgroup_close(&f->cg);
	return rmdir(f->path);
}

static void assert_lists(const struct usage *u)
{
	assert_int_equal(u->n_io_devices, 2);
	assert_true(u->io_devices[1].major == 8 && u->io_devices[1].minor == 16);
	assert_int_equal(u->io_devices[1].read_bytes, 10);
	assert_int_equal(u->io_devices[1].write_bytes, 20);
	assert_int_equal(u->io_devices[1].reads, 3);
	assert_int_equal(u->io_devices[1].writes, 4);
	assert_int_equal(u->n_hugepages, 2);
	assert_string_equal(u->hugepages[0].page_size, "2MB");
	assert_int_equal(u->hugepages[0].bytes, 2097152);
	assert_int_equal(u->hugepages[0].limit_bytes, 4194304);
	assert_int_equal(u->hugepages[0].failures, 6);
	assert_true(u->hugepages[1].limit_bytes == UINT64_MAX);
	assert_int_equal(u->n_rdma, 1);
	assert_string_equal(u->rdma[0].device, "mlx5_0");
	assert_int_equal(u->rdma[0].objects, 2000);
}

static void test_sample(void **state)
{
	struct fake *f = *state;
	struct err e = { 0 };
	struct usage u;

	assert_int_equal(usage_sample(&f->cg, &u, &e), 0);
	assert_true(u.wall_ms > 0);
	assert_int_equal(u.cpu_usage_usec, 30);
	assert_int_equal(u.cpu_user_usec, 10);
	assert_int_equal(u.cpu_system_usec, 20);
	assert_int_equal(u.cpu_nr_throttled, 2);
	assert_int_equal(u.cpu_throttled_usec, 999);
	assert_int_equal(u.cpu_quota_usec, 20000);
	assert_int_equal(u.cpu_period_usec, 100000);
	assert_int_equal(u.cpu_weight, 10);
	assert_int_equal(u.memory_bytes, 4096);
	assert_int_equal(u.memory_peak_bytes, 8192);
	assert_true(u.memory_limit_bytes == UINT64_MAX);
	assert_int_equal(u.memory_anon_bytes, 100);
	assert_int_equal(u.memory_file_bytes, 200);
	assert_int_equal(u.memory_kernel_bytes, 300);
	assert_int_equal(u.memory_mapped_bytes, 400);
	assert_int_equal(u.memory_unevictable_bytes, 500);
	assert_int_equal(u.oom_events, 2);
	assert_int_equal(u.oom_kills, 1);
	assert_int_equal(u.memory_low_events, 7);
	assert_int_equal(u.memory_high_events, 8);
	assert_int_equal(u.memory_max_events, 9);
	assert_int_equal(u.oom_group_kills, 5);
	assert_int_equal(u.memory_swap_limit_bytes, 0);
	assert_int_equal(u.pids, 4);
	assert_int_equal(u.pids_peak, 8);
	assert_int_equal(u.pids_limit, 1024);
	assert_int_equal(u.pids_rejected, 3);
	assert_int_equal(u.processes, 3);
	assert_int_equal(u.threads, 4);
	assert_int_equal(u.io_read_bytes, 110);
	assert_int_equal(u.io_write_bytes, 220);
	assert_int_equal(u.io_reads, 4);
	assert_int_equal(u.io_writes, 6);
	assert_true(u.has_pressure);
	assert_lists(&u);
	assert_true(u.cpu_pressure.some_avg10 == 1.5 && u.cpu_pressure.full_avg10 == 0.25);
	assert_int_equal(u.cpu_pressure.some_total_usec, 77);
	/* No such file here. */
	assert_true(u.memory_swap_bytes == UINT64_MAX && u.memory_low_bytes == UINT64_MAX);
	assert_true(u.disk_bytes == UINT64_MAX);
}

static void test_missing_controllers_are_unknown(void **state)
{
	struct fake *f = *state;
	struct err e = { 0 };
	struct usage u;

	f->cg.versions[CGROUP_MEMORY] = f->cg.versions[CGROUP_PIDS] = 0;
	f->cg.versions[CGROUP_IO] = f->cg.versions[CGROUP_CPU] = 0;
	assert_int_equal(usage_sample(&f->cg, &u, &e), 0);
	assert_true(u.memory_bytes == UINT64_MAX && u.pids == UINT64_MAX);
	assert_true(u.io_read_bytes == UINT64_MAX && u.cpu_quota_usec == UINT64_MAX);
	/* The core knows it without a controller. */
	assert_int_equal(u.cpu_usage_usec, 30);
}

static void test_a_cgroup_that_is_gone_is_an_error(void **state)
{
	struct fake *f = *state;
	struct err e = { 0 };
	struct usage u = { .pids = 5 };

	assert_int_equal(unlinkat(f->cg.core_fd, "cgroup.events", 0), 0);
	assert_true(usage_sample(&f->cg, &u, &e) < 0);
	assert_string_equal(e.msg, "open cgroup file 'cgroup.events'");
	assert_int_equal(u.pids, 5);
}

static void test_pressure(void **state)
{
	struct usage_pressure p = { .some_avg10 = 9 };

	(void)state;
	assert_int_equal(usage_parse_pressure("", &p), -EINVAL);
	assert_int_equal(usage_parse_pressure("some avg10=x", &p), -EINVAL);
	assert_true(p.some_avg10 == 9);
	assert_int_equal(usage_parse_pressure("some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n", &p),
			 0);
	assert_true(p.some_avg10 == 1 && p.some_avg60 == 2 && p.some_avg300 == 3);
	assert_int_equal(p.some_total_usec, 4);
}

static void test_node(void **state)
{
	struct err e = { 0 };
	struct usage_node n;

	(void)state;
	assert_int_equal(usage_sample_node(&n, &e), 0);
	assert_true(n.cpus >= 1 && n.processes >= 1 && n.pid_max >= 300);
	assert_true(n.memory_total_bytes > n.memory_available_bytes && n.memory_available_bytes > 0);
	assert_true(n.cpu_total_usec > n.cpu_busy_usec && n.cpu_busy_usec > 0);
	assert_true(n.load1 >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sample, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_controllers_are_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_cgroup_that_is_gone_is_an_error, set_up, tear_down),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
