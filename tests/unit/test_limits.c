/* Lists of limits made from specs; written, changed, taken back and restored in plain files. */
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
#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* A cgroup whose controllers are all on v2. */
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

	f = (struct fake){ .path = "/tmp/tepui-test-limits-XXXXXX", .cg = CGROUP_INIT };
	assert_non_null(mkdtemp(f.path));
	f.cg.core_fd = open(f.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		f.cg.versions[i] = 2;
		f.cg.fds[i] = f.cg.core_fd;
	}
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fake *f = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", f->path);
	cgroup_close(&f->cg);
	return system(command);
}

/* ---- from specs ---- */

static void assert_listed(const struct isolator *iso, const struct spec *spec, const char *wanted)
{
	struct limits limits = { 0 };
	struct err e = { 0 };
	char text[1024] = "";

	assert_int_equal(iso->limits(spec, &limits, &e), 0);
	for (size_t i = 0; i < limits.n; i++) {
		const struct limit *l = &limits.items[i];
		size_t used = strlen(text);

		(void)snprintf(text + used, sizeof(text) - used, "%s %s%s%s%s%s;", l->file,
			       l->key ? l->key : "", l->key ? " " : "", l->name ? l->name : "",
			       l->name ? "=" : "", l->value);
	}
	limits_done(&limits);
	assert_string_equal(text, wanted);
}

static void test_cpu(void **state)
{
	char cpus[] = "0-1", mems[] = "0";

	(void)state;
	assert_listed(&isolator_cpu, &(struct spec){ 0 }, "");
	assert_listed(&isolator_cpu, &(struct spec){ .cpu_shares = 1024 }, "cpu.weight 100;");
	assert_listed(&isolator_cpu, &(struct spec){ .cpu_shares = 2 }, "cpu.weight 1;");
	assert_listed(&isolator_cpu, &(struct spec){ .cpu_shares = 262144 }, "cpu.weight 10000;");
	assert_listed(&isolator_cpu, &(struct spec){ .cpu_quota_usec = 50000 },
		      "cpu.max 50000 100000;");
	assert_listed(&isolator_cpu, &(struct spec){ .cpu_quota_usec = -1, .cpu_period_usec = 5000 },
		      "cpu.max max 5000;");
	assert_listed(&isolator_cpu, &(struct spec){ .cpu_quota_usec = 50000, .has_cpu_burst = true,
						     .cpu_burst_usec = 20000 },
		      "cpu.max 50000 100000;cpu.max.burst 20000;");
	/* The kernel refuses a weight to a group that is idle. */
	assert_listed(&isolator_cpu, &(struct spec){ .has_cpu_idle = true, .cpu_idle = 1,
						     .cpu_shares = 2048 }, "cpu.idle 1;");
	assert_listed(&isolator_cpu, &(struct spec){ .has_cpu_idle = true, .cpu_shares = 2048 },
		      "cpu.idle 0;cpu.weight 200;");
	assert_listed(&isolator_cpuset, &(struct spec){ .cpuset_cpus = cpus, .cpuset_mems = mems },
		      "cpuset.cpus 0-1;cpuset.mems 0;");
}

static void test_memory(void **state)
{
	(void)state;
	assert_listed(&isolator_memory, &(struct spec){ 0 }, "memory.oom.group 1;");
	assert_listed(&isolator_memory, &(struct spec){ .memory_limit_bytes = 1048577 },
		      "memory.max 1048576;memory.swap.max 0;memory.oom.group 1;");
	assert_listed(&isolator_memory, &(struct spec){ .memory_limit_bytes = 1048576,
							.memory_swap_bytes = 3145728 },
		      "memory.max 1048576;memory.swap.max 2097152;memory.oom.group 1;");
	assert_listed(&isolator_memory, &(struct spec){ .memory_limit_bytes = 1048576,
							.memory_swap_bytes = -1 },
		      "memory.max 1048576;memory.swap.max max;memory.oom.group 1;");
	assert_listed(&isolator_memory, &(struct spec){ .memory_limit_bytes = -1,
							.memory_reservation_bytes = -1 },
		      "memory.max max;memory.low 0;memory.oom.group 1;");
	assert_listed(&isolator_memory, &(struct spec){ .memory_reservation_bytes = 8192,
							.has_memory_swappiness = true },
		      "memory.low 8192;memory.swappiness 0;memory.oom.group 1;");
}

static void test_devices_and_sizes(void **state)
{
	char size[] = "2MB", small[] = "64KB", hca[] = "mlx5_0";
	struct spec_hugepages pages[] = { { size, (4 << 20) + 5 }, { small, 0 } };
	struct spec_io_device devices[] = {
		{ 8, 0, "rbps", 1048576 }, { 8, 0, "wiops", 0 }, { 8, 16, "weight", 1000 },
	};
	struct spec_rdma rdma = { .device = hca, .handles = 3, .objects = -1 };

	(void)state;
	assert_listed(&isolator_hugetlb, &(struct spec){ .hugepages = pages, .n_hugepages = 2 },
		      "hugetlb.2MB.max 4194304;hugetlb.2MB.rsvd.max 4194304;"
		      "hugetlb.64KB.max 0;hugetlb.64KB.rsvd.max 0;");
	assert_listed(&isolator_io, &(struct spec){ .io_weight = 10, .io_devices = devices,
						    .n_io_devices = 3 },
		      "io.weight default 1;io.max 8:0 rbps=1048576;io.max 8:0 wiops=max;"
		      "io.weight 8:16 10000;");
	assert_listed(&isolator_rdma, &(struct spec){ .rdma = &rdma, .n_rdma = 1 },
		      "rdma.max mlx5_0 hca_handle=3;");
	assert_listed(&isolator_pids, &(struct spec){ .pids_limit = -1 },
		      "cgroup.max.descendants 64;pids.max max;");
}

static void test_unified(void **state)
{
	char high[] = "memory.high=5", max[] = "io.max=8:0 rbps=1  wbps=max\n8:16 riops=2\n",
	     weight[] = "io.weight=50", bad[] = "io.max=8:0", worse[] = "io.max=8:0 rbps";
	char *good[] = { high, max, weight, NULL }, *bads[] = { bad, NULL }, *worses[] = { worse, NULL };
	struct limits limits = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_listed(&isolator_unified, &(struct spec){ .unified = good },
		      "memory.high 5;io.max 8:0 rbps=1;io.max 8:0 wbps=max;io.max 8:16 riops=2;"
		      "io.weight default 50;");
	assert_int_equal(isolator_unified.limits(&(struct spec){ .unified = bads }, &limits, &e),
			 -EINVAL);
	assert_string_equal(e.msg, "linux.resources.unified.io.max: '8:0' has no value");
	err_clear(&e);
	assert_int_equal(isolator_unified.limits(&(struct spec){ .unified = worses }, &limits, &e),
			 -EINVAL);
	assert_string_equal(e.msg, "linux.resources.unified.io.max: 'rbps' has no '='");
	limits_done(&limits);
}

static void test_the_last_word_wins(void **state)
{
	struct limits limits = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(limits_add_number(&limits, "a", "pids.max", 1, &e), 0);
	assert_int_equal(limits_add_number(&limits, "a", "memory.max", -1, &e), 0);
	assert_int_equal(limits_add_number(&limits, "b", "pids.max", 2, &e), 0);
	assert_int_equal(limits.n, 2);
	assert_string_equal(limits.items[0].value, "2");
	assert_string_equal(limits.items[0].path, "b");
	assert_string_equal(limits.items[1].value, "max");
	limits_done(&limits);
}

/* ---- a limit's place in a file ---- */

static const struct {
	const char *key, *name, *text, *value;
} places[] = {
	{ NULL, NULL, "100\n", "100" },
	{ NULL, NULL, "20000 100000\n", "20000 100000" },
	{ NULL, NULL, "", "" },
	{ "default", NULL, "default 100\n8:0 200\n", "100" },
	{ "8:0", NULL, "default 100\n8:0 200\n", "200" },
	{ "8:16", NULL, "default 100\n8:0 200\n", "default" },
	{ "8:0", "wbps", "8:16 rbps=1 wbps=2\n8:0 rbps=3 wbps=4 riops=max\n", "4" },
	{ "8:0", "riops", "8:0 rbps=3 wbps=4 riops=max wiops=7\n", "max" },
	{ "8:0", "bps", "8:0 rbps=3\n8:1 bps=4\n", "max" },
	{ "8:1", "rbps", "8:0 rbps=3\n8:10 rbps=4", "max" },
};

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct limit limit = { .key = places[i].key, .name = places[i].name };
		AUTO_FREE char *value = limit_find(&limit, places[i].text);

		assert_string_equal(value, places[i].value);
	}
}

/* ---- changes ---- */

/* The list and its values; limits_done() by the caller. */
static struct limits make(const char *const rows[][2], size_t n)
{
	struct limits limits = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct limit limit = { .path = rows[i][0], .file = rows[i][0],
					     .value = rows[i][1] };

		assert_int_equal(limits_add(&limits, &limit, &e), 0);
	}
	return limits;
}

static void test_only_differences_are_written(void **state)
{
	static const char *const rows[][2] = {
		{ "pids.max", "10" }, { "memory.max", "max" }, { "cpu.weight", "50" },
	};
	AUTO(limits_done) struct limits limits = make(rows, ARRAY_SIZE(rows));
	AUTO(limits_changes_done) struct limits_changes changes = { 0 };
	struct fake *f = *state;
	struct err e = { 0 };

	put_file(f, "pids.max", "10\n");
	put_file(f, "memory.max", "max\n");
	put_file(f, "cpu.weight", "99");
	assert_int_equal(limits_change(&limits, &f->cg, &changes, &e), 0);
	assert_int_equal(changes.n, 1);
	assert_file(f, "cpu.weight", "50");
	limits_take_back(&changes, &f->cg);
	assert_file(f, "cpu.weight", "99");
}

/* No number, as v1 would need it: refused in the middle, when one was raised and one reduced. */
static void test_a_refusal_takes_back_the_others(void **state)
{
	static const char *const rows[][2] = {
		{ "pids.max", "7" }, { "memory.low", "x" }, { "cpu.weight", "50" },
	};
	AUTO(limits_done) struct limits limits = make(rows, ARRAY_SIZE(rows));
	AUTO(limits_changes_done) struct limits_changes changes = { 0 };
	struct fake *f = *state;
	struct err e = { 0 };

	f->cg.versions[CGROUP_MEMORY] = 1;
	f->cg.fds[CGROUP_MEMORY] = fcntl(f->cg.core_fd, F_DUPFD_CLOEXEC, 3);
	put_file(f, "pids.max", "5");
	put_file(f, "memory.soft_limit_in_bytes", "4096\n");
	put_file(f, "cpu.weight", "99");
	assert_int_equal(limits_change(&limits, &f->cg, &changes, &e), -EINVAL);
	assert_string_equal(e.msg, "memory.low: write 'x' to cgroup file 'memory.low'");
	assert_file(f, "memory.soft_limit_in_bytes", "4096\n");
	assert_file(f, "pids.max", "5");
	assert_file(f, "cpu.weight", "99");
}

static void test_a_floor(void **state)
{
	AUTO(limits_done) struct limits limits = { 0 };
	AUTO(limits_changes_done) struct limits_changes changes = { 0 };
	const struct limit max = { .path = "linux.resources.memory.limit", .file = "memory.max",
				   .value = "100", .floor = "memory.current" };
	struct fake *f = *state;
	struct err e = { 0 };

	put_file(f, "memory.max", "200");
	put_file(f, "memory.current", "150\n");
	assert_int_equal(limits_add_number(&limits, "p", "pids.max", 9, &e), 0);
	assert_int_equal(limits_add(&limits, &max, &e), 0);
	put_file(f, "pids.max", "5\n");
	assert_int_equal(limits_change(&limits, &f->cg, &changes, &e), -EBUSY);
	assert_string_equal(e.msg, "linux.resources.memory.limit: 100 is below the 150 in use");
	assert_file(f, "pids.max", "5\n");
	err_clear(&e);
	put_file(f, "memory.current", "100\n");
	assert_int_equal(limits_change(&limits, &f->cg, &changes, &e), 0);
	assert_file(f, "memory.max", "100");
}

static void test_missing_files(void **state)
{
	AUTO(limits_done) struct limits limits = { 0 };
	AUTO(limits_changes_done) struct limits_changes changes = { 0 };
	const struct limit optional = { .path = "a", .file = "memory.oom.group", .value = "1",
					.is_optional = true };
	struct fake *f = *state;
	struct err e = { 0 };

	assert_int_equal(limits_add(&limits, &optional, &e), 0);
	assert_int_equal(limits_write(&limits, &f->cg, &e), 0);
	assert_int_equal(limits_change(&limits, &f->cg, &changes, &e), 0);
	assert_int_equal(changes.n, 0);
	limits_changes_done(&changes);
	assert_int_equal(limits_add_number(&limits, "linux.resources.pids.limit", "pids.max", 1,
					   &e), 0);
	assert_int_equal(limits_write(&limits, &f->cg, &e), -ENOTSUP);
	assert_string_equal(e.msg, "linux.resources.pids.limit: open cgroup file 'pids.max'");
	err_clear(&e);
	assert_int_equal(limits_change(&limits, &f->cg, &changes, &e), -ENOTSUP);
}

struct report {
	unsigned n;
	char last[64];
};

static void on_report(void *arg, const char *file, const char *found, const char *wanted)
{
	struct report *report = arg;

	report->n++;
	(void)snprintf(report->last, sizeof(report->last), "%s %s %s", file, found, wanted);
}

static void test_what_was_changed_from_outside_is_restored(void **state)
{
	static const char *const rows[][2] = { { "pids.max", "100" }, { "memory.max", "4096" } };
	AUTO(limits_done) struct limits limits = make(rows, ARRAY_SIZE(rows));
	struct report report = { 0 };
	struct fake *f = *state;
	struct err e = { 0 };

	put_file(f, "pids.max", "max");
	put_file(f, "memory.max", "4096\n");
	assert_int_equal(limits_restore(&limits, &f->cg, on_report, &report, &e), 0);
	assert_int_equal(report.n, 1);
	assert_string_equal(report.last, "pids.max max 100");
	assert_file(f, "pids.max", "100");
	assert_file(f, "memory.max", "4096\n");
	assert_int_equal(limits_restore(&limits, &f->cg, on_report, &report, &e), 0);
	assert_int_equal(report.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_devices_and_sizes),
		cmocka_unit_test(test_unified),
		cmocka_unit_test(test_the_last_word_wins),
		cmocka_unit_test(test_places),
		cmocka_unit_test_setup_teardown(test_only_differences_are_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_refusal_takes_back_the_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_floor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_changed_from_outside_is_restored, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
