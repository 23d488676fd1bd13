#include "isolators/cgroup_v1.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_text.h"
#include "isolators/cgroup_v1_files.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { V1_NAME_SIZE = 64 };

int v1_put(char *buf, size_t size, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size)
		return err_set(e, E2BIG, "read cgroup v1 file");
	return 0;
}

int v1_read_number(int fd, const char *file, uint64_t *ret, struct err *e)
{
	char buf[64];
	int r = cgroup_io_read(fd, file, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = cgroup_text_u64(buf, ret);
	return r < 0 ? err_set(e, -r, "parse cgroup file '%s'", file) : 0;
}

int v1_write_number(int fd, const char *file, uint64_t value, struct err *e)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), "%" PRIu64, value);
	return cgroup_io_write(fd, file, value == UINT64_MAX ? "-1" : buf, e);
}

int v1_parse_number(const struct v1_file *row, const char *value, uint64_t *ret, struct err *e)
{
	int r = cgroup_text_u64(value, ret);

	return r < 0 ? err_set(e, -r, "write '%s' to cgroup file '%s'", value, row->file) : 0;
}

/* The same text in both versions. */
int v1_read_same(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		     size_t size, struct err *e)
{
	(void)cg;
	return cgroup_io_read(fd, row->v1, buf, size, e);
}

int v1_write_same(const struct cgroup *cg, int fd, const struct v1_file *row,
		      const char *value, struct err *e)
{
	(void)cg;
	return cgroup_io_write(fd, row->v1, value, e);
}

/* Bytes, where v1 says "no limit" with a number and takes -1 for it. */
int v1_read_limit(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		      size_t size, struct err *e)
{
	uint64_t bytes;
	int r = v1_read_number(fd, row->v1, &bytes, e);

	(void)cg;
	if (r < 0)
		return r;
	if (bytes >= CGROUP_V1_NO_LIMIT)
		return v1_put(buf, size, e, "max\n");
	return v1_put(buf, size, e, "%" PRIu64 "\n", bytes);
}

int v1_write_limit(const struct cgroup *cg, int fd, const struct v1_file *row,
		       const char *value, struct err *e)
{
	uint64_t bytes;
	int r = v1_parse_number(row, value, &bytes, e);

	(void)cg;
	return r < 0 ? r : v1_write_number(fd, row->v1, bytes, e);
}

/* ---- cpu ---- */

/* Both scales are proportional: a weight of 100 and 1024 shares are what a group has by default. */
static int read_cpu_weight(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			   size_t size, struct err *e)
{
	uint64_t shares, weight;
	int r = v1_read_number(fd, row->v1, &shares, e);

	(void)cg;
	if (r < 0)
		return r;
	weight = (shares * 100 + 512) / 1024;
	if (weight < 1)
		weight = 1;
	return v1_put(buf, size, e, "%" PRIu64 "\n", weight > 10000 ? 10000 : weight);
}

static int write_cpu_weight(const struct cgroup *cg, int fd, const struct v1_file *row,
			    const char *value, struct err *e)
{
	uint64_t weight;
	int r = v1_parse_number(row, value, &weight, e);

	(void)cg;
	if (r < 0)
		return r;
	if (weight < 1 || weight > 10000)
		return err_set(e, ERANGE, "write '%s' to cgroup file '%s'", value, row->file);
	return v1_write_number(fd, row->v1, (weight * 1024 + 50) / 100, e);
}

static int read_cpu_max(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			size_t size, struct err *e)
{
	char quota[64];
	uint64_t period;
	int r = cgroup_io_read(fd, "cpu.cfs_quota_us", quota, sizeof(quota), e);

	(void)cg;
	(void)row;
	if (r < 0)
		return r;
	r = v1_read_number(fd, "cpu.cfs_period_us", &period, e);
	if (r < 0)
		return r;
	quota[strcspn(quota, "\n")] = '\0';
	return v1_put(buf, size, e, "%s %" PRIu64 "\n", quota[0] == '-' ? "max" : quota, period);
}

static int write_cpu_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			 const char *value, struct err *e)
{
	const char *period = strchr(value, ' ');
	char quota[32];
	uint64_t number;
	int r;

	(void)cg;
	r = snprintf(quota, sizeof(quota), "%.*s", (int)strcspn(value, " "), value);
	if (r < 0 || (size_t)r >= sizeof(quota))
		return err_set(e, EINVAL, "write '%s' to cgroup file '%s'", value, row->file);
	r = v1_parse_number(row, quota, &number, e);
	if (r < 0)
		return r;
	/* The period first: a quota is checked against the period that is set. */
	if (period) {
		r = cgroup_io_write(fd, "cpu.cfs_period_us", period + 1, e);
		if (r < 0)
			return r;
	}
	return v1_write_number(fd, "cpu.cfs_quota_us", number, e);
}

/* Times come from the v2 core, which counts them for every cgroup; throttling from v1. */
static int read_cpu_stat(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			 size_t size, struct err *e)
{
	uint64_t periods = 0, throttled = 0, throttled_nsec = 0;
	char text[1024];
	size_t used;
	int r = cgroup_io_read(fd, row->v1, text, sizeof(text), e);

	if (r < 0)
		return r;
	r = cgroup_io_read(cg->core_fd, "cpu.stat", buf, size, e);
	if (r < 0)
		return r;
	(void)cgroup_text_key(text, "nr_periods", &periods);
	(void)cgroup_text_key(text, "nr_throttled", &throttled);
	(void)cgroup_text_key(text, "throttled_time", &throttled_nsec);
	used = strlen(buf);
	return v1_put(buf + used, size - used, e, "nr_periods %" PRIu64 "\nnr_throttled %" PRIu64
		   "\nthrottled_usec %" PRIu64 "\n", periods, throttled, throttled_nsec / 1000);
}

/* ---- hugetlb ---- */

/* "hugetlb.2MB.max" is "hugetlb.2MB.limit_in_bytes", from the row's two names with a '*'. */
static int name_pages(const struct v1_file *row, const char *file, char ret[V1_NAME_SIZE],
		      struct err *e)
{
	const char *star = strchr(row->v1, '*'), *size = file + strlen("hugetlb.");
	int n = snprintf(ret, V1_NAME_SIZE, "%.*s%.*s%s", (int)(star - row->v1), row->v1,
			 (int)strcspn(size, "."), size, star + 1);

	if (n < 0 || n >= V1_NAME_SIZE)
		return err_set(e, ENAMETOOLONG, "use cgroup file '%s'", file);
	return 0;
}

static int read_hugetlb_events(const struct cgroup *cg, int fd, const struct v1_file *row,
			       char *buf, size_t size, struct err *e)
{
	uint64_t failures;
	int r = v1_read_number(fd, row->v1, &failures, e);

	(void)cg;
	return r < 0 ? r : v1_put(buf, size, e, "max %" PRIu64 "\n", failures);
}

/* ---- the tables ---- */

static const struct v1_file cpu_files[] = {
	{ "cpu.weight", "cpu.shares", read_cpu_weight, write_cpu_weight },
	{ "cpu.max", NULL, read_cpu_max, write_cpu_max },
	{ "cpu.max.burst", "cpu.cfs_burst_us", v1_read_same, v1_write_same },
	{ "cpu.idle", "cpu.idle", v1_read_same, v1_write_same },
	{ "cpu.stat", "cpu.stat", read_cpu_stat, NULL },
};

static const struct v1_file cpuset_files[] = {
	{ "cpuset.cpus", "cpuset.cpus", v1_read_same, v1_write_same },
	{ "cpuset.mems", "cpuset.mems", v1_read_same, v1_write_same },
	{ "cpuset.cpus.effective", "cpuset.effective_cpus", v1_read_same, NULL },
	{ "cpuset.mems.effective", "cpuset.effective_mems", v1_read_same, NULL },
};

static const struct v1_file pids_files[] = {
	{ "pids.max", "pids.max", v1_read_same, v1_write_same },
	{ "pids.current", "pids.current", v1_read_same, NULL },
	{ "pids.peak", "pids.peak", v1_read_same, NULL },
	{ "pids.events", "pids.events", v1_read_same, NULL },
};

static const struct v1_file hugetlb_files[] = {
	{ "hugetlb.*.max", "hugetlb.*.limit_in_bytes", v1_read_limit, v1_write_limit },
	{ "hugetlb.*.rsvd.max", "hugetlb.*.rsvd.limit_in_bytes", v1_read_limit, v1_write_limit },
	{ "hugetlb.*.current", "hugetlb.*.usage_in_bytes", v1_read_same, NULL },
	{ "hugetlb.*.events", "hugetlb.*.failcnt", read_hugetlb_events, NULL },
};

static const struct v1_file rdma_files[] = {
	{ "rdma.max", "rdma.max", v1_read_same, v1_write_same },
	{ "rdma.current", "rdma.current", v1_read_same, NULL },
};

static const struct v1_file misc_files[] = {
	{ "misc.max", "misc.max", v1_read_same, v1_write_same },
	{ "misc.current", "misc.current", v1_read_same, NULL },
};

/* Those of memory and io, which take more than a new name, have files of their own. */
static const struct v1_file *files_of(enum cgroup_controller controller, size_t *ret_n)
{
	static const struct {
		const struct v1_file *files;
		size_t n;
	} tables[N_CGROUP_CONTROLLERS] = {
		[CGROUP_CPU] = { cpu_files, ARRAY_SIZE(cpu_files) },
		[CGROUP_CPUSET] = { cpuset_files, ARRAY_SIZE(cpuset_files) },
		[CGROUP_PIDS] = { pids_files, ARRAY_SIZE(pids_files) },
		[CGROUP_HUGETLB] = { hugetlb_files, ARRAY_SIZE(hugetlb_files) },
		[CGROUP_RDMA] = { rdma_files, ARRAY_SIZE(rdma_files) },
		[CGROUP_MISC] = { misc_files, ARRAY_SIZE(misc_files) },
	};

	if (controller == CGROUP_MEMORY || controller == CGROUP_IO) {
		*ret_n = controller == CGROUP_IO ? n_v1_io_files : n_v1_memory_files;
		return controller == CGROUP_IO ? v1_io_files : v1_memory_files;
	}
	*ret_n = tables[controller].n;
	return tables[controller].files;
}

static bool matches(const char *pattern, const char *file)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0;

	if (!star)
		return strcmp(pattern, file) == 0;
	if (strncmp(pattern, file, before) != 0)
		return false;
	file += before;
	return strcmp(file + strcspn(file, "."), star + 1) == 0;
}

/* *RET is a copy whose v1 name is complete; NAME is where it may be kept.  -ENOTSUP. */
static int find_file(enum cgroup_controller controller, const char *file, struct v1_file *ret,
		     char name[V1_NAME_SIZE], struct err *e)
{
	size_t n;
	const struct v1_file *files = files_of(controller, &n);
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!matches(files[i].file, file))
			continue;
		*ret = files[i];
		ret->file = file;
		if (!strchr(files[i].file, '*'))
			return 0;
		r = name_pages(&files[i], file, name, e);
		ret->v1 = name;
		return r;
	}
	return err_set(e, ENOTSUP, "use cgroup file '%s' on cgroup v1, which has none like it",
		       file);
}

int cgroup_v1_write(const struct cgroup *cg, enum cgroup_controller controller, const char *file,
		    const char *value, struct err *e)
{
	char name[V1_NAME_SIZE];
	struct v1_file row;
	int r = find_file(controller, file, &row, name, e);

	if (r < 0)
		return r;
	if (!row.write)
		return err_set(e, ENOTSUP, "write cgroup file '%s', which is only read", file);
	return row.write(cg, cg->fds[controller], &row, value, e);
}

int cgroup_v1_read(const struct cgroup *cg, enum cgroup_controller controller, const char *file,
		   char *buf, size_t size, struct err *e)
{
	char name[V1_NAME_SIZE];
	struct v1_file row;
	int r = find_file(controller, file, &row, name, e);

	return r < 0 ? r : row.read(cg, cg->fds[controller], &row, buf, size, e);
}

int cgroup_v1_join(int dir_fd, struct err *e)
{
	/*
	 * A thread that moves itself alone takes no lock over all processes of the host.  By
	 * "cgroup.procs", and for another process, it does, and waits for a grace period of RCU:
	 * ten milliseconds of a launch.
	 */
	return cgroup_io_write(dir_fd, "tasks", "0", e);
}

int cgroup_v1_open_oom_events(const struct cgroup *cg, struct err *e)
{
	int dir_fd = cg->fds[CGROUP_MEMORY];
	AUTO_CLOSE int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	AUTO_CLOSE int control_fd = -EBADF;
	char text[32];
	int r;

	if (event_fd < 0)
		return err_set(e, errno, "create eventfd");
	control_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (control_fd < 0)
		return err_set(e, errno, "open cgroup file 'memory.oom_control'");
	(void)snprintf(text, sizeof(text), "%d %d", event_fd, control_fd);
	r = cgroup_io_write(dir_fd, "cgroup.event_control", text, e);
	return r < 0 ? r : TAKE_FD(event_fd);
}

/* From the parent, where nothing is set yet. */
static int seed_cpuset(int parent_fd, int dir_fd, const char *file, struct err *e)
{
	char now[4096], value[4096];
	int r = cgroup_io_read(dir_fd, file, now, sizeof(now), e);

	if (r < 0)
		return r;
	if (now[strspn(now, " \n")] != '\0')
		return 0;
	r = cgroup_io_read(parent_fd, file, value, sizeof(value), e);
	return r < 0 ? r : cgroup_io_write(dir_fd, file, value, e);
}

int cgroup_v1_seed_dir(const char *dir, enum cgroup_controller controller, struct err *e)
{
	AUTO_CLOSE int dir_fd = -EBADF, parent_fd = -EBADF;
	int r;

	if (controller != CGROUP_CPUSET)
		return 0;
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	parent_fd = dir_fd < 0 ? -EBADF : openat(dir_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0)
		return err_set(e, errno, "open cgroup '%s'", dir);
	r = seed_cpuset(parent_fd, dir_fd, "cpuset.cpus", e);
	if (r < 0)
		return r;
	return seed_cpuset(parent_fd, dir_fd, "cpuset.mems", e);
}

int cgroup_v1_prepare_dir(const char *dir, enum cgroup_controller controller, struct err *e)
{
	AUTO_CLOSE int dir_fd = -EBADF;
	int r = cgroup_v1_seed_dir(dir, controller, e);

	if (r < 0 || controller != CGROUP_CPUSET)
		return r;
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_set(e, errno, "open cgroup '%s'", dir);
	/* Containers made in it then get theirs from the kernel. */
	return cgroup_io_write(dir_fd, "cgroup.clone_children", "1", e);
}
