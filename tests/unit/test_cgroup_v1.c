/* v2 files on v1 hierarchies, in directories made of plain files; and where hierarchies are found. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_layout.h"
#include "isolators/cgroup_text.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* A cgroup whose controllers are all on v1, in one directory. */
struct fake {
	char path[64];
	struct cgroup cg;
};

static void put_file(const struct fake *f, const char *name, const char *text)
{
	int fd = openat(f->cg.core_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void assert_file(const struct fake *f, const char *name, const char *text)
{
	char buf[256];
	int fd = openat(f->cg.core_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
	(void)close(fd);
	assert_string_equal(buf, text);
}

static int set_up(void **state)
{
	static struct fake f;

	f = (struct fake){ .path = "/tmp/tepui-test-cgroup-XXXXXX", .cg = CGROUP_INIT };
	assert_non_null(mkdtemp(f.path));
	f.cg.core_fd = open(f.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		f.cg.versions[i] = 1;
		f.cg.fds[i] = fcntl(f.cg.core_fd, F_DUPFD_CLOEXEC, 3);
	}
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fake *f = *state;
	char command[128];

	cgroup_close(&f->cg);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", f->path);
	return system(command);
}

/* File of v2, its value, and the file of v1 with what must be in it afterwards. */
static const struct {
	const char *file, *value, *v1, *text;
} writes[] = {
	{ "cpu.weight", "100", "cpu.shares", "1024" },
	{ "cpu.weight", "1", "cpu.shares", "10" },
	{ "cpu.weight", "10000", "cpu.shares", "102400" },
	{ "cpu.max", "max", "cpu.cfs_quota_us", "-1" },
	{ "cpu.max", "max 50000", "cpu.cfs_period_us", "50000" },
	{ "cpu.max", "20000 100000", "cpu.cfs_quota_us", "20000" },
	{ "cpu.max", "20000 100000", "cpu.cfs_period_us", "100000" },
	{ "cpuset.cpus", "0-1", "cpuset.cpus", "0-1" },
	{ "memory.low", "4096", "memory.soft_limit_in_bytes", "4096" },
	{ "memory.low", "max", "memory.soft_limit_in_bytes", "-1" },
	{ "memory.low", "0", "memory.soft_limit_in_bytes", "-1" },
	{ "memory.swappiness", "10", "memory.swappiness", "10" },
	{ "cpu.max.burst", "5000", "cpu.cfs_burst_us", "5000" },
	{ "cpu.idle", "1", "cpu.idle", "1" },
	{ "hugetlb.2MB.max", "4194304", "hugetlb.2MB.limit_in_bytes", "4194304" },
	{ "hugetlb.2MB.max", "max", "hugetlb.2MB.limit_in_bytes", "-1" },
	{ "hugetlb.1GB.rsvd.max", "0", "hugetlb.1GB.rsvd.limit_in_bytes", "0" },
	{ "rdma.max", "mlx5_0 hca_handle=2", "rdma.max", "mlx5_0 hca_handle=2" },
	{ "io.weight", "default 910", "blkio.bfq.weight", "100" },
	{ "io.weight", "8:0 10000", "blkio.bfq.weight_device", "8:0 1000" },
	{ "io.weight", "8:0 default", "blkio.bfq.weight_device", "8:0 0" },
	{ "memory.max", "67108864", "memory.limit_in_bytes", "67108864" },
	{ "memory.max", "max", "memory.limit_in_bytes", "-1" },
	{ "pids.max", "1024", "pids.max", "1024" },
	{ "pids.max", "max", "pids.max", "max" },
	{ "io.max", "8:0 rbps=1048576", "blkio.throttle.read_bps_device", "8:0 1048576" },
	{ "io.max", "8:0 wbps=max", "blkio.throttle.write_bps_device", "8:0 0" },
	{ "io.max", "8:0 rbps=1 riops=2", "blkio.throttle.read_iops_device", "8:0 2" },
	{ "io.max", "8:0 wiops=9", "blkio.throttle.write_iops_device", "8:0 9" },
	{ "io.weight", "100", "blkio.bfq.weight", "100" },
	{ "io.weight", "10000", "blkio.bfq.weight", "1000" },
};

static void test_writes(void **state)
{
	static const char *const files[] = {
		"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpuset.cpus",
		"memory.soft_limit_in_bytes", "memory.limit_in_bytes", "pids.max",
		"blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
		"blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device",
		"blkio.bfq.weight", "blkio.bfq.weight_device", "memory.swappiness",
		"cpu.cfs_burst_us", "cpu.idle", "hugetlb.2MB.limit_in_bytes",
		"hugetlb.1GB.rsvd.limit_in_bytes", "rdma.max",
	};
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		struct err e = { 0 };

		for (size_t k = 0; k < ARRAY_SIZE(files); k++)
			put_file(f, files[k], "");
		if (cgroup_write(&f->cg, writes[i].file, writes[i].value, &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		assert_file(f, writes[i].v1, writes[i].text);
	}
}

static const struct {
	const char *v1, *text, *file, *value;
} reads[] = {
	{ "cpu.shares", "1024\n", "cpu.weight", "100\n" },
	{ "cpu.shares", "2\n", "cpu.weight", "1\n" },
	{ "cpu.shares", "262144\n", "cpu.weight", "10000\n" },
	{ "cpu.cfs_quota_us", "-1\n", "cpu.max", "max 100000\n" },
	{ "cpu.cfs_quota_us", "20000\n", "cpu.max", "20000 100000\n" },
	{ "memory.limit_in_bytes", "9223372036854771712\n", "memory.max", "max\n" },
	{ "memory.limit_in_bytes", "33554432\n", "memory.max", "33554432\n" },
	{ "memory.usage_in_bytes", "4096\n", "memory.current", "4096\n" },
	{ "memory.max_usage_in_bytes", "8192\n", "memory.peak", "8192\n" },
	{ "pids.max", "max\n", "pids.max", "max\n" },
	{ "memory.soft_limit_in_bytes", "9223372036854771712\n", "memory.low", "0\n" },
	{ "memory.soft_limit_in_bytes", "4096\n", "memory.low", "4096\n" },
	{ "hugetlb.2MB.limit_in_bytes", "9223372036854771712\n", "hugetlb.2MB.max", "max\n" },
	{ "hugetlb.2MB.rsvd.limit_in_bytes", "2097152\n", "hugetlb.2MB.rsvd.max", "2097152\n" },
	{ "blkio.bfq.weight_device", "8:0 1000\n", "io.weight", "default 100\n8:0 10000\n" },
	{ "blkio.throttle.write_bps_device", "8:0 5\n8:16 6\n", "io.max",
	  "8:0 wbps=5\n8:16 wbps=6\n" },
	{ "cpuset.effective_cpus", "0-3\n", "cpuset.cpus.effective", "0-3\n" },
	{ "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "memory.events",
	  "max 7\noom_kill 3\n" },
	{ "memory.stat", "cache 1\nrss 2\ntotal_cache 10\ntotal_rss 20\ntotal_mapped_file 5\n",
	  "memory.stat", "kernel 11\nanon 20\nfile 10\nfile_mapped 5\n" },
	{ "blkio.throttle.io_service_bytes_recursive",
	  "8:0 Read 100\n8:0 Write 200\n8:0 Total 300\n8:16 Read 1\nTotal 301\n", "io.stat",
	  "8:0 rbytes=100 wbytes=200 rios=3 wios=4\n8:16 rbytes=1 wbytes=0 rios=0 wios=0\n" },
	{ "hugetlb.2MB.failcnt", "3\n", "hugetlb.2MB.events", "max 3\n" },
};

static void test_reads(void **state)
{
	struct fake *f = *state;

	put_file(f, "cpu.cfs_period_us", "100000\n");
	put_file(f, "memory.failcnt", "7\n");
	put_file(f, "blkio.bfq.weight", "100\n");
	put_file(f, "blkio.throttle.read_bps_device", "");
	put_file(f, "blkio.throttle.read_iops_device", "");
	put_file(f, "blkio.throttle.write_iops_device", "");
	put_file(f, "memory.kmem.usage_in_bytes", "11\n");
	put_file(f, "blkio.throttle.io_serviced_recursive", "8:0 Read 3\n8:0 Write 4\n");
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		struct err e = { 0 };
		char buf[1024];

		put_file(f, reads[i].v1, reads[i].text);
		if (cgroup_read(&f->cg, reads[i].file, buf, sizeof(buf), &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		assert_string_equal(buf, reads[i].value);
	}
}

static void test_cpu_time_is_the_core_s(void **state)
{
	struct fake *f = *state;
	struct cgroup cg = f->cg;
	char v1_path[96], buf[512];
	struct err e = { 0 };

	(void)snprintf(v1_path, sizeof(v1_path), "%s/v1", f->path);
	assert_int_equal(mkdir(v1_path, 0700), 0);
	cg.fds[CGROUP_CPU] = open(v1_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	put_file(f, "cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\n");
	put_file(f, "v1/cpu.stat", "nr_periods 4\nnr_throttled 2\nthrottled_time 5000\n");
	assert_int_equal(cgroup_read(&cg, "cpu.stat", buf, sizeof(buf), &e), 0);
	assert_string_equal(buf, "usage_usec 30\nuser_usec 10\nsystem_usec 20\n"
				 "nr_periods 4\nnr_throttled 2\nthrottled_usec 5\n");
	(void)close(cg.fds[CGROUP_CPU]);
}

/* The second limit of v1 must never be below the first: it moves along, and keeps its distance. */
static void test_memory_limits_move_together(void **state)
{
	static const struct {
		const char *file, *value, *memory, *both, *memory_after, *both_after;
	} rows[] = {
		{ "memory.max", "5000", "9000", "9000", "5000", "5000" },
		{ "memory.max", "5000", "9000", "9500", "5000", "5500" },
		{ "memory.max", "9000", "5000", "5000", "9000", "9000" },
		{ "memory.max", "5000", "9223372036854771712", "9223372036854771712",
		  "5000372036854771712", "9223372036854771712" },	/* not truncated: a plain file */
		{ "memory.swap.max", "0", "5000", "9000", "5000", "5000" },
		{ "memory.swap.max", "1000", "5000", "9000", "5000", "6000" },
		{ "memory.swap.max", "max", "5000", "9", "5000", "-1" },
	};
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		put_file(f, "memory.limit_in_bytes", rows[i].memory);
		put_file(f, "memory.memsw.limit_in_bytes", rows[i].both);
		if (cgroup_write(&f->cg, rows[i].file, rows[i].value, &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		assert_file(f, "memory.limit_in_bytes", rows[i].memory_after);
		assert_file(f, "memory.memsw.limit_in_bytes", rows[i].both_after);
	}
}

static void test_what_v1_lacks_is_said(void **state)
{
	static const struct {
		const char *file, *value;
		int r;
		const char *msg;
	} rows[] = {
		{ "memory.oom.group", "1", -ENOTSUP,
		  "use cgroup file 'memory.oom.group' on cgroup v1, which has none like it" },
		{ "memory.high", "1", -ENOTSUP,
		  "use cgroup file 'memory.high' on cgroup v1, which has none like it" },
		{ "memory.current", "1", -ENOTSUP,
		  "write cgroup file 'memory.current', which is only read" },
		{ "hugetlb.2MB.numa", "1", -ENOTSUP,
		  "use cgroup file 'hugetlb.2MB.numa' on cgroup v1, which has none like it" },
		{ "io.weight", "8:0 0", -ERANGE, "write '8:0 0' to cgroup file 'io.weight'" },
		{ "cpu.weight", "0", -ERANGE, "write '0' to cgroup file 'cpu.weight'" },
		{ "cpu.weight", "x", -EINVAL, "write 'x' to cgroup file 'cpu.weight'" },
		{ "cpu.max", "x", -EINVAL, "write 'x' to cgroup file 'cpu.max'" },
		{ "io.max", "8:0 bps=3", -EINVAL, "write 'bps=3' to cgroup file 'io.max'" },
		{ "memory.max", "99999999999999999999", -ERANGE,
		  "write '99999999999999999999' to cgroup file 'memory.max'" },
		{ "pids.max", "3", -ENOTSUP, "open cgroup file 'pids.max'" },
	};
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(cgroup_write(&f->cg, rows[i].file, rows[i].value, &e), rows[i].r);
		assert_string_equal(e.msg, rows[i].msg);
	}
	f->cg.versions[CGROUP_MEMORY] = 0;
	struct err e = { 0 };

	assert_int_equal(cgroup_write(&f->cg, "memory.max", "1", &e), -ENOTSUP);
	assert_string_equal(e.msg, "use cgroup file 'memory.max': no controller 'memory' on this host");
	(void)close(f->cg.fds[CGROUP_MEMORY]);
}

static void test_text(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(cgroup_text_u64("max\n", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(cgroup_text_u64(" 12 \n", &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(cgroup_text_u64("12 13", &v), -EINVAL);
	assert_int_equal(cgroup_text_u64("", &v), -EINVAL);
	assert_int_equal(cgroup_text_u64("-1", &v), -EINVAL);
	assert_int_equal(cgroup_text_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(v, 12);
	assert_int_equal(cgroup_text_key("oom 1\noom_kill 2\n", "oom_kill", &v), 0);
	assert_int_equal(v, 2);
	assert_int_equal(cgroup_text_key("oom_kill 2\n", "oom", &v), -ENOENT);
	assert_int_equal(cgroup_text_key("xoom 2", "oom", &v), -ENOENT);
	assert_int_equal(cgroup_text_sum("8:0 rbytes=3 wbytes=4\n9:0 rbytes=5", "rbytes", &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(cgroup_text_sum("8:0 dbytes=3\n", "bytes", &v), -ENOENT);
}

#define LINE(n, root, at, type, options) \
	n " 1 0:1 " root " " at " rw,relatime shared:5 - " type " cgroup " options "\n"

static const struct {
	const char *mountinfo, *self;
	const char *core, *cpu, *memory, *io;
} hosts[] = {
	/* All on v2 */
	{ LINE("30", "/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate"),
	  "0::/system.slice/tepui.service\n",
	  "/sys/fs/cgroup/system.slice/tepui.service", NULL, NULL, NULL },
	/* systemd's hybrid: cpu and cpuacct together */
	{ LINE("30", "/", "/sys/fs/cgroup/unified", "cgroup2", "rw")
	  LINE("31", "/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd")
	  LINE("32", "/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct")
	  LINE("33", "/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
	  "12:memory:/a\n5:cpu,cpuacct:/\n1:name=systemd:/x\n0::/x\n",
	  "/sys/fs/cgroup/unified/x", "/sys/fs/cgroup/cpu,cpuacct/", "/sys/fs/cgroup/memory/a", NULL },
	/* A container engine shows the own group only */
	{ LINE("30", "/docker/1", "/sys/fs/cgroup/blkio", "cgroup", "rw,blkio")
	  LINE("31", "/", "/cg", "cgroup2", "rw"),
	  "3:blkio:/docker/1/sub\n0::/docker/1\n",
	  "/cg/docker/1", NULL, NULL, "/sys/fs/cgroup/blkio/sub" },
	/* A mount that does not show where we are; a group outside of our namespace */
	{ LINE("30", "/docker/1", "/sys/fs/cgroup/memory", "cgroup", "rw,memory")
	  LINE("31", "/", "/cg", "cgroup2", "rw"),
	  "3:memory:/docker/12\n0::/../x\n", NULL, NULL, NULL, NULL },
	/* Octal escapes; the later of two mounts */
	{ LINE("30", "/", "/a", "cgroup2", "rw") LINE("31", "/", "/b\\040c", "cgroup2", "rw"),
	  "0::/\n", "/b c/", NULL, NULL, NULL },
	/* Not mountinfo at all */
	{ "1 2 3\n\n - - - \ncgroup2\n", "0::", NULL, NULL, NULL, NULL },
	{ "", "", NULL, NULL, NULL, NULL },
};

static void assert_text(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got ? got : "(none)", want);
}

static void test_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct cgroup_hosts h;
		struct err e = { 0 };

		assert_int_equal(cgroup_hosts_parse(hosts[i].mountinfo, hosts[i].self, NULL, &h, &e), 0);
		assert_int_equal(h.is_delegated, strstr(hosts[i].mountinfo, "nsdelegate") != NULL);
		assert_text(h.core, hosts[i].core);
		assert_text(h.v1[CGROUP_CPU], hosts[i].cpu);
		assert_text(h.v1[CGROUP_MEMORY], hosts[i].memory);
		assert_text(h.v1[CGROUP_IO], hosts[i].io);
		cgroup_hosts_done(&h);
	}
}

static void test_layout_travels_as_text(void **state)
{
	static const char text[] = "{\"core\":\"/u/t\",\"cpu\":true,\"memory\":\"/m e/\\\"t\"}";
	static const char *const bad[] = {
		"", "x", "[]", "{}", "{\"core\":\"u\"}", "{\"core\":\"/u\",\"cpu\":false}",
		"{\"core\":\"/u\",\"cpu\":\"x\"}", "{\"core\":1}",
	};
	struct cgroup_layout layout;
	const char *dirs[CGROUP_MAX_DIRS];
	struct err e = { 0 };
	char *again;

	(void)state;
	assert_int_equal(cgroup_layout_parse(text, &layout, &e), 0);
	assert_string_equal(layout.core, "/u/t");
	assert_int_equal(layout.controllers[CGROUP_CPU].version, 2);
	assert_int_equal(layout.controllers[CGROUP_MEMORY].version, 1);
	assert_int_equal(layout.controllers[CGROUP_PIDS].version, 0);
	assert_int_equal(cgroup_layout_dirs(&layout, dirs), 2);
	again = cgroup_layout_format(&layout);
	assert_string_equal(again, text);
	free(again);
	cgroup_layout_done(&layout);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		assert_int_equal(cgroup_layout_parse(bad[i], &layout, &e), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cpu_time_is_the_core_s, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_limits_move_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_v1_lacks_is_said, set_up, tear_down),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_layout_travels_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
